"""The schema that editors use agrees with the parser."""

import json

import jsonschema
import pytest
import yaml

from emit_helpers import edited, full_run, rules_only
from helpers import ROOT, VALID
from validationrun.spec.parse import parse_document
from validationrun.spec.schema import render_schema
from validationrun.spec.source import read

SCHEMA = json.loads(render_schema())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_itself_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_committed_schema_is_the_rendered_one():
    assert (ROOT / "schemas" / "validationrun.schema.json").read_text("utf-8") == render_schema()


@pytest.mark.parametrize("file", [*VALID, *sorted((ROOT / "examples").glob("*.yaml"))], ids=lambda file: file.stem)
def test_every_valid_spec_fits_the_schema(file):
    for document in read(file.read_bytes(), file.name).documents:
        assert list(VALIDATOR.iter_errors(document.data)) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda run: run.update(kind="ValidationSuite"),
        lambda run: run["spec"].update(load=None),
        lambda run: run["spec"].update(unknown=1),
        lambda run: run["spec"]["rules"][0]["query"].update(op="=>"),
        lambda run: run["spec"]["rules"][0]["query"].update(threshold=0),
        lambda run: run["spec"]["load"].update(duration=600),
        lambda run: run["spec"]["chain"]["deployments"][0]["spec"].update(futureField={"a": 1}),
        lambda run: run["spec"]["chain"]["deployments"][0]["spec"].update(networking={"service": {}}),
        lambda run: run["spec"]["load"].update(replicas=65),
        lambda run: run["spec"]["load"]["workload"].update(podTemplate={"labels": {"-": "x"}}),
        lambda run: run["spec"]["load"]["workload"].update(resources={"limits": {"cpu": "4Gib"}}),
        lambda run: run["metadata"].pop("name"),
    ],
)
def test_what_the_parser_refuses_the_schema_refuses(edit):
    run = edited(edit, full_run)
    assert parse_document(run)[0] is None
    assert list(VALIDATOR.iter_errors(run))


def test_a_field_of_another_project_is_kept_by_both():
    pod = {"volumes": [{"name": "v", "futureSource": {"a": 1}}]}
    run = edited(lambda run: run["spec"]["load"]["workload"].update(podTemplate=pod))
    assert parse_document(run)[0] is not None
    assert list(VALIDATOR.iter_errors(run)) == []


def test_no_field_may_be_null_in_the_schema():
    assert '"null"' not in render_schema()
    assert list(VALIDATOR.iter_errors(rules_only())) == []


def test_every_field_has_a_description():
    bare = [
        f"{name}.{field}"
        for name, model in {"ValidationRun": SCHEMA, **SCHEMA["$defs"]}.items()
        for field, schema in model.get("properties", {}).items()
        if "description" not in schema
    ]
    assert bare == []


def test_a_field_that_is_called_title_would_stay():
    from validationrun.spec.schema import _without_titles

    assert _without_titles({"title": "T", "properties": {"title": {"title": "X"}}, "anyOf": [{"title": "Y"}]}) == {
        "properties": {"title": {}},
        "anyOf": [{}],
    }


def test_the_schema_is_the_same_text_each_time():
    assert render_schema() == render_schema()
    assert yaml.safe_load(render_schema()) == SCHEMA
