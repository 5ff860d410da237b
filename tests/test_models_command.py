"""`orderwatch models`: from a file to champion and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.package import ModelRefused
from stream.model_registry.adding import training_of
from tests.trained_models import FEATURES, forest, rows

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture
def run(run, registry):
    """Run `orderwatch models` on the registry."""
    return lambda *arguments: run("models", *arguments, "--registry", registry.address)


def test_the_command_takes_a_model_from_a_file_to_champion_and_back(run, tmp_path):
    forest(tmp_path)
    np.save(tmp_path / "rows.npy", rows(300, seed=3))
    add = ["add", "baskets", "--file", tmp_path / "forest.skops", "--features", ",".join(FEATURES), "--author", "ann"]
    told = ["--from", "2026-01-01", "--to", "2026-01-08", "--data", tmp_path / "rows.npy", "--metric", "auc=0.91"]
    assert run(*add, "--rows", tmp_path / "rows.npy", *told)[0] == 0
    assert run(*add, "--note", "a second try", "--metric", "auc=0.95")[0] == 0
    assert run("promote", "baskets@1")[0] == 0
    code, out, _ = run("promote", "baskets@2", "--author", "bob", "--json")
    assert (code, json.loads(out)["line"][-1]["version"]) == (0, 2)
    listed = json.loads(run("list", "--json")[1])
    assert [(one["version"], one["stage"], one["metrics"]["auc"]) for one in listed] == [
        (1, "retired", 0.91),
        (2, "champion", 0.95),
    ]
    assert len(listed[0]["training"]["data_hash"]) == 64
    assert "champion" in run("list")[1]
    differ = {one["what"]: one for one in json.loads(run("diff", "baskets@1", "--json")[1])["differences"]}
    assert differ["metrics.auc"]["change"] == pytest.approx(0.04)
    assert differ["note"]["after"] == "a second try"
    assert "promote of 2 by bob" in run("show", "baskets")[1]
    assert "champion is baskets@1" in run("rollback", "baskets")[1]
    code, _, error = run("rollback", "baskets")
    assert (code, error) == (2, "orderwatch: baskets: no champion before 1 to go back to\n")
    assert run("add", "baskets", "--file", tmp_path / "none.pkl", "--features", "margin")[0] == 2


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ModelRefused, match="'last week' is no time"):
        training_of("last week", "", 0, ())
