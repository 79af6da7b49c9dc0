"""What an expression must see to give anything."""

import pytest

from validationrun.spec.promql import UnknownSelectorError, is_sighted, parse, selections, sight, written_labels


def names(expression: str) -> list[str]:
    return [selection.matchers[0][2] for selection in selections(sight(parse(expression)))]


@pytest.mark.parametrize(
    ("expression", "series", "expected"),
    [
        ("a > 1", [], False),
        ("a > 1", ["a"], True),
        ("rate(a[5m]) / rate(b[5m]) > 1", ["a"], False),
        ("rate(a[5m]) / rate(b[5m]) > 1", ["a", "b"], True),
        ("a and on (pod) b", ["a"], False),
        ("a unless b", ["a"], True),
        ("a unless b", ["b"], False),
        ("(a or b) > 1", ["b"], True),
        ("(a or b) > 1", [], False),
        ("a or vector(0)", [], True),
        ("absent(a)", [], True),
        ("absent_over_time(a[5m]) and b", [], False),
        ("absent_over_time(a[5m]) and b", ["b"], True),
        ("max_over_time((sum by (pod) (a))[5m:1m]) > scalar(b)", ["a"], False),
        ("topk(3, a) > 0", [], False),
        ("vector(time()) > 5", [], True),
    ],
)
def test_which_series_are_enough(expression: str, series: list[str], expected: bool) -> None:
    needed = sight(parse(expression))
    seen = {selection for selection in selections(needed) if selection.matchers[0][2] in series}
    assert is_sighted(needed, seen) is expected


def test_a_selector_is_there_once_with_its_matchers() -> None:
    needed = sight(parse('a{x="1",y=~"b.*",z!=""} > 1 or a{x="1",y=~"b.*",z!=""} < 0 or {__name__="a"}'))
    first, second = selections(needed)
    assert first.matchers == (("__name__", "=", "a"), ("x", "=", "1"), ("y", "=~", "b.*"), ("z", "!=", ""))
    assert second.matchers == (("__name__", "=", "a"),)


@pytest.mark.parametrize(
    ("expression", "modifiers"),
    [
        ("a", ""),
        ("a offset 5m", "offset 300000ms"),
        ("a offset -1m", "offset -60000ms"),
        ("max_over_time(a[5m:1m] offset 1h)", "offset 3600000ms"),
        ("max_over_time((a offset 1m)[5m:1m] offset 1h)", "offset 3660000ms"),
        ("a @ end()", "@ end()"),
    ],
)
def test_it_looks_at_the_time_at_which_the_expression_looks(expression: str, modifiers: str) -> None:
    assert [selection.modifiers for selection in selections(sight(parse(expression)))] == [modifiers]


def test_what_need_not_exist_is_not_selected() -> None:
    assert names("a unless on (pod) b") == ["a"]
    assert names("absent(a) and b") == ["b"]


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ('label_replace(a, "to", "$1", "from", "(.*)")', {"to"}),
        ('label_join(a, "to", "-", "x", "y")', {"to"}),
        ('count_values("version", a)', {"version"}),
        ('absent(up{job="seid",chain_id="x",pod!="y"})', {"job", "chain_id"}),
        ('sum by (pod) (a{chain_id="x"})', set()),
    ],
)
def test_labels_that_an_expression_writes(expression: str, labels: set[str]) -> None:
    assert written_labels(parse(expression)) == labels


def test_a_selector_of_another_dialect_is_not_read() -> None:
    with pytest.raises(UnknownSelectorError):
        sight(parse('{a="1" or b="2"}'))
