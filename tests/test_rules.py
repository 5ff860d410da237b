"""The fixed rules: each keeps to the contract of rules, is on by default, and has an answer."""

from __future__ import annotations

import dataclasses
import re

import pytest

from config.errors import ConfigRefused
from config.policy import Policy
from config.settings import load
from models.finding import NOTHING
from models.rule_checks import CHECKS, ContractBroken, check_fires, check_holds_no_state, check_rule
from tests.all_rules import RULES, rule


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_to_the_contract(name, check):
    check(RULES[name])


# --- settings --------------------------------------------------------------------------------------------


OFF = {"safety_stock"}  # only the shop knows what it must not run out of


@pytest.mark.parametrize("name", RULES)
def test_every_rule_that_can_know_is_on_by_default_with_the_parameters_of_its_class(name):
    entry = load().rules[name]
    assert entry.on == (name not in OFF)
    assert rule(name, **entry.params) == RULES[name]()
    assert set(entry.params) == {field.name for field in dataclasses.fields(RULES[name])}


def test_no_two_rules_raise_the_same_kind_of_alert():
    kinds = [found.kind for found in RULES.values()]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("name", RULES)
def test_every_kind_has_an_answer(name):
    assert Policy.load().answer(RULES[name].kind).recommended_action.endswith(".")


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        (
            "total_mismatch",
            {"tolerance": 1},
            ["rules.total_mismatch.params", "'tolerance'", "tolerance_minor"],
        ),
        ("total_mismatch", {"tolerance_minor": -1}, ["tolerance_minor = -1"]),
        ("price_below_cost", {"tolerance_share": 1}, ["tolerance_share = 1"]),
        ("discount_depth_over_cap", {"cap": 70}, ["cap = 70"]),
        ("quantity_over_cap", {"channels": {"b2b": 0}}, ["channels.b2b = 0"]),
        ("tracking_number_malformed", {"pattern": "("}, ["pattern = '('"]),
    ],
)
def test_an_impossible_parameter_is_refused_by_name(name, params, words):
    with pytest.raises(ConfigRefused) as refused:
        rule(name, **params)
    assert all(word in str(refused.value) for word in words)


# --- the checks themselves -------------------------------------------------------------------------------


def test_a_rule_that_misses_its_own_example_is_told_which():
    class Sleepy(RULES["oversold"]):
        """A rule that finds nothing."""

        def check(self, batch):
            return NOTHING

    with pytest.raises(ContractBroken, match=re.escape("Sleepy.FIRES[0]: found at [], must be [0]")):
        check_fires(Sleepy)


def test_a_rule_that_remembers_is_found_out():
    class Forgetful(RULES["oversold"]):
        """A rule that says everything once."""

        said = False

        def check(self, batch):
            findings = NOTHING if self.said else super().check(batch)
            self.said = True
            return findings

    with pytest.raises(ContractBroken, match=r"Forgetful\.FIRES\[0\]: .*, then \[\]"):
        check_holds_no_state(Forgetful)


def test_a_rule_that_does_not_explain_a_parameter_is_refused():
    class Terse(RULES["oversold"]):
        """A rule of few words."""

    with pytest.raises(ContractBroken, match="Terse: docstring lacks min_available"):
        check_rule(Terse)
