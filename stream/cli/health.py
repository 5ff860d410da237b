"""`orderwatch health`: asks the worker on this machine how it is, for a probe that runs beside it."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from stream.cli.ending import FAILURE, UnusableFile
from stream.cli.options import ConfigFiles, settings_from

if TYPE_CHECKING:
    from config.sections import WebSettings

_ANSWER_SECONDS: Final = 5.0
_HERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what it listens on, not what we listen on


def health(
    what: Annotated[
        Literal["ready", "live"], typer.Argument(help="ready: it gets on; live: leave it running.")
    ] = "ready",
    config: ConfigFiles = None,
) -> None:
    """Ask the worker of these settings on this machine how it is.

    Ends with 0 if it is well, 1 if it is not or does not answer, and says why. Needs web.on.
    """
    web = settings_from(config).web
    if not web.on:
        raise UnusableFile("web.on is false: a worker of these settings tells nobody how it is")
    status, reason = _ask(web, f"/{what}z")
    typer.echo(reason)
    if status != http.client.OK:
        raise typer.Exit(FAILURE)


def _ask(web: WebSettings, path: str) -> tuple[int, str]:
    """Status and text; raises OSError if nobody answers."""
    connection = http.client.HTTPConnection(_HERE.get(web.host, web.host), web.port, timeout=_ANSWER_SECONDS)
    headers = {} if web.token is None else {"Authorization": f"Bearer {web.token.get_secret_value()}"}
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace").strip()
    except http.client.HTTPException as error:
        raise OSError(f"{web.host}:{web.port} (web.port) does not speak HTTP: {error!r}") from error
    finally:
        connection.close()
