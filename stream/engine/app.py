"""The Faust application: our settings in its words, our transport under it, one agent that reads batches."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables.manager import TableManager
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from mode.supervisors import CrashingSupervisor

from features.state import Stateful
from stream.alert_channel import AlertChannel
from stream.checkpoint.changelog import Changelog
from stream.checkpoint.checkpointer import Checkpointer
from stream.checkpoint.metrics import CheckpointMetrics
from stream.checkpoint.schema import StateRefused, schema_of
from stream.engine.assignor import OneWatches
from stream.engine.control import Control, Serving, followed
from stream.engine.control_metrics import ControlMetrics
from stream.engine.feature_writer import FeatureWriter
from stream.engine.feedback_reader import FeedbackReader
from stream.engine.flow import Flow
from stream.engine.in_flight import BATCHES_IN_FLIGHT
from stream.engine.metrics import PublishMetrics
from stream.engine.publisher import Publisher
from stream.engine.sharing import Sharing
from stream.engine.slice_publisher import SlicePublisher
from stream.engine.transport import BATCHES_PER_POLL, BatchConsumer, BatchTransport
from stream.engine.warm_up import warm_up
from stream.feature_log import FeatureLog
from stream.feedback.effect import FeedbackEffect
from stream.pipeline import Pipeline
from stream.shuffle.judge import SharedJudge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from faust.types.auth import CredentialsT

    from config.sections import KafkaSettings
    from config.settings import Settings
    from stream.alert import Alert
    from stream.engine.flow import Judge
    from stream.engine.in_flight import Batch

_IDLE_TICK_SECONDS = 1.0
_MESSAGE_BYTES = 64 << 20  # whether a message is too long is for the broker to say, not the producer
_USUAL_MESSAGE_BYTES = 1024  # a partition's answer must be able to fill a batch; a longer message still comes whole
_SEND_SECONDS = 30.0  # then the send fails, is logged, and tried again


class EngineApp(faust.App):
    """A Faust application that judges batches of orders, and keeps nothing on disk."""

    flow: Flow
    alert_channel: AlertChannel
    publish_metrics: PublishMetrics
    feedback: FeedbackReader | None = None
    publisher: Publisher
    changelog: Changelog
    sharing: Sharing | None = None
    pause: asyncio.Lock
    checkpointer: Checkpointer | None
    refusal: StateRefused | None = None
    on_refused: Callable[[], None] | None = None

    def refuse(self, refusal: StateRefused) -> None:
        """Say that the saved state cannot be gone on from: nothing is read, and the worker is to end."""
        self.refusal = refusal
        if self.on_refused is not None:
            self.on_refused()

    @property
    def orders(self) -> BatchConsumer:
        """The consumer, by its own type."""
        return cast("BatchConsumer", self.consumer)

    def _create_directories(self) -> None:
        """State lives in memory and in Kafka; Faust would leave an empty folder where it was started."""


class _Tables(TableManager):
    """Faust's table manager without its second of sleep, in which modules may still declare tables."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


def create_app(
    settings: Settings, judge: Judge, on_alert: Callable[[Alert], None] | None = None, *, forget_state: bool = False
) -> EngineApp:
    """Compose the application. To be called inside the running event loop that it is to live in."""
    kafka = settings.kafka
    app = EngineApp(kafka.group, **_options(kafka, shared=isinstance(judge, SharedJudge)))
    app.alert_channel = AlertChannel(settings.redis)
    app.publish_metrics = PublishMetrics()
    app.pause = asyncio.Lock()
    kind = SlicePublisher if isinstance(judge, SharedJudge) else Publisher
    app.publisher = publisher = kind(app, app.alert_channel, settings, on_alert, app.publish_metrics)
    app.flow = Flow(judge, publisher, _feature_writer(settings, publisher))
    app.changelog = Changelog(kafka, security(kafka))
    if isinstance(judge, SharedJudge):
        app.sharing = Sharing(app, settings, judge, security(kafka))
    app.checkpointer = _checkpointer(app, settings, judge, forget_state)
    batches: faust.ChannelT[Any] = app.channel(maxsize=BATCHES_IN_FLIGHT)
    app.transport = BatchTransport(
        app,
        topic=kafka.orders_topic,
        channel=batches,
        batch_records=kafka.max_poll_records,
        fetch_max_wait_ms=kafka.fetch_max_wait_ms,
        drain_seconds=kafka.rebalance_timeout_seconds / 3,
        checkpointer=app.checkpointer,
    )
    app.topics.add(app.topic(kafka.orders_topic))  # what makes the consumer subscribe to it
    _add_agent(app, batches)
    _add_tasks(app, settings.time.idle_source_seconds)
    if app.sharing is not None:
        _add_sharing(app, app.sharing, settings)
    if settings.feature_log.on:
        app.timer(settings.feature_log.every_seconds)(_ticking(app))
    if isinstance(judge, Serving) and judge.models:
        _add_control(app, settings, judge)
    if isinstance(effect := getattr(judge, "feedback", None), FeedbackEffect):
        _add_feedback(app, settings, effect)
    return app


def security(kafka: KafkaSettings) -> Mapping[str, Any]:
    """The TLS and SASL arguments of an aiokafka client."""
    arguments: Mapping[str, Any] = credentials_to_aiokafka_auth(_credentials(kafka))
    return arguments


def _add_agent(app: EngineApp, batches: faust.ChannelT[Any]) -> None:
    # a failure ends the worker: the offset is not committed, and a fresh process reads the batch again
    @app.agent(batches, name="orders", supervisor_strategy=CrashingSupervisor)
    async def orders(stream: faust.StreamT[Batch]) -> None:
        async for batch in stream:
            async with app.pause:
                if app.orders.is_current(batch.generation):
                    await app.flow.judge(batch)
            app.orders.mark_judged()


def _add_tasks(app: EngineApp, idle_seconds: float) -> None:
    async def publish() -> None:
        await app.flow.publish(app.orders)

    async def watch_idle_source() -> None:
        consumer = app.orders
        if not (consumer.caught_up and consumer.quiet_seconds >= idle_seconds):
            return
        if app.sharing is not None:
            await app.sharing.advance(consumer.quiet_seconds)
        else:
            app.flow.advance(consumer.quiet_seconds)

    async def save() -> None:
        if app.checkpointer is not None:
            await app.checkpointer.run(app.orders.mark_saved)

    async def stand_by() -> None:
        if app.checkpointer is not None:
            await app.checkpointer.standby.run(lambda: app.orders.is_idle_member)

    app.task(publish)
    app.task(save)
    app.task(stand_by)
    app.timer(min(idle_seconds, _IDLE_TICK_SECONDS))(watch_idle_source)


def _add_sharing(app: EngineApp, sharing: Sharing, settings: Settings) -> None:
    async def merge() -> None:
        await sharing.merging.run()

    async def say_at_end() -> None:
        sharing.say_at_end()

    app.task(merge)
    app.timer(settings.shuffle.word_seconds)(say_at_end)


def _checkpointer(app: EngineApp, settings: Settings, judge: Judge, forget: bool) -> Checkpointer | None:
    if not settings.checkpoint.on or not isinstance(judge, Stateful):
        return None
    make = partial(Checkpointer, judge) if app.sharing is None else app.sharing.keeper
    return make(
        app.flow,
        app.changelog,
        schema_of(settings),
        interval_seconds=settings.checkpoint.interval_seconds,
        forget=forget,
        metrics=CheckpointMetrics(app.publish_metrics.registry),
        warm_up=partial(warm_up, settings) if isinstance(judge, Pipeline) else None,
    )


def _feature_writer(settings: Settings, publisher: Publisher) -> FeatureWriter | None:
    log = FeatureLog.of(settings, {})
    return None if log is None else FeatureWriter(log, publisher, settings.feature_log.every_seconds)


def _add_control(app: EngineApp, settings: Settings, judge: Serving) -> None:
    metrics = ControlMetrics(app.publish_metrics.registry, judge)
    if not followed(settings):
        return
    control = Control(settings, judge, metrics, _sender(app, settings.kafka.control_topic))

    async def follow_models() -> None:
        await control.run()

    app.task(follow_models)


def _add_feedback(app: EngineApp, settings: Settings, effect: FeedbackEffect) -> None:
    send = _sender(app, settings.kafka.control_topic)
    app.feedback = reader = FeedbackReader(settings, effect, lambda: app.flow.clock_ms, send)
    app.publish_metrics.registry.register(reader)

    async def follow_feedback() -> None:
        await reader.run()

    app.task(follow_feedback)


def _sender(app: EngineApp, topic: str) -> Callable[[bytes, bytes], Awaitable[Any]]:
    """Gives a topic of one partition a key and a value."""

    async def send(key: bytes, value: bytes) -> None:
        await app.producer.send_and_wait(topic, key, value, 0, None, None)

    return send


def _ticking(app: EngineApp) -> Callable[[], Awaitable[None]]:
    async def write_features() -> None:
        app.flow.tick()

    return write_features


def _options(kafka: KafkaSettings, *, shared: bool) -> dict[str, Any]:
    return {
        "broker": ";".join(f"kafka://{broker}" for broker in kafka.brokers.split(",")),
        "broker_credentials": _credentials(kafka),
        "broker_client_id": "orderwatch",
        "env_prefix": "ORDERWATCH_FAUST_",  # else a bare BROKER_URL in the environment beats these
        "autodiscover": False,
        "web_enabled": False,
        "store": "memory://",
        "key_serializer": "raw",
        "value_serializer": "raw",
        "topic_partitions": kafka.partitions,
        "topic_replication_factor": kafka.replication_factor,
        "topic_allow_declare": False,  # engine/topics.py makes them, with errors that say what to do
        "topic_disable_leader": True,
        "table_standby_replicas": 1,  # else Faust would not ask the assignor
        "TableManager": _Tables,
        "PartitionAssignor": PartitionAssignor if shared else OneWatches,
        "stream_wait_empty": False,  # waits for messages; ours are batches, and the consumer waits for them
        "stream_recovery_delay": 0.0,
        "broker_session_timeout": kafka.session_timeout_seconds,
        # a member that joins may be kept waiting for the others for all of the rebalance timeout
        "broker_request_timeout": kafka.rebalance_timeout_seconds + kafka.session_timeout_seconds,
        "broker_heartbeat_interval": kafka.heartbeat_interval_seconds,
        "broker_rebalance_timeout": kafka.rebalance_timeout_seconds,
        "broker_commit_interval": kafka.commit_interval_seconds,
        "consumer_max_fetch_size": kafka.max_poll_records * _USUAL_MESSAGE_BYTES,
        "broker_max_poll_records": kafka.max_poll_records * BATCHES_PER_POLL,
        "consumer_auto_offset_reset": "earliest",
        "producer_acks": -1,
        "producer_linger": 0.0,
        "producer_request_timeout": _SEND_SECONDS,
        "producer_max_request_size": _MESSAGE_BYTES,
    }


def _credentials(kafka: KafkaSettings) -> CredentialsT | None:
    protocol = kafka.security_protocol
    tls = ssl.create_default_context(cafile=kafka.ssl_cafile) if protocol.endswith("SSL") else None
    if protocol == "PLAINTEXT":
        return None
    if tls is not None and protocol == "SSL":
        return faust.SSLCredentials(tls)
    assert kafka.sasl_username is not None, "the settings refuse SASL without a user"
    assert kafka.sasl_password is not None, "the settings refuse SASL without a password"
    return faust.SASLCredentials(
        username=kafka.sasl_username.get_secret_value(),
        password=kafka.sasl_password.get_secret_value(),
        mechanism=kafka.sasl_mechanism,
        ssl_context=tls,
    )
