"""emit.yaml: two readers take back exactly what was written, and a reviewer can read it."""

import math
import re
import string

import pytest
import yaml as pyyaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from validationrun.compiling.emit import yaml
from validationrun.spec.source import read

WORDS = [
    *("", " ", "~", "null", "Null", "yes", "Yes", "no", "on", "OFF", "y", "N", "true", "False", "<<", "=", "-", "--"),
    *(
        "---",
        "...",
        "--- a",
        "%YAML 1.1",
        "%",
        "@",
        "`",
        "!",
        "!!str",
        "&a",
        "*a",
        "|",
        ">",
        "|-",
        "?",
        "? a",
        ":",
        ",",
    ),
    *("0", "012", "0o17", "0x1f", "0b11", "1_000", "1e3", "1E3", "1.5e+3", ".5", "5.", "+1", "-1", "1h", "10m", "0.1g"),
    *(
        "1:30",
        "12:30:45",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        ".inf",
        "-.Inf",
        ".nan",
        ".NaN",
        "0x",
        "0b",
        "1e",
        "_1",
    ),
    *("a: b", "a:", "a :b", ":a", "a #b", "#a", "a#b", "[a]", "{a}", "{{=x}}", "{{workflow.name}}", "{{", "}}", "${x}"),
    *(
        "a\nb",
        "a\n",
        "\na",
        "\n",
        "\n\n",
        "a\n\n",
        "a\n\n\nb",
        " a\nb",
        "  a\n b",
        "\ta\nb",
        "a\tb\nc",
        "a \nb",
        "a\n \nb",
    ),
    *("a\r\nb", "a\rb", "\r", "a\n\t\nb", "a\nb ", "- a\n- b", "# a\n# b", "---\na", "a\n---\nb", "a\n...\n"),
    *("\x00", "\x07a\nb", "\x1b[31m", "\x7f", "\x85", "a\x85b\nc", "\u2028", "a\u2029b\nc", "\ufeff", "\ufeffa\nb"),
    *(
        "\u202eabc",
        "a\u200fb\nc",
        "\u2066x\u2069",
        "\xa0",
        "\xad",
        "\u200b",
        "\ufffd",
        "\ufffe",
        "\uffff",
        "é",
        "日本語",
    ),
    *("🚀", "🚀\n🚀", "👩\u200d🚀", "\U0010ffff", '"', "'", "\\", '\\"', "'a'", '"a"', "\\n", "a\\", "a'b\"c\nd"),
    *("a" * 2000, ("a" * 300 + "\n") * 3, "a " * 500),
]
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(
    " \n\t\r-:#'\"{}[]|>!&*?,\\\x85\u2028\u2029\ufeff\x00"
)
TEXT = (
    st.sampled_from(WORDS)
    | st.text(CHARACTERS, max_size=20)
    | st.lists(st.sampled_from(WORDS), max_size=4).map("".join)
)
KEYS = TEXT | st.text(string.ascii_letters, min_size=480, max_size=1300)
INTEGERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DATA = st.recursive(
    TEXT | st.booleans() | st.none() | INTEGERS | FLOATS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def _by_libyaml(text: str):
    """By PyYAML's own table of words, which differs from Kubernetes': text that only one of the two reads as text is found."""
    return pyyaml.load(text, Loader=pyyaml.CSafeLoader)


def same(one, other) -> bool:
    """Equal, and of the same types all through: 1 is neither True nor 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other


def wrapped(word: str):
    return {"text": word, "list": [word, [word], {word: word}], word + "k": {word: [[word, [word]]]}}


@given(DATA)
@settings(max_examples=200, deadline=None)
@example({})
@example([])
@example({"a": [], "b": {}, "c": [[], [[]], {}]})
@example([[1, [2, [3]]], {"a": [{"b": ["\n x\n"]}]}])
@example({"k" * 1025: {"k" * 1025: "a\nb\n"}, "j" * 1025: ["a\nb", {"c": 1}], "i" * 1025: 1.5, "h" * 1025: []})
@example({"a": -0.0, "b": 1e22, "c": 1e-7, "d": 2**64 - 1, "e": -(2**63), "f": 5e-324})
def test_libyaml_reads_back_what_was_written(value):
    assert same(_by_libyaml(yaml.dump(value)), value)


@given(DATA)
@settings(max_examples=200, deadline=None)
def test_kubernetes_scalar_table_reads_back_what_was_written(value):
    result = read(yaml.dump({"value": value}).encode(), "f")
    assert result.diagnostics == []
    (document,) = result.documents
    assert same(document.data, {"value": value})


@pytest.mark.parametrize("word", WORDS, ids=range(len(WORDS)))
def test_each_nasty_text_survives_in_each_position(word):
    text = yaml.dump(wrapped(word))
    assert same(_by_libyaml(text), wrapped(word))
    (document,) = read(text.encode(), "f").documents
    assert same(document.data, wrapped(word))
    # The text at the top of a document, too, and among other documents.
    stream = "---\n".join(yaml.dump(value) for value in (word, [word], {word: word}))
    assert list(pyyaml.load_all(stream, Loader=pyyaml.CSafeLoader)) == [word, [word], {word: word}]


@given(DATA)
@settings(max_examples=150, deadline=None)
def test_no_anchor_no_tag_no_line_that_an_editor_would_change(value):
    text = yaml.dump({"value": [value, value]})
    events = list(pyyaml.parse(text, Loader=pyyaml.CSafeLoader))
    assert not any(getattr(event, "anchor", None) or getattr(event, "tag", None) for event in events)
    assert text.endswith("\n")
    assert "\r" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069]", text)
    # A text's own trailing spaces stand in literal blocks only, where they are the content; else no line ends in a space.
    starts = {event.start_mark.line for event in events if isinstance(event, pyyaml.ScalarEvent) and event.style == "|"}
    inside = {
        number
        for event in events
        if isinstance(event, pyyaml.ScalarEvent) and event.style == "|"
        for number in range(event.start_mark.line, event.end_mark.line + 1)
    }
    assert starts <= inside
    assert all(not line.endswith(" ") for number, line in enumerate(text.split("\n")) if number not in inside)


@given(st.text(CHARACTERS, max_size=30))
@settings(max_examples=150, deadline=None)
def test_plain_text_is_never_folded(text):
    written = yaml.dump({"k": text * 20})
    styles = [
        event.style
        for event in pyyaml.parse(written, Loader=pyyaml.CSafeLoader)
        if isinstance(event, pyyaml.ScalarEvent)
    ]
    assert ">" not in styles
    if styles[1] != "|":
        assert written.count("\n") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "x\ny\n"}, "a: |\n  x\n  y\n"),
        ({"a": "x\ny"}, "a: |-\n  x\n  y\n"),
        ({"a": "x\n\n\n"}, "a: |+\n  x\n\n\n"),
        ({"a": "  x\ny\n"}, "a: |2\n    x\n  y\n"),
        ({"a": "\nx\n"}, "a: |2\n\n  x\n"),
        ({"a": "x\n\ny\n"}, "a: |\n  x\n\n  y\n"),
        ({"a": ["x\ny\n"]}, "a:\n- |\n  x\n  y\n"),
        ({"a": [{"b": "x\ny\n", "c": 1}]}, "a:\n- b: |\n    x\n    y\n  c: 1\n"),
        ({"a": {"b": ["c", ["d"]]}}, "a:\n  b:\n  - c\n  -\n    - d\n"),
        ({"a": True, "b": None, "c": 1, "d": 1.5, "e": 1e22}, "a: true\nb: null\nc: 1\nd: 1.5\ne: 1.0e+22\n"),
        ({"a": "true", "b": "1", "c": ""}, 'a: "true"\nb: "1"\nc: ""\n'),
        ({"a": "${chainId}-rpc", "b": "(x)", "c": "/a/b", "d": "4Gi"}, "a: ${chainId}-rpc\nb: (x)\nc: /a/b\nd: 4Gi\n"),
        ({"a": "{{=x}}", "b": "--flag", "c": "a: b"}, 'a: "{{=x}}"\nb: "--flag"\nc: "a: b"\n'),
        ({"a": "é🚀"}, 'a: "é🚀"\n'),
        ({"a": "é🚀\n日本語\n"}, "a: |\n  é🚀\n  日本語\n"),
        ({"a": "x\x85y", "b": "\u202ex"}, 'a: "x\\x85y"\nb: "\\u202ex"\n'),
        ({"k" * 501: 1}, "? " + "k" * 501 + "\n: 1\n"),
        ("alone", "alone\n"),
        ([], "[]\n"),
        ([1, "a"], "- 1\n- a\n"),
    ],
)
def test_the_form_is_what_a_reviewer_expects(value, text):
    assert yaml.dump(value) == text


def test_a_long_line_stays_one_line():
    assert yaml.dump({"promql": "sum(x) " * 100}).count("\n") == 1


def test_a_block_whose_lines_end_in_spaces_keeps_them_but_a_blank_line_of_spaces_is_quoted():
    assert yaml.dump({"a": "x  \ny\n"}) == "a: |\n  x  \n  y\n"
    assert yaml.dump({"a": "x\n  \ny\n"}) == 'a: "x\\n  \\ny\\n"\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_has_no_form(value):
    with pytest.raises(TypeError, match="not finite"):
        yaml.dump({"a": value})


@pytest.mark.parametrize("value", [{"a": object()}, [b"x"], {"a": (1, 2)}, {"a": {1, 2}}])
def test_what_is_not_plain_data_has_no_form(value):
    with pytest.raises(TypeError, match="no form"):
        yaml.dump(value)
