"""An error in one field does not hide the findings about the others, and makes none that is false."""

import copy
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from emit_helpers import alert_rule, as_yaml, edited, full_run, query_rule, rules_only
from helpers import ROOT, VALID
from validationrun.compiling.kinds import KINDS
from validationrun.compiling.pipeline import lint, lint_all
from validationrun.spec.parse import document_parts, parse_document
from validationrun.spec.source import read

SPECS = [*VALID, *sorted(path for path in (ROOT / "examples").glob("*.yaml") if path.stem != "release-suite")]
"""Specs of runs."""
FIELD_CODES = ("VR1", "VR2")


def _codes(run: Any) -> list[str]:
    return sorted(finding.code for finding in lint(as_yaml(run), "spec.yaml").diagnostics)


def _at_once(run: dict) -> None:
    """Four mistakes of four kinds, each in another part of the spec."""
    del run["spec"]["chain"]["deployments"][0]["spec"]["template"]
    run["spec"]["load"]["workload"]["env"] = [{"name": "RUN_ID", "value": "mine"}]
    run["spec"]["rules"] = [query_rule(name="a"), query_rule(name="b")]
    run["spec"]["rules"][0]["query"]["threshold"] = 3
    run["spec"]["rules"][1]["query"]["promql"] = 'increase(max(height{chain_id="${chainId}"}))'


def test_all_mistakes_of_a_file_are_told_at_once():
    assert {"VR201", "VR402", "VR204", "VR501"} <= set(_codes(edited(_at_once, full_run)))


def test_a_wrong_threshold_does_not_hide_what_is_wrong_with_the_query_of_its_own_rule():
    def edit(run: dict) -> None:
        run["spec"]["rules"][0]["query"].update(threshold=1, promql='max(height{chain_id="${chainId}"}')

    assert _codes(edited(edit, rules_only)) == ["VR204", "VR501"]


def test_a_rule_whose_query_cannot_be_read_does_not_hide_the_next_rule():
    def edit(run: dict) -> None:
        run["spec"]["rules"] = [query_rule(name="a"), query_rule(name="b"), query_rule(name="b")]
        run["spec"]["rules"][0]["query"]["promql"] = 7
        run["spec"]["rules"][0]["name"] = 8
        run["spec"]["rules"][1]["query"].update(promql="max(", threshold="1e999")

    assert _codes(edited(edit, rules_only)) == ["VR204", "VR204", "VR501", "VR505", "VR510"]


def test_a_deployment_without_a_name_does_not_hide_the_next_one():
    def edit(run: dict) -> None:
        validators, rpc = run["spec"]["chain"]["deployments"]
        del validators["name"]
        rpc["name"] = "workload"
        rpc["spec"]["deletionPolicy"] = "Retain"

    assert _codes(edited(edit, full_run)) == ["VR201", "VR308", "VR311"]


def test_a_load_without_a_unit_does_not_hide_a_query_that_does_not_parse():
    def edit(run: dict) -> None:
        run["spec"]["load"]["duration"] = 10
        run["spec"]["rules"] = [query_rule()]
        run["spec"]["rules"][0]["query"]["promql"] = "max("

    codes = _codes(edited(edit, full_run))
    assert "VR207" in codes
    assert "VR501" in codes


def test_a_missing_namespace_does_not_hide_a_query_that_does_not_parse():
    def edit(run: dict) -> None:
        del run["metadata"]["namespace"]
        run["spec"]["rules"][0]["query"]["promql"] = "max("

    assert _codes(edited(edit, rules_only)) == ["VR113", "VR501"]


def test_an_error_keeps_an_ignored_warning_silent_and_its_comment_is_not_called_useless():
    text = (ROOT / "tests/fixtures/valid/ignore-comments.yaml").read_text("utf-8")
    assert lint(text.encode(), "spec.yaml").diagnostics == []
    wrong = text.replace('op: ">="', 'op: "=>"').replace('op: ">"', 'op: "=>"')
    assert {finding.code for finding in lint(wrong.encode(), "spec.yaml").diagnostics} == {"VR203"}


def test_a_name_is_taken_also_by_a_run_with_an_error():
    broken = edited(lambda run: run["spec"]["rules"][0]["query"].update(op="="), rules_only)
    found = lint_all([("a.yaml", as_yaml(broken)), ("b.yaml", as_yaml(rules_only()))]).diagnostics
    assert [(finding.file, finding.code) for finding in found] == [("a.yaml", "VR203"), ("b.yaml", "VR112")]


def test_a_misspelt_rules_field_does_not_make_the_load_unjudged():
    """VR408 would be false: there are rules, under a name that is not known."""

    def edit(run: dict) -> None:
        run["spec"]["rulez"] = run["spec"].pop("rules")

    codes = _codes(edited(edit, full_run))
    assert "VR202" in codes
    assert "VR408" not in codes


def test_rules_in_the_wrong_mapping_do_not_make_the_load_unjudged():
    def edit(run: dict) -> None:
        run["spec"]["chain"]["rules"] = run["spec"].pop("rules")

    assert "VR408" not in _codes(edited(edit, full_run))


def test_a_sequence_that_is_not_supported_yet_is_something_to_do():
    def edit(run: dict) -> None:
        del run["spec"]["rules"]
        run["spec"]["sequence"] = [{"name": "a"}]

    assert _codes(edited(edit, rules_only)) == ["VR111"]


def test_an_alert_matcher_is_checked_beside_a_matcher_with_an_error():
    def edit(run: dict) -> None:
        first, second = alert_rule(name="a"), alert_rule(name="b")
        first["alert"]["matchers"] = [{"name": "pod", "op": "~", "value": "x"}]
        second["alert"]["matchers"] = [{"name": "namespace", "op": "=~", "value": "${namespace}["}]
        run["spec"]["rules"] = [first, second]

    assert _codes(edited(edit, rules_only)) == ["VR203", "VR501"]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


def _mistakes(data: Any) -> Iterator[tuple[str, Any]]:
    """The document with one mistake, for each of its fields: no value, another type, no line, a misspelt or misplaced key."""
    for path in _paths(data):
        *parents, last = path
        for mistake in ("null", "list", "number", "delete", "shorten", "prefix", "rise"):
            wrong = copy.deepcopy(data)
            parent = wrong
            above = wrong
            for key in parents:
                above, parent = parent, parent[key]
            if mistake in ("null", "list", "number"):
                parent[last] = {"null": None, "list": [[None]], "number": 3}[mistake]
            elif not isinstance(parent, dict):
                continue
            else:
                value = parent.pop(last)
                if mistake == "shorten":
                    parent[str(last)[:-1]] = value
                elif mistake == "prefix":
                    parent[f"zz{last}"] = value
                elif mistake == "rise" and isinstance(above, dict):
                    above.setdefault(last, value)
            yield f"{mistake} at {path}", wrong


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_one_mistake_anywhere_makes_no_finding_about_another_field(spec: pathlib.Path):
    """Whatever the checks say beside an error, they also say of the same spec without the error."""
    for document in read(spec.read_bytes(), spec.name).documents:
        run, _ = parse_document(document.data)
        assert run is not None
        right = {(finding.code, finding.loc) for finding in KINDS[run.kind].check(run)}
        for mistake, wrong in _mistakes(json.loads(json.dumps(document.data))):
            whole, errors = parse_document(wrong)
            part = document_parts(wrong)
            if whole is not None or part is None:
                continue
            places = {finding.loc for finding in errors}
            beside = {(finding.code, finding.loc) for finding in KINDS[part.kind].check(part)}
            false = {(code, loc) for code, loc in beside - right if not any(loc[: len(at)] == at for at in places)}
            assert not false, mistake
