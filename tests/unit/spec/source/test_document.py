import pytest

from validationrun.spec.findings import Anchor, Finding, Loc
from validationrun.spec.source import Document, read
from validationrun.spec.source.document import split_lines

TEXT = """\
a:
  b: text
  empty: {}
  none: []
  list:
    - one
    - c: two
  flow: [x, {q: z}]
  block: |
    first
      second first
  folded: >-
    word
  bare: |
  quoted: "one
    two"
  plain: one
    two
"""

_WORD = "word"


def _document(text: str = TEXT) -> Document:
    (document,) = read(text.encode(), "spec.yaml").documents
    return document


def _shown(document: Document, loc: Loc, **fields) -> tuple[int, str]:
    """The line number and the text that a finding of this path underlines."""
    span = document.locate(Finding("VR000", loc, "", "", **fields))
    return span.line + 1, document.lines[span.line][span.column : span.end_column]


@pytest.mark.parametrize(
    ("loc", "line", "text"),
    [
        (("a", "b"), 2, "text"),
        (("a", "empty"), 3, "{}"),
        (("a", "none"), 4, "[]"),
        (("a", "list"), 6, "one"),
        (("a", "list", 1), 7, "c"),
        (("a", "list", 1, "c"), 7, "two"),
        (("a", "flow"), 8, "x"),
        (("a", "flow", 1, "q"), 8, "z"),
        (("a", "block"), 10, "first"),
        (("a", "folded"), 13, "word"),
        (("a", "quoted"), 15, '"one'),
        (("a", "plain"), 17, "one"),
        (("a",), 2, "b"),
        ((), 1, "a"),
    ],
)
def test_a_value_is_pointed_at_by_its_first_line(loc: Loc, line: int, text: str):
    assert _shown(_document(), loc) == (line, text)


@pytest.mark.parametrize(
    ("loc", "line", "text"), [(("a", "b"), 2, "b"), (("a",), 1, "a"), (("a", "block"), 9, "block")]
)
def test_a_key_is_pointed_at_when_the_finding_asks_for_it(loc: Loc, line: int, text: str):
    assert _shown(_document(), loc, anchor=Anchor.KEY) == (line, text)


def test_an_item_of_a_list_has_no_key_so_its_value_is_pointed_at():
    assert _shown(_document(), ("a", "list", 0), anchor=Anchor.KEY) == (6, "one")


@pytest.mark.parametrize(
    ("loc", "line", "text"),
    [
        (("a", "gone"), 1, "a"),
        (("a", "flow", 1, "gone"), 8, "q"),
        (("a", "flow", 7), 8, "flow"),
        (("a", "flow", "text"), 8, "flow"),
        (("a", "b", "deeper", "still"), 2, "b"),
        (("gone",), 1, "a"),
    ],
)
def test_a_missing_field_is_pointed_at_by_its_parent(loc: Loc, line: int, text: str):
    assert _shown(_document(), loc) == (line, text)


def test_a_block_without_text_is_pointed_at_by_its_head():
    assert _shown(_document(), ("a", "bare")) == (14, "|")


@pytest.mark.parametrize(
    ("loc", "token", "line", "text"),
    [
        (("a", "block"), "second", 11, "second"),
        (("a", "block"), "first", 10, "first"),
        (("a", "block"), "absent", 10, "first"),
        (("a", "quoted"), "two", 16, "two"),
        (("a", "plain"), "two", 18, "two"),
        (("a", "b"), "ex", 2, "ex"),
        (("a", "b"), "t", 2, "text"),
    ],
)
def test_a_token_is_pointed_at_when_the_value_holds_it_once(loc: Loc, token: str, line: int, text: str):
    assert _shown(_document(), loc, token=token) == (line, text)


def test_a_token_beside_the_value_is_not_taken_for_it():
    document = _document("a: x # word\nb: word\n")
    assert _shown(document, ("a",), token=_WORD) == (1, "x")


def test_a_token_is_not_looked_for_in_the_parent_of_a_missing_field():
    assert _shown(_document("a: {b: word}\n"), ("a", "c"), token=_WORD) == (1, "a")


def test_an_alias_is_pointed_at_where_its_anchor_stands():
    assert _shown(_document("a: &x {b: text}\nc: *x\n"), ("c", "b")) == (1, "text")


def test_a_value_that_an_empty_scalar_gives_still_has_a_width():
    document = _document("a:\nb: 1\n")
    span = document.locate(Finding("VR000", ("a",), "", ""))
    assert span.end_column == span.column + 1


def test_lines_are_split_as_yaml_splits_them():
    assert split_lines("a\r\nb\rc\nd\x85e\u2028f\u2029g\x0bh") == ["a", "b", "c", "d", "e", "f", "g\x0bh"]


@pytest.mark.parametrize("text", ["a: |\n\n\n  x\nb: 1\n", "a: |\n  x", "a: |2-\n\n  x\n\n", "a: >\n  \n  x"])
def test_a_block_is_pointed_at_by_its_first_line_that_is_not_empty(text: str):
    line = text.count("\n", 0, text.index("x"))
    assert _shown(_document(text), ("a",)) == (line + 1, "x")
