"""Apache Kafka: one broker that is its own controller (KRaft), with a listener for each way to come in."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.brokers.authority import Authority
from tests.support.brokers.jars import class_path
from tests.support.brokers.programs import Program, listens
from tests.support.ports import free_ports
from tests.support.toolchains import completed, require_tool

USER, PASSWORD = "lambda", "correct horse"
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
_RETRIES_SECONDS, _PAUSE_SECONDS = 60.0, 0.1
"""Of what the broker is not ready for: it makes the topic of all groups when it hears of the first."""
_LISTENERS = ("PLAIN", "TLS", "MUTUAL_TLS", "SASL", "OAUTH")
_JVM = ("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A record for a topic."""

    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None


class KafkaBroker:
    """`plain`, `tls`, `mutual_tls`, `sasl`, `oauth`: addresses of the listeners; the last two speak TLS, too."""

    def __init__(self, program: Program, ports: dict[str, int], authority: Authority) -> None:
        self._program = program
        self._runner = asyncio.Runner()
        self._admin: Any = None
        self._producers: dict[str | None, Any] = {}
        self.authority = authority
        self.plain, self.tls, self.mutual_tls, self.sasl, self.oauth = (f"127.0.0.1:{ports[name]}" for name in _LISTENERS)

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start it with its data in that directory."""
        java = require_tool("java")
        authority = Authority("Kafka test authority")
        names = (*_LISTENERS, "CONTROLLER")
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        (directory / "server.properties").write_text(_properties(directory, ports, authority))
        command = [java, *_JVM, "-cp", class_path("kafka")]
        users = [f"--add-scram=SCRAM-SHA-{bits}=[name={USER},password={PASSWORD}]" for bits in (256, 512)]
        completed(
            [*command, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", "server.properties", *users],
            directory=directory,
        )
        program = Program.start([*command, "kafka.Kafka", "server.properties"], directory=directory)
        broker = cls(program, ports, authority)
        program.wait_until(lambda _: listens(ports["SASL"]) and listens(ports["PLAIN"]))
        return broker

    def stop(self) -> None:
        """Close the connections to it and kill it."""
        self._runner.run(self._disconnect())
        self._runner.close()
        self._program.stop()

    def create_topic(self, name: str, *, partitions: int = 1) -> str:
        """Create a topic; its name."""
        from aiokafka.admin import NewTopic

        async def create(admin: Any) -> None:
            await admin.create_topics([NewTopic(name, partitions, 1)])

        self._administer(create)
        return name

    def send(self, topic: str, records: Iterable[Sent], *, compression: str | None = None) -> None:
        """Send records in that order and wait until the broker has them."""

        async def send() -> None:
            producer = await self._producer(compression)
            for record in records:
                await producer.send(
                    topic,
                    record.value,
                    key=record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                    timestamp_ms=record.timestamp_ms,
                )
            await producer.flush()

        self._runner.run(send())

    def committed(self, group: str, topic: str, *, partitions: int = 1) -> list[int | None]:
        """The offsets that a consumer group has committed, partition by partition; None: not yet any."""
        from aiokafka import TopicPartition

        places = [TopicPartition(topic, number) for number in range(partitions)]

        async def ask(admin: Any) -> list[int | None]:
            found = await admin.list_consumer_group_offsets(group, partitions=places)
            return [None if place not in found or found[place].offset < 0 else found[place].offset for place in places]

        offsets: list[int | None] = self._administer(ask)
        return offsets

    def member_count(self, group: str) -> int:
        """How many have joined a consumer group, when all of them know of each other."""

        async def ask(admin: Any) -> int:
            (answer,) = await admin.describe_consumer_groups([group])
            (found,) = answer.to_object()["groups"]
            return len(found["members"]) if found["state"] == "Stable" else 0

        count: int = self._administer(ask)
        return count

    def read(self, topic: str) -> list[Any]:
        """All records of a topic as they are."""
        from aiokafka import AIOKafkaConsumer

        async def read() -> list[Any]:
            consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.plain, auto_offset_reset="earliest")
            await consumer.start()
            try:
                ends = await consumer.end_offsets(consumer.assignment())
                records: list[Any] = []
                while len(records) < sum(ends.values()):
                    batches = await consumer.getmany(timeout_ms=200)
                    records += [record for batch in batches.values() for record in batch]
                return records
            finally:
                await consumer.stop()

        return self._runner.run(read())

    def _administer(self, task: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        from aiokafka.admin import AIOKafkaAdminClient
        from aiokafka.errors import KafkaError

        async def run() -> Any:
            if self._admin is None:
                admin = AIOKafkaAdminClient(bootstrap_servers=self.plain)
                await admin.start()
                self._admin = admin
            async with asyncio.timeout(_RETRIES_SECONDS):
                while True:
                    try:
                        return await task(self._admin)
                    except KafkaError as error:
                        if not error.retriable:
                            raise
                    await asyncio.sleep(_PAUSE_SECONDS)

        return self._runner.run(run())

    async def _producer(self, compression: str | None) -> Any:
        from aiokafka import AIOKafkaProducer

        if compression not in self._producers:
            producer = AIOKafkaProducer(bootstrap_servers=self.plain, compression_type=compression)
            await producer.start()
            self._producers[compression] = producer
        return self._producers[compression]

    async def _disconnect(self) -> None:
        for producer in self._producers.values():
            await producer.stop()
        if self._admin is not None:
            await self._admin.close()


def _properties(directory: Path, ports: dict[str, int], authority: Authority) -> str:
    server = authority.issue("Kafka")
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    advertised = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items() if name != "CONTROLLER")
    key_store, trust_store = directory / "server.pem", directory / "authority.pem"
    key_store.write_text(server.key_pem() + server.certificate_pem)
    trust_store.write_text(authority.root.certificate_pem)
    login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    bearer = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
        "controller.listener.names": "CONTROLLER",
        "listeners": listeners,
        "advertised.listeners": advertised,
        "inter.broker.listener.name": "PLAIN",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,TLS:SSL,MUTUAL_TLS:SSL,SASL:SASL_SSL,OAUTH:SASL_SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(key_store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(trust_store),
        "listener.name.mutual_tls.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.sasl.plain.sasl.jaas.config": login,
        "listener.name.sasl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": scram,
        # Whoever has a token that is not over may come in, whoever has signed it: what is tested is the way to the token.
        "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.oauth.oauthbearer.sasl.jaas.config": bearer,
        "log.dirs": str(directory / "data"),
        "auto.create.topics.enable": "false",
        "log.retention.ms": "-1",  # tests send records of long ago
        "group.initial.rebalance.delay.ms": "0",
        "num.partitions": "1",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
