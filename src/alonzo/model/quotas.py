"""All of AWS's Lambda quotas and defaults, in one place.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and the constraints of botocore's `lambda` model.
"""

MEMORY_MIN_MIB = 128
MEMORY_MAX_MIB = 10_240
MEMORY_DEFAULT_MIB = 128
MEMORY_ON_CAPACITY_PROVIDER_MIN_MIB = 2_048
MIB_PER_VCPU = 1_769

TIMEOUT_DEFAULT_SECONDS = 3
TIMEOUT_MAX_SECONDS = 900
INIT_TIMEOUT_SECONDS = 10
INIT_TIMEOUT_PROVISIONED_MIN_SECONDS = 130
"""With provisioned concurrency and for a snapshot INIT may take this long, or as long as an invocation where that is longer. Source:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib"""
RESTORE_TIMEOUT_SECONDS = 10
"""For the hooks that run after a restore, and what the runtime does with them. Source:
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks.html"""

EPHEMERAL_STORAGE_MIN_MIB = 512
EPHEMERAL_STORAGE_MAX_MIB = 10_240

DURABLE_RETENTION_DEFAULT_DAYS = 14
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/durable-configuration.html."""

ENVIRONMENT_VARIABLES_MAX_BYTES = 4_096

CODE_ZIPPED_IN_REQUEST_MAX_BYTES = 52_428_800
CODE_UNZIPPED_MAX_BYTES = 262_144_000
IMAGE_UNCOMPRESSED_MAX_BYTES = 10 << 30
"""Of a container image, all layers. Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""
LAYERS_MAX = 5
CODE_STORAGE_MAX_BYTES = 80_530_636_800

PAYLOAD_SYNC_MAX_BYTES = 6_291_456
PAYLOAD_ASYNC_MAX_BYTES = 1_048_576
RETRY_ATTEMPTS_DEFAULT = 2
EVENT_AGE_DEFAULT_SECONDS = 21_600
"""Of asynchronous invocation. Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html."""
RESPONSE_SYNC_MAX_BYTES = 6_291_556
"""Buffered responses may be 100 bytes larger than requests: what AWS's own error message says ("exceeded maximum allowed
payload size (6291556 bytes)")."""

RESOURCE_POLICY_MAX_BYTES = 20_480
TAGS_MAX = 50

ACCOUNT_CONCURRENCY_DEFAULT = 1_000
UNRESERVED_CONCURRENCY_MIN = 100
REQUESTS_PER_SECOND_OF_CONCURRENCY = 10
"""As many may begin each second for each place of an account's concurrency, or of a function's reserved concurrency. Source:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html, "Understanding concurrency and requests per second"."""
SCALING_ENVIRONMENTS_MAX = 1_000
SCALING_SECONDS = 10.0
"""A function gets so many new environments in so many seconds, refilled continuously, not saved up. Source:
https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html."""

RESPONSE_STREAM_MAX_BYTES = 209_715_200

PROCESSES_MAX = 1_024
PROCESSES_WITHOUT_CPU_LIMIT_MAX = 512
"""Where the host gives no control group to limit a sandbox's share of the processors: a bomb of 1,024 would stall everybody for seconds."""
FILE_DESCRIPTORS_MAX = 1_024

EXTENSIONS_MAX = 10
"""Of a function, external and internal ones. Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html."""
SHUTDOWN_EXTERNAL_SECONDS, SHUTDOWN_INTERNAL_SECONDS = 2.0, 0.5
SHUTDOWN_RUNTIME_SECONDS = 0.3
"""What a shutdown may take with external extensions, or with internal ones only, and the runtime's share where there are external ones.
Source: the same page, "Shutdown phase"."""

TELEMETRY_MAX_ITEMS = (1_000, 10_000)
TELEMETRY_MAX_BYTES = (262_144, 1_048_576)
TELEMETRY_TIMEOUT_MS = (25, 30_000)
"""What a subscription may ask to be buffered. Source: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html."""

EVENT_FILTERS_MAX = 5
"""Of an event source mapping. Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html."""

POLLER_GROUP_MAPPINGS_MAX, POLLER_GROUP_POLLERS_MAX = 100, 2_000
"""Mappings of a poller group, and what their `MaximumPollers` may come to. Source: botocore, shape `ProvisionedPollerConfig`."""

LOG_TAIL_MAX_BYTES = 4_096
LOG_EVENT_MAX_BYTES = 262_144
"""CloudWatch Logs' limit for one event, 256 KB less its 26 bytes of overhead is not applied: AWS cuts lines of functions at 256 KB."""

CAPACITY_PROVIDERS_MAX = 1_000
VERSIONS_PER_CAPACITY_PROVIDER_MAX = 100
"""Source of both: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, "Lambda Managed Instances"."""
