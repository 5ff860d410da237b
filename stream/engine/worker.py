"""One worker process: from start to a clean stop."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import signal
import threading
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from stream.embedded import Services, embedded_services
from stream.engine.app import create_app, security
from stream.engine.health import HealthCheck
from stream.engine.metrics import Observer
from stream.engine.topics import ensure_topics
from stream.engine.web import serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from config.settings import Settings
    from stream.alert import Alert
    from stream.engine.app import EngineApp
    from stream.engine.flow import Judge

log = logging.getLogger(__name__)

_NOISY = (
    "faust",
    "mode",
    "aiokafka",
    "stream.engine.app",
    "stream.engine.fetch_thread",
    "stream.engine.transport",
)  # they build debug records that nobody prints: 30 % of their time
# A stop takes no longer than five seconds; what is not done by then is done by the next owner.
_FINISH_SECONDS = 1.2  # for what is in flight, and once more for its commit
_LEAVE_SECONDS = 1.0
_END_SECONDS = 10.0  # the same as the first where a bounded stream has ended and nobody waits for the process
_LOOK_SECONDS = 0.05
_LONG_SECONDS = 3600.0
_NEW_OBJECTS = 50_000  # between two looks of the garbage collector at the young objects; Python's own is 700
_SESSION = {  # the embedded broker lets a group form after half of the session timeout; two workers need 4 s
    "session_timeout_seconds": 4.0,
    "heartbeat_interval_seconds": 0.5,
    "rebalance_timeout_seconds": 8.0,
}


@dataclass(frozen=True, slots=True)
class WorkerSummary:
    """What a worker did between start and stop. `delivered`: alerts whose id Redis did not know yet."""

    events: int
    duplicates: int
    late: int
    dead_letters: int
    alerts: int
    delivered: int
    batches: int
    seconds: float


def run_worker(
    settings: Settings,
    judge: Judge,
    *,
    embedded: bool = False,
    until_caught_up: bool = False,
    on_alert: Callable[[Alert], None] | None = None,
    on_ready: Callable[[Services], None] | None = None,
    forget_state: bool = False,
) -> WorkerSummary:
    """Run one worker of the group until SIGINT or SIGTERM, and say what it did.

    `embedded` starts a broker and a Redis server of its own, in place of those of the settings, and ends
    them. `until_caught_up` stops by itself once everything the partitions hold was read, and then releases
    what the judge still holds back: a bounded stream. `on_alert` is called with each alert after it was
    published, `on_ready` once, with the addresses in use, when the topics are there and before any event is
    read. `forget_state` does not go on from the state that was saved last, but learns anew.

    Raises `EmbeddedError`, `TopicError`, `StateRefused`, or whatever crashed the worker. What was not finished is not
    committed.
    """
    with ExitStack() as stack:
        services = Services(settings.kafka.brokers, settings.redis.url)
        if embedded:
            services = stack.enter_context(embedded_services())
            settings = without_checkpoints(on_embedded(settings, services))
        stack.enter_context(_patient_collector())
        stack.enter_context(_fast_loop())
        ready = partial(on_ready, services) if on_ready is not None else None
        return asyncio.run(_run(settings, judge, until_caught_up, on_alert, ready, forget_state))


def on_embedded(settings: Settings, services: Services) -> Settings:
    """The same settings with the embedded servers' addresses, and a group that forms in seconds."""
    kafka = {"brokers": services.kafka_brokers, "security_protocol": "PLAINTEXT", "replication_factor": 1}
    redis = {"url": services.redis_url, "username": None, "password": None}
    return settings.model_copy(
        update={
            "kafka": settings.kafka.model_copy(update={**kafka, **_SESSION}),
            "redis": settings.redis.model_copy(update=redis),
        }
    )


def without_checkpoints(settings: Settings) -> Settings:
    """The same settings for a broker that ends with us: it would keep checkpoints in memory, and every one of them."""
    off = settings.checkpoint.model_copy(update={"on": False})
    return settings.model_copy(update={"checkpoint": off})


async def _run(
    settings: Settings,
    judge: Judge,
    until_caught_up: bool,
    on_alert: Callable[[Alert], None] | None,
    on_ready: Callable[[], None] | None,
    forget_state: bool,
) -> WorkerSummary:
    began = time.monotonic()
    stop = asyncio.Event()
    with _signals(stop):
        await ensure_topics(settings, security(settings.kafka))
        if on_ready is not None:
            on_ready()
        app = create_app(settings, judge, on_alert, forget_state=forget_state)
        app.on_refused = stop.set
        if app.feedback is not None:
            await app.feedback.load()
        async with _observed(app, settings, judge, stop):
            try:
                await _work(app, stop, until_caught_up)
            finally:
                await _leave(app)
    fault = app.refusal or app.crash_reason
    if fault is not None:
        raise fault
    counts = dataclasses.asdict(app.flow.counts)
    return WorkerSummary(**counts, seconds=time.monotonic() - began)


@asynccontextmanager
async def _observed(app: EngineApp, settings: Settings, judge: Judge, stop: asyncio.Event) -> AsyncIterator[None]:
    """Answer /livez, /readyz and /metrics meanwhile, if that is asked for."""
    if not settings.web.on:
        yield
        return
    check = HealthCheck(settings.web.stuck_after_seconds)
    observer = Observer(app, judge, settings.kafka.orders_topic, check, stop.is_set)
    async with serve(settings.web, observer) as port:
        log.info("health and metrics at http://%s:%d", settings.web.host, port)
        yield


async def _work(app: EngineApp, stop: asyncio.Event, until_caught_up: bool) -> None:
    """Run `app` until it is told to stop, crashes, or has read everything; then finish what is in flight."""
    await _start(app, stop)
    while not (stop.is_set() or app.should_stop):
        await app.wait_first(stop.wait(), timeout=_LOOK_SECONDS if until_caught_up else _LONG_SECONDS)
        if until_caught_up and app.orders.caught_up:
            break
    if app.crashed:
        return
    seconds = _FINISH_SECONDS if stop.is_set() else _END_SECONDS
    finished = await app.orders.finish(seconds)
    if await app.flow.settle(app.orders, seconds):
        await app.orders.finish(seconds)
    if finished and until_caught_up and not stop.is_set():
        await app.flow.finish()
        if app.sharing is not None:
            await app.sharing.settle(seconds)


async def _start(app: EngineApp, stop: asyncio.Event) -> None:
    """Start and warm up. A group can take its time to form, so a stop is heard meanwhile."""
    starting = asyncio.ensure_future(app.start())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
    finally:
        stopping.cancel()
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    gc.collect()
    gc.freeze()  # what was made so far stays: the collector need not look at it again


async def _leave(app: EngineApp) -> None:
    """Stop `app`, which waits for a broker that may have gone away: not for ever."""
    leaving = asyncio.ensure_future(app.stop())
    done, _ = await asyncio.wait({leaving}, timeout=_LEAVE_SECONDS)
    if not done:
        log.warning("Kafka did not answer within %g s: leaving without its goodbye", _LEAVE_SECONDS)
        for name in _NOISY:
            logging.getLogger(name).setLevel(
                logging.CRITICAL
            )  # each part would tell with a traceback that it is cut short
        leaving.cancel()
        await asyncio.wait({leaving}, timeout=_LEAVE_SECONDS)
    else:
        leaving.result()
    await app.alert_channel.close()
    if app.checkpointer is not None:
        await app.checkpointer.standby.stop()
    await app.changelog.stop()


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` at the first SIGINT or SIGTERM; a second one then has its usual effect at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach the main thread only; whoever runs us in another one stops us otherwise
        return
    loop = asyncio.get_running_loop()
    kinds = (signal.SIGINT, signal.SIGTERM)

    def stop_once() -> None:
        for kind in kinds:
            loop.remove_signal_handler(kind)
        stop.set()

    for kind in kinds:
        loop.add_signal_handler(kind, stop_once)
    try:
        yield
    finally:
        for kind in kinds:
            loop.remove_signal_handler(kind)


@contextmanager
def _patient_collector() -> Iterator[None]:
    """Garbage collection at a pace that fits batches; it is the largest hidden cost of decoding events."""
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def _fast_loop() -> Iterator[None]:
    """uvloop, where it is installed, for our loop and the one of the thread that fetches."""
    try:
        import uvloop
    except ImportError:
        yield
        return
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)
