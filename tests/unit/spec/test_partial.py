"""The readable parts of a document: what is wrong is absent, and reading it is an error of its own."""

import pytest

from emit_helpers import edited, full_run, query_rule, rules_only
from validationrun.spec.partial import UnreadableError, holds, is_left_out, left_out, readable_parts
from validationrun.spec.v1alpha1 import ValidationRun


def _parts(edit, base=rules_only) -> ValidationRun:
    parts = readable_parts(ValidationRun, edited(edit, base))
    assert parts is not None
    return parts


def test_the_parts_of_a_right_document_are_the_document():
    assert _parts(lambda run: None, full_run) == ValidationRun.model_validate(full_run())


def test_a_wrong_field_cannot_be_read_and_its_neighbours_can():
    run = _parts(lambda run: run["spec"]["rules"][0]["query"].update(threshold=1))
    assert run.spec.rules[0].query.op == ">"
    with pytest.raises(UnreadableError, match=r"QueryRule\.threshold cannot be read") as error:
        _ = run.spec.rules[0].query.threshold
    assert error.value.model is run.spec.rules[0].query


def test_a_missing_required_field_cannot_be_read_and_an_optional_one_has_its_default():
    run = _parts(lambda run: run["spec"]["rules"][0].pop("name"))
    assert run.spec.rules[0].run_properties.retry == 3
    with pytest.raises(UnreadableError):
        _ = run.spec.rules[0].name


def test_a_field_that_an_unknown_key_may_mean_cannot_be_read():
    def edit(run: dict) -> None:
        run["spec"]["rules"] = [query_rule(runProperties={"intervall": "5m"})]

    properties = _parts(edit).spec.rules[0].run_properties
    assert properties.retry == 3
    with pytest.raises(UnreadableError):
        _ = properties.interval


def test_an_unknown_key_like_no_field_may_mean_any_field_that_is_absent():
    def edit(run: dict) -> None:
        run["spec"]["rules"] = [query_rule(runProperties={"retry": 1, "xyz": "5m"})]

    properties = _parts(edit).spec.rules[0].run_properties
    assert properties.retry == 1
    with pytest.raises(UnreadableError):
        _ = properties.final_sweep


def test_a_field_without_a_value_cannot_be_read():
    run = _parts(lambda run: run["spec"].update(load=None))
    with pytest.raises(UnreadableError):
        _ = run.spec.load


def test_a_list_with_an_entry_of_another_type_cannot_be_read():
    run = _parts(lambda run: run["spec"]["rules"].append("height"))
    with pytest.raises(UnreadableError):
        _ = run.spec.rules


def test_nothing_of_a_document_that_is_no_mapping_is_readable():
    assert readable_parts(ValidationRun, ["kind"]) is None


def test_an_entry_that_is_left_out_has_nothing_to_read():
    rule = _parts(lambda run: None).spec.rules[0]
    assert not is_left_out(rule)
    assert is_left_out(left_out(rule))
    with pytest.raises(UnreadableError):
        _ = left_out(rule).name


def test_a_model_holds_its_parts_but_not_their_equals():
    run, other = _parts(lambda run: None), _parts(lambda run: None)
    assert holds(run.spec.rules[0], run.spec.rules[0].query)
    assert not holds(run.spec.rules[0], other.spec.rules[0].query)
