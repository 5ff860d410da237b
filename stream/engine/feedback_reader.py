"""Reads what analysts say, and gives it to the judge: all there is before it begins, then as it comes."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from stream.feedback.event import read_feedback
from stream.feedback.hidden import told_of
from stream.whole_topic import follow, read_whole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from prometheus_client import Metric

    from config.settings import Settings
    from stream.feedback.effect import FeedbackEffect

log = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 2.0
_TELL_SECONDS: Final = 5.0


class FeedbackReader:
    """Follows the feedback topic of one worker; also a collector of prometheus-client."""

    def __init__(
        self,
        settings: Settings,
        effect: FeedbackEffect,
        clock_ms: Callable[[], int],
        send: Callable[[bytes, bytes], Awaitable[Any]],
    ) -> None:
        self._settings, self._effect, self._clock_ms, self._send = settings, effect, clock_ms, send
        self._told: dict[bytes, bytes] = {}
        self._told_at = 0.0

    async def load(self) -> None:
        """Take in what has been said so far. Raises `TopicError`."""
        for _, value in await read_whole(self._settings.kafka, self._settings.feedback.topic):
            self._take(value)

    async def run(self) -> None:
        """Follow the topic for ever; that Kafka is away is said once."""
        failures = 0
        while True:
            try:
                await follow(self._settings.kafka, self._settings.feedback.topic, self._hear)
            except (KafkaError, OSError) as error:
                failures += 1
                if failures == 1:
                    log.warning("no feedback is read (%s); trying again every %g s", error, _RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)

    def collect(self) -> Iterator[Metric]:
        """Give what feedback does now."""
        now_ms, all_of_them = self._clock_ms(), self._effect.suppressions()
        active = sum(one.holds(now_ms) for one in all_of_them)
        yield GaugeMetricFamily(
            "orderwatch_feedback_suppressions", "Expected conditions that are not told.", value=active
        )
        signs = CounterMetricFamily(
            "orderwatch_feedback_hidden", "Signs of conditions that are expected.", labels=["kind"]
        )
        loss = CounterMetricFamily(
            "orderwatch_feedback_hidden_loss", "What they cost, in units.", labels=["kind", "currency"]
        )
        for one in all_of_them:
            signs.add_metric([one.feedback.kind], one.hidden.count)
            loss.add_metric([one.feedback.kind, one.hidden.currency], one.hidden.loss_e4 / 10_000)
        yield from (signs, loss)
        what = "Verdicts that a bar raised by false alerts held back."
        yield CounterMetricFamily("orderwatch_feedback_held_back", what, value=self._effect.held_back)

    async def _hear(self, records: Sequence[Any]) -> None:
        for record in records:
            self._take(record.value)
        if time.monotonic() - self._told_at >= _TELL_SECONDS:
            await self.tell()
            self._told_at = time.monotonic()

    async def tell(self) -> None:
        """Say on the control topic what is hidden by now; what is not taken is said the next time."""
        for one in self._effect.suppressions():
            key, value = told_of(one)
            if one.hidden.count and self._told.get(key) != value:  # one that stands by has nothing to say
                with suppress(KafkaError, ProducerSendError, OSError):
                    await self._send(key, value)
                    self._told[key] = value

    def _take(self, value: bytes | None) -> None:
        feedback = read_feedback(value)
        if feedback is not None:
            self._effect.take(feedback)
