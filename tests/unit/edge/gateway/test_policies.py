"""What authorizers' policies say of a method."""

from typing import Any

import pytest

from alonzo.edge.api_gateway.policies import decide
from alonzo.functions.policies.evaluation import Decision

_ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef/dev/GET/pets/1"


def _statement(effect: str, resource: Any, action: Any = "execute-api:Invoke", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([_statement("Allow", _ARN)], Decision.ALLOWED),
        ([_statement("Allow", ["x", "arn:aws:execute-api:*:*:abcdef/dev/GET/*"])], Decision.ALLOWED),
        ([_statement("Allow", "*", ["execute-api:*"])], Decision.ALLOWED),
        (_statement("Allow", "*", "EXECUTE-API:invoke"), Decision.ALLOWED),
        ([_statement("Allow", "*"), _statement("Deny", "*/pets/*")], Decision.DENIED),
        ([_statement("Allow", "*/POST/*")], Decision.UNMENTIONED),
        ([_statement("Allow", "*", "lambda:Invoke")], Decision.UNMENTIONED),
        ([_statement("Allow", "*", Condition={"Bool": {"aws:SecureTransport": "true"}})], Decision.UNMENTIONED),
        ([], Decision.UNMENTIONED),
    ],
)
def test_decides(statements: Any, decision: Decision) -> None:
    assert decide({"Version": "2012-10-17", "Statement": statements}, _ARN) is decision


@pytest.mark.parametrize("document", [None, {}, "Allow", {"Statement": ["x"]}, {"Statement": [{"Effect": "allow"}]}])
def test_what_is_no_policy_decides_nothing(document: Any) -> None:
    with pytest.raises(ValueError, match="policyDocument"):
        decide(document, _ARN)
