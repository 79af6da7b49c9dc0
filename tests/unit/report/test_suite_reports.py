"""The reports of a suite: the suite and each member as their records say it, and nothing green that nobody proved."""

import html
import json
import re
import xml.etree.ElementTree as ET

import jsonschema
import pytest
from msgspec.structs import replace
from tests.report.page import read
from tests.report.suites import (
    HOSTILE,
    SUITES,
    failed,
    lonely,
    many,
    member,
    part,
    passed,
    passed_over,
    result,
    rule,
    run,
    said,
)

from validationrun.contract.schemas import schemas
from validationrun.contract.status_document import Condition
from validationrun.contract.suite_choice import choice_override
from validationrun.contract.suite_result import SuiteResult
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.report.grid import CellState
from validationrun.report.suite import FORMS
from validationrun.report.suite_view import MOST_COLUMNS, suite_view
from validationrun.results.folder import ResultsError

WORDS = {
    "suite-passed": "Passed",
    "suite-failed": "Failed",
    "suite-running": "Running",
    "suite-terminated": "Cancelled",
    "suite-hostile": "Failed",
    "suite-many": "Failed",
    "suite-lonely": "Passed",
    "suite-part": "Passed",
    "suite-part-failed": "Failed",
}
each_suite = pytest.mark.parametrize("name", SUITES)


def shown(name: str, form: str) -> str:
    return FORMS[form](suite_view(SUITES[name]()))


def cells(made: SuiteResult) -> dict[str, dict[str, str]]:
    grid = suite_view(made).grid
    return {
        row.key: {column.key: str(cell.state) for column, cell in zip(grid.columns, line, strict=True)}
        for row, line in zip(grid.rows, grid.cells, strict=True)
    }


@each_suite
def test_the_verdict_is_the_first_thing_that_is_read(name):
    tree = read(shown(name, "html"))
    assert tree.one("h1").text == tree.one("body").text.split()[0] == WORDS[name]
    assert shown(name, "text").startswith(WORDS[name].upper())
    assert WORDS[name] in shown(name, "markdown").splitlines()[0]


@each_suite
def test_only_a_suite_that_passed_looks_like_one(name):
    tree = read(shown(name, "html"))
    good = WORDS[name] == "Passed"
    assert ("passed" in tree.one("header").classes) == good
    assert ("1a7f37" in tree.one("link", rel="icon").attributes["href"]) == good
    assert ("✅" in shown(name, "markdown").splitlines()[0]) == good
    for chip in tree.all("span", class_="chip"):
        assert ("passed" in chip.classes) == (chip.text.strip() == "Passed")


def test_each_way_to_end_has_its_own_cells():
    """What ran and what did not, what is lost, and what a member does not have are told apart."""
    assert cells(failed()) == {
        "smoke": {"height": "Passed", "p99": "missing"},
        "load": {"height": "Passed", "p99": "Failed"},
        "blind": {"height": "Error", "p99": "not run"},
        "stopped": {"height": "not run", "p99": "missing"},
        "deleted": {"height": "unknown", "p99": "unknown"},
        "forged": {"height": "unknown", "p99": "missing"},
        "later": {"height": "not run", "p99": "not run"},
        "unknown": {"height": "unknown", "p99": "unknown"},
    }


def test_a_suite_that_runs_has_no_rule_that_passed_in_a_run_that_goes_on():
    """A rule that holds so far can still fail; a failure is final."""
    assert cells(SUITES["suite-running"]()) == {
        "smoke": {"height": "Passed", "p99": "missing", "gas": "missing"},
        "load": {"height": "running", "p99": "Failed", "gas": "running"},
        "later": {"height": "running", "p99": "missing", "gas": "missing"},
        "lost": {"height": "unknown", "p99": "missing", "gas": "missing"},
    }
    assert [one.word for one in suite_view(SUITES["suite-running"]()).members] == [
        "Passed",
        "Running",
        "Waiting",
        "Running",
    ]
    for form, words in (("html", "nothing on this page is final"), ("text", "nothing here is final")):
        assert words in shown("suite-running", form)
    assert "nothing here is final" in shown("suite-running", "markdown")


def test_a_suite_that_was_terminated_believes_no_member():
    """Its record has no end of a member; the member's own Passed does not make it one of the suite."""
    view = suite_view(SUITES["suite-terminated"]())
    assert [one.word for one in view.members] == ["Unknown", "Cancelled", "NotStarted"]
    assert not any(one.passed for one in view.members)


def suites_of(text: str) -> dict[str, ET.Element]:
    return {suite.get("name", ""): suite for suite in ET.fromstring(text).findall("testsuite")}  # noqa: S314 - our own


def red(suite: ET.Element) -> list[str]:
    return [
        case.get("name", "") for case in suite if case.find("failure") is not None or case.find("error") is not None
    ]


@each_suite
def test_junit_is_red_unless_the_suite_passed(name):
    root = ET.fromstring(shown(name, "junit"))  # noqa: S314 - our own
    bad = int(root.get("failures", "")) + int(root.get("errors", ""))
    assert (bad == 0) == (WORDS[name] == "Passed")
    first = root.findall("testsuite")[0]
    assert [case.get("name") for case in first.findall("testcase")] == ["suite"]
    assert (red(first) == []) == (WORDS[name] == "Passed")
    for number in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(number, "")) == sum(int(suite.get(number, "")) for suite in root)
    assert int(root.get("tests", "")) == len(list(root.iter("testcase")))


def test_junit_has_a_suite_for_each_run_and_a_case_for_each_rule():
    """The cases follow from the specs, so that a CI system can follow each of them from suite to suite."""
    found = suites_of(shown("suite-failed", "junit"))
    assert list(found) == ["release-suite", *(f"release-suite.{one.name}" for one in failed().members)]
    names = {name: [case.get("name") for case in suite.findall("testcase")] for name, suite in found.items()}
    assert names["release-suite.load"] == names["release-suite.later"] == ["run", "workload", "height", "p99"]
    assert red(found["release-suite.smoke"]) == []
    assert red(found["release-suite.load"]) == ["run", "p99"]
    assert red(found["release-suite.blind"]) == ["run", "height", "p99"]
    assert red(found["release-suite.deleted"]) == ["run", "workload", "height", "p99"]
    assert red(found["release-suite.forged"]) == ["run", "workload", "height"]
    later = found["release-suite.later"]
    assert red(later) == ["run"]
    assert [case.get("name") for case in later if case.find("skipped") is not None] == ["workload", "height", "p99"]
    assert later.get("skipped") == "3"


def test_a_load_that_ended_early_is_no_workload_that_passed():
    """Although its exit code is 0."""
    early = Condition("LoadComplete", "False", "LoadEndedEarly")
    made = failed()
    smoke = made.members[0]
    assert smoke.status is not None
    changed = replace(smoke, status=replace(smoke.status, conditions=[early]))
    tree = suites_of(FORMS["junit"](suite_view(replace(made, members=[changed, *made.members[1:]]))))
    found = tree["release-suite.smoke"]
    case = next(case for case in found.findall("testcase") if case.get("name") == "workload")
    error = case.find("error")
    assert error is not None
    assert error.get("type") == "LoadEndedEarly"


def test_each_member_is_told_with_its_reason_its_time_and_its_own_report():
    tree = read(shown("suite-failed", "html"))
    card = tree.one("details", id="run-load")
    for words in ("Failed", "RuleFailed:p99", "0, not > 0", "10m5s", "run-load-x7k2p", "ThresholdViolated"):
        assert words in card.text
    assert "validationrun report run-load-x7k2p -n eng-ada -o html" in card.text
    assert "its Workflow run-deleted-x7k2p is gone" in tree.one("details", id="run-deleted").text
    assert "which the suite does not believe" in tree.one("details", id="run-forged").text
    assert "nothing says which rules this run has" in tree.one("details", id="run-unknown").text
    ids = {node.attributes["id"] for node in tree.all() if "id" in node.attributes}
    links = [a.attributes["href"] for a in tree.all("a") if a.attributes["href"].startswith("#run-")]
    assert [link.removeprefix("#") for link in links] == [f"run-{one.name}" for one in failed().members]
    assert {link.removeprefix("#") for link in links} <= ids


def test_in_a_folder_each_card_leads_to_the_report_of_its_run():
    made = replace(passed(), mode="run", members=[replace(one, folder=f"{one.name}/run-x") for one in passed().members])
    tree = read(FORMS["html"](suite_view(made)))
    links = [a.attributes["href"] for a in tree.all("a") if a.attributes["href"].endswith("/report.html")]
    assert links == ["smoke/run-x/report.html", "soak/run-x/report.html"]


@pytest.mark.parametrize("form", FORMS)
def test_hostile_text_stays_text(form):
    text = shown("suite-hostile", form)
    assert "\x1b" not in text
    assert "\u202e" not in text
    if form in ("html", "markdown"):
        assert "<script>alert" not in text
    if form == "html":
        tree = read(text)
        assert len(list(tree.all("script"))) == 1
        assert not [node for node in tree.all() for name in node.attributes if name.startswith("on")]
        assert "{{ 7 * 7 }}" in tree.one("h2", id="runs").text + tree.one("header").text
    if form == "junit":
        assert html.unescape(text).count("<script>") > 5
        assert suites_of(text)


@each_suite
def test_the_page_asks_for_nothing(name):
    text = shown(name, "html")
    assert "default-src 'none'" in text
    tree = read(text)
    for node in tree.all():
        assert not {"src", "srcset", "action", "data"} & set(node.attributes)
        if node.tag == "a" and name != "suite-hostile":
            assert re.fullmatch(r"#run-[a-z0-9-]+|report\.[a-z.]+", node.attributes["href"])


@each_suite
def test_json_is_the_document_and_fits_its_schema(name):
    text = shown(name, "json")
    jsonschema.Draft202012Validator(schemas()["suite-result.schema.json"]).validate(json.loads(text))
    assert SuiteResult.from_json(text) == SUITES[name]()


def test_64_runs_by_32_rules_fit():
    """In Markdown below GitHub's limit, on the page below 1 MiB, and each cell once."""
    view = suite_view(many())
    assert len(FORMS["markdown"](view)) < 65_536
    page = FORMS["html"](view)
    assert len(page.encode()) < 1 << 20
    assert len(list(read(page).all("td", class_="cell"))) == 64 * 32
    assert "<details" in page


def test_hostile_names_at_full_length_stay_below_the_limit_of_a_comment():
    """What has no room is left out, and the text says so."""
    own, members = [], []
    for index in range(64):
        name = f"{index}" + "<" * 79
        own.append(
            member(
                name, run("x", "Failed", *(rule(f"{number}" + "|" * 78, "Failed", "]" * 150) for number in range(32)))
            )
        )
        members.append(said(name, "Failed", "`" * 160, "*" * 240))
    text = FORMS["markdown"](suite_view(result(members, own)))
    assert len(text) < 65_536
    assert "has no room here" in text


def test_more_rules_than_columns_leave_none_out_that_failed():
    names = [f"rule-{number}" for number in range(MOST_COLUMNS + 50)]
    rules = [rule(name, "Failed" if name == names[-1] else "Passed") for name in names]
    view = suite_view(result([said("a", "Failed")], [member("a", run("a", "Failed", *rules))]))
    assert len(view.grid.columns) == MOST_COLUMNS
    assert view.left_out == 50
    assert view.grid.columns[0].key == names[-1]
    assert "50 further rules" in FORMS["html"](view)


@pytest.mark.parametrize("form", FORMS)
def test_a_part_of_a_suite_says_so_in_every_form(form):
    for name, message in (
        ("suite-part", "2 of 4 runs were chosen, and both passed"),
        ("suite-part-failed", "1 of 2 runs was chosen; run load: RuleFailed:height"),
    ):
        text = html.unescape(shown(name, form))
        if form == "json":
            status = json.loads(text)["status"]
            chosen = {"suite-part": "load,soak", "suite-part-failed": "load"}[name]
            assert status["overridden"] == [{"name": "only", "value": chosen, "compiled": ""}]
            assert status["message"].startswith(message)
            continue
        assert "only: load" in text
        assert "(overridden)" in text
        assert (message in text) or (form == "junit" and name == "suite-part")
        assert "only:" not in shown("suite-passed", form)


def test_what_was_not_chosen_is_neither_green_nor_red():
    view = suite_view(part())
    assert [(one.word, one.tone) for one in view.members] == [
        ("NotChosen", "not-run"),
        ("Passed", "passed"),
        ("Passed", "passed"),
        ("NotChosen", "not-run"),
    ]
    assert cells(part())["smoke"] == {"height": "not run", "p99": "missing"}
    assert view.troubled == []
    facts = read(shown("suite-part", "html")).one("dl").text
    assert "2 of 4 passed, 2 chosen" in facts
    (row,) = [
        line for line in shown("suite-part", "markdown").splitlines() if "⏭️ NotChosen" in line and "smoke" in line
    ]
    assert "Passed" not in row
    assert "What did not pass" not in shown("suite-part", "markdown")


def test_junit_skips_every_case_of_a_run_that_was_not_chosen():
    found = suites_of(shown("suite-part", "junit"))
    smoke = found["release-suite.smoke"]
    assert [case.get("name") for case in smoke if case.find("skipped") is not None] == ["run", "workload", "height"]
    assert (smoke.get("tests"), smoke.get("skipped")) == ("3", "3")
    assert found["release-suite.later"].get("skipped") == "2"
    assert found["release-suite.load"].get("skipped") == "0"


def contradictions() -> dict[str, SuiteResult]:
    good = passed()
    bad_rule = [member("smoke", run("smoke", "Passed", rule("height", "Failed")))]
    return {
        "do not go together": replace(good, status=replace(good.status, phase=Phase.FAILED)),
        "that run smoke is Failed": replace(
            good, status=replace(good.status, members=[said("smoke", "Failed"), said("soak", "Passed")])
        ),
        "and lists 1": replace(good, status=replace(good.status, members=good.status.members[:1])),
        "and lists 0": replace(good, status=replace(good.status, members=[], planned=0)),
        "names one of its members twice": replace(good, status=replace(good.status, members=[said("a", "Passed")] * 2)),
        "run smoke passed, and its own record says Failed": replace(
            lonely(), members=[member("smoke", run("smoke", "Failed", rule("height", "Failed")))]
        ),
        "rule height is Failed": replace(lonely(), members=bad_rule),
        "has no results of it": replace(lonely(), mode="run", members=[]),
        "that all runs were chosen, and that load, soak had": replace(
            part(), status=replace(part().status, overridden=[])
        ),
        "that load,later were chosen, and that load, soak had": replace(
            part(), status=replace(part().status, overridden=choice_override(("load", "later")))
        ),
        "that all runs were chosen, and that none had": replace(
            lonely(), status=replace(lonely().status, members=[passed_over("smoke")])
        ),
    }


@pytest.mark.parametrize("words", contradictions())
def test_what_contradicts_itself_gets_no_report(words):
    with pytest.raises(ResultsError, match=words):
        suite_view(contradictions()[words])


def test_a_passed_member_of_which_nothing_is_left_is_believed_and_its_rules_are_not_known():
    """The suite's record is the proof of the suite; its rules were in the member's own."""
    made = replace(lonely(), members=[member("smoke", None, ["height"], why="its Workflow is gone")])
    view = suite_view(made)
    assert view.status.verdict == Verdict.PASSED
    assert view.grid.tally() == {CellState.UNKNOWN: 1}
    assert "its Workflow is gone" in read(FORMS["html"](view)).one("details").text


def test_a_time_that_is_none_is_no_crash():
    made = lonely()
    broken = replace(
        made.status,
        start_time=HOSTILE,
        completion_time="never",
        members=[replace(made.status.members[0], started_at="x")],
    )
    for render in FORMS.values():
        assert "smoke" in render(suite_view(replace(made, status=broken)))
