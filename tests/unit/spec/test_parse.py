import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emit_helpers import alert_rule, edited, full_run, node, query_rule, rules_only
from validationrun.spec import faults
from validationrun.spec.findings import Anchor, Finding, format_path
from validationrun.spec.parse import parse_document
from validationrun.spec.v1alpha1 import ValidationRun, chain, kubernetes, load, rules, run, suite, types
from validationrun.spec.v1alpha1.types import PATTERN_WORDS, Model


def _findings(edit, base=full_run) -> list[Finding]:
    return parse_document(edited(edit, base))[1]


def _only(edit, base=full_run) -> Finding:
    (finding,) = _findings(edit, base)
    return finding


def test_a_good_document_gives_a_run_and_no_finding():
    parsed, findings = parse_document(full_run())
    assert findings == []
    assert parsed is not None
    assert parsed.spec.chain.deployments[0].spec.replicas == 4


def test_a_bad_document_gives_findings_and_no_run():
    parsed, findings = parse_document(edited(lambda run: run["spec"].pop("chain")))
    assert parsed is None
    assert [(f.code, format_path(f.loc), f.anchor) for f in findings] == [("VR201", "spec.chain", Anchor.KEY)]


@pytest.mark.parametrize("data", [[], "text", 1, True])
def test_a_document_that_is_no_mapping_gets_one_finding(data: object):
    parsed, (finding,) = parse_document(data)
    assert parsed is None
    assert (finding.code, finding.loc) == ("VR110", ())


@pytest.mark.parametrize("value", [None, 1, [], {}, "v1"])
def test_an_odd_api_version_or_kind_is_told_before_anything_else(value: object):
    for field in ("apiVersion", "kind"):
        (finding,) = _findings(lambda run, field=field: run.update({field: value, "spec": {}}))
        assert (finding.code, finding.loc) == ("VR110", (field,))


def test_a_missing_api_version_and_kind_are_told_together():
    assert [(f.code, f.loc) for f in parse_document({})[1]] == [("VR201", ("apiVersion",)), ("VR201", ("kind",))]


def test_what_is_not_supported_yet_is_told_beside_other_faults():
    def edit(run):
        run["spec"].update(sequence=[], chaos={}, cleanup="never")

    assert [f.code for f in _findings(edit)] == ["VR111", "VR111", "VR203"]


@pytest.mark.parametrize("spec", ["text", [], {"chain": "text"}, {"chain": {"api": "Other"}}])
def test_a_spec_of_another_shape_does_not_upset_the_look_for_unsupported_fields(spec: object):
    assert _findings(lambda run: run.update(spec=spec))


@pytest.mark.parametrize("field", ["sequence", "chaos", "load", "rules", "results"])
def test_a_field_without_a_value_is_told_once(field: str):
    finding = _only(lambda run: run["spec"].update({field: None}))
    assert (finding.code, finding.loc, finding.anchor) == ("VR204", ("spec", field), Anchor.KEY)


def test_a_value_is_missing_in_places_that_no_model_looks_at():
    def edit(run):
        run["spec"]["load"]["workload"]["podTemplate"] = {
            "volumes": [{"name": "v", "csi": {"sources": [{"name": None}]}}]
        }

    assert format_path(_only(edit).loc).endswith("podTemplate.volumes[0].csi.sources[0].name")


def test_nulls_are_told_in_the_order_of_the_document():
    def edit(run):
        run["spec"]["timeouts"] = {"chainReady": None, "loadStart": None}
        run["spec"]["load"]["workload"]["args"] = [None, "x", None]

    assert [f.loc[-1] for f in _findings(edit)] == [0, 2, "chainReady", "loadStart"]


def test_faults_come_in_the_order_of_the_models_fields():
    def edit(run):
        run["spec"]["cleanup"] = "x"
        run["metadata"]["name"] = "X"
        run["spec"]["chain"]["chainId"] = "X"

    assert [f.loc[-1] for f in _findings(edit)] == ["name", "chainId", "cleanup"]


# Where a finding points in unions, lists and mappings.


def test_the_path_of_a_fault_in_a_list_holds_its_index():
    finding = _only(lambda run: run["spec"]["rules"].append(query_rule("Bad")))
    assert format_path(finding.loc) == "spec.rules[1].name"


def test_a_bad_key_of_a_mapping_is_pointed_at_by_key():
    finding = _only(lambda run: run["spec"]["load"]["workload"].update(podTemplate={"labels": {"-bad": "x"}}))
    assert (finding.code, finding.loc[-1], finding.anchor) == ("VR206", "-bad", Anchor.KEY)


def test_a_key_that_is_called_like_pydantics_own_mark_is_still_found():
    finding = _only(lambda run: run["spec"]["load"]["workload"].update(config={"files": {"[key]": "x"}}))
    assert finding.code == "VR206"
    assert format_path(finding.loc).startswith("spec.load.workload.config.files")


@pytest.mark.parametrize(
    ("field", "near"),
    [("Rules", "rules"), ("rule", "rules"), ("service_account_name", "serviceAccountName"), ("clean", "cleanup")],
)
def test_a_near_miss_of_a_field_name_is_pointed_out(field: str, near: str):
    assert _only(lambda run: run["spec"].update({field: {}})).help == f"did you mean `{near}`?"


def test_far_from_all_names_a_short_list_is_shown():
    assert _only(lambda run: run["metadata"].update(zzz=1)).help == "known here: name, namespace"


def test_far_from_all_names_a_long_list_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faults, "_known_fields", lambda *_: {f"field{i}" for i in range(13)})
    assert "validationrun schema" in _only(lambda run: run["metadata"].update(zzz=1)).help


def test_the_fields_below_what_no_model_describes_are_not_known():
    assert faults._known_fields(("spec", "chaos", "inside"), ValidationRun) == set()
    assert faults._known_fields(("spec", "gone", "inside"), ValidationRun) == set()
    assert faults._known_fields(("spec", "rules", 3, "query"), ValidationRun) == {
        "promql",
        "op",
        "threshold",
        "timeout",
        "series",
        "maxAge",
    }


@pytest.mark.parametrize(
    ("value", "help_"),
    [
        ("=>", "did you mean >=?"),
        ("=!", "did you mean !=?"),
        ("=<", "did you mean <=?"),
        ("===", "did you mean ==?"),
        ("gt", "use one of these"),
    ],
)
def test_a_wrong_word_gets_the_nearest_one(value: str, help_: str):
    assert _only(lambda run: run["spec"]["rules"][0]["query"].update(op=value)).help == help_


@pytest.mark.parametrize(
    ("value", "got", "help_"),
    [
        (True, "a boolean", "put it in quotes: YAML reads it as a boolean"),
        (6.1, "the number 6.1", "put it in quotes: YAML reads it as a number"),
        (8, "the number 8", "put it in quotes: YAML reads it as a number"),
        ([], "a list", "give it a string"),
        ({}, "a mapping", "give it a string"),
    ],
)
def test_what_is_no_text_is_named(value: object, got: str, help_: str):
    finding = _only(lambda run: run["spec"]["load"]["workload"].update(args=[value]))
    assert (finding.code, finding.help) == ("VR204", help_)
    assert finding.message == f"spec.load.workload.args[0] must be a string; got {got}"


@pytest.mark.parametrize(
    ("value", "help_"),
    [
        ("2", "write it without quotes"),
        (True, "give it a whole number"),
        (1.5, "give it a whole number"),
        ([2], "give it a whole number"),
    ],
)
def test_what_is_no_whole_number_is_named(value: object, help_: str):
    finding = _only(lambda run: run["spec"]["load"].update(replicas=value))
    assert (finding.code, finding.help) == ("VR204", help_)


@pytest.mark.parametrize("value", ["true", 1, 0, []])
def test_nothing_is_taken_for_a_boolean(value: object):
    finding = _only(lambda run: run["spec"]["rules"][0].update(runProperties={"stopOnFailure": value}))
    assert finding.message.startswith("spec.rules[0].runProperties.stopOnFailure must be true or false; got ")


@pytest.mark.parametrize("value", ["text", [], 3])
def test_what_is_no_mapping_is_named(value: object):
    assert "must be a mapping" in _only(lambda run: run["spec"].update(load=value)).message
    assert (
        "must be a mapping"
        in _only(lambda run: run["spec"]["load"]["workload"].update(podTemplate={"labels": value})).message
    )


@pytest.mark.parametrize("value", [True, [], "4Gib", "", "1 Gi", "four"])
def test_what_is_no_quantity_is_named(value: object):
    edit = lambda run: run["spec"]["load"]["workload"].update(resources={"limits": {"cpu": value}})  # noqa: E731
    assert "must be a Kubernetes quantity" in _only(edit).message


@pytest.mark.parametrize("value", [1, 2.5, "1", "500m", "4Gi", "1e3", "-1", ".5", "+1.5E-3", "100n", "1u"])
def test_every_form_of_a_quantity_is_taken(value: object):
    assert _findings(lambda run: run["spec"]["load"]["workload"].update(resources={"limits": {"cpu": value}})) == []


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda run: run["spec"]["load"].update(replicas=0), "spec.load.replicas must be at least 1; got 0"),
        (lambda run: run["spec"]["load"].update(replicas=65), "spec.load.replicas must be at most 64; got 65"),
        (lambda run: run["spec"].update(rules=[query_rule(f"r{i}") for i in range(33)]), "spec.rules must have at most 32 entries"),
        (lambda run: run["spec"]["chain"]["deployments"].pop(), "spec.chain.deployments must have at least 2 entries"),
        (lambda run: run["spec"]["chain"].update(deployments=[node(f"n{i}", "fullNode") for i in range(9)]),
         "spec.chain.deployments must have at most 8 entries"),
        (lambda run: run["metadata"].update(name="a" * 41), "metadata.name must be at most 40 characters long"),
        (lambda run: run["spec"]["rules"][0]["query"].update(promql=""), "spec.rules[0].query.promql must not be empty"),
        (lambda run: run["spec"]["rules"][0].update(runProperties={"retry": 11}),
         "spec.rules[0].runProperties.retry must be at most 10; got 11"),
        (lambda run: run["spec"]["rules"][0].update(runProperties={"interval": "301s"}),
         "spec.rules[0].runProperties.interval must be between 5s and 5m; got 301s"),
        (lambda run: run["spec"].update(timeouts={"chainReady": "0s"}), "spec.timeouts.chainReady must be at least 1s; got 0s"),
    ],
)  # fmt: skip
def test_bounds_are_said_in_words(edit, message: str):
    finding = _only(edit)
    assert (finding.code, finding.message) == ("VR205", message)


def test_one_entry_is_written_in_the_singular():
    finding = _only(lambda run: run["spec"]["chain"]["endpoints"].update(rpc=[]), rules_only)
    assert finding.message == "spec.chain.endpoints.rpc must have at least 1 entry"


@pytest.mark.parametrize("edge", [1, 64])
def test_bounds_are_inclusive(edge: int):
    assert _findings(lambda run: run["spec"]["load"].update(replicas=edge)) == []


def test_a_name_of_40_characters_is_taken():
    assert _findings(lambda run: run["metadata"].update(name="a" * 40)) == []


@pytest.mark.parametrize(
    ("value", "help_"),
    [(600, "did you mean 600s?"), (True, "h, m and s"), (1.5, "h, m and s"), ("10", "h, m and s"), ([], "h, m and s")],
)
def test_a_duration_that_is_none_gets_its_way_out(value: object, help_: str):
    finding = _only(lambda run: run["spec"]["load"].update(duration=value))
    assert finding.code == "VR207"
    assert help_ in finding.help


def test_an_error_of_pydantic_that_has_no_words_of_ours_is_still_a_finding():
    detail = {"type": "new_in_pydantic", "loc": ("spec", "rules"), "msg": "Input is odd", "input": [], "ctx": {}}
    finding = faults._finding(detail, full_run(), ValidationRun, {})  # type: ignore[arg-type]
    assert (finding.code, finding.message) == ("VR204", "spec.rules is wrong: Input is odd")


def test_parts_of_pydantics_path_that_are_no_keys_are_left_out():
    assert faults._field(("spec", "rules", "tag-of-a-union", 0, "query", "op"), full_run()) == (
        "spec",
        "rules",
        0,
        "query",
        "op",
    )
    assert faults._field(("spec", "rules", 7), full_run()) == ("spec", "rules")


# The patterns.


def _patterns() -> set[str]:
    """Every pattern that a field of any model has."""
    found: set[str] = set()
    for module in (chain, kubernetes, load, rules, run, suite):
        for _, model in inspect.getmembers(module, inspect.isclass):
            if issubclass(model, Model):
                _collect(model.model_json_schema(), found)
    return found


def _collect(schema: object, found: set[str]) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            found.add(schema["pattern"])
        found.update(schema.get("patternProperties", {}))
        for value in schema.values():
            _collect(value, found)
    elif isinstance(schema, list):
        for value in schema:
            _collect(value, found)


def test_every_pattern_of_the_models_has_words():
    said_otherwise = {types._DURATION_SCHEMA["pattern"]}
    assert _patterns() - said_otherwise <= PATTERN_WORDS.keys()


def test_no_words_are_left_of_a_pattern_that_is_gone():
    assert PATTERN_WORDS.keys() <= _patterns()


def test_a_pattern_without_words_is_shown_itself():
    assert faults._pattern_words("^x$") == "text that matches ^x$"


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["metadata", "spec", "chain", "load", "rules", "deployments", "workload", "query", "name", "role",
                     "duration", "promql"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers() | st.none(), max_size=2),
)  # fmt: skip
def test_no_value_anywhere_makes_the_parser_raise(field: str, value: object):
    with_alert = edited(lambda run: run["spec"]["rules"].append(alert_rule()))
    for document in (full_run(), rules_only(), with_alert):
        _replace(document, field, value)
        parsed, findings = parse_document(document)
        assert (parsed is None) == bool(findings)
        for finding in findings:
            assert finding.message
            assert finding.help


def _replace(data: object, field: str, value: object) -> None:
    if isinstance(data, dict):
        for key in data:
            if key == field:
                data[key] = value
            else:
                _replace(data[key], field, value)
    elif isinstance(data, list):
        for item in data:
            _replace(item, field, value)


def test_a_misspelt_required_field_is_told_once():
    findings = _findings(lambda run: run["spec"]["chain"].update(chainID=run["spec"]["chain"].pop("chainId")))

    assert [(finding.code, finding.help) for finding in findings] == [("VR202", "did you mean `chainId`?")]
