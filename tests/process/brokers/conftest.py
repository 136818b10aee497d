"""Real brokers, each started when the first test needs it, and a node that knows where they are."""

from collections.abc import Iterator

import pytest
from tests.support.batch_sink import BatchSink
from tests.support.brokers.activemq import ActiveMq
from tests.support.brokers.kafka import KafkaBroker
from tests.support.brokers.mongodb import MongoDb
from tests.support.brokers.rabbitmq import RabbitMq
from tests.support.mappings import mappings_deleted
from tests.support.server import Server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Apache Kafka."""
    broker = KafkaBroker.start(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def kafka_server(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A node that knows where the managed cluster is, for all modules on Kafka."""
    options = ("--broker", f"arn:aws:kafka:*:cluster/orders/*=kafka://{kafka.plain}")
    with Server.start(*options, data_directory=tmp_path_factory.mktemp("alonzo-kafka") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """RabbitMQ."""
    broker = RabbitMq.start(tmp_path_factory.mktemp("rabbitmq"))
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def activemq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActiveMq]:
    """Apache ActiveMQ."""
    broker = ActiveMq.start(tmp_path_factory.mktemp("activemq"))
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoDb]:
    """What stands in for MongoDB."""
    database = MongoDb.start(tmp_path_factory.mktemp("mongodb"))
    yield database
    database.stop()


@pytest.fixture(autouse=True)
def no_mappings_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of tests whose module has a node for all of them."""
    if "server" not in request.fixturenames:
        yield
        return
    with mappings_deleted(request.getfixturevalue("server")):
        yield


@pytest.fixture
def sink() -> Iterator[BatchSink]:
    """What the functions of a test report to."""
    with BatchSink() as running:
        yield running
