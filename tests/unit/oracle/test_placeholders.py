import re

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validationrun.oracle.placeholders import LABEL_VALUES, escape, fill, find_places, quoted

VALUES = {"chainId": "nightly-0a1b2c3d", "namespace": "eng-ada", "runId": "nightly-x7k2p", "window": "60s"}


def _filled(query: str, values: dict[str, str] = VALUES) -> str:
    places, _ = find_places(query)
    return fill(query, places, values)


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ('up{chain_id="${chainId}"}', 'up{chain_id="nightly-0a1b2c3d"}'),
        ("up{chain_id='${chainId}'}", "up{chain_id='nightly-0a1b2c3d'}"),
        ("up{chain_id=`${chainId}`}", "up{chain_id=`nightly-0a1b2c3d`}"),
        ('up{a!="${chainId}", b="${namespace}", c="${runId}"}', 'up{a!="nightly-0a1b2c3d", b="eng-ada", c="nightly-x7k2p"}'),
        ('up{pod=~"${runId}-.*|${chainId}"}', 'up{pod=~"nightly-x7k2p-.*|nightly-0a1b2c3d"}'),
        ('up{pod =~ # why\n "${runId}"}', 'up{pod =~ # why\n "nightly-x7k2p"}'),
        ('up{a="x"}[${window}]', 'up{a="x"}[60s]'),
        ('rate(up{a="${chainId}"}[${window}]) + on() up{b="${chainId}"}',
         'rate(up{a="nightly-0a1b2c3d"}[60s]) + on() up{b="nightly-0a1b2c3d"}'),
    ],
)  # fmt: skip
def test_a_placeholder_is_replaced_where_it_belongs(query: str, filled: str):
    assert _filled(query) == filled
    promql_parser.parse(filled.replace('up{a="x"}[60s]', "up"))


@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        ("up{chain_id=${chainId}}", ["${chainId}"]),
        ("up[${duration}]", ["${duration}"]),
        ("${}", ["${}"]),
        ('up{a="${window}"}', ["${window}"]),
        ('up{a="${chainID}"}', ["${chainID}"]),
        ('label_replace(up, "a", "${chainId}", "b", "c")', ["${chainId}"]),
        ('count_values("${chainId}", up)', ["${chainId}"]),
        ('up == "${chainId}"', ["${chainId}"]),
        ('up} = "${chainId}"', ["${chainId}"]),
    ],
)
def test_a_placeholder_elsewhere_is_a_stray_and_stays(query: str, tokens: list[str]):
    places, strays = find_places(query)
    assert places == []
    assert [stray.token for stray in strays] == tokens
    assert _filled(query) == query


def test_a_stray_says_whether_it_stands_in_text_and_in_a_label_value():
    _, strays = find_places('up{a="${x}"} + ${y} + f("${z}")')
    assert [(s.name, s.in_string, s.in_label_value) for s in strays] == [
        ("x", True, True),
        ("y", False, False),
        ("z", True, False),
    ]


@pytest.mark.parametrize(
    "query", ["up # ${chainId} ${window}", "# ${x}\nup", "$ {chainId}", "${a\nb}", "${" + "x" * 65 + "}", "${a{b}"]
)
def test_comments_and_what_only_looks_like_a_placeholder_are_left_alone(query: str):
    assert find_places(query) == ([], [])


def test_a_hash_inside_a_string_begins_no_comment():
    assert _filled('up{a="#", b="${chainId}"}') == 'up{a="#", b="nightly-0a1b2c3d"}'


def test_an_escaped_quotation_mark_does_not_end_a_string():
    assert _filled(r'up{a="\"${chainId}"}') == r'up{a="\"nightly-0a1b2c3d"}'


def test_a_value_never_brings_a_placeholder_of_its_own():
    assert (
        _filled('up{a="${chainId}", b="${runId}"}', {**VALUES, "chainId": "${runId}"})
        == 'up{a="${runId}", b="nightly-x7k2p"}'
    )


def test_filling_another_query_than_the_compiled_one_is_refused():
    places, _ = find_places('up{a="${chainId}"}')
    with pytest.raises(ValueError, match=r"holds no \$\{chainId\} at offset 6"):
        fill('down{a="${chainId}"}', places, VALUES)


def test_a_backtick_string_takes_a_value_as_it_is_but_no_backtick():
    assert escape('a\\b"', "string", "`") == 'a\\b"'
    with pytest.raises(ValueError, match="backtick"):
        escape("a`b", "string", "`")


def test_the_window_is_not_escaped():
    assert escape("60s", "none", "") == "60s"


def test_a_quoted_text_stays_on_one_line():
    assert quoted('a"b\\c\nd\re${chainId}') == '"a\\"b\\\\c\\nd\\re${chainId}"'


def test_an_unclosed_string_does_not_take_forever():
    find_places('up{a="' + "\\'`" * 20_000)


_TEXT = st.text(alphabet="ab-.*+?()|[]{}^$\\\"' \n😀é#,=~", max_size=12)


@settings(max_examples=200, deadline=None)
@given(_TEXT, st.sampled_from(['"', "'"]))
def test_a_label_value_survives_filling_and_parsing(value: str, mark: str):
    query = f"up{{a={mark}${{chainId}}{mark}}}"
    tree = promql_parser.parse(_filled(query, {**VALUES, "chainId": value}))
    assert [matcher.value for matcher in tree.matchers.matchers] == [value]


@settings(max_examples=200, deadline=None)
@given(_TEXT)
def test_behind_a_regular_expression_operator_a_value_matches_itself_alone(value: str):
    tree = promql_parser.parse(_filled('up{a=~"x${chainId}y"}', {**VALUES, "chainId": value}))
    (matcher,) = tree.matchers.matchers
    assert re.fullmatch(matcher.value, f"x{value}y")
    assert not re.fullmatch(matcher.value, f"x{value}zy")


_PIECES = st.sampled_from(
    ["up", "{", "}", "(", ")", "=", "=~", "!=", "!~", ",", '"', "'", "`", "#", "\n", " ", "\\", "$", "😀", "[", "]", "a",
     *(f"${{{name}}}" for name in (*LABEL_VALUES, "window", "other", ""))]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES, max_size=25).map("".join))
def test_text_outside_of_the_places_is_never_changed(query: str):
    places, strays = find_places(query)
    for place in places:
        assert query[place.offset : place.offset + len(place.token)] == place.token == f"${{{place.value}}}"
    for stray in strays:
        assert query[stray.offset : stray.offset + len(stray.token)] == stray.token
    offsets = [place.offset for place in places]
    assert offsets == sorted(set(offsets))
    rest, position = [], 0
    for place in places:
        rest.append(query[position : place.offset])
        position = place.offset + len(place.token)
    rest.append(query[position:])
    assert fill(query, places, dict.fromkeys(VALUES, "\0")) == "\0".join(rest)
    assert fill(query, places, {name: f"${{{name}}}" for name in VALUES}).replace("\\", "") == query.replace("\\", "")
