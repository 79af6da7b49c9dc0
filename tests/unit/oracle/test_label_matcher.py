"""Matchers of an alert rule, compared with labels as Prometheus compares them."""

import pytest

from validationrun.oracle.label_matcher import LabelMatcher, is_meant, matchers_of, missing_labels, refusing
from validationrun.oracle.rule_context import RuleContext
from validationrun.spec.v1alpha1 import Matcher, Rule


@pytest.mark.parametrize(
    ("op", "value", "needs_label", "relaxed"),
    [
        ("=", "a.b", True, 'x=~"a\\\\.b|"'),
        ("=", "", False, 'x=""'),
        ("!=", "a", False, 'x!="a"'),
        ("!=", "", True, ""),
        ("=~", "a|b", True, 'x=~"(?:a|b)|"'),
        ("=~", "a.*|", False, 'x=~"a.*|"'),
        ("=~", ".*", False, 'x=~".*"'),
        ("!~", "a", False, 'x!~"a"'),
        ("!~", "a|", True, ""),
        ("=~", "[[:alpha:]]+", True, 'x=~"(?:[[:alpha:]]+)|"'),
    ],
)
def test_whether_a_missing_label_satisfies_it(op: str, value: str, needs_label: bool, relaxed: str) -> None:
    matcher = LabelMatcher("x", op, value)
    assert (matcher.needs_label, matcher.or_missing()) == (needs_label, relaxed)


@pytest.mark.parametrize(
    ("op", "value", "label", "expected"),
    [
        ("=", "a", "a", True),
        ("=", "a", "A", False),
        ("!=", "a", "b", True),
        ("=~", "a.c", "abc", True),
        ("=~", "a.c", "xabc", False),
        ("!~", "a.c", "xabc", True),
        ("=~", "[[:alpha:]]", "a", None),
        ("=~", "(", "a", None),
        ("=~", "a*", "a" * 1001, None),
        ("=", "a", "a" * 1001, False),
    ],
)
def test_what_it_accepts(op: str, value: str, label: str, expected: bool | None) -> None:
    assert LabelMatcher("x", op, value).accepts(label) is expected


CHAIN = LabelMatcher("chain_id", "=", "toy")
NODE = LabelMatcher("pod", "=~", "toy-.*")


@pytest.mark.parametrize(
    ("labels", "meant", "missing"),
    [
        ({"chain_id": "toy", "pod": "toy-0"}, True, ()),
        ({"chain_id": "toy"}, False, ("pod",)),
        ({}, False, ("chain_id", "pod")),
        ({"chain_id": "another"}, False, ()),
        ({"pod": "another-0"}, False, ()),
    ],
)
def test_a_label_that_is_there_and_another_says_whose_it_is(
    labels: dict[str, str], meant: bool, missing: tuple[str, ...]
) -> None:
    assert (is_meant((CHAIN, NODE), labels), missing_labels((CHAIN, NODE), labels)) == (meant, missing)


@pytest.mark.parametrize(
    ("op", "value", "label", "refuses"),
    [
        ("=", "critical", "critical", False),
        ("=", "critical", "warning", True),
        ("!=", "warning", "warning", True),
        ("!=", "warning", "critical", False),
        ("=~", "critical|page", "warning", True),
        ("=~", "critical|page", "page", False),
        ("!~", "warn.*", "warning", True),
        # What a template gives, or this program cannot compare, may be accepted.
        ("=", "critical", "{{ $labels.severity }}", False),
        ("=~", "[[:alpha:]]", "warning", False),
        # An empty label is none: the alert's series may bring it, and else nobody is told apart by it.
        ("=", "critical", "", False),
    ],
)
def test_a_label_that_a_rule_sets_can_be_refused(op: str, value: str, label: str, refuses: bool) -> None:
    matcher = LabelMatcher("severity", op, value)
    assert refusing((CHAIN, matcher), {"severity": label}) == (matcher if refuses else None)
    assert refusing((matcher,), {"team": "warning"}) is None


def test_the_values_of_the_run_are_put_in(any_rule: Rule) -> None:
    context = RuleContext(any_rule, {"chainId": "a.b", "namespace": "n", "runId": "r"}, 0.0)
    given = [
        Matcher(name="x", op="=", value="${chainId}-${other}"),
        Matcher(name="y", op="=~", value="${chainId}-.*"),
    ]
    assert [matcher.value for matcher in matchers_of(context.values, given)] == ["a.b-${other}", r"a\.b-.*"]


@pytest.fixture
def any_rule() -> Rule:
    body = {"ruleRef": {"name": "alerts", "namespace": "eng-ada", "alertname": "Down"}}
    return Rule.model_validate({"name": "a", "type": "alert", "alert": body})
