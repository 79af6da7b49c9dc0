"""Verdicts, phases and reasons are written once, and are their text wherever they are shown or stored."""

import ast
import json

import pytest

from helpers import ROOT
from validationrun.compiling.emit import yaml
from validationrun.oracle.outcome import Phase, RuleReason, RunReason, Verdict

PRODUCT = ROOT / "compiler" / "validationrun"
SHARED = {"", "Failed", "Error", "Succeeded", "Cancelled", "Running", "Pending", "Unknown", "Timeout", "NaN"}
"""Kubernetes, Argo and Prometheus have these words too."""


@pytest.mark.parametrize("word", [Verdict.PASSED, Phase.CANCELLED, RuleReason.NO_SAMPLES, RunReason.RUN_SUCCEEDED])
def test_it_is_its_text_everywhere(word: str) -> None:
    text = str.__str__(word)
    assert (f"{word}", f"{word!r}", str(word)) == (text, repr(text), text)
    assert json.dumps({word: [word]}) == json.dumps({text: [text]})
    assert yaml.dump({word: [word]}) == yaml.dump({text: [text]})


def test_each_is_written_in_one_module() -> None:
    own = {word.value for kind in (Verdict, Phase, RuleReason, RunReason) for word in kind} - SHARED
    bare = [
        f"{path.relative_to(PRODUCT)}:{node.lineno}: {node.value}"
        for path in sorted(PRODUCT.rglob("*.py"))
        # The words of `alert.pending`, which the schema of a spec has, stand on a floor below.
        if path not in (PRODUCT / "oracle" / "outcome.py", PRODUCT / "spec" / "v1alpha1" / "rules.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in own
    ]
    assert bare == []


def test_the_verdict_of_a_phase() -> None:
    assert {phase: phase.verdict for phase in Phase} == {
        Phase.PENDING: Verdict.AWAITED,
        Phase.RUNNING: Verdict.AWAITED,
        Phase.SUCCEEDED: Verdict.PASSED,
        Phase.FAILED: Verdict.FAILED,
        Phase.ERROR: Verdict.ERROR,
        Phase.CANCELLED: Verdict.ERROR,
    }


def test_a_reason_that_names_a_rule() -> None:
    assert RunReason.RULE_FAILED.naming("p99") == "RuleFailed:p99"
