"""Parsing, and the parts of a tree."""

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validationrun.spec import promql


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("1", "scalar"), ("-1", "scalar"), ("(1)", "scalar"), ("1 + 2", "scalar"), ("scalar(up)", "scalar"), ("time()", "scalar"),
        ("pi() * 2", "scalar"), ("1 > bool 2", "scalar"),
        ("up", "vector"), ("-up", "vector"), ("up + 1", "vector"), ("1 + up", "vector"), ("vector(1)", "vector"), ("sum(up)", "vector"),
        ("rate(up[1m])", "vector"), ("hour()", "vector"),
        ("up[1m]", "matrix"), ("(up[1m])", "matrix"), ("rate(up[1m])[5m:1m]", "matrix"),
        ('"text"', "string"),
    ],
)  # fmt: skip
def test_the_type_of_a_query_is_known(query: str, kind: str):
    assert promql.value_type(promql.parse(query)) == kind


def test_functions_that_need_two_samples_are_found_wherever_they_stand():
    tree = promql.parse("max_over_time(rate(up[2m])[1h:1m]) + sum(increase((down[30s]))) + min_over_time(a[5m])")
    assert [(use.function, use.seconds) for use in promql.range_uses(tree)] == [("rate", 120), ("increase", 30)]


def test_a_function_over_a_subquery_needs_no_two_scrapes():
    assert promql.range_uses(promql.parse("rate(up[1m:10s])")) == ()


def test_other_arguments_than_the_range_are_passed_over():
    assert [use.seconds for use in promql.range_uses(promql.parse("predict_linear(up[1m], 3600)"))] == [60]
    for function in ("changes(up[1m])", "double_exponential_smoothing(up[1m], 0.5, 0.5)"):
        assert [use.seconds for use in promql.range_uses(promql.parse(function))] == [60]


def test_selectors_are_found_in_every_part_of_a_query():
    query = 'topk(scalar(a), -b) + (c / on() d) > rate(e[1m]) + max_over_time(f[1m:]) + count_values("x", g) + quantile(0.5, {job="h"})'
    assert [selector.name for selector in promql.selectors(promql.parse(query))] == [
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "g",
        None,
    ]


def test_only_matchers_that_demand_a_value_count():
    (selector,) = promql.selectors(promql.parse('up{a="1", b=~"2", c!="3", d!~"4"}'))
    assert promql.matcher_values(selector) == [["1", "2"]]


def test_each_alternative_of_an_or_group_has_its_own_matchers():
    (selector,) = promql.selectors(promql.parse('up{a="1" or b="2"}'))
    assert promql.matcher_values(selector) == [["1"], ["2"]]


@pytest.mark.parametrize(
    ("query", "name"),
    [("up", "up"), ('{__name__=~"a|b"}', "a|b"), ('{job="x"}', None)],
)
def test_the_name_of_a_metric_is_found(query: str, name: str | None):
    assert promql.metric_name(promql.parse(query)) == name


@pytest.mark.parametrize(
    ("query", "token"),
    [("increse(up)", "increse"), ('up{a=~"["}', "["), ("min(", None), ("", None), ("up up", None)],
)
def test_what_does_not_parse_names_a_token_when_the_parser_does(query: str, token: str | None):
    with pytest.raises(promql.SyntaxFault) as caught:
        promql.parse(query)
    assert str(caught.value)
    assert token is None or caught.value.token == token


def test_a_message_of_the_parser_that_says_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch):
    def refuse(query: str):
        raise ValueError("invalid promql query")

    monkeypatch.setattr(promql_parser, "parse", refuse)
    with pytest.raises(promql.SyntaxFault, match="does not say where"):
        promql.parse("asked_nowhere_else")


@pytest.mark.parametrize(
    "query",
    ["(" * 101 + "up" + ")" * 101, "+".join(["up"] * 502), "-" * 5 + " or ".join(["up"] * 502), "{" * 200, "[" * 10**6],
)
def test_a_query_beyond_all_reason_never_reaches_the_native_parser(query: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(promql_parser, "parse", lambda _: pytest.fail("reached"))
    with pytest.raises(promql.SyntaxFault, match="more than 100 levels or 500 operators"):
        promql.parse(query)


@pytest.mark.parametrize(
    "query", ["(" * 100 + "up" + ")" * 100, "+".join(["up"] * 500), 'up{a="' + "(+" * 1000 + '"} # ' + "(+" * 1000]
)
def test_brackets_and_operators_in_text_and_comments_do_not_count(query: str):
    promql.parse(query)


@pytest.mark.parametrize("query", ["'" * 50_000, '"\\' * 50_000, "`" * 50_001, "#" * 100_000])
def test_unclosed_strings_do_not_take_forever(query: str):
    with pytest.raises(promql.SyntaxFault):
        promql.parse(query)


_PIECES = st.sampled_from(
    ["up", "sum", "rate", "by", "on", "or", "and", "bool", "(", ")", "{", "}", "[5m]", "[5m:1m]", " ", "+", "/", "==", "0", "1.5",
     '"a"', 'a="b"', ",", "topk", "absent", "count", "group_left", "without", "#", "\n", "offset 1m", "@ 5", "histogram_quantile", "-", "😀", "NaN", "le"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES, max_size=14).map(" ".join))
def test_no_query_makes_the_checks_raise_anything_but_a_syntax_fault(query: str):
    try:
        tree = promql.parse(query)
    except promql.SyntaxFault:
        return
    assert promql.value_type(tree) in ("scalar", "vector", "matrix", "string")
    promql.may_give_several(tree)
    promql.is_count(tree)
    promql.is_exact(tree)
    promql.silence(tree)
    promql.possible(tree)
    promql.reaches(tree)
    list(promql.mismatches(tree))
    promql.unscoped(tree, lambda selector: False)
    promql.harmful_filter(tree, "<", lambda value: value < 1)
    promql.range_uses(tree)
    for selector in promql.selectors(tree):
        promql.matcher_values(selector)
