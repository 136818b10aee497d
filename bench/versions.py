"""Versions of functions that exist nowhere, for measurements of parts that look at nothing but their names."""

from alonzo.model.function import CodePackage, FunctionVersion, LoggingConfig
from alonzo.model.scope import Scope


def a_version(name: str) -> FunctionVersion:
    """The `$LATEST` of a function."""
    return FunctionVersion(
        scope=Scope("000000000000", "us-east-1"),
        name=name,
        runtime="python3.12",
        handler="app.handler",
        role="arn:aws:iam::000000000000:role/replayed",
        code=CodePackage("00" * 32, 1),
        logging=LoggingConfig(log_group="/aws/lambda/replayed"),
        last_modified_unix_ms=0,
        revision_id="1",
        runtime_version_arn=None,
    )
