"""Reports are made of a result and of nothing else, and only of one that can be trusted."""

import dataclasses
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.report.worlds import WORLDS

from validationrun import report
from validationrun.contract.result_json import ResultDocument
from validationrun.oracle.evidence import EvidenceError, read_lines
from validationrun.results.folder import Result, ResultsError, parsed_result, read_result

FILES = {
    "report.html": report.to_html,
    "report.junit.xml": report.to_junit,
    "report.md": report.to_markdown,
    "report.log": report.to_log,
    "termination-message.json": report.to_termination,
}
ALL = [*FILES.values(), report.to_json, report.to_text]
SEALED = [name for name in WORLDS if name != "soak"]


@pytest.mark.parametrize("name", SEALED)
def test_the_same_folder_gives_the_same_bytes(world, name, monkeypatch):
    """Later, elsewhere, in another time zone: what was written at the end of the run is what is written again."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("LANG", "C")
    time.tzset()
    try:
        result = read_result(world(name).folder)
        for file, render in FILES.items():
            assert render(result).encode() == (world(name).folder / file).read_bytes(), file
    finally:
        os.environ.pop("TZ")
        time.tzset()


@pytest.mark.parametrize("name", SEALED)
def test_json_is_the_status_document(world, name):
    text = report.to_json(world(name).result)
    assert json.loads(text) == world(name).result.status.to_data()
    assert not [c for c in text if not c.isprintable() and c != "\n"]


def changed(result: Result, **changes: Any) -> Result:
    document = result.document.to_data()
    for path, value in changes.items():
        *parents, last = path.split("__")
        target: Any = document
        for parent in parents:
            target = target[int(parent)] if parent.isdigit() else target[parent]
        target[int(last) if last.isdigit() else last] = value
    return dataclasses.replace(result, document=read(document))


def read(document: Any) -> ResultDocument:
    """As the reader of a folder does."""
    return parsed_result(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("stopped", {"status__verdict": "Passed"}, "do not go together"),
        ("stopped", {"status__verdict": "Passed", "status__phase": "Succeeded"}, "rule height-advances is Failed"),
        ("no-data", {"status__verdict": "Passed", "status__phase": "Succeeded"}, "rule height-advances is Error"),
        ("passed", {"states__1__verdict": "Awaited"}, "rule p99-latency is Awaited"),
        ("passed", {"workload__code": 1}, "workload did not pass"),
        ("passed", {"workload__code": None}, "workload did not pass"),
        ("passed", {"window__interrupted": True}, "cut short"),
        ("passed", {"status__phase": "Running"}, "do not go together"),
        ("passed", {"status__verdict": "passed"}, "Invalid enum value 'passed'"),
        ("passed", {"states__0__name": "another"}, "other rules"),
        ("passed", {"states": []}, "other rules"),
    ],
)
def test_no_report_is_made_of_a_result_that_contradicts_itself(world, name, changes, words):
    """A verdict that was changed by hand must not be carried into any report."""
    for render in ALL:
        with pytest.raises(ResultsError, match=words):
            render(changed(world(name).result, **changes))


def test_no_report_says_passed_of_a_rule_without_any_answer(world):
    result = world("passed").result
    evidence = {**result.evidence, "tx-included": replace(result.evidence["tx-included"], entries=[])}
    for render in ALL:
        with pytest.raises(ResultsError, match="tx-included passed, and its evidence holds no answer"):
            render(dataclasses.replace(result, evidence=evidence))


def places(value: Any, path: str = "") -> Iterator[str]:
    """Every key and index of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield f"{path}{key}"
        yield from places(child, f"{path}{key}__")


STRANGE = [None, True, -1, 1e300, float("nan"), "x", "\ud800", [], ["x"], {}, {"a": None}, 10**400]


def test_a_document_with_strange_values_gives_a_report_or_an_error_in_words(world):
    """Whatever stands in any place: never a traceback."""
    result = world("small").result
    refused: list[str] = []
    documented = {
        key: value for key, value in result.document.to_data().items() if key not in ("rules", "apiVersion", "kind")
    }
    for place in places(documented):
        for strange in STRANGE:
            try:
                forged = changed(result, **{place: strange})
                text = (
                    report.to_junit(forged)
                    + report.to_log(forged)
                    + report.to_markdown(forged)
                    + report.to_text(forged)
                )
                report.to_termination(forged).encode()
                text.encode()
            except ResultsError as error:
                refused.append(str(error))
    assert len(refused) > 300
    assert not [words for words in refused if "\n" in words]


def test_a_page_of_strange_values_too(world):
    """The page takes longer to make, so that it meets fewer of them."""
    result = world("small").result
    documented = {
        key: value for key, value in result.document.to_data().items() if key not in ("rules", "apiVersion", "kind")
    }
    made = 0
    for index, place in enumerate(places(documented)):
        try:
            forged = changed(result, **{place: STRANGE[index % len(STRANGE)]})
            report.to_html(forged).encode()
            made += 1
        except ResultsError:
            pass
    assert made > 5


def test_evidence_with_strange_values_gives_a_report_or_an_error_in_words(world):
    result = world("stopped").result
    first, *others = result.evidence["p99-latency"].entries
    line = {name: getattr(first, name) for name in ("final", "verdict", "reason", "message", "value", "counted")}
    refused = 0
    for field in ("T", "final", "verdict", "reason", "message", "value"):
        for strange in STRANGE:
            try:
                [entry] = read_lines([json.dumps({"T": first.t, **line, field: strange})], "p99-latency").entries
            except EvidenceError:
                refused += len(ALL)
                continue
            broken = replace(result.evidence["p99-latency"], entries=[entry, *others])
            forged = dataclasses.replace(result, evidence={**result.evidence, "p99-latency": broken})
            for render in ALL:
                try:
                    render(forged).encode()
                except ResultsError:
                    refused += 1
    assert refused > 100
