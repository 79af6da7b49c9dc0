"""A grid of rule cells: nothing is green by default, every state looks unlike the others, and foreign text stays text."""

import itertools

import pytest
from tests.report.page import read

from validationrun.oracle.outcome import Verdict
from validationrun.report import markup
from validationrun.report.grid import Cell, CellState, Grid, Heading, grid_lines, size_words

HOSTILE = "</td><script>alert(1)</script>\x1b[31m\u202e{{ 7 * 7 }}"
PAGE = (
    "{% import 'parts.html.j2' as parts %}{% import 'grid.html.j2' as grids %}{{ parts.signs() }}{{ grids.grid_signs() }}"
    "<main><h2 id='here'>Rules</h2>{{ grids.grid(grid, 'here') }}</main>"
)
CORNER = ("run", "rule")


def page_of(grid: Grid):
    return read(markup.environment().from_string(PAGE).render(grid=grid))


def one_of_each() -> Grid:
    """A row with a cell of each state."""
    columns = [Heading(state.tone) for state in CellState]
    return Grid.of(CORNER, [Heading("smoke")], columns, {("smoke", state.tone): Cell(state) for state in CellState})


def test_a_cell_that_nobody_gave_is_missing():
    """Not passed, and not "not run" either: the run has no such rule."""
    grid = Grid.of(
        CORNER, [Heading("a"), Heading("b")], [Heading("x"), Heading("y")], {("a", "y"): Cell(CellState.PASSED)}
    )
    states = [[cell.state for cell in row] for row in grid.cells]
    assert states == [[CellState.MISSING, CellState.PASSED], [CellState.MISSING, CellState.MISSING]]
    assert grid.tally() == {CellState.MISSING: 3, CellState.PASSED: 1}
    assert size_words(grid) == "2 runs by 2 rules"


@pytest.mark.parametrize(
    ("verdict", "running", "state"),
    [
        (Verdict.PASSED, False, CellState.PASSED),
        (Verdict.PASSED, True, CellState.PASSED),
        (Verdict.FAILED, False, CellState.FAILED),
        (Verdict.ERROR, True, CellState.ERROR),
        (Verdict.AWAITED, True, CellState.RUNNING),
        (Verdict.AWAITED, False, CellState.NOT_RUN),
    ],
)
def test_the_state_of_a_verdict(verdict, running, state):
    assert CellState.of(verdict, running=running) is state


def test_each_state_has_a_sign_of_its_own():
    """Of the page by its drawing, of a terminal by its character: no colour is needed to tell them apart."""
    tree = page_of(one_of_each())
    drawn = {
        g.attributes["id"]: repr(g.children) for g in tree.all("g") if g.attributes.get("id", "").startswith("sign-")
    }
    cells = list(tree.all("td", class_="cell"))
    used = [cell.one("use").attributes["href"].removeprefix("#") for cell in cells]
    assert used == [f"sign-{state.tone}" for state in CellState]
    assert len({drawn[name] for name in used}) == len(CellState)
    assert [cell.text.strip() for cell in cells] == [str(state) for state in CellState]
    assert len({state.mark for state in CellState}) == len({state.meaning for state in CellState}) == len(CellState)


def test_only_a_rule_that_passed_is_green():
    tree = page_of(one_of_each())
    green = [node for node in tree.all() if "passed" in node.classes and node.tag == "td"]
    assert [node.text.strip() for node in green] == ["Passed"]


def test_a_heading_shows_its_verdict_its_name_and_a_link():
    row = Heading("0", name="upgrade", tone="cancelled", word="Cancelled", note="by hand", href="#run-upgrade")
    tree = page_of(Grid.of(CORNER, [row], [Heading("height")], {("0", "height"): Cell(CellState.NOT_RUN, href="#x")}))
    head = tree.one("tbody").one("th")
    assert head.text.split() == ["Cancelled", "upgrade", "by", "hand"]
    assert head.one("a").attributes["href"] == "#run-upgrade"
    assert head.one("use").attributes["href"] == "#sign-cancelled"
    assert tree.one("tbody").one("td").one("a").attributes["href"] == "#x"


def test_foreign_text_stays_text():
    cell = Cell(CellState.FAILED, note=HOSTILE)
    grid = Grid.of(
        CORNER, [Heading(HOSTILE, note=HOSTILE)], [Heading(HOSTILE, note=HOSTILE)], {(HOSTILE, HOSTILE): cell}
    )
    text = markup.environment().from_string(PAGE).render(grid=grid)
    tree = read(text)
    assert not list(tree.all("script"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "{{ 7 * 7 }}" in tree.one("tbody").one("th").text
    printed = "\n".join(grid_lines(grid))
    assert "\x1b" not in printed
    assert "\u202e" not in printed


def test_in_a_terminal():
    columns = [Heading("height-advances"), Heading("p99", note="since 14:00")]
    rows = [Heading("smoke"), Heading("x" * 50)]
    cells = {("smoke", "p99"): Cell(CellState.FAILED), ("x" * 50, "height-advances"): Cell(CellState.PASSED)}
    assert list(grid_lines(Grid.of(CORNER, rows, columns, cells))) == [
        "run                                      1 2",
        "smoke                                    . F",
        f"{'x' * 39}… P .",
        "",
        " 1  height-advances",
        " 2  p99  since 14:00",
        "F Failed (the rule did not hold), . missing (no such rule in this run), P Passed (the rule held)",
    ]


def test_a_narrow_terminal_gets_the_columns_in_blocks():
    """No line is wider, and each cell stands once."""
    names = [f"rule-{number}" for number in range(30)]
    cells = {("smoke", name): Cell(CellState.PASSED) for name in names}
    lines = list(grid_lines(Grid.of(CORNER, [Heading("smoke")], [Heading(name) for name in names], cells), width=40))
    body = list(itertools.takewhile(lambda line: not line.startswith("  1  "), lines))
    assert max(map(len, body)) <= 40
    assert "".join(body).count("P") == 30
    assert [line for line in body if line.startswith("run")][1].split()[1] == "12"


def test_marks_can_have_a_colour():
    grid = Grid.of(CORNER, [Heading("a")], [Heading("x")], {})
    assert list(grid_lines(grid, paint=lambda mark, state: f"<{state}{mark}>"))[1] == "a  <missing .>"
