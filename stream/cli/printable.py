"""Bytes of strangers on a terminal: what could move its cursor, hide text or ring its bell is shown as an escape."""

from __future__ import annotations


def printable(data: bytes | str, most: int | None = None) -> str:
    r"""Text of one line in which every character shows itself; at most `most` characters, then `…`.

    >>> print(printable(b"caf\xc3\xa9 \x1b[2J \xff" + "\u202e".encode() + b" a\nb"))
    café \x1b[2J \xff\u202e a\nb
    >>> print(printable("abcdef", 4))
    abc…
    """
    text = data if isinstance(data, str) else data.decode(errors="backslashreplace")
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()
