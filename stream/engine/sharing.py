"""What a worker that shares the log does beside judging: its word at the end, time that passes, slices merged."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from stream.shuffle.judge import SharedJudge, SharedOutcome
from stream.shuffle.keeper import Keeper
from stream.shuffle.merging import Merging
from stream.shuffle.slices_log import SlicesLog
from stream.shuffle.topic import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from config.settings import Settings
    from stream.alert import Alert
    from stream.engine.app import EngineApp


class Sharing:
    """Ties stage one, stage two and their keeper to an application.

    Parameters
    ----------
    app
        The application, with its flow.
    settings, judge
        What is set, and who judges.
    security
        The TLS and SASL arguments of a client.
    """

    def __init__(self, app: EngineApp, settings: Settings, judge: SharedJudge, security: Mapping[str, Any]) -> None:
        """Own nothing."""
        self._app, self._judge = app, judge
        self._topic = name_of(settings.kafka)
        self._retry_seconds = settings.redis.retry_seconds
        self.slices = SlicesLog(settings.kafka, security)
        self.merging = Merging(judge.merge, self.slices, self._publish)

    def keeper(self, *arguments: Any, **named: Any) -> Keeper:
        """The keeper of its state; the arguments are those of `Checkpointer` behind the judge."""
        return Keeper(self._judge, self.merging, self.slices, self._send, *arguments, **named)

    def say_at_end(self) -> None:
        """Say that our partitions are read to their ends, if they are."""
        if self._app.orders.caught_up and (said := self._judge.spread.at_end()):
            self._app.flow.say(SharedOutcome(messages=said))

    async def advance(self, quiet_seconds: float) -> None:
        """Let event time pass in our partitions; nothing is judged until the state is safe, then it is said."""
        checkpointer = self._app.checkpointer
        assert checkpointer is not None, "the settings refuse to share a log whose state is not kept"
        async with self._app.pause:
            self._app.flow.advance(quiet_seconds)
            is_saved = False
            while not is_saved:
                is_saved = await checkpointer.try_to_save(self._app.orders.mark_saved)
                await asyncio.sleep(0.0 if is_saved else self._retry_seconds)
            self._app.flow.say(SharedOutcome(messages=self._judge.spread.silences()))

    async def settle(self, seconds: float) -> None:
        """Merge what stands in the topic, and save that: a bounded stream has ended."""
        until = time.monotonic() + seconds
        await self.merging.drain(seconds)
        await self._app.orders.finish(max(0.0, until - time.monotonic()))

    async def _publish(self, alerts: Sequence[Alert]) -> None:
        counts = self._app.flow.counts
        counts.alerts += len(alerts)
        counts.delivered += await self._app.publisher.publish([SharedOutcome(alerts=list(alerts))])

    async def _send(self, value: bytes) -> int:
        result = await self._app.producer.send_and_wait(self._topic, None, value, 0, None, None)
        return int(result.offset)
