"""Words, numbers and times, and the reasons' meanings."""

import dataclasses

import msgspec
import pytest

from validationrun.oracle.outcome import RuleReason, RunReason, Verdict
from validationrun.oracle.tally import Tally
from validationrun.report import formatting, terminal
from validationrun.report.from_result import view_of
from validationrun.report.reason_help import meaning


def test_a_moment_is_named_with_its_distance_from_the_start():
    assert formatting.moment(150.0, 0.0) == "1970-01-01T00:02:30Z (+2m30s)"
    assert formatting.moment(10.0, 15.5) == "1970-01-01T00:00:10Z (-5.5s)"
    assert formatting.moment(10.0, None) == "1970-01-01T00:00:10Z"


def test_a_share_is_whole_only_when_nothing_is_missing():
    """17,279 of 17,280 is not all of it."""
    assert formatting.share(17_280, 17_280) == "100 %"
    assert formatting.share(17_279, 17_280) == "99 %"
    assert formatting.share(1, 17_280) == "< 1 %"
    assert formatting.share(0, 17_280) == "0 %"


@pytest.mark.parametrize("limit", [10, 100, 600])
@pytest.mark.parametrize("letter", ["x", "\x1b", "\u202e", "\U000e0001", "😀", " ", "\n", "\ud800"])
def test_a_cleaned_text_is_printable_and_never_longer_than_its_limit_and_a_remark(letter, limit):
    for length in (0, 1, limit, limit + 1, 3 * limit, 100_000):
        for shown in (formatting.clean(letter * length, limit), formatting.clean_block(letter * length, limit)):
            assert len(shown) <= limit + 40
            assert all(c.isprintable() or c == "\n" for c in shown)
            if shown.endswith("in all]"):
                assert f"cut, {length} characters" in shown


def test_a_text_that_is_short_enough_is_left_alone():
    assert formatting.clean("héhé 😀 <b>") == "héhé 😀 <b>"
    assert formatting.clean_block("sum by (pod) (\n  up\n)") == "sum by (pod) (\n  up\n)"


def test_every_reason_is_explained():
    """A new reason must not reach a reader without a sentence."""
    explained = {reason for reason in (*RuleReason, *RunReason) if meaning(f"{reason}:x").endswith(".")}
    assert {*RuleReason, *RunReason} - explained == {RuleReason.NONE, RunReason.RUN_SUCCEEDED}


def test_a_rule_whose_evidence_is_lost_was_asked_all_the_same(world):
    """The run record has its last state, and nobody signed it off."""
    view = view_of(world("interrupted").result)
    told = {}
    for last_t in (view.start + 10, None):
        state = msgspec.structs.replace(
            view.rules[0].state, verdict=Verdict.AWAITED, reason=RuleReason.NONE, message="23 > 0", last_t=last_t
        )
        lost = dataclasses.replace(
            view.rules[0], state=state, points=[], missing=[], summary=Tally(view.rules[0].rule).summary()
        )
        told[last_t] = terminal.render(dataclasses.replace(view, rules=[lost]))
    asked, never = told.values()
    assert "not known" in asked
    assert "never asked" not in asked
    assert "    23 > 0\n    how many decisions had an answer is not known: their evidence is lost\n" in asked
    assert "no decision: the rule was never asked" in never
