import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validationrun.oracle.placeholders import fill
from validationrun.oracle.rules.alert import alert_query
from validationrun.spec.v1alpha1 import AlertRule

VALUES = {"chainId": "nightly-0a1b", "namespace": "eng-ada", "runId": "nightly-x7k2p", "window": "60s"}


def _rule(alertname: str = "NodeFailed", *matchers: tuple[str, str, str]) -> AlertRule:
    return AlertRule.model_validate(
        {
            "ruleRef": {"name": "alerts", "namespace": "monitoring", "alertname": alertname},
            "matchers": [{"name": name, "op": op, "value": value} for name, op, value in matchers],
        }
    )


def _filled(rule: AlertRule) -> str:
    query, places = alert_query(rule)
    return fill(query, places, VALUES)


def test_the_question_is_whether_the_alert_fired_at_any_moment_of_the_window():
    assert _filled(_rule()) == 'max_over_time(ALERTS{alertname="NodeFailed",alertstate="firing"}[60s])'


def test_matchers_follow_in_the_order_of_the_spec_with_their_placeholders():
    query, places = alert_query(_rule("A", ("namespace", "=", "${namespace}"), ("pod", "!~", "${chainId}-.*")))
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
