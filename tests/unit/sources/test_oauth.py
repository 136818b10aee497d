"""Access tokens: how they are asked for, and how often."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import RSAKey
from tests.support.brokers.authority import Authority
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from tests.unit.sources.streams import a_mapping

from alonzo.clock import ManualClock
from alonzo.model.event_source_mapping import SourceAccess
from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.tokens import open_token_provider
from alonzo.sources.oauth import AccessTokens


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("OAuth test authority")


@pytest.fixture
def provider(tmp_path: Path, authority: Authority) -> Iterator[IdentityProvider]:
    with IdentityProvider(tmp_path, authority) as running:
        yield running


class Secrets:
    """Secrets Manager with one secret."""

    def __init__(self, **content: Any) -> None:
        self.content = content

    async def call(self, service: str, operation: str, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        assert (service, operation, parameters) == ("secretsmanager", "GetSecretValue", {"SecretId": "arn:secret"})
        return {"SecretString": json.dumps(self.content)}


def secrets_of(provider: IdentityProvider, authority: Authority, **content: Any) -> Any:
    known = {"oauthTokenEndpointUrl": provider.url, "oauthClientId": CLIENT_ID, "oauthIdpCaCertificate": authority.root.certificate_pem}
    return Secrets(**(known | content))


def a_token(services: Any, **wanted: str) -> str:
    tokens = AccessTokens(secret_arn="arn:secret", mapping=a_mapping(), services=services, clock=ManualClock(), **wanted)
    return asyncio.run(tokens.token())


def test_a_client_shows_its_secret_and_says_what_the_token_is_for(provider: IdentityProvider, authority: Authority) -> None:
    services = secrets_of(provider, authority, oauthClientSecret=CLIENT_SECRET)
    assert a_token(services, scope="read", audience="kafka")
    assert provider.requests == [{"grant_type": "client_credentials", "scope": "read", "audience": "kafka"}]


def test_an_assertion_is_signed_with_the_private_key(provider: IdentityProvider, authority: Authority) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    signed = {"oauthClientEmail": "me@example.com", "oauthPrivateKey": pem, "oauthTokenExpirationSeconds": 60}
    assert a_token(secrets_of(provider, authority, **signed), scope="read")
    (form,) = provider.requests
    assert (form["grant_type"], form["client_id"]) == ("urn:ietf:params:oauth:grant-type:jwt-bearer", CLIENT_ID)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(form["assertion"], RSAKey.import_key(public)).claims
    assert {name: claims[name] for name in ("iss", "sub", "aud", "scope")} == {
        "iss": "me@example.com",
        "sub": "me@example.com",
        "aud": provider.url,
        "scope": "read",
    }
    assert claims["exp"] - claims["iat"] == 60


def test_a_token_is_used_until_it_is_nearly_over_and_secrets_may_change(provider: IdentityProvider, authority: Authority) -> None:
    services, clock = secrets_of(provider, authority, oauthClientSecret=CLIENT_SECRET), ManualClock()
    tokens = AccessTokens(secret_arn="arn:secret", mapping=a_mapping(), services=services, clock=clock)

    async def run() -> None:
        first = await tokens.token()
        clock.advance(2_800)
        assert await tokens.token() == first
        clock.advance(100)
        assert await tokens.token() != first
        services.content["oauthClientSecret"] = "another"
        clock.advance(3_600)
        with pytest.raises(SourceProblem, match="has answered with status 401"):
            await tokens.token()

    asyncio.run(run())
    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"oauthClientSecret": "s", "oauthPrivateKey": "k"}, "has fields of two grant types"),
        ({"oauthClientEmail": "e"}, "lacks oauthClientSecret, or oauthPrivateKey"),
        ({"oauthClientEmail": "e", "oauthPrivateKey": "no key"}, "has no key that can sign"),
        ({"oauthClientSecret": "s", "oauthTokenEndpointUrl": "http://127.0.0.1/"}, "is no HTTPS URL"),
        ({"oauthClientSecret": "s", "oauthTokenEndpointUrl": "https://127.0.0.1:1/"}, "cannot be reached"),
        ({"oauthClientSecret": "wrong"}, "has answered with status 401"),
    ],
)
def test_what_is_wrong_is_said(provider: IdentityProvider, authority: Authority, content: dict[str, str], words: str) -> None:
    with pytest.raises(SourceProblem, match=words):
        a_token(secrets_of(provider, authority, **content))


def test_brokers_are_told_cluster_and_pool_besides(provider: IdentityProvider, authority: Authority) -> None:
    access = (SourceAccess("OAUTHBEARER_LOGICAL_CLUSTER", "lkc-1"), SourceAccess("OAUTHBEARER_IDENTITY_POOL", "pool-1"))
    mapping = a_mapping()
    mapping = msgspec.structs.replace(mapping, settings=msgspec.structs.replace(mapping.settings, source_access=access))
    kit: Any = SimpleNamespace(services=secrets_of(provider, authority, oauthClientSecret=CLIENT_SECRET), clock=ManualClock())
    tokens = asyncio.run(open_token_provider("arn:secret", mapping, kit))
    assert tokens.extensions() == {"logicalCluster": "lkc-1", "identityPoolId": "pool-1"}
