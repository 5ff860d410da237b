"""What tests share: a broker and a Redis-compatible server of either kind, settings on them, a registry, the command.

`make test` runs on the embedded parts. `make test-real` runs the same tests on Apache Kafka and redis-server too:
these are marked `real`, everything that needs a broker or a Redis is marked `parts`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings

from tests.parts.services import KINDS, settings_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from config.settings import Settings
    from stream.embedded import Services
    from stream.model_registry.registry import Registry
    from tests.parts.services import Parts


hypothesis_settings.register_profile("compiled", deadline=None)  # a first call may have to compile
hypothesis_settings.load_profile("compiled")


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("embedded", marks=pytest.mark.parts),
        pytest.param("real", marks=[pytest.mark.parts, pytest.mark.real]),
    ],
)
def parts(request) -> Iterator[Parts]:
    """A broker and a Redis-compatible server, started once a run; a test's own names keep it apart from others."""
    with KINDS[request.param]() as parts:
        yield parts


@pytest.fixture
def services(parts) -> Services:
    """Where they listen."""
    return parts.services


@pytest.fixture
def settings(services) -> Settings:
    """Settings on them, with names of topics, group and stream that no other test uses."""
    return settings_on(services)


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process; give its exit code, output and messages."""
    from stream.cli import main

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture
def bare_environment(monkeypatch) -> None:
    """No setting of ours in the environment."""
    for name in list(os.environ):
        if name.startswith("ORDERWATCH_"):
            monkeypatch.delenv(name)


@pytest.fixture
def registry(tmp_path) -> Registry:
    """An empty registry of models, in a folder."""
    from stream.model_registry.registry import Registry

    return Registry.open(str(tmp_path / "models"))


@pytest.fixture
def two(registry) -> Registry:
    """A registry with two versions, the first of which serves."""
    from tests.trained_models import package

    for seed in (1, 2):
        registry.add("baskets", package(seed), author="ann")
    registry.promote("baskets", 1, author="ann", note="the first")
    return registry
