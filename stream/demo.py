"""The demo's run: a simulated shop sends its orders to a broker, a worker reads them, the truth is known."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from config.promotions import PromotionRegister
from stream.embedded import embedded_services
from stream.engine.worker import WorkerSummary, on_embedded, run_worker
from stream.pace import on_time
from stream.pipeline import Outcome, Pipeline
from stream.produce import orders_producer
from stream.simulator import Scorecard, Simulation, demo_scenario, promotions_of, score_run, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from config.settings import Settings
    from stream.alert import Alert
    from stream.produce import Send
    from stream.record import Record

_WARM_UP_HOURS = 30.5  # of the scenario; its incidents begin half an hour later
_JOIN_SECONDS = 5.0


@dataclass(slots=True)
class Progress:
    """Where the run is, for whoever shows it."""

    clock_ms: int = 0
    sent: int = 0
    judged: int = 0
    live: bool = False


@dataclass(frozen=True, slots=True)
class DemoResult:
    """How the run went. `complete` is false when it was interrupted."""

    scorecard: Scorecard
    worker: WorkerSummary
    complete: bool


def run_demo(
    settings: Settings, *, seed: int, speed: float, on_alert: Callable[[Alert], None], progress: Progress
) -> DemoResult:
    """Play the scenario of `seed` through embedded services, its last day `speed` times as quick as ours.

    Runs in the main thread until all that was sent has been judged and its alerts are out, or until SIGINT.
    """
    scenario = demo_scenario(seed)
    simulation = simulate(scenario)
    register = PromotionRegister.parse(promotions_of(scenario))
    events: list[bytes] = []

    def take(alert: Alert) -> None:
        events.append(alert.data)
        on_alert(alert)

    with embedded_services() as services:
        settings = on_embedded(settings, services)
        judge = _BoundedJudge(Pipeline(settings, promotions=register), progress)
        with _Shop(simulation, settings, speed, judge) as shop:
            # not before the worker is ready: then it hears a signal, and the topics are there
            done = run_worker(settings, judge, on_alert=take, on_ready=lambda _: shop.start())
    return DemoResult(score_run(simulation.labels, map(json.loads, events)), done, judge.ended)


class _BoundedJudge:
    """The pipeline, told where a stream ends that otherwise never would.

    After the last event of the run it releases what the pipeline holds back, and asks the worker to stop.
    """

    def __init__(self, pipeline: Pipeline, progress: Progress) -> None:
        self.progress = progress
        self.total: int | None = None
        self.ended = False
        self._pipeline = pipeline

    @property
    def clock_ms(self) -> int:
        """The event time that the log has reached."""
        return self._pipeline.clock_ms

    def process(self, partition: int, records: Sequence[Record], *, wait: bool, more: bool) -> Outcome:
        """Judge records; with the last one, finish."""
        outcome = self._pipeline.process(partition, records, wait=wait, more=more)
        self.progress.judged += len(records)
        if self.progress.judged != self.total:
            return outcome
        self.ended = True
        stop_worker()
        return _joined(outcome, self._pipeline.finish())

    def advance(self, now_ms: int) -> Outcome:  # noqa: ARG002  # the engine's form of a judge
        """Do nothing: the shop's clock is not ours, and by ours each of its orders is long overdue."""
        return Outcome()

    def finish(self) -> Outcome:
        """Release what is held back."""
        return self._pipeline.finish()


def stop_worker() -> None:
    """Ask the worker of this process to stop, as whoever started it would: it first finishes what it has."""
    os.kill(os.getpid(), signal.SIGTERM)


def _joined(first: Outcome, second: Outcome) -> Outcome:
    return Outcome(
        alerts=[*first.alerts, *second.alerts],
        dead_letters=[*first.dead_letters, *second.dead_letters],
        events=first.events + second.events,
        duplicates=first.duplicates + second.duplicates,
        late=first.late + second.late,
        held=second.held,
    )


class _Shop(threading.Thread):
    """Sends the shop's events from a thread of its own, once it is started and while the block runs."""

    def __init__(self, simulation: Simulation, settings: Settings, speed: float, judge: _BoundedJudge) -> None:
        super().__init__(name="shop", daemon=True)
        self._simulation = simulation
        self._settings = settings
        self._speed = speed
        self._judge = judge
        self._progress = judge.progress
        self._stopped = False
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._stopped = True
        if self.ident is not None:
            self.join(_JOIN_SECONDS)
        if self._failure is not None and kind is None:
            raise self._failure

    def run(self) -> None:
        """Send everything, then end the thread."""
        try:
            asyncio.run(self._send_all())
        except Exception as error:  # noqa: BLE001  # it is raised again where the block ends
            self._failure = error
            stop_worker()

    async def _send_all(self) -> None:
        live_ms = self._simulation.settings.start_ms + int(_WARM_UP_HOURS * 3_600_000)
        held: list[bytes] = []
        async with orders_producer(self._settings) as send:
            async for due in on_time(self._simulation, self._speed, live_ms):
                if self._stopped:
                    return
                values = held + [event.value for event in due]
                await self._send(send, values[:-1])
                held = values[-1:]
                self._progress.clock_ms = due[-1].time_ms
                self._progress.live = due[-1].time_ms >= live_ms
            # the judge must know the total before it can have seen the last event
            self._judge.total = self._progress.sent + len(held)
            await self._send(send, held)

    async def _send(self, send: Send, values: list[bytes]) -> None:
        if values:
            await send(values)
            self._progress.sent += len(values)
