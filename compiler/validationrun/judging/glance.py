"""
Whether a results folder can be believed, at a glance: for a reader of hundreds of runs, which cannot judge each of them again.

It checks the hash of each file, that the decisions are all there, and that rules and verdict are what decisions of such words can add
up to. It believes each recorded decision; `replay` makes them again.
"""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from validationrun.contract.result_json import IN_CLUSTER, ResultDocument
from validationrun.judging.completeness import holes, since_resume
from validationrun.judging.live.clock_skew import doubted
from validationrun.judging.replay import UNREADABLE, facts_of
from validationrun.judging.without_data import unproven
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.skim import skim_lines
from validationrun.oracle.verdict_table import judge
from validationrun.results.folder import Result, ResultsError, check_files, read_document, with_evidence

_MOST_FILES: Final = 5000
_MOST_BYTES: Final = 1024**3
"""Of all files of one folder; a day of 32 rules at 5 s is a tenth of it."""

_MOST_DOUBTS: Final = 3


@dataclass(frozen=True, slots=True)
class Glance:
    """
    A folder as far as it can be believed.

    Attributes:
        doubts: why it cannot be; empty when it can.
    """

    document: ResultDocument
    doubts: list[str]


def glance(folder: pathlib.Path) -> Glance:
    """
    Raises:
        ResultsError: `result.json` is not that of a run, or cannot be read.
    """
    document = read_document(folder)
    try:
        _check_size(folder, document)
        check_files(folder, document)
        result = with_evidence(folder, document, skim_lines)
        return Glance(document, list(_doubts(result))[:_MOST_DOUBTS])
    except ResultsError as error:
        return Glance(document, [str(error)])
    except UNREADABLE as error:
        return Glance(document, [f"it does not hold what a result needs ({type(error).__name__})"])


def _check_size(folder: pathlib.Path, document: ResultDocument) -> None:
    if len(document.files) > _MOST_FILES:
        raise ResultsError(f"it lists {len(document.files)} files, and more than {_MOST_FILES} are not checked")
    try:
        size = sum((folder / name).lstat().st_size for name in document.files)
    except OSError as error:
        raise ResultsError(f"a file that it lists is missing: {error.strerror}") from None
    if size > _MOST_BYTES:
        raise ResultsError(f"it has {size} bytes, and more than {_MOST_BYTES} are not checked")


def _doubts(result: Result) -> Iterator[str]:
    document, status = result.document, result.status
    for state, rule in zip(document.states, status.rules, strict=True):
        if (state.name, state.verdict) != (rule.name, rule.verdict):
            yield f"rule {rule.name} is {rule.verdict} in its status, and {state.verdict} in its state"
    if len(result.evidence) == len(result.questions):
        yield from holes(result)
        yield from _unlike_evidence(result)
    else:
        # The evaluator never signed off: no rule of such a run has passed.
        yield from (f"rule {rule.name} says Passed without evidence" for rule in status.rules if _passed(rule.verdict))
    credible = unproven(doubted(document.states, document.clock), document.window.no_data or "")
    for now, then in zip(credible, document.states, strict=True):
        if now.verdict != then.verdict:
            yield f"rule {then.name} says {then.verdict}, and can be no more than {now.verdict}: {now.message}"
    if document.mode == IN_CLUSTER and document.window.interrupted and not _passed(status.verdict):
        # The evaluator left nothing that the verdict follows from, and replay refuses it too.
        return
    follows = judge(facts_of(result, document.states, document.window.stop_rule))
    if (follows.phase, follows.verdict) != (status.phase, status.verdict):
        yield f"it says {status.phase}, {status.verdict}, and its rules and its load add up to {follows.phase}, {follows.verdict}"


def _unlike_evidence(result: Result) -> Iterator[str]:
    """What every rule that passed has: a good answer, a good one at its end, and no failure that counts."""
    for question, state in zip(result.questions, result.document.states, strict=True):
        evidence = result.evidence[question.rule.name]
        counted = [entry for entry in since_resume(evidence) if entry.counted]
        if any(entry.verdict == Verdict.FAILED for entry in counted) and state.verdict != Verdict.FAILED:
            yield f"rule {state.name} says {state.verdict}, and a decision of it says Failed"
        if not _passed(state.verdict):
            continue
        if not any(_passed(entry.verdict) for entry in counted) and evidence.resumed is None:
            yield f"rule {state.name} says Passed, and no decision of it says so"
        finals = [entry for entry in counted if entry.final]
        if finals and not _passed(finals[-1].verdict):
            yield f"rule {state.name} says Passed, and its final sweep says {finals[-1].verdict}"


def _passed(verdict: Verdict) -> bool:
    return verdict == Verdict.PASSED
