"""VR520 and VR583: what a rule without a final sweep no longer proves."""

import pytest

from emit_helpers import alert_rule, edited, query_rule
from validationrun.compiling.check import check
from validationrun.spec.findings import format_path
from validationrun.spec.parse import parse_document

OURS = 'max(height{chain_id="${chainId}"})'


def found(rule, *, swept=False):
    def edit(run):
        run["spec"]["rules"] = [{**rule, "runProperties": {"finalSweep": swept}}]

    run, findings = parse_document(edited(edit))
    assert run is not None, findings
    return [
        (finding.code, finding.severity.value, format_path(finding.loc).removeprefix("spec.rules[0]."))
        for finding in check(run)
        if finding.code in ("VR520", "VR583")
    ]


def query(**fields):
    rule = query_rule()
    rule["query"] = {**rule["query"], "promql": OURS, **fields}
    return rule


def counter(**fields):
    body = {"selector": 'panics_total{chain_id="${chainId}"}', "op": "==", "threshold": "0", **fields}
    return {"name": "panics", "type": "counter", "counter": body}


ERROR = ("VR520", "error", "runProperties.finalSweep")
WARNING = ("VR583", "warning", "runProperties.finalSweep")


@pytest.mark.parametrize(
    ("rule", "findings"),
    [
        (alert_rule(), [ERROR]),
        (query(), [WARNING]),
        (query(maxAge="0s"), [WARNING]),
        (query(maxAge="2m"), [("VR520", "error", "query.maxAge"), WARNING]),
        (query(series={"min": 2}), []),
        (query(series={"min": 0}), []),
        (query(series={"min": 2}, maxAge="150s"), [("VR520", "error", "query.maxAge")]),
        (query(promql='max(height{namespace="${namespace}"})'), []),
        (query(promql='height{pod="${chainId}-rpc-0"}'), []),
        (counter(), []),
        (counter(maxAge="0s"), []),
        (counter(maxAge="1m"), [("VR520", "error", "counter.maxAge")]),
    ],
)
def test_a_guard_that_is_asked_at_the_final_sweep_alone_is_told(rule, findings):
    assert found(rule) == findings
    assert found(rule, swept=True) == []


@pytest.mark.parametrize("pending", ["Error", "Failed", "Passed"])
def test_no_word_about_pending_makes_up_for_the_sweep(pending):
    rule = alert_rule()
    rule["alert"] = {**rule["alert"], "pending": pending, "requireSeries": False}
    assert found(rule) == [ERROR]
