import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validationrun.spec import promql

PINNED = 'up{a="1", b="2"}'


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


ONE = [
    "1", "scalar(up)", "vector(1)", "time()", "hour()", "sum(up)", "(sum(up))", "-sum(up)", "absent(up)", "absent_over_time(up[5m])",
    "topk(1, up)", "bottomk(1, up)", "sum(up) / sum(up)", "sum(up) / up", "up / sum(up)", "sum(up) > 1", "1 < sum(up)", "abs(sum(up))",
    "sum(up) or vector(0)", "sum(up) and up", "sum(up) unless up", 'sum by (a) (up{a="1"})', 'sum by (a) (up{a="1"} + up{a="1"})',
    "max_over_time(sum(up)[5m:])", "histogram_quantile(0.9, sum by (le) (rate(b[5m])))",
    'histogram_quantile(0.9, (sum by (le, a) (rate(b{a="1"}[5m]))))', "sum(up) / 2 or vector(0)",
    "sum(up) * on() group_left sum(up)", "sum(up) * on() group_right sum(up)",
]  # fmt: skip
SEVERAL = [
    "up", "-up", "up + 1", "1 + up", PINNED, "rate(up[5m])", "abs(up)", "topk(2, up)", "topk(1, up) by (a)", "topk by (a) (1, up)",
    "topk(scalar(up), up)", "limitk(1, up) by (a)", "limit_ratio(1, up)", 'count_values("v", up)', "sum by (a) (up)",
    "sum without (a) (up)",
    'sum by (a) (up{a=~"1"})', 'sum by (a) (up{a="1"} + down)', "up / up", "up * on(a) group_left sum(up)",
    "sum(up) * on() group_right up", "up or vector(0)", "sum(up) or up", 'sum(up) or sum by (a) (up{a="1"})', "topk(1, up) or vector(0)",
    "up and sum(up)", "up unless sum(up)", "max_over_time(up[5m])", "max_over_time(up[5m:])", "histogram_quantile(0.9, rate(b[5m]))",
    "histogram_quantile(0.9, sum by (le, a) (rate(b[5m])))", "histogram_quantile(0.9, sum without (le) (rate(b[5m])))",
    "histogram_quantile(0.9, sum(rate(b[5m])) by (a))", 'abs(sum(up)) or label_replace(sum(up), "a", "b", "c", "d")',
]  # fmt: skip


@pytest.mark.parametrize("query", ONE)
def test_a_query_that_gives_at_most_one_series_is_known(query: str):
    assert not promql.may_give_several(promql.parse(query))


@pytest.mark.parametrize("query", SEVERAL)
def test_a_query_that_could_give_several_series_is_known(query: str):
    assert promql.may_give_several(promql.parse(query))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("up > 1", []), ("up > bool 1", ["bool"]), ("up or vector(0)", ["or vector()"]), ("up or (vector(0))", ["or vector()"]),
        ("up or down", []), ("vector(0) or up", []), ("absent(up)", ["absent()"]), ("absent_over_time(up[1m])", ["absent_over_time()"]),
        ("count(up) == 0", ["a count compared with 0"]), ("0 < count(up)", ["a count compared with 0"]), ("count(up) > 1", []),
        ("sum(up) == 0", []), ("count(up) + 0", []), ("absent(up) > bool 0 or vector(1)", ["or vector()", "bool", "absent()"]),
        ("absent(up) + absent(down)", ["absent()"]),
    ],
)  # fmt: skip
def test_silence_that_turns_into_a_value_is_named(query: str, found: list[str]):
    assert promql.silence_turned_into_a_value(promql.parse(query)) == found


@pytest.mark.parametrize(
    ("query", "is_count"),
    [
        ("count(up)", True), ("(count(up))", True), ("group(up)", True), ("sum(count(up) by (a))", True), ("max(count by (a) (up))", True),
        ("count_over_time(up[1m])", True), ("sum(count_over_time(up[1m]))", True), ("sum(up)", False), ("up", False),
        ("min(count(up))", False), ("count(up) * 2", False), ("avg_over_time(up[1m])", False),
    ],
)  # fmt: skip
def test_a_count_is_known(query: str, is_count: bool):
    assert promql.is_count(promql.parse(query)) is is_count


@pytest.mark.parametrize(
    ("query", "exact"),
    [
        ("up", True), ("sum(up)", True), ("max(min(up))", True), ("count(up)", True), ("up + up * 2 - 1", True),
        ("max_over_time(up[1m])", True),
        ("up / 2", False), ("up % 2", False), ("up ^ 2", False), ("up atan2 down", False), ("avg(up)", False), ("stddev(up)", False),
        ("quantile(0.5, up)", False), ("rate(up[1m])", False), ("sum(irate(up[1m]))", False), ("avg_over_time(up[1m])", False),
        ("sqrt(up)", False),
    ],
)  # fmt: skip
def test_it_is_known_whether_whole_numbers_stay_whole(query: str, exact: bool):
    assert promql.is_exact(promql.parse(query)) is exact


def test_ranges_are_found_wherever_they_stand():
    tree = promql.parse("max_over_time(rate(up[2m])[1h:1m]) + sum(increase((down[30s]))) + min_over_time(a[5m])")
    assert sorted(promql.ranges(tree)) == [30, 120, 300, 3600]
    assert [(use.function, use.seconds) for use in promql.range_uses(tree)] == [("rate", 120), ("increase", 30)]


def test_a_function_over_a_subquery_needs_no_two_scrapes():
    assert promql.range_uses(promql.parse("rate(up[1m:10s])")) == []


def test_other_arguments_than_the_range_are_passed_over():
    assert [use.seconds for use in promql.range_uses(promql.parse("predict_linear(up[1m], 3600)"))] == [60]


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
    assert promql.matcher_values(selector) == ["1", "2"]


def test_matchers_of_an_or_group_count_too():
    (selector,) = promql.selectors(promql.parse('up{a="1" or b="2"}'))
    assert sorted(promql.matcher_values(selector)) == ["1", "2"]


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
        promql.parse("up")


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
    promql.silence_turned_into_a_value(tree)
    promql.ranges(tree)
    promql.range_uses(tree)
    for selector in promql.selectors(tree):
        promql.matcher_values(selector)
