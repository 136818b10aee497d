"""Programs named bootstrap that cannot be started, and one that runs several invocations at once. The rest: tests/conformance."""

import io
import zipfile

from tests.support.invoking import invoke, invoke_together, wait_for_log
from tests.support.managed_instances import deploy_shared
from tests.support.server import ROLE, Server

_EXITS = "#!/bin/sh\nexit 7\n"

_SEVERAL = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
mkdir -p /tmp/arrived
work() {
  while true; do
    HEAD=$(mktemp)
    EVENT=$(curl -sS -D "$HEAD" "$API/invocation/next")
    ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEAD" | tr -d '[:space:]' | cut -d: -f2)
    touch "/tmp/arrived/$ID"
    while [ "$(ls /tmp/arrived | wc -l)" -lt "$AWS_LAMBDA_MAX_CONCURRENCY" ]; do sleep 0.01; done
    curl -sS -o /dev/null "$API/invocation/$ID/response" -d "{\\"echo\\": $EVENT, \\"environment\\": \\"$AWS_LAMBDA_LOG_STREAM_NAME\\"}"
  done
}
for number in $(seq "$AWS_LAMBDA_MAX_CONCURRENCY"); do work & done
wait
"""


def packed(bootstrap: str | None, mode: int = 0o755) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap" if bootstrap is not None else "other")
        entry.external_attr = mode << 16
        archive.writestr(entry, bootstrap or "nothing")
    return package.getvalue()


def deploy(server: Server, name: str, bootstrap: str | None, *, mode: int = 0o755) -> str:
    client = server.client("lambda")
    client.create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="any.name", Role=ROLE, Code={"ZipFile": packed(bootstrap, mode)}
    )
    server.wait_until_settled(name)
    return name


def test_a_runtime_that_asks_for_several_invocations_gets_them(server: Server) -> None:
    configuration = {"Runtime": "provided.al2023", "Handler": "any.name"}
    name = deploy_shared(server, "provided-several", packed(_SEVERAL), max_concurrency=4, **configuration)
    answers = [answer.value for answer in invoke_together(server, name, [{"number": number} for number in range(4)])]
    assert [answer["echo"]["number"] for answer in answers] == list(range(4))
    assert len({answer["environment"] for answer in answers}) == 1


def test_a_bootstrap_that_is_not_there_is_an_error_of_init(server: Server) -> None:
    answer = invoke(server, deploy(server, "no-bootstrap", None))
    assert answer.error == "Unhandled"
    assert answer.value == {
        "errorType": "Runtime.InvalidEntrypoint",
        "errorMessage": f"RequestId: {answer.request_id} Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
    }
    assert f"{answer.value['errorMessage']}\n" in wait_for_log(server, "no-bootstrap", "REPORT RequestId")


def test_a_bootstrap_that_may_not_be_executed_is_an_error_of_init(server: Server) -> None:
    answer = invoke(server, deploy(server, "no-right", _EXITS, mode=0o644))
    assert answer.value["errorType"] == "Runtime.InvalidEntrypoint"
    assert answer.value["errorMessage"] == f"RequestId: {answer.request_id} Error: fork/exec /var/task/bootstrap: permission denied"
