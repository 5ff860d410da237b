"""Hears of changed models, and has the judge go on with them: validated first, swapped between two batches.

A word on the control topic says only which model to look at; the registry of the settings says what serves. A model
is loaded and tried in a thread, beside the judging. If anything is wrong with it, the last good one stays.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from models.package import ModelRefused
from stream.announcement import MODEL, Announcement, read_announcement
from stream.model_registry.serving import registry_of, served_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from config.settings import Settings
    from models.calibration import Calibration
    from models.detector import Detector
    from stream.engine.control_metrics import ControlMetrics
    from stream.model_registry.serving import Served

log = logging.getLogger(__name__)

_POLL_MS: Final = 500
_RETRY_SECONDS: Final = 2.0
_BEHIND_SECONDS: Final = 0.25
_LOOKS: Final = 8  # at a registry that does not show yet what was told of it


@runtime_checkable
class Serving(Protocol):
    """A judge whose models can be exchanged; `stream.pipeline.Pipeline` satisfies it."""

    models: Mapping[str, str]
    """Detector -> `name@version`, of those that serve a model of the registry."""

    def serve(self, name: str, model: Served, copies: Sequence[tuple[Detector, Calibration]]) -> None:
        """Go on with another model from the next batch on."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A model that passed every check, with a copy for each partition."""

    detector: str
    model: Served
    copies: list[tuple[Detector, Calibration]]


def followed(settings: Settings) -> dict[str, str]:
    """Model -> the detector that follows its champion: named without a version."""
    on = {name: entry.model for name, entry in settings.detectors.items() if entry.on and entry.model}
    return {model: name for name, model in on.items() if "@" not in model}


class Control:
    """Follows the control topic of one worker."""

    def __init__(
        self, settings: Settings, judge: Serving, metrics: ControlMetrics, security: Mapping[str, Any]
    ) -> None:
        self._settings, self._judge, self._metrics = settings, judge, metrics
        self._security = security
        self._followed = followed(settings)
        self._registry = registry_of(settings)

    async def run(self) -> None:
        """Follow the topic from its start, for ever; that Kafka is away is said once."""
        failures = 0
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError) as error:
                failures += 1
                if failures == 1:
                    log.warning("no word of changed models (%s); trying again every %g s", error, _RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        kafka = self._settings.kafka
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.brokers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_POLL_MS,
            **self._security,
        )
        await consumer.start()
        consumer.assign([TopicPartition(kafka.control_topic, 0)])
        try:
            while True:
                fetched = await consumer.getmany(timeout_ms=_POLL_MS)
                await self.hear(record for records in fetched.values() for record in records)
        finally:
            await consumer.stop()

    async def hear(self, records: Iterable[Any]) -> None:
        """Look at the models that were told of, each once."""
        told = [read_announcement(one.value) for one in records if (one.key or b"").startswith(MODEL)]
        for word in {word.name: word for word in told if word is not None}.values():
            if word.name in self._followed:
                await self._look(word)

    async def _look(self, word: Announcement) -> None:
        detector = self._followed[word.name]
        try:
            ready = await asyncio.to_thread(self._prepared, detector, word.name, await self._shown(word))
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a new model, the old one goes on
            self._metrics.refused(detector)
            stays = self._judge.models.get(detector)
            log.error("%s keeps %s: the new champion of %s is refused: %s", detector, stays, word.name, error)  # noqa: TRY400  # one line
            return
        if ready is not None:
            before = self._judge.models.get(detector)
            self._judge.serve(detector, ready.model, ready.copies)
            self._metrics.applied(detector)
            log.info("%s serves %s from now on, before %s", detector, ready.model.version, before)

    async def _shown(self, word: Announcement) -> str:
        """The champion, once the registry shows as many changes as were told."""
        standing = await asyncio.to_thread(self._registry.standing, word.name)
        for _ in range(_LOOKS):
            if standing.number >= word.number:
                return f"{word.name}@{standing.champion}" if standing.champion else ""
            await asyncio.sleep(_BEHIND_SECONDS)
            standing = await asyncio.to_thread(self._registry.standing, word.name)
        raise ModelRefused(f"the registry shows {standing.number} changes of {word.name}, told were {word.number}")

    def _prepared(self, detector: str, name: str, champion: str) -> _Ready | None:
        """The champion with a copy for each partition; None where it serves already, or there is none."""
        if not champion or champion == self._judge.models.get(detector):
            return None
        model = served_by(self._registry, detector, name, self._settings)
        return _Ready(detector, model, [model.fresh() for _ in range(self._settings.kafka.partitions)])
