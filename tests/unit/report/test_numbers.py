"""Numbers for people: at most four significant digits, and never a rounding that hides why a rule failed."""

import dataclasses

import msgspec
import pytest

from validationrun import report
from validationrun.base.numbers import number, value_text
from validationrun.report.from_result import view_of
from validationrun.report.phrases import value_told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.6666666666666666", "0.6667"),
        ("1234.5678901234567", "1235"),
        ("3", "3"),
        ("48", "48"),
        ("120000", "120000"),
        ("123456", "1.235e+05"),
        ("1.7612345678901234e+09", "1.761e+09"),
        ("NaN", "NaN"),
        ("+Inf", "+Inf"),
        ("-0.00001234567", "-1.235e-05"),
        ("no number", "no number"),
    ],
)
def test_a_value_has_at_most_four_significant_digits(text, shown):
    assert value_text(text) == shown


def test_a_value_that_would_read_like_its_threshold_keeps_its_digits():
    assert value_text("2.9999999999999996", 3.0) == "2.9999999999999996"
    assert value_text("3.0000000000000000", 3.0) == "3"


def test_a_value_that_would_read_as_on_the_other_side_of_its_threshold_keeps_its_digits():
    assert value_text("1.00004", 1.00003) == "1.00004"
    assert value_text("0.99996", 0.99997) == "0.99996"
    assert value_text("1.00004", 1.0) == "1.00004"
    assert value_text("1.00004", 0.5) == "1"


def test_a_margin_has_at_most_four_significant_digits():
    assert (number(0.1 + 0.2), number(123456.0), number(-0.0)) == ("0.3", "1.235e+05", "0")


def test_reports_round_a_value_and_the_status_keeps_it(world):
    result = world("passed").result
    view = view_of(result)
    rule = next(rule for rule in view.rules if rule.name == "p99-latency")
    state = msgspec.structs.replace(rule.state, value="0.3333333333333333")
    assert value_told(dataclasses.replace(rule, state=state)) == "0.3333"
    values = [rule.query.actual_value for rule in result.status.rules if rule.query]
    assert all(value in report.to_json(result) for value in values)
