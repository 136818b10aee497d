"""What an account uses is counted as versions come, change and go."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.functions.usage import CodeUsage
from alonzo.model.function import LATEST, CodePackage, FunctionVersion, LoggingConfig
from alonzo.model.scope import Scope

SCOPE, OTHER = Scope("111111111111", "us-east-1"), Scope("111111111111", "eu-central-1")

_KEYS = st.tuples(st.sampled_from([SCOPE, OTHER]), st.sampled_from(["f", "g"]), st.sampled_from([LATEST, "1", "2"]))


@given(st.lists(st.tuples(_KEYS, st.none() | st.integers(0, 1000)), max_size=30))
def test_the_count_is_what_counting_anew_would_give(changes: list[tuple[tuple[Scope, str, str], int | None]]) -> None:
    usage = CodeUsage()
    there: dict[tuple[Scope, str, str], int] = {}
    for (scope, name, version), size in changes:
        key = (scope.account_id, scope.region, name, version)
        usage.note(key, None if size is None else a_version(scope, name, version, size))
        if size is None:
            there.pop((scope, name, version), None)
        else:
            there[scope, name, version] = size
    for scope in (SCOPE, OTHER):
        of_scope = {key: size for key, size in there.items() if key[0] == scope}
        assert usage.of(scope).code_size_bytes == sum(of_scope.values())
        assert usage.of(scope).function_count == sum(version == LATEST for _, _, version in of_scope)


def a_version(scope: Scope, name: str, version: str, size_bytes: int) -> FunctionVersion:
    return FunctionVersion(
        scope=scope,
        name=name,
        version=version,
        runtime="python3.12",
        handler="app.handler",
        role="",
        code=CodePackage("00" * 32, size_bytes),
        logging=LoggingConfig(log_group=""),
        last_modified_unix_ms=0,
        revision_id="",
        runtime_version_arn=None,
    )
