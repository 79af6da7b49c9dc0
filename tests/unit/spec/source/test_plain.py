"""The quick reader and the full one must never disagree."""

import pathlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from validationrun.spec.source import reader
from validationrun.spec.source.fast_reader import read_plain

ROOT = pathlib.Path(__file__).parents[4]
FILES = sorted(
    [*ROOT.glob("examples/*.yaml"), *ROOT.glob("generated/*/*/*.yaml"), *ROOT.glob("tests/fixtures/**/*.yaml")]
)
LIMITS = (reader._MAX_NODES, reader._MAX_DEPTH)


def _full(text: str) -> reader.LoadResult:
    result = reader.LoadResult("f", reader.split_lines(text))
    reader._Composer(result).compose(text)
    return result


def _assert_agree(text: str) -> None:
    plain, full = read_plain(text, *LIMITS), _full(text)
    if plain is not None:
        assert full.diagnostics == []
        assert repr(plain) == repr([document.data for document in full.documents])


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_both_readers_agree_on_every_file_of_the_repository(path: pathlib.Path):
    _assert_agree(path.read_text("utf-8").removeprefix("\ufeff"))


def test_the_examples_are_read_the_quick_way():
    for path in ROOT.glob("examples/*.yaml"):
        assert read_plain(path.read_text(), *LIMITS) is not None


@pytest.mark.parametrize(
    "text",
    [
        "a: [1", "a: &x 1", "a: 1\nb: *x", "a: &x {}\nb: *x", "a: !!str 1", "a: !x {}", "<<: {a: 1}", "a: 1\na: 2",
        "on: 1", "? [a]\n: 1", "? {a: 1}\n: 1", "a: .inf", "a: 99999999999999999999999", "[" * 65 + "]" * 65, "null: 1", "1: 2", ": x",
    ],
)  # fmt: skip
def test_whatever_is_unusual_is_left_to_the_full_reader(text: str):
    assert read_plain(text, *LIMITS) is None


def test_more_values_than_allowed_are_left_to_the_full_reader():
    assert read_plain("[1, 2, 3]", 4, 64) == [[1, 2, 3]]
    assert read_plain("[1, 2, 3]", 3, 64) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# c\n",
        "---\n---\n",
        "a\n---\n\n--- b",
        "[]",
        "{}",
        "[[], {}, [null]]",
        "a: null",
        '"a": "yes"',
        "a: |\n  x\n",
    ],
)
def test_both_agree_on_small_documents(text: str):
    assert read_plain(text, *LIMITS) is not None
    _assert_agree(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["on", "12", "1:30", "2024-01-01", "~", "0x1f", "1_000", "<<", "y"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=6) | st.sampled_from(["on", "<<", "n"]), children, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(VALUES, st.booleans(), st.sampled_from([None, "'", '"', "|"]))
def test_both_agree_on_any_data_in_any_style(value: object, flow: bool, style: str | None):
    _assert_agree(yaml.safe_dump(value, default_flow_style=flow, default_style=style, allow_unicode=True))


@given(
    st.lists(
        st.sampled_from(
            ["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "1", "'x'", "&b ", "*b", "|\n", "---\n", "<<", "on"]
        ),
        max_size=25,
    )
)
def test_both_agree_on_any_text(parts: list[str]):
    _assert_agree("".join(parts))
