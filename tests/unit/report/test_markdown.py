"""`report.md`: read by a Markdown parser, as a forge would."""

import re

import markdown_it
import pytest
from tests.report.worlds import WORLDS

from validationrun import report
from validationrun.report.markdown import code

SHORT = [name for name in WORLDS if name != "soak"]
PARSER = markdown_it.MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")


def tokens(text):
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def rows(text) -> list[list[str]]:
    """The cells of the only table, as they are written."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("passed", "## ✅ Passed: <code>nightly</code> <code>RunSucceeded</code>"),
        ("stopped", "## ❌ Failed: <code>nightly</code> <code>RuleStopOnFailure:height-advances</code>"),
        ("error", "## ⚠️ Error: <code>nightly</code> <code>RuleError</code>"),
        ("no-data", "## ⚠️ Error: <code>nightly</code> <code>RuleError</code>"),
        ("interrupted", "## ⏹️ Cancelled: <code>nightly</code> <code>Cancelled</code>"),
    ],
)
def test_the_first_line_is_the_verdict(world, name, line):
    assert report.to_markdown(world(name).result).splitlines()[0] == line


@pytest.mark.parametrize("name", SHORT)
def test_the_table_has_a_row_for_each_rule_whatever_stands_in_its_cells(world, name):
    result = world(name).result
    text = report.to_markdown(result)
    kinds = [token.type for token in tokens(text)]
    assert kinds.count("table_open") == 1
    assert kinds.count("tr_open") == 1 + len(result.questions)
    assert kinds.count("td_open") == 6 * len(result.questions)


def test_a_row_says_verdict_value_threshold_margin_and_answers(world):
    found = {row[0]: row[1:] for row in rows(report.to_markdown(world("stopped").result))}
    assert found["<code>p99-latency</code>"] == [
        "❌ Failed <code>ThresholdViolated</code>",
        "<code>1.019</code>",
        "<code>&#60;= 0.8</code>",
        "<code>beyond by 0.474 at +3m40s</code>",
        "27 of 30",
    ]
    assert found["<code>node-failed</code>"] == [
        "✅ Passed",
        "<code>did not fire</code>",
        "<code>must not fire</code>",
        "\u2013",
        "20 of 20",
    ]


def test_what_did_not_pass_is_told_with_its_time_and_series(world):
    text = report.to_markdown(world("alert-fired").result)
    told = text.split("**What did not pass**")[1]
    assert "<code>node-failed</code> Failed at 2026-11-18T11:12:25Z (+5m45s): <code>AlertFired</code>" in told
    assert "severity=" in told
    assert told.index("node-failed") < told.index("tx-included"), "the first failure comes first"
    why = report.to_markdown(world("no-data").result)
    assert "why it was empty: <code>no series is named tendermint&#95;consensus&#95;height; nearest" in why


def test_a_window_that_never_opened_or_was_cut_short_is_said_in_bold(world):
    assert "**the window never opened**" in report.to_markdown(world("never-began").result)
    assert "**interrupted before the window ended**" in report.to_markdown(world("interrupted").result)


@pytest.mark.parametrize("name", SHORT)
def test_text_of_others_becomes_neither_tag_nor_link_nor_emphasis(world, name):
    """The only tags are ours; the only links are the files; nothing of a name, label or message is read as Markdown."""
    text = report.to_markdown(world(name).result)
    assert not [c for c in text if not c.isprintable() and c not in "\n\ufe0f"]
    inside = 0
    for token in tokens(text):
        if token.type in ("html_inline", "html_block"):
            assert token.content in ("<code>", "</code>", "<br>"), token.content
            inside += {"<code>": 1, "</code>": -1}.get(token.content, 0)
        assert token.type not in ("image", "code_block", "fence", "code_inline", "em_open")
        if token.type == "link_open":
            assert re.fullmatch(r"(rules/)?[a-z0-9.-]+", token.attrs["href"])
        if token.type == "strong_open":
            assert not inside
        if token.type == "text" and not inside:
            assert not re.search(r"@|#\d|https?:|www\.|<|\||\{\{", token.content), token.content
    assert inside == 0


@pytest.mark.parametrize("name", SHORT)
def test_it_fits_into_a_comment(world, name):
    assert len(report.to_markdown(world(name).result)) < 65_536


@pytest.mark.parametrize(
    "text",
    [
        "a|b",
        "\\|",
        "`x`",
        "</code><b>",
        "**b** _i_ ~~s~~",
        "@team #1 !2 $3",
        "[a](b)",
        "<http://x.y>",
        "http://x.y",
        "www.x.y",
        "&amp;",
        "&#64;",
        "{{x}}",
        "^[1]",
        "a\nb",
        "- x\n# y",
        ":+1:",
    ],
)
def test_a_reader_sees_the_text_as_it_was(text):
    """What the parser makes of it is the text itself, in one piece, inside of `<code>`."""
    table = f"| a | b |\n| --- | --- |\n| {code(text)} | x |\n"
    cells = [token for token in PARSER.parse(table) if token.type == "inline"]
    assert [cell.content for cell in cells[:2] + cells[3:]] == ["a", "b", "x"]
    children = cells[2].children
    assert [child.type for child in children] == ["html_inline", "text", "html_inline"]
    assert children[1].content == " ".join(text.split())


@pytest.mark.parametrize("letter", "&<>\\`*_{}[]#|~!@$^")
def test_what_some_dialect_reads_is_never_written_as_it_is(letter):
    """Mentions, references to issues, formulas and footnotes are not in every parser; none of their signs is written."""
    assert letter not in re.sub("&#[0-9]+;", "", code(f"a{letter}b").removeprefix("<code>").removesuffix("</code>"))


def test_no_forge_makes_a_link_of_a_bare_address():
    """GitHub links `www.` and `https://` without any markup, also inside of tags."""
    written = code("see https://evil.example and www.evil.example, WWW.evil.example")
    assert "://" not in written
    assert "www." not in written.lower()
