"""Every code, as the user meets it: tests/fixtures/invalid holds a spec and, beside it, the whole text of its findings."""

import pathlib
import re

import pytest

from helpers import INVALID, ROOT, codes_in_the_source, expected_file, findings_of, shown

SPECIAL = {
    "VR101": "tests/unit/spec/source/test_reader.py::test_a_file_over_1_mib_is_refused_before_it_is_parsed",
    "VR102": "tests/unit/spec/source/test_reader.py::test_bytes_that_are_not_utf8_are_pointed_at",
    "VR114": "tests/unit/compiling/check/test_pipeline_findings.py::test_a_namespace_that_contradicts_the_option_is_an_error",
    "VR590": "tests/local/test_lint_prometheus.py::test_a_metric_that_nobody_has_is_a_warning_with_the_nearest_name",
    "VR591": "tests/local/test_lint_prometheus.py::test_a_label_that_only_the_run_knows_the_value_of_is_looked_up_by_its_name",
    "VR592": "tests/local/test_lint_prometheus.py::test_an_alert_that_is_not_loaded_is_an_error",
    "VR593": "tests/local/test_lint_prometheus.py::test_an_alert_that_needs_as_long_as_the_window_is_an_error",
    "VR594": "tests/local/test_lint_prometheus.py::test_a_rule_that_gets_no_answer_is_a_warning_and_the_next_one_is_looked_up",
    "VR601": "tests/unit/compiling/check/test_pipeline_findings.py::test_a_bundle_over_900_kib_is_an_error_without_output",
    "VR602": "tests/unit/compiling/check/test_pipeline_findings.py::test_a_bundle_over_240_kib_is_a_warning",
    "VR718": "tests/unit/compiling/check/test_pipeline_findings.py::test_the_bundle_of_a_suite_over_512_kib_is_an_error_without_output",
}
"""Codes whose input is generated, or needs an option: the test that covers each."""

DOCUMENTED = ROOT / "docs" / "diagnostics.md"


@pytest.mark.parametrize("fixture", INVALID, ids=lambda fixture: fixture.stem)
def test_an_invalid_spec_gets_exactly_the_expected_text(fixture: pathlib.Path):
    assert shown(findings_of(fixture)) == expected_file(fixture).read_text("utf-8")


@pytest.mark.parametrize("fixture", INVALID, ids=lambda fixture: fixture.stem)
def test_a_fixture_shows_the_code_that_it_is_named_after(fixture: pathlib.Path):
    codes = {finding.code for finding in findings_of(fixture)}
    named = re.match(r"VR[0-9]{3}", fixture.stem)
    assert named is None or named[0] in codes


def test_every_fixture_has_an_expected_text_and_every_expected_text_a_fixture():
    texts = set((ROOT / "tests" / "fixtures" / "invalid").glob("*.expected.txt"))
    assert texts == {expected_file(fixture) for fixture in INVALID}


def test_every_code_in_the_source_has_a_fixture_or_a_special_test():
    fixtures = {fixture.stem[:5] for fixture in INVALID if fixture.stem.startswith("VR")}
    assert fixtures | SPECIAL.keys() == codes_in_the_source()


@pytest.mark.parametrize("code", SPECIAL)
def test_a_special_test_is_there_and_names_its_code(code: str):
    file, _, name = SPECIAL[code].partition("::")
    source = (ROOT / file).read_text("utf-8")
    body = source[source.index(f"def {name}(") :].split("\ndef ")[0]
    assert code in body


def test_every_code_is_documented_and_no_documented_code_is_gone():
    sections = re.findall(r"^## (VR[0-9]{3})", DOCUMENTED.read_text("utf-8"), re.MULTILINE)
    assert set(sections) == codes_in_the_source()


def test_the_documentation_is_in_the_order_of_the_codes_and_its_table_lists_them_all():
    text = DOCUMENTED.read_text("utf-8")
    sections = re.findall(r"^## (VR[0-9]{3})", text, re.MULTILINE)
    assert sections == sorted(set(sections))
    assert re.findall(r"^\| \[(VR[0-9]{3})\]", text, re.MULTILINE) == sections


def test_the_documented_severity_is_the_one_that_users_see():
    text = DOCUMENTED.read_text("utf-8")
    documented = dict(re.findall(r"^\| \[(VR[0-9]{3})\]\([^)]*\) \| ([a-z, ]+) \|", text, re.MULTILINE))
    for fixture in INVALID:
        for finding in findings_of(fixture):
            assert finding.severity.value in documented[finding.code], finding.code


def test_the_links_of_the_table_lead_to_the_sections():
    text = DOCUMENTED.read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"^\| \[VR[0-9]{3}\]\(#([^)]*)\)", text, re.MULTILINE)) <= anchors
