"""Every reason that a run or a rule can have is told in a sentence."""

import re

import pytest

from helpers import ROOT
from validationrun.oracle.outcome import RuleReason, RunReason
from validationrun.report.reason_help import meaning

PAGE = (ROOT / "docs" / "verdict.md").read_text("utf-8")
ROWS = re.findall(r"^\| [0-9]+ \|.*\|.*\|(.*)\|$", PAGE, re.MULTILINE)
OF_RUNS = [one for row in ROWS for one in re.findall(r"`([A-Za-z]+)(?::<[a-z ]+>)?`", row)]
OF_RULES = [
    one
    for row in re.findall(r"^\| (?:Failed|Error).*?\|(.*)\|$", PAGE, re.MULTILINE)
    for one in re.findall(r"`([A-Za-z]+)`", row)
]


def test_the_page_has_the_table() -> None:
    rows = re.findall(r"^\| ([0-9]+) \|", PAGE, re.MULTILINE)
    assert [*dict.fromkeys(map(int, rows))] == [*range(1, 13)]


def test_it_names_every_reason_and_no_other() -> None:
    assert set(OF_RUNS) == set(RunReason)
    assert set(OF_RULES) == set(RuleReason) - {RuleReason.NONE}


@pytest.mark.parametrize("reason", sorted({*OF_RUNS, *OF_RULES} - {RunReason.RUN_SUCCEEDED}))
def test_it_has_a_meaning(reason: str) -> None:
    assert meaning(reason).endswith(".")
    assert meaning(f"{reason}:height") == meaning(reason)


def test_a_pass_says_all_by_itself() -> None:
    assert meaning(RunReason.RUN_SUCCEEDED) == ""
