"""Hears of changed models, and has the judge go on with them: validated first, swapped between two batches.

A word on the control topic says only which model to look at; the registry of the settings says what serves. A model
is loaded and tried in a thread, beside the judging. If anything is wrong with it, the last good one stays.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import msgspec
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from models.package import ModelRefused
from models.verdict import family_of
from models.watch import OrderWatch
from stream.control_topic import MODEL, Announcement, key_of, read_announcement
from stream.model_registry.serving import challengers_of, registry_of, served_by
from stream.shadow import Shadow
from stream.whole_topic import follow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from config.settings import Settings
    from models.calibration import Calibration
    from models.detector import Detector
    from stream.engine.control_metrics import ControlMetrics
    from stream.model_registry.serving import Served

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 2.0
_REPORT_SECONDS: Final = 5.0
_BEHIND_SECONDS: Final = 0.25
_LOOKS: Final = 8  # at a registry that does not show yet what was told of it


@runtime_checkable
class Serving(Protocol):
    """A judge whose models can be exchanged; `stream.pipeline.Pipeline` satisfies it."""

    models: Mapping[str, str]
    """Detector -> `name@version`, of those that serve a model of the registry."""
    skew: Mapping[str, int]
    """Detector -> in how many ways its model's training differs from what serves here."""
    shadows: list[Shadow]
    """Challengers at work."""

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
    """Follows the control topic of one worker, and tells there how its challengers do.

    `send` : gives the topic a key and a value.
    """

    def __init__(
        self,
        settings: Settings,
        judge: Serving,
        metrics: ControlMetrics,
        send: Callable[[bytes, bytes], Awaitable[Any]],
    ) -> None:
        self._settings, self._judge, self._metrics = settings, judge, metrics
        self._send = send
        self._followed = followed(settings)
        self._registry = registry_of(settings)
        self._run = secrets.token_hex(4)
        self._reported: dict[bytes, int] = {}
        self._reported_at = time.monotonic()

    async def run(self) -> None:
        """Follow the topic from its start, for ever; that Kafka is away is said once."""
        failures = 0
        for name in self._followed:
            await self._look(Announcement(name))
        while True:
            try:
                await follow(self._settings.kafka, self._settings.kafka.control_topic, self._hear)
            except (KafkaError, OSError) as error:
                failures += 1
                if failures == 1:
                    log.warning("no word of changed models (%s); trying again every %g s", error, _RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _hear(self, records: Sequence[Any]) -> None:
        await self.hear(records)
        if time.monotonic() - self._reported_at >= _REPORT_SECONDS:
            await self.report()
            self._reported_at = time.monotonic()

    async def hear(self, records: Iterable[Any]) -> None:
        """Look at the models that were told of, each once."""
        told = [read_announcement(one.value) for one in records if (one.key or b"").startswith(MODEL)]
        for word in {word.name: word for word in told if word is not None}.values():
            if word.name in self._followed:
                await self._look(word)

    async def report(self) -> None:
        """Tell how the challengers do that have scored something since; one that is not taken is told the next time."""
        for shadow in self._judge.shadows:
            report = shadow.report()
            key = key_of(report)
            if report.orders > self._reported.get(key, 0):
                with suppress(KafkaError, ProducerSendError, OSError):
                    await self._send(key, msgspec.json.encode(report))
                    self._reported[key] = report.orders

    async def _look(self, word: Announcement) -> None:
        await self._look_at_champion(word)
        await self._look_at_challengers(word.name)

    async def _look_at_champion(self, word: Announcement) -> None:
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

    async def _look_at_challengers(self, name: str) -> None:
        """Have the newest ones score beside the champion, and no others."""
        detector = self._followed[name]
        champion = self._judge.models[detector]
        try:
            wanted = await asyncio.to_thread(challengers_of, self._registry, name, self._settings.models.shadow)
        except (ModelRefused, OSError) as error:
            log.warning("challengers of %s cannot be looked at: %s", name, error)
            return
        there = {(one.detector, one.champion, one.challenger): one for one in self._judge.shadows}
        kept = [one for one in self._judge.shadows if one.detector != detector]
        for label in wanted:
            shadow = there.get((detector, champion, label)) or await self._in_shadow(detector, champion, label)
            kept += [shadow] if shadow is not None else []
        self._judge.shadows = kept

    async def _in_shadow(self, detector: str, champion: str, label: str) -> Shadow | None:
        try:
            ready = await asyncio.to_thread(self._loaded, detector, label)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a challenger, the champion goes on
            self._metrics.refused(detector)
            log.warning("%s does not score in shadow: %s", label, error)
            return None
        score = self._settings.judge.alert_score_of(family_of(OrderWatch.kind))  # type: ignore[arg-type]  # a kind's family is one
        log.info("%s scores in shadow beside %s", label, champion)
        return Shadow(detector, champion, ready.model, ready.copies, score, self._run)

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
        return self._loaded(detector, name)

    def _loaded(self, detector: str, name: str) -> _Ready:
        with _giving_way():
            model = served_by(self._registry, detector, name, self._settings)
            return _Ready(detector, model, [model.fresh() for _ in range(self._settings.kafka.partitions)])


@contextmanager
def _giving_way() -> Iterator[None]:
    """Have this thread let go of the interpreter ten times as often: judging asks for it many times a batch."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 10)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
