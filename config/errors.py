"""The one error of this folder, and how a pydantic error becomes its single line."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_LONGEST_VALUE_SHOWN = 60
_CREDENTIALS = re.compile(r"://[^/@\s]*@")
_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
_MISSING_KEY = {"missing", "missing_argument", "missing_keyword_only_argument"}


class ConfigRefused(ValueError):
    """The configuration cannot be used. One line: where, which key, its value, and what is allowed.

    The right answer is to stop the start and show the line; nothing is gained by a retry.
    """


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Word an unknown name so that the reader sees what to write instead.

    >>> unknown("key", "treshold", ["threshold", "cooldown_seconds"])
    "unknown key 'treshold' (did you mean 'threshold'?); known: cooldown_seconds, threshold"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"unknown {what} {name!r}{hint}; known: {', '.join(names) or 'none'}"


def explain(error: ValidationError, model: Any) -> str:
    """One line for the first problem that pydantic found, and how many more there are."""
    line, more = _line(first_problem(error), model), error.error_count() - 1
    return f"{line} (and {more} more)" if more else line


def first_problem(error: ValidationError) -> ErrorDetails:
    """Pick the problem worth naming: an unknown key, since a missing one may be that key misspelt."""
    problems = error.errors(include_url=False)
    return next((problem for problem in problems if problem["type"] in _UNKNOWN_KEY), problems[0])


def _line(problem: ErrorDetails, model: Any) -> str:
    location = tuple(part for part in problem["loc"] if part != "[key]")
    key = ".".join(map(str, location))
    if problem["type"] in _UNKNOWN_KEY:
        parent = f"{'.'.join(map(str, location[:-1]))}: " if location[1:] else ""
        return parent + unknown("key", str(location[-1]), known_keys(model, location[:-1]))
    if problem["type"] in _MISSING_KEY:
        return f"{key} is missing"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    shown = "" if _is_secret(model, location) else _shown(problem["input"])
    return f"{key}{shown}: {message}" if key else message


def _is_secret(model: Any, location: Sequence[int | str]) -> bool:
    """Whether a secret is wanted there: what was given instead may be one, and is not to be repeated."""
    for part in location:
        model = _child(_model_in(model), part)
    return _model_in(model) is SecretStr


def _shown(value: object) -> str:
    if isinstance(value, SecretStr | BaseModel | Mapping):
        return ""
    text = _CREDENTIALS.sub("://…@", repr(value))
    return f" = {text if len(text) <= _LONGEST_VALUE_SHOWN else text[: _LONGEST_VALUE_SHOWN - 1] + '…'}"


def known_keys(model: Any, location: Sequence[int | str]) -> list[str]:
    """Keys that `model` (a pydantic model, or a type holding one) allows at `location`."""
    for part in location:
        model = _child(_model_in(model), part)
    fields = getattr(_model_in(model), "model_fields", None)
    return sorted(fields) if fields is not None else []


def _child(model: Any, part: int | str) -> Any:
    fields = getattr(model, "model_fields", {})
    if part in fields:
        return fields[part].annotation
    inner = get_args(model)
    return inner[-1] if inner else None


def _model_in(annotation: Any) -> Any:
    """Take `X` out of `X | None` and `Annotated[X, …]`."""
    if get_origin(annotation) is Annotated:
        return _model_in(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return next((arm for arm in get_args(annotation) if arm is not type(None)), None)
    return annotation
