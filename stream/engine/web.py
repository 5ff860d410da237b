"""The worker over HTTP: /livez, /readyz and /metrics, and nothing else; off unless `web.on`.

A request is answered between two batches, in the worker's own event loop: a loop that no longer turns does not
answer, which is what whoever asks has to know.
"""

from __future__ import annotations

import asyncio
import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.typedefs import Handler, Middleware

    from config.sections import WebSettings
    from stream.engine.health import Health
    from stream.engine.metrics import Observer

_LOOK_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 0.5


class WebError(RuntimeError):
    """The port cannot be listened on; the message is one line and names the knob."""


@asynccontextmanager
async def serve(settings: WebSettings, observer: Observer) -> AsyncIterator[int]:
    """Answer while the block runs; yield the port. Raises WebError."""
    runner = web.AppRunner(_application(settings, observer), access_log=None, shutdown_timeout=_CLOSE_SECONDS)
    await runner.setup()
    looking = asyncio.ensure_future(_keep_looking(observer))
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            address = f"{settings.host} (web.host) port {settings.port} (web.port)"
            raise WebError(f"cannot listen on {address}: {error.strerror}") from error
        yield int(runner.addresses[0][1])
    finally:
        looking.cancel()
        await runner.cleanup()


async def _keep_looking(observer: Observer) -> None:
    while True:
        observer.look()
        await asyncio.sleep(_LOOK_SECONDS)


def _application(settings: WebSettings, observer: Observer) -> web.Application:
    async def live(_: web.Request) -> web.Response:
        observer.look()
        return _answer(observer.check.live)

    async def ready(_: web.Request) -> web.Response:
        observer.look()
        return _answer(observer.check.ready)

    async def metrics(_: web.Request) -> web.Response:
        observer.look()
        return web.Response(body=generate_latest(observer.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application(middlewares=[_guard(settings)])
    application.add_routes([web.get("/livez", live), web.get("/readyz", ready), web.get("/metrics", metrics)])
    return application


def _answer(health: Health) -> web.Response:
    return web.Response(status=200 if health.ok else 503, text=f"{health.reason}\n")


def _guard(settings: WebSettings) -> Middleware:
    """Let in who carries the token, where there is one."""
    token = None if settings.token is None else f"Bearer {settings.token.get_secret_value()}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if token is not None and not hmac.compare_digest(shown, token):
            return web.Response(status=401, text="a token is asked for\n", headers={"WWW-Authenticate": "Bearer"})
        return await handler(request)

    return guard
