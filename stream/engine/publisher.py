"""Publishes outcomes: dead letters and alerts to Kafka, then the alerts to Redis.

Kafka first, since its topic is the source of truth and Redis can be rebuilt from it. Each step is repeated
until it succeeds: nothing is dropped, the offset behind it is not committed meanwhile, and the full pipeline
behind it stops fetching. Both steps are safe to repeat: ids are deterministic, and Redis takes each once.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError
from redis.exceptions import RedisError

from stream.dead_letter import headers
from stream.engine.metrics import PublishMetrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import faust
    from prometheus_client import CollectorRegistry

    from config.settings import Settings
    from stream.alert import Alert
    from stream.alert_channel import AlertChannel
    from stream.dead_letter import DeadLetter
    from stream.engine.flow import Outcome
    from stream.feature_log import Block

log = logging.getLogger(__name__)


_SHORT_BYTES = 65_536


class PublishError(RuntimeError):
    """Kafka will never take a message; the text names the topic's setting to change."""


class _Message(NamedTuple):
    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Publisher:
    """Sends what was judged to the outside. `on_alert` is called with each alert once it is everywhere."""

    def __init__(
        self,
        app: faust.App,
        channel: AlertChannel,
        settings: Settings,
        on_alert: Callable[[Alert], None] | None = None,
        metrics: PublishMetrics | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics or PublishMetrics()
        self._channel = channel
        self._kafka = settings.kafka
        self._feature_topic = settings.feature_log.topic
        self._retry_seconds = settings.redis.retry_seconds
        self._on_alert = on_alert

    @property
    def registry(self) -> CollectorRegistry:
        """Where what is counted of the way out is read."""
        return self._metrics.registry

    async def publish(self, outcomes: Sequence[Outcome]) -> int:
        """Publish all in order, however long it takes; return the number of alerts new to Redis."""
        alerts = [alert for outcome in outcomes for alert in outcome.alerts]
        messages = [self._of_letter(letter) for outcome in outcomes for letter in outcome.dead_letters]
        messages += [self._of_alert(alert) for alert in alerts]
        if messages:
            await self._until_done("Kafka", lambda: self._send(messages))
        if not alerts:
            return 0
        delivered = await self._until_done("Redis", lambda: self._channel.publish(alerts))
        for alert in alerts:
            self._metrics.delivered(alert)
            if self._on_alert is not None:
                self._on_alert(alert)
        return delivered

    async def publish_blocks(self, blocks: Sequence[Block]) -> None:
        """Give Kafka blocks of the feature log, however long it takes."""
        messages = [_Message(self._feature_topic, block.key, block.value, []) for block in blocks]
        await self._until_done("Kafka", lambda: self._send(messages))

    def _of_alert(self, alert: Alert) -> _Message:
        # the key keeps the transitions of a condition in one partition, and so in order
        return _Message(self._kafka.alerts_topic, alert.fingerprint.encode(), alert.data, [])

    def _of_letter(self, letter: DeadLetter) -> _Message:
        origin = headers(letter, self._kafka.orders_topic)
        # the client asserts that one of the two is there, and an empty message must not end the worker
        key = b"" if letter.key is letter.value is None else letter.key
        return _Message(self._kafka.dlq_topic, key, letter.value, origin)

    async def _send(self, messages: Sequence[_Message]) -> int:
        """Hand all messages to the producer, in order, then wait for all acknowledgements."""
        sent = [await self._hand_over(message) for message in messages]
        results = await asyncio.gather(*sent, return_exceptions=True)
        for message, result in zip(messages, results, strict=True):
            if isinstance(result, MessageSizeTooLargeError):
                await self._send_shortened(message, result)
            elif isinstance(result, BaseException):
                raise result
        return len(results)

    async def _hand_over(self, message: _Message) -> Awaitable[Any]:
        """Give a message to the producer; what is returned is done when the broker has it, or refused it."""
        try:
            return await self._app.producer.send(message.topic, message.key, message.value, None, None, message.headers)
        except ProducerSendError as error:
            if not isinstance(error.__cause__, MessageSizeTooLargeError):
                raise
            refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            refused.set_exception(error.__cause__)
            return refused

    async def _send_shortened(self, message: _Message, refusal: MessageSizeTooLargeError) -> None:
        """A dead letter must not stop its partition: send its beginning, the original is where it says."""
        size = len(message.value or b"")
        if message.topic != self._kafka.dlq_topic or size <= _SHORT_BYTES:
            raise PublishError(
                f"Kafka refuses a message of {size} bytes: raise max.message.bytes of topic {message.topic}"
            ) from refusal
        short = message._replace(
            value=(message.value or b"")[:_SHORT_BYTES],
            headers=[*message.headers, ("shortened_from_bytes", str(size).encode())],
        )
        await (await self._hand_over(short))

    async def _until_done(self, what: str, step: Callable[[], Awaitable[int]]) -> int:
        """Repeat `step` while `what` is away; say so once, and once that it is back."""
        with self._metrics.publishing(what):
            return await self._tried_until_done(what, step)

    async def _tried_until_done(self, what: str, step: Callable[[], Awaitable[int]]) -> int:
        failures = 0
        while True:
            try:
                result = await step()
            except (KafkaError, ProducerSendError, RedisError, OSError) as error:
                failures += 1
                self._metrics.failed(what)
                if failures == 1:
                    log.warning(
                        "%s does not take alerts (%s); commits wait, trying again every %g s",
                        what,
                        error,
                        self._retry_seconds,
                    )
                await asyncio.sleep(self._retry_seconds)
                continue
            if failures:
                log.warning("%s takes alerts again, after %d failed tries", what, failures)
            return result
