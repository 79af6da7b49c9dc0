"""Which parameters of a submission differ from what was compiled."""

import pytest

from emit_helpers import LOAD_IMAGE, SEID, compiled, full_run
from validationrun.compiling.emit.bundle import plan_document
from validationrun.contract.override import Override, overrides_text
from validationrun.contract.parameters import ParameterError, effective_parameters, overrides
from validationrun.contract.plan_json import PlanDocument

OTHER = SEID.replace("1", "2")
RUNNER = "registry.example.com/runner:v1"


def plan(**options: object) -> PlanDocument:
    return plan_document(compiled(full_run(), runner_image=RUNNER, **options).plan)  # type: ignore[arg-type]


def changed(**given: str) -> list[Override]:
    made = plan()
    return overrides(made, effective_parameters(made, {name.replace("_", "-"): value for name, value in given.items()}))


def test_nothing_given_is_nothing_overridden() -> None:
    assert changed() == []


@pytest.mark.parametrize(
    ("name", "value", "compiled_value"),
    [
        ("duration", "5m", "10m"),
        ("image_workload", OTHER, LOAD_IMAGE),
        ("image_rpc", OTHER, SEID),
        ("prometheus_url", "http://mine:9090", "http://prometheus-k8s.monitoring.svc:9090"),
        ("runner_image", "registry.example.com/mine:v1", RUNNER),
        ("chain_id", "mine", "base-<uid8>"),
    ],
)
def test_another_value_is_named_beside_the_compiled_one(name: str, value: str, compiled_value: str) -> None:
    assert changed(**{name: value}) == [Override(name.replace("_", "-"), value, compiled_value)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration", "600s"),
        ("image_rpc", SEID),
        ("prometheus_url", "http://prometheus-k8s.monitoring.svc:9090"),
        ("runner_image", RUNNER),
    ],
)
def test_the_compiled_value_in_other_words_is_no_override(name: str, value: str) -> None:
    assert changed(**{name: value}) == []


def test_the_text_has_both_values() -> None:
    text = overrides_text([Override("duration", "5m", "10m"), Override("chain-id", "x")])
    assert text == "duration: 5m (compiled: 10m); chain-id: x (overridden)"
    assert overrides_text([]) == ""


@pytest.mark.parametrize("lock", [("duration",), ("all",)])
def test_a_locked_parameter_is_refused(lock: tuple[str, ...]) -> None:
    with pytest.raises(ParameterError, match="the parameter duration is locked: the run was compiled with --lock"):
        effective_parameters(plan(lock=lock), {"duration": "5m"})


def test_a_lock_on_another_parameter_leaves_this_one_open() -> None:
    assert effective_parameters(plan(lock=("image-rpc",)), {"duration": "5m"}) == {"duration": "5m"}


def test_with_all_locked_an_unknown_parameter_is_refused_too() -> None:
    with pytest.raises(ParameterError, match="there is no parameter durations; there is none"):
        effective_parameters(plan(lock=("all",)), {"durations": "5m"})
