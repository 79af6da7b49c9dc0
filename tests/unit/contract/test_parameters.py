"""The parameter `duration`: what it leaves of each rule's window, and of the load's minimum."""

from collections.abc import Mapping
from typing import Any

import pytest

from emit_helpers import edited, full_run, plan_of, rules_only
from validationrun.compiling.emit.bundle import plan_document
from validationrun.contract.parameters import ParameterError, effective_parameters, load_plan
from validationrun.contract.plan_json import PlanDocument


def document(properties: Mapping[str, Any], *, base: Any = full_run, **spec: Any) -> PlanDocument:
    """The plan of a run of ten minutes whose first rule has these runProperties."""

    def edit(run: dict[str, Any]) -> None:
        run["spec"]["rules"] = run["spec"]["rules"][:1]
        run["spec"]["rules"][0]["runProperties"] = dict(properties)
        run["spec"].update(spec)

    return plan_document(plan_of(edited(edit, base)))


@pytest.mark.parametrize(
    ("properties", "refused", "bound", "taken"),
    [
        ({"interval": "30s", "startAfter": "2m"}, "2m", "2m", "2m1s"),
        ({"interval": "1m"}, "1m", "1m", "1m1s"),
        ({"interval": "5m", "startAfter": "2m"}, "3m", "5m", "6m"),
        ({"interval": "30s", "startAfter": "4m", "until": "Cooldown"}, "4m", "4m", "4m1s"),
    ],
)
def test_a_duration_that_takes_a_rules_window_away_is_refused(
    properties: dict[str, Any], refused: str, bound: str, taken: str
) -> None:
    plan = document(properties, cooldown="3m")
    with pytest.raises(ParameterError) as raised:
        effective_parameters(plan, {"duration": refused})
    message = str(raised.value)
    assert message.startswith(f"duration must be longer than {bound}: rule {plan.rules[0].name} is first asked ")
    assert message.endswith(f"got '{refused}'")
    assert effective_parameters(plan, {"duration": taken}) == {"duration": taken}


def test_a_run_without_load_is_shortened_by_the_same_bound() -> None:
    plan = document({"startAfter": "2m"}, base=rules_only, timeouts={"runDuration": "10m"})
    with pytest.raises(ParameterError, match="longer than 2m"):
        effective_parameters(plan, {"duration": "2m"})
    assert effective_parameters(plan, {"duration": "3m"}) == {"duration": "3m"}


@pytest.mark.parametrize(
    ("min_duration", "given", "seconds"),
    [
        (None, {}, 540),
        (None, {"duration": "5m"}, 270),
        ("4m", {}, 240),
        ("4m", {"duration": "5m"}, 240),
        ("4m", {"duration": "3m"}, 180),
        ("3h", {}, 600),
        ("0s", {}, 0),
    ],
)
def test_the_loads_minimum_follows_the_effective_duration(
    min_duration: str | None, given: dict[str, str], seconds: int
) -> None:
    def edit(run: dict[str, Any]) -> None:
        if min_duration is not None:
            run["spec"]["load"]["minDuration"] = min_duration

    load = load_plan(plan_document(plan_of(edited(edit, full_run))), given)
    assert load is not None
    assert load.min_seconds == seconds
