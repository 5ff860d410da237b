"""The server.properties of a broker that is also a controller, sized for a test on two cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.parts.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.parts.certificates import Certificate

_SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"

_EVERY_BROKER: Final = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    # the tests' workers are declared dead after two seconds, and a group of one forms at once
    "group.min.session.timeout.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    # a killed broker is replaced after three seconds instead of nine
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # few and small: each costs threads, files or heap
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "2",
    "log.cleaner.dedupe.buffer.size": str(4 << 20),
}


@dataclass(frozen=True, slots=True)
class Node:
    """Where one broker listens: for clients, for controllers, and for clients with TLS and a password."""

    id: int
    port: int
    controller_port: int
    secure_port: int
    host: str = HOST


@dataclass(frozen=True, slots=True)
class SecureListener:
    """A further listener, SASL_SSL with SCRAM-SHA-256, and the one user that it lets in."""

    certificate: Certificate
    username: str
    password: str


def properties_of(
    node: Node, nodes: Sequence[Node], folder: Path, secure: SecureListener | None, more: Mapping[str, str]
) -> str:
    """The text of the file; `more` wins over what is here."""
    copies = str(len(nodes))
    listeners = [f"PLAINTEXT://{node.host}:{node.port}", f"CONTROLLER://{HOST}:{node.controller_port}"]
    own = {
        "node.id": str(node.id),
        "controller.quorum.voters": ",".join(f"{each.id}@{HOST}:{each.controller_port}" for each in nodes),
        "log.dirs": str(folder),
        "default.replication.factor": copies,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "min.insync.replicas": str(max(1, len(nodes) - 1)),
        "transaction.state.log.min.isr": str(max(1, len(nodes) - 1)),
    }
    if secure is not None:
        listeners.append(f"SASL_SSL://{HOST}:{node.secure_port}")
        own |= _secure(secure)
    own["listeners"] = ",".join(listeners)
    return "".join(f"{name}={value}\n" for name, value in {**_EVERY_BROKER, **own, **more}.items())


def _secure(secure: SecureListener) -> dict[str, str]:
    return {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": _SCRAM,
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(secure.certificate.keystore),
        "ssl.keystore.password": secure.certificate.password,
    }
