"""Where the constraints that AWS's answers name differ from the ones in botocore's model.

Source: answers of the Lambda API recorded by the LocalStack project (Apache-2.0). Only wording and order differ, but for `Runtime`, which
AWS's validation leaves to the operation (`InvalidParameterValueException`) wherever it is a member of its own.
"""

from types import MappingProxyType

ENUM_ORDERS = MappingProxyType(
    {
        "RecursiveLoop": ("Terminate", "Allow"),
        "SnapStartApplyOn": ("PublishedVersions", "None"),
        "EventSourcePosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
    }
)
"""By shape; used as long as botocore's model holds the same values."""

PATTERN_TEXTS = MappingProxyType(
    {
        "LayerVersionArn": (
            r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)"
            r"|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
        ),
        "TaggableResource": (
            r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
            r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}"
            r"|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
            r"|capacity-provider:[a-zA-Z0-9-_]+)"
        ),
    }
)
"""By shape: what the message says; what is matched is the model's pattern."""

UNVALIDATED_MEMBERS = frozenset({("CreateFunctionRequest", "Runtime"), ("UpdateFunctionConfigurationRequest", "Runtime")})
"""Structure and member."""

LISTS_WITH_NULLS = frozenset({"SubnetIds", "SecurityGroupIds"})
"""Lists whose element constraints do not end with "Member must not be null"."""
