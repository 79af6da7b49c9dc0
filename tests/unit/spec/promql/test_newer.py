"""Syntax of other versions of Prometheus than the parser's."""

import pytest

from validationrun.spec import promql

NEWER = [
    ("rate(up[1m * 2])", ["duration expressions"]), ("rate(up[step()])", ["duration expressions"]), ("rate(up[5m:range() / 10])", ["duration expressions"]),
    ("up offset (1m * (2 + 1))", ["duration expressions"]), ("up offset -step()", ["duration expressions"]),
    ("rate(up[max(step(), 1m)])", ["duration expressions"]),
    ("rate(up[1m] anchored)", ["anchored or smoothed"]), ('up{a="b"} smoothed > 1', ["anchored or smoothed"]),
    ("rate(up[1m] smoothed offset 1m)", ["anchored or smoothed"]),
    ("up </ 5", ["</ or >/"]), ("up >/ 5", ["</ or >/"]), ("up - 1_000", ["numbers with underscores"]), ("1_000_000 * up", ["numbers with underscores"]),
    ("holt_winters(up[1m], 0.5, 0.5)", ["holt_winters()"]),
    ("holt_winters(up[1m * 2], 0.5, 0.5) > 1_000", ["numbers with underscores", "duration expressions", "holt_winters()"]),
    ('rate(up{a="[1m * 2]"}[1m * 2])', ["duration expressions"]),
]  # fmt: skip
WRONG = [
    "increse(up[1m])", "rate(up[1m * 2]", "rate(up[])", "rate(up[five])", "up anchored(1)", 'up{a="1_000"} +', "rate(up[1m] sideways)",
    "holt_winters(up[1m])", "up < / 5", "sum(up", "", "#", "rate(up[1m * 2]) + increse(up[1m])",
]  # fmt: skip


@pytest.mark.parametrize(("query", "names"), NEWER, ids=[query for query, _ in NEWER])
def test_newer_syntax_is_named(query: str, names: list[str]):
    with pytest.raises(promql.SyntaxFault):
        promql.parse(query)
    assert promql.newer_syntax(query) == names


@pytest.mark.parametrize("query", WRONG)
def test_what_no_version_takes_is_not_called_newer(query: str):
    with pytest.raises(promql.SyntaxFault):
        promql.parse(query)
    assert promql.newer_syntax(query) == []
