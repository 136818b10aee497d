"""Who has signed a request to an API whose authorization is AWS_IAM.

Identity policies are not evaluated: whoever is of the API's account may use it.
"""

from dataclasses import dataclass

from alonzo.aws.identity import account_of
from alonzo.clock import Clock
from alonzo.edge.function_urls.signatures import SecretFinder, check_signature
from alonzo.edge.http_events.request import HttpRequest
from alonzo.model.scope import Scope

_SERVICE = "execute-api"


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """An account, by one of its keys."""

    access_key_id: str
    account_id: str
    partition: str

    @property
    def arn(self) -> str:
        """Of nobody in particular."""
        return f"arn:{self.partition}:iam::{self.account_id}:root"


class Signers:
    """Verifies signatures, where the secret is known."""

    def __init__(self, *, find_secrets: SecretFinder, clock: Clock) -> None:
        self._find_secrets = find_secrets
        self._clock = clock

    def caller_of(self, request: HttpRequest, scope: Scope) -> ApiCaller | None:
        """None: an account that may not use it. `Refused` (of `function_urls`) for a signature that is none, or not a good one."""
        signer = check_signature(
            request,
            path=request.path,
            region=scope.region,
            now=self._clock.now(),
            find_secrets=self._find_secrets,
            service=_SERVICE,
        )
        account_id = account_of(signer.access_key_id)
        return ApiCaller(signer.access_key_id, account_id, scope.partition) if account_id == scope.account_id else None
