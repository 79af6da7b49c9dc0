from typing import Any

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replies
from simulation import alert_rule
from validationrun.oracle.alert_proof import PROOF
from validationrun.oracle.decision import ASSUMED, Decision, Observation, Silence
from validationrun.oracle.exchange import Exchange, Fault, Sample, Samples
from validationrun.oracle.memory import NOTHING_REMEMBERED
from validationrun.oracle.placeholders import fill
from validationrun.oracle.rule_context import RuleContext
from validationrun.oracle.rules.alert import OPENING, Alert
from validationrun.oracle.rules.rule_type import AlertReference, AlertRules, InstantQuery
from validationrun.spec.v1alpha1 import Rule

VALUES = {"chainId": "nightly-0a1b", "namespace": "eng-ada", "runId": "nightly-x7k2p", "window": "60s"}


def _rule(alertname: str = "NodeFailed", *matchers: tuple[str, str, str]) -> Rule:
    body = {
        "ruleRef": {"name": "alerts", "namespace": "monitoring", "alertname": alertname},
        "matchers": [{"name": name, "op": op, "value": value} for name, op, value in matchers],
    }
    return Rule.model_validate({"name": "a", "type": "alert", "alert": body})


def _filled(rule: Rule) -> str:
    query, places = Alert().question(rule)
    return fill(query, places, VALUES)


def test_the_question_is_whether_the_alert_fired_at_any_moment_of_the_window():
    assert _filled(_rule()) == 'max_over_time(ALERTS{alertname="NodeFailed",alertstate="firing"}[60s])'


def test_matchers_follow_in_the_order_of_the_spec_with_their_placeholders():
    query, places = Alert().question(_rule("A", ("namespace", "=", "${namespace}"), ("pod", "!~", "${chainId}-.*")))
    assert query.endswith('alertstate="firing",namespace="${namespace}",pod!~"${chainId}-.*"}[${window}])')
    assert [(place.value, place.escape) for place in places] == [
        ("namespace", "string"),
        ("chainId", "regex"),
        ("window", "none"),
    ]


@pytest.mark.parametrize("name", ["${chainId}", "${window}", '"} or vector(0) #', "a\nb\\"])
def test_an_alerts_name_is_taken_as_it_is(name: str):
    tree = promql_parser.parse(_filled(_rule(name)))
    assert {m.name: m.value for m in tree.args[0].vector_selector.matchers.matchers}["alertname"] == name


@settings(max_examples=150, deadline=None)
@given(st.text("ab\"'\\\n{}$,[]()😀#`", min_size=1, max_size=12), st.text("ab\"'\\\n{}$,[]()😀#`", max_size=12))
def test_no_name_and_no_value_can_break_out_of_its_matcher(name: str, value: str):
    tree = promql_parser.parse(_filled(_rule(name, ("label", "=", value))))
    matchers = tree.args[0].vector_selector.matchers.matchers
    assert [(m.name, m.value) for m in matchers] == [("alertname", name), ("alertstate", "firing"), ("label", value)]


DOWN = RuleContext(alert_rule("a", "Down"), {}, 100)
QUERY = 'max_over_time(ALERTS{alertname="Down",alertstate="firing"}[10s])'


def judged(answer: Any, **more: Any) -> Decision:
    return Alert().judge(DOWN, Observation(10, answer, **more), NOTHING_REMEMBERED)


def test_silence_of_an_alert_passes_with_proof_only() -> None:
    doubt = Silence(Fault("AlertNotLoaded", "no such alert"))
    assert judged(Samples([]), silence=ASSUMED).verdict == "Passed"
    assert judged(Samples([])).verdict == "Error"
    unproven = judged(Samples([]), silence=doubt)
    assert (unproven.verdict, unproven.reason) == ("Error", "AlertNotLoaded")
    fired = judged(Samples([Sample({}, "1")]), silence=doubt)
    assert (fired.verdict, fired.count) == ("Failed", 1)


def exchanged(reply: Any, **others: Any) -> Exchange:
    return Exchange("a", 110, False, 115, 116, QUERY, reply=replies.asked_at(reply, 110), others=others)


def test_silence_is_followed_by_the_question_for_its_proof() -> None:
    silent = replies.vector()
    assert Alert().next_request(DOWN, exchanged(silent), NOTHING_REMEMBERED, ()) == AlertRules(PROOF, "Down")
    assert Alert().next_request(DOWN, exchanged(silent, proof=replies.http(503)), NOTHING_REMEMBERED, (PROOF,)) is None


def test_firing_is_followed_once_by_the_question_whether_it_fired_before() -> None:
    fired = replies.vector("1")
    opening = InstantQuery(OPENING, 'ALERTS{alertname="Down",alertstate="firing"}', 100)
    assert Alert().next_request(DOWN, exchanged(fired), NOTHING_REMEMBERED, (PROOF,)) == opening
    assert Alert().next_request(DOWN, exchanged(fired), NOTHING_REMEMBERED, (OPENING,)) is None


def test_a_fault_is_followed_by_nothing() -> None:
    assert Alert().next_request(DOWN, exchanged(replies.http(503)), NOTHING_REMEMBERED, ()) is None


def test_the_range_opens_behind_start_after_and_never_behind_t() -> None:
    rule = alert_rule("a", "Down", startAfter="1m")
    assert [Alert().opens(rule, 1000, t) for t in (1010, 1060, 1100)] == [1010, 1060, 1060]


def test_what_people_read() -> None:
    rule, alert = _rule("A <b>", ("namespace", "=", "${namespace}")), Alert()
    assert alert.reference(rule) == AlertReference("monitoring", "alerts", "A <b>", "Error")
    assert (alert.requirement(rule), alert.passes_when(rule)) == ("must not fire", "the alert does not fire")
    condition = alert.condition(rule, lambda text: text.replace("<", "?").replace("$", "?"))
    assert condition == 'alert A ?b> of monitoring/alerts does not fire for {namespace="?{namespace}"}'
