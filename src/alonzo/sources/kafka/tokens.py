"""Access tokens for SASL/OAUTHBEARER (RFC 7628)."""

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.errors import SourceProblem
from alonzo.sources.oauth import AccessTokens
from alonzo.sources.source import PollerKit
from alonzo.sources.source_secrets import find_access

_EXTENSIONS = (("OAUTHBEARER_LOGICAL_CLUSTER", "logicalCluster"), ("OAUTHBEARER_IDENTITY_POOL", "identityPoolId"))
"""What brokers of Confluent Cloud are told besides, and under which names.
Source: https://docs.confluent.io/cloud/current/security/authenticate/workload-identities/identity-providers/oauth/configure-clients-oauth.html."""


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # the client has no types
    """Given to the clients of a mapping."""

    def __init__(self, tokens: AccessTokens, extensions: dict[str, str]) -> None:
        self._tokens = tokens
        self._extensions = extensions

    async def token(self) -> str:
        """As the client has it, which survives its own errors only."""
        try:
            return await self._tokens.token()
        except (SourceProblem, AwsCallFailed) as error:
            raise KafkaConnectionError(str(error)) from error

    def extensions(self) -> dict[str, str]:
        """As the client has it."""
        return self._extensions


async def open_token_provider(secret_arn: str, mapping: EventSourceMapping, kit: PollerKit) -> TokenProvider:
    """With a first token, so that what is wrong with the provider is said in its words. `SourceProblem`, errors of AWS calls."""
    tokens = AccessTokens(
        secret_arn=secret_arn,
        mapping=mapping,
        services=kit.services,
        clock=kit.clock,
        scope=find_access(mapping, "OAUTHBEARER_SCOPE"),
        audience=find_access(mapping, "OAUTHBEARER_AUDIENCE"),
    )
    await tokens.token()
    extensions = {name: value for kind, name in _EXTENSIONS if (value := find_access(mapping, kind)) is not None}
    return TokenProvider(tokens, extensions)
