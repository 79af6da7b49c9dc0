"""How a query is asked is decided from its text alone; what is not known to be safe is asked tick by tick."""

import pytest
from tests.history.kit import alert_rule, query_rule

from validationrun.judging.backtest.query_strategy import Choice, Form, choose

START = 1_699_992_000.0


def form_of(promql: str) -> Choice:
    return choose(query_rule("rule", promql), START)


@pytest.mark.parametrize(
    ("promql", "ordered"),
    [
        ("x", False),
        ("rate(x[1m]) / rate(y[1m] offset 1h)", False),
        ("max by (pod) (x)", False),
        ("x @ 1699992000 offset -5m", False),
        ("quantile(0.9, count_values('v', x))", False),
        ("sum(x)", True),
        ("sum(x offset 5m)", True),
        ("max(sum by (pod) (rate(x[1m])))", True),
        ("max_over_time(avg(x)[5m:1m])", True),
        ("topk(1, x)", True),
        ("stddev(x) > 1", True),
        ("-stdvar(x)", True),
    ],
)
def test_these_are_asked_as_ranges(promql: str, ordered: bool) -> None:
    """Where the last digit may hang on an order, what is newest is left out."""
    assert form_of(promql) == Choice(Form.RANGE, ordered=ordered)


@pytest.mark.parametrize("promql", ["1", "time()", "scalar(x)", "scalar(sum(x)) * 2", "-pi()"])
def test_a_scalar_is_known_for_one(promql: str) -> None:
    """Its text is another one in a range when it has an exponent."""
    assert form_of(promql).form is Form.RANGE
    assert form_of(promql).scalar


@pytest.mark.parametrize(
    ("promql", "why"),
    [
        ("x @ start()", "@ start() looks at the whole range"),
        ("rate(x[1m] @ end())", "@ end() looks at the whole range"),
        ("max_over_time(x[5m:1m] @ end())", "@ end() looks at the whole range"),
        ("step()", "step() looks at the whole range"),
        ("info(x)", "info() looks at the whole range"),
        ("max_over_time(x[${window}])", "${window} makes another query at each tick"),
        ("rate(x[2 * 5m])", "its syntax is not known here"),
        ("sum(", "its syntax is not known here"),
        ("x[5m]", "a matrix cannot be asked over a range"),
        ('"text"', "a string cannot be asked over a range"),
        ("sum(x offset -5m)", "its last digit may depend on the order of series, and it looks at another time"),
        ("sum(x @ 1699992000)", "its last digit may depend on the order of series, and it looks at another time"),
        (
            "avg(max_over_time(x[5m:1m] offset -1m))",
            "its last digit may depend on the order of series, and it looks at another time",
        ),
    ],
)
def test_these_are_asked_tick_by_tick(promql: str, why: str) -> None:
    """And the user is told why."""
    assert form_of(promql) == Choice(Form.INSTANT, why)


def test_an_alert_is_read_from_its_samples() -> None:
    """Whatever its matchers are."""
    assert choose(alert_rule("rule", "Down", (("pod", "=~", "a|b"),)), START).form is Form.SAMPLES
