"""Where the constraints that AWS's answers name differ from the ones in botocore's model.

Source: answers of the Lambda API recorded by the LocalStack project (Apache-2.0). Only wording and order differ, but for `Runtime`, which
AWS's validation leaves to the operation (`InvalidParameterValueException`) wherever it is a member of its own.
"""

from types import MappingProxyType

from alonzo.model.runtimes import RUNTIMES_LISTED

ENUM_ORDERS = MappingProxyType(
    {
        "RecursiveLoop": ("Terminate", "Allow"),
        "SnapStartApplyOn": ("PublishedVersions", "None"),
        "EventSourcePosition": ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"),
    }
)
"""By shape; used as long as botocore's model holds the same values."""

ENUM_TEXTS = MappingProxyType(
    {
        "Runtime": (
            *("ruby3.5", "ruby2.6", "dotnetcore1.0", "python3.7", "nodejs8.10", "nasa", "ruby2.7", "python2.7-greengrass", "dotnetcore2.0"),
            *("python3.8", "java21", "dotnet6", "dotnetcore2.1", "python3.9", "java11", "nodejs6.10", "provided", "dotnetcore3.1"),
            *(
                "dotnet8",
                "java25",
                "java17",
                "nodejs",
                "nodejs4.3",
                "java8.al2",
                "go1.x",
                "dotnet10",
                "nodejs20.x",
                "go1.9",
                "byol",
                "nodejs10.x",
            ),
            *("provided.al2023", "nodejs22.x", "python3.10", "java8", "nodejs12.x", "python3.11", "nodejs24.x", "nodejs8.x", "python3.12"),
            *("nodejs14.x", "nodejs8.9", "nodejs26.x", "python3.13", "python3.14", "nodejs16.x", "python3.15", "provided.al2"),
            *("nodejs4.3-edge", "nodejs18.x", "ruby3.2", "python3.4", "ruby3.3", "ruby3.4", "ruby2.5", "python3.6", "python2.7"),
        ),
    }
)
"""By shape: the values that the message names; what is accepted are the model's."""

LIST_TEXTS = MappingProxyType({"CompatibleRuntimes": f"Member must satisfy enum value set: [{', '.join(RUNTIMES_LISTED)}]"})
"""By the shape of a list: what is said of it when an element is not accepted."""

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
