"""A progress bar on standard error, or in a notebook, for work that takes longer than a glance."""

from __future__ import annotations

from collections.abc import Iterator

from features.source import Source


def shown(source: Source, what: str, *, visible: bool | None) -> Iterator[list[bytes]]:
    """The blocks of `source`, with a bar of how far it is read.

    `visible` : None shows the bar where somebody may see it: on a terminal, and in a notebook.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    hidden = not (console.is_terminal or console.is_jupyter) if visible is None else not visible
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[events]:,} events"))
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True, disable=hidden
    ) as progress:
        task, events = progress.add_task(what, total=source.total, events=0), 0
        for block in source:
            yield block
            events += len(block)
            progress.update(task, completed=source.done, events=events)
