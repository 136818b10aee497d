"""Who may call a function URL: what its authorization type asks for, then what the function's resource policy says.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html.
"""

from alonzo.aws.identity import account_of
from alonzo.clock import Clock
from alonzo.edge.function_urls.refusals import forbidden
from alonzo.edge.function_urls.signatures import SecretFinder, Signer, check_signature
from alonzo.edge.http_events.request import HttpRequest
from alonzo.functions.policies.evaluation import ANONYMOUS, Decision, Requester, decide
from alonzo.functions.policies.functions import FunctionPolicies
from alonzo.model.function_url import FunctionUrl, UrlAuthType
from alonzo.model.names import FunctionReference
from alonzo.model.policy import ResourcePolicy

_ACTION = "lambda:InvokeFunctionUrl"
_DECISIONS_REMEMBERED = 4_096


class UrlAccess:
    """On the hot path: what a policy says of a client is worked out once, until the policy changes."""

    def __init__(self, *, policies: FunctionPolicies, find_secrets: SecretFinder, clock: Clock) -> None:
        self._policies = policies
        self._find_secrets = find_secrets
        self._clock = clock
        self._decisions: dict[tuple[str, str, str], tuple[ResourcePolicy | None, Decision]] = {}

    def check(self, url: FunctionUrl, reference: FunctionReference, request: HttpRequest) -> Signer | None:
        """Who has signed the request, None if nobody needs to. `Refused`."""
        if url.auth_type is UrlAuthType.NONE:
            if self._decide(url, reference, request, ANONYMOUS) is not Decision.ALLOWED:
                raise forbidden()
            return None
        signer = check_signature(
            request, path=request.path, region=url.scope.region, now=self._clock.now(), find_secrets=self._find_secrets
        )
        account_id = account_of(signer.access_key_id)
        decision = self._decide(url, reference, request, Requester(account_id=account_id))
        # Identity policies are not evaluated: whoever is of the function's account may, unless the function's policy denies it.
        if decision is Decision.DENIED or (decision is Decision.UNMENTIONED and account_id != url.scope.account_id):
            raise forbidden()
        return signer

    def _decide(self, url: FunctionUrl, reference: FunctionReference, request: HttpRequest, requester: Requester) -> Decision:
        policy = self._policies.find(reference)
        key = (url.url_id, request.source_ip, f"{requester.account_id} {request.scheme}")
        known = self._decisions.get(key)
        if known is not None and known[0] is policy:
            return known[1]
        conditions = {
            "lambda:FunctionUrlAuthType": url.auth_type.value,
            "aws:SourceIp": request.source_ip,
            "aws:SecureTransport": "true" if request.scheme == "https" else "false",
        }
        decision = decide(policy, _ACTION, requester, conditions)
        if len(self._decisions) >= _DECISIONS_REMEMBERED:
            self._decisions.clear()
        self._decisions[key] = (policy, decision)
        return decision


def known_secrets(access_key_id: str) -> tuple[str, ...]:
    """`test` is everybody's; its secret is `test`, as in every local AWS."""
    return ("test",) if access_key_id == "test" else ()
