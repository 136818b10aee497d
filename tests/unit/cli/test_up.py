"""The options of `alonzo up` become a configuration."""

from pathlib import Path

import click
import pytest

from alonzo.aws.client.endpoints import COMPANION, AwsEndpoints
from alonzo.cli.up import build_configuration, up
from alonzo.edge.tls.settings import TlsSettings
from alonzo.node.companion import companion_notice
from alonzo.node.configuration import Configuration
from alonzo.sandbox.cgroups import CpuPolicy
from alonzo.sandbox.settings import Isolation, Network
from alonzo.sources.broker_addresses import BrokerAddresses


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's own AWS tools are told is not what these tests are about."""
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)


def parse(*arguments: str) -> Configuration:
    with up.make_context("up", list(arguments)) as context:
        return build_configuration(**{name: value for name, value in context.params.items() if name != "directory"})


def test_works_without_any_option() -> None:
    assert parse() == Configuration(
        host="127.0.0.1",
        port=4566,
        data_directory=Path.home() / ".local" / "share" / "alonzo",
        nats_url=None,
        isolation=Isolation.NAMESPACES,
        network=Network.HOST,
        cpu=CpuPolicy.WEIGHT,
        strict_runtimes=False,
        deprecated_runtimes=False,
        node_modules=None,
        keep_alive_seconds=None,
        account_concurrency=1_000,
        aws_endpoints=AwsEndpoints(COMPANION),
        brokers=BrokerAddresses(()),
        async_retry_delays_seconds=(60.0, 120.0),
        prewarm=True,
        persist=False,
        events_token=None,
    )


def test_takes_every_option(tmp_path: Path) -> None:
    configuration = parse(
        *("--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path), "--nats", "nats://n:4222", "--isolation", "process"),
        *("--network", "isolated", "--cpu", "quota", "--strict-runtimes", "--keep-alive", "1.5", "--no-prewarm"),
        *("--account-concurrency", "20"),
        *("--deprecated-runtimes", "--node-modules", str(tmp_path)),
        *("--aws-endpoint-url", "http://127.0.0.1:5000/", "--aws-endpoint-url", "sqs=http://queues:9324", "--aws-endpoint-url", "s3=aws"),
        *("--companion", "off", "--service", "dynamodb=http://scylla:8000", "--persist", "--events-token", "secret"),
        *("--broker", "arn:aws:mq:*:broker:orders:*=amqp://b:5672", "--broker", "arn:aws:kafka:*=kafka://k-1:9092,k-2:9092"),
        *("--async-retry-delays", "0.5,2", "--tls", "--otlp-endpoint", "http://127.0.0.1:4318"),
    )
    assert configuration == Configuration(
        host="0.0.0.0",
        port=0,
        data_directory=tmp_path,
        nats_url="nats://n:4222",
        isolation=Isolation.PROCESS,
        network=Network.ISOLATED,
        cpu=CpuPolicy.QUOTA,
        strict_runtimes=True,
        deprecated_runtimes=True,
        node_modules=tmp_path,
        keep_alive_seconds=1.5,
        account_concurrency=20,
        aws_endpoints=AwsEndpoints("http://127.0.0.1:5000", {"sqs": "http://queues:9324", "s3": "aws", "dynamodb": "http://scylla:8000"}),
        brokers=BrokerAddresses(
            (("arn:aws:mq:*:broker:orders:*", "amqp://b:5672"), ("arn:aws:kafka:*", "kafka://k-1:9092,k-2:9092")),
        ),
        async_retry_delays_seconds=(0.5, 2.0),
        prewarm=False,
        persist=True,
        events_token="secret",
        otlp_endpoint="http://127.0.0.1:4318",
        tls=TlsSettings(certificate=tmp_path / "tls" / "ca.pem", key=tmp_path / "tls" / "ca-key.pem", is_authority=True),
    )


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    certificate, key = tmp_path / "a.pem", tmp_path / "a-key.pem"
    certificate.touch()
    key.touch()
    given = parse("--tls-cert", str(certificate), "--tls-key", str(key)).tls
    assert given == TlsSettings(certificate=certificate, key=key, is_authority=False)
    with pytest.raises(click.UsageError):
        parse("--tls-cert", str(certificate))


def test_takes_variables_and_lets_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALONZO_PORT", "5000")
    monkeypatch.setenv("ALONZO_STRICT_RUNTIMES", "1")
    assert (parse().port, parse().strict_runtimes) == (5000, True)
    assert parse("--port", "5001").port == 5001


def test_every_option_has_a_variable() -> None:
    options = [parameter for parameter in up.params if isinstance(parameter, click.Option)]
    assert [parameter.name for parameter in options if not str(parameter.envvar).startswith("ALONZO_")] == []


@pytest.mark.parametrize("arguments", [("--port", "65536"), ("--isolation", "docker"), ("--keep-alive", "-1"), ("--broker", "orders=5672")])
def test_refuses_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    with pytest.raises(click.BadParameter):
        parse(*arguments)


def test_what_becomes_of_other_services_is_said_at_the_start(tmp_path: Path) -> None:
    forgotten = companion_notice(parse())
    kept = companion_notice(parse("--persist", "--data-dir", str(tmp_path)))
    assert forgotten is not None
    assert kept is not None
    assert "in memory only" in forgotten
    assert "--persist" in forgotten
    assert f"kept in {tmp_path}/companion/state, in snapshots" in kept
    assert companion_notice(parse("--companion", "off")) is None
