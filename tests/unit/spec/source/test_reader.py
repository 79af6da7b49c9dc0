import pathlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from validationrun.spec.findings import Anchor, Finding, render
from validationrun.spec.source import MAX_BYTES, find_ignores, read, read_compiled

FILE = "spec.yaml"
EXAMPLES = sorted((pathlib.Path(__file__).parents[4] / "examples").glob("*.yaml"))


def _only(content: bytes):
    """The one finding of a file, and the text that it points at."""
    (finding,) = read(content, FILE).diagnostics
    return finding, finding.source_line[finding.span.column : finding.span.end_column]


def _data(text: str):
    result = read(text.encode(), FILE)
    assert result.diagnostics == []
    return [document.data for document in result.documents]


def test_a_file_over_1_mib_is_refused_before_it_is_parsed():
    content = b"a: &a [" + b"x," * (MAX_BYTES // 2)
    finding, _ = _only(content)
    assert (finding.code, finding.line, finding.column) == ("VR101", 1, 1)
    assert "1 MiB" in render(finding)


def test_a_file_of_exactly_1_mib_is_read():
    assert read(b"a: 1 #" + b"x" * (MAX_BYTES - 6), FILE).diagnostics == []


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [(b"a: caf\xe9\n", 1, 7), (b"\xff\xfea\x00:\x00", 1, 1), ("é: 1\nü: ".encode() + b"\xff", 2, 4), (b"a: \xed\xa0\x80", 1, 4)],
)  # fmt: skip
def test_bytes_that_are_not_utf8_are_pointed_at(content: bytes, line: int, column: int):
    finding, _ = _only(content)
    assert (finding.code, finding.line, finding.column) == ("VR102", line, column)
    assert "not UTF-8" in finding.message


@pytest.mark.parametrize(("content", "line", "column"), [(b"a: 1\nb: x\x00y\n", 2, 5), ("ä: \x07".encode(), 1, 4)])
def test_a_character_that_yaml_forbids_is_pointed_at(content: bytes, line: int, column: int):
    finding, _ = _only(content)
    assert (finding.code, finding.line, finding.column) == ("VR102", line, column)
    assert "is not allowed in YAML" in finding.message
    assert render(finding).isascii() or "ä" in render(finding)
    assert "\x07" not in render(finding)


def test_a_tab_in_the_indentation_gets_its_own_advice():
    finding, _ = _only(b"a:\n\tb: 1\n")
    assert (finding.code, finding.line, finding.column) == ("VR103", 2, 1)
    assert "tabs" in finding.help


def test_a_syntax_error_at_the_end_of_the_file_has_a_place():
    finding, _ = _only(b"a: [1,\n")
    assert finding.code == "VR103"
    assert finding.line <= 2


def test_a_second_duplicate_points_at_its_own_key_and_names_the_line_of_the_first():
    finding, text = _only(b"a: 1\nb: 2\na: 3\n")
    assert (finding.code, finding.line, text) == ("VR104", 3, "a")
    assert "line 1" in finding.message


def test_the_first_of_two_duplicates_is_kept():
    assert read(b"a: 1\na: 2\n", FILE).documents[0].data == {"a": 1}


def test_all_duplicates_are_found_at_once():
    assert [d.line for d in read(b"a: 1\na: 2\na: 3\nb: {c: 1, c: 2}\n", FILE).diagnostics] == [2, 3, 4]


@pytest.mark.parametrize(
    ("key", "expected"), [("on", "true"), ("no", "false"), ("1", "1"), ("0x10", "16"), ("'on'", "on"), ("1:30", "1:30")]
)
def test_a_key_is_what_kubernetes_json_has(key: str, expected: str):
    assert _data(f"{key}: x\n") == [{expected: "x"}]


@pytest.mark.parametrize("key", ["~", "1.5", "[a]", "{a: b}", "? [a]\n"])
def test_a_key_that_is_no_text_is_an_error(key: str):
    assert "VR107" in {d.code for d in read(f"{key}: x\n".encode(), FILE).diagnostics}


def test_a_merge_key_brings_fields_and_own_keys_win_wherever_they_stand():
    text = "base: &base {a: 1, b: 2}\nfirst: {<<: *base, b: 3}\nlast: {b: 3, <<: *base}\n"
    assert _data(text)[0]["first"] == {"a": 1, "b": 3}
    assert _data(text)[0]["last"] == {"a": 1, "b": 3}


def test_of_several_merged_mappings_the_first_wins():
    assert _data("x: {<<: [{a: 1}, {a: 2, b: 2}]}\n") == [{"x": {"a": 1, "b": 2}}]


def test_a_quoted_merge_key_is_an_ordinary_key():
    assert _data("x: {'<<': {a: 1}}\n") == [{"x": {"<<": {"a": 1}}}]


@pytest.mark.parametrize("value", ["1", "[1]", "[{a: 1}, 2]"])
def test_only_mappings_can_be_merged(value: str):
    finding, text = _only(f"x: {{<<: {value}}}\n".encode())
    assert (finding.code, text) == ("VR107", "<<")


def test_a_merged_field_is_found_at_its_own_place():
    (document,) = read(b"base: &b\n  a: 1\nx:\n  <<: *b\n", FILE).documents
    assert document.locate(Finding("VR000", ("x", "a"), "", "")).line == 1


def test_an_alias_repeats_scalars_sequences_and_mappings():
    text = "a: &a x\nb: &b [1]\nc: &c {d: 1}\ne: [*a, *b, *c]\n"
    assert _data(text)[0]["e"] == ["x", [1], {"d": 1}]


def test_an_anchor_can_be_given_again():
    assert _data("a: &a 1\nb: &a 2\nc: *a\n")[0]["c"] == 2


def test_an_alias_of_an_open_anchor_contains_itself():
    finding, _ = _only(b"a: &a [*a]\n")
    assert finding.code == "VR105"
    assert "contains itself" in finding.message


def test_nesting_is_bounded():
    assert read(b"[" * 64 + b"]" * 64, FILE).diagnostics == []
    assert _only(b"[" * 65 + b"]" * 65)[0].code == "VR106"
    assert _only(b"[" * 100_000)[0].code == "VR106"


def test_the_number_of_values_is_bounded_without_aliases_too():
    finding, _ = _only(b"- a\n" * 50_001)
    assert finding.code == "VR106"
    assert finding.help == "split the file"


def test_an_alias_bomb_ends_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 30)]
    finding, text = _only("\n".join(lines).encode())
    assert finding.code == "VR106"
    assert text.startswith("*a")
    assert finding.help == "write the values out instead"


@pytest.mark.parametrize(
    "text", ["!!binary aGk=", "!mine x", "!!set {a}", "!!python/object:os.system []", "!<tag:x> y"]
)
def test_a_foreign_tag_is_an_error(text: str):
    assert {d.code for d in read(f"a: {text}\n".encode(), FILE).diagnostics} >= {"VR107"}


@pytest.mark.parametrize("text", ["!!map {a: 1}", "!!seq [1]", "! [1]"])
def test_a_core_tag_of_a_collection_is_fine(text: str):
    assert len(_data(f"x: {text}\n")) == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# comment\n", b"---\n---\n", b"~\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_document_is_an_error(content: bytes):
    assert _only(content)[0].code == "VR108"


def test_anchors_end_with_their_document():
    assert _only(b"a: &a 1\n---\nb: *a\n")[0].code == "VR105"


def test_a_byte_order_mark_moves_no_column():
    finding, text = _only(b"\xef\xbb\xbfa: .inf\n")
    assert (finding.column, text) == (4, ".inf")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_every_line_end_of_yaml_counts_as_one(end: str):
    finding, text = _only(f"# one{end}# two{end}a: .inf{end}".encode())
    assert (finding.line, text) == (3, ".inf")


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c"])
def test_line_ends_that_only_python_knows_are_no_line_ends(character: str):
    """str.splitlines() would count them; YAML forbids them outright."""
    assert _only(f"a: x{character}y\n".encode())[0].line == 1


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise(content: bytes):
    result = read(content, FILE)
    assert result.documents or result.diagnostics
    for finding in result.diagnostics:
        assert render(finding)
    find_ignores(result.documents, result.lines)


_PIECES = st.sampled_from(
    ["a", "b: ", "- ", "[", "]", "{", "}", ", ", "\n", "  ", "\t", "&a ", "*a", "<<: ", "!!str ", "!x ", "|\n", ">-\n", "'", '"', "#",
     "---\n",
     "...\n", "? ", "~", "1", ".inf", "%YAML 1.1\n", "é", "😀", "\\", "\r\n", "\u2028", "# validationrun: ignore VR406\n"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(_PIECES, max_size=30).map("".join))
def test_no_yaml_makes_the_reader_raise_and_every_place_can_be_drawn(text: str):
    result = read(text.encode(), FILE)
    for finding in result.diagnostics:
        assert finding.span.line <= len(result.lines)
        assert render(finding)
    for document in result.documents:
        for loc in _paths(document.data):
            for anchor in Anchor:
                span = document.locate(Finding("VR000", loc, "", "", anchor=anchor))
                # The empty value of a key at the very end stands behind the last line.
                assert 0 <= span.line <= len(result.lines)
                assert span.end_column > span.column >= 0
    find_ignores(result.documents, result.lines)


def _paths(value: object, loc: tuple[str | int, ...] = ()):
    yield loc
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*loc, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*loc, index))


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text("ab:#'\"\\ \n-é😀", max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-o", max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(_DATA)
def test_what_another_writer_writes_is_read_back(data: object):
    text = yaml.dump({"root": data}, Dumper=yaml.CSafeDumper, allow_unicode=True)
    result = read(text.encode(), FILE)
    assert result.diagnostics == []
    assert result.documents[0].data == {"root": data}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_value_of_an_example_has_a_place(path: pathlib.Path):
    result = read(path.read_bytes(), path.name)
    assert result.diagnostics == []
    for document in result.documents:
        for loc in _paths(document.data):
            node, _, complete = document._walk(loc)
            assert complete, loc
            assert node.end_mark.line < len(result.lines)


def test_a_compiled_text_may_be_larger_than_a_spec():
    items = ["- 1"] * 50_001
    assert read_compiled("\n".join(items)) == [[1] * 50_001]
    assert len(read_compiled("[" * 65 + "]" * 65)) == 1


@pytest.mark.parametrize("text", ["a: [1", "a: 1\na: 2", "a: .inf", "a: !x {}", "[" * 201 + "]" * 201])
def test_a_fault_of_a_compiled_text_is_raised(text: str):
    with pytest.raises(ValueError, match=r"."):
        read_compiled(text)
