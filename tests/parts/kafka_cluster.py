"""Apache Kafka itself (KRaft): one or three brokers as child processes, which a test can kill and start again."""

from __future__ import annotations

import base64
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from uuid import uuid4

from confluent_kafka.admin import AdminClient

from tests.parts.broker_properties import Node, SecureListener, properties_of
from tests.parts.guarded import GuardedProcess, first_fault
from tests.parts.jars import kafka_classpath
from tests.parts.needs import RealPartsError, program
from tests.parts.ports import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from confluent_kafka.admin import PartitionMetadata

_START_SECONDS: Final = 90.0
_ANSWER_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1
_STARTED: Final = b"Kafka Server started"
# small heaps and a quick start: two cores are shared by three brokers and the tests
_JAVA: Final = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",  # it is this one that says _STARTED
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


class KafkaCluster:
    """Brokers 1 to `size`, each a controller too, with their data on disk until the block ends.

    Topics of three brokers have three copies unless asked otherwise, and a message is acknowledged once two have
    it. `properties` are added to each server.properties. `host`: the address for clients. Entering the block starts
    all and waits until they serve.
    """

    def __init__(
        self,
        size: int = 1,
        *,
        secure: SecureListener | None = None,
        properties: Mapping[str, str] | None = None,
        host: str = HOST,
    ) -> None:
        self._secure = secure
        self._properties = properties or {}
        self._classpath = kafka_classpath()
        self._root = tempfile.TemporaryDirectory(prefix="orderwatch-kafka-")
        ports = iter(free_ports(3 * size))
        self._nodes = [Node(number, next(ports), next(ports), next(ports), host) for number in range(1, size + 1)]
        self._processes: dict[int, GuardedProcess] = {}

    @property
    def brokers(self) -> str:
        """In the form of `kafka.brokers`."""
        return ",".join(f"{node.host}:{node.port}" for node in self._nodes)

    @property
    def secure_brokers(self) -> str:
        """The same for the listener with TLS and a password."""
        return ",".join(f"{HOST}:{node.secure_port}" for node in self._nodes)

    @property
    def ids(self) -> list[int]:
        """The brokers' node ids."""
        return [node.id for node in self._nodes]

    def start(self, *ids: int) -> None:
        """Start brokers, again on their own data if they were killed; they serve when this returns."""
        for number in ids:
            folder = self._folder(number)
            command = self._java(*_LOGGING, "kafka.Kafka", str(folder / "server.properties"))
            self._processes[number] = GuardedProcess(command, folder / f"kafka-{number}.log", {})
        for number in ids:  # together: a quorum needs the other ones
            self._processes[number].wait_until_said(_STARTED, _START_SECONDS)

    def kill(self, *ids: int) -> None:
        """SIGKILL."""
        for number in ids:
            self._processes[number].kill()

    def stop(self, *ids: int) -> None:
        """SIGTERM: a broker hands its partitions over first."""
        for number in ids:
            self._processes[number].stop()

    def pause(self, number: int) -> None:
        """SIGSTOP."""
        self._processes[number].pause()

    def resume(self, number: int) -> None:
        """SIGCONT."""
        self._processes[number].resume()

    def leader(self, topic: str, partition: int, *, besides: int | None = None) -> int:
        """The broker that leads a partition now; -1 while there is none. `besides` as for `partitions`."""
        return int(self.partitions(topic, besides=besides)[partition].leader)

    def partitions(self, topic: str, *, besides: int | None = None) -> dict[int, PartitionMetadata]:
        """Leader, replicas and in-sync replicas of each partition, as a living broker knows them.

        `besides`: a broker that is not to be asked first, because it is paused.
        """
        asked = ",".join(f"{node.host}:{node.port}" for node in self._nodes if node.id != besides)
        admin = AdminClient({"bootstrap.servers": asked, "log_level": 0})
        described = admin.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic]
        found: dict[int, PartitionMetadata] = described.partitions
        return found

    def wait_until_in_sync(self, topic: str, seconds: float = 30.0) -> None:
        """Wait until each partition of `topic` has a leader and all of its replicas are in sync."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.partitions(topic).values()
            if found and all(each.leader > 0 and len(each.isrs) == len(each.replicas) for each in found):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} is not in sync after {seconds:g} s")
            time.sleep(_LOOK_SECONDS)

    def __enter__(self) -> Self:
        try:
            self._format()
            self.start(*self.ids)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self.kill(*self._processes)
        self._root.cleanup()

    def _folder(self, number: int) -> Path:
        return Path(self._root.name, str(number))

    def _java(self, *arguments: str) -> Sequence[str]:
        return [program("java"), *_JAVA, "-cp", self._classpath, *arguments]

    def _format(self) -> None:
        """Write each node's configuration and have Kafka format its storage; they share the cluster's id."""
        cluster = base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        cluster = cluster.replace("-", "A")  # in front, it would be taken for an option
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            list(pool.map(lambda node: self._format_node(node, cluster), self._nodes))

    def _format_node(self, node: Node, cluster: str) -> None:
        folder = self._folder(node.id)
        folder.mkdir()
        file = folder / "server.properties"
        file.write_text(properties_of(node, self._nodes, folder / "data", self._secure, self._properties))
        users = self._users()
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file), *users)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_START_SECONDS)
        if done.returncode != 0:
            raise RealPartsError(f"Kafka did not format its storage: {first_fault(done.stderr + done.stdout)}")

    def _users(self) -> list[str]:
        if self._secure is None:
            return []
        user = f"SCRAM-SHA-256=[name={self._secure.username},password={self._secure.password}]"
        return ["--add-scram", user]
