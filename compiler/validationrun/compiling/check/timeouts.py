"""Checks the durations of a run against each other, and that the run has a load or a rule."""

from collections.abc import Iterator

from validationrun.base.durations import format_duration
from validationrun.oracle.ticks import run_seconds
from validationrun.spec.findings import Anchor, Finding, Severity, format_path
from validationrun.spec.v1alpha1 import ValidationRun


def something_to_do(run: ValidationRun) -> Iterator[Finding]:
    spec = run.spec
    if spec.load is None and not spec.rules and spec.sequence is None and spec.chaos is None:
        yield Finding(
            "VR401",
            ("spec",),
            "spec has neither a load nor rules: nothing would be tested",
            "add `load:`, or at least one entry under `rules:`",
            anchor=Anchor.KEY,
        )


def run_outlasts_load(run: ValidationRun) -> Iterator[Finding]:
    load = run.spec.load
    if load is None:
        return
    if load.end_by == "Signal" and run_seconds(run.spec) == load.duration:
        yield Finding(
            "VR404",
            ("spec", "timeouts", "runDuration"),
            f"spec.timeouts.runDuration ({format_duration(run_seconds(run.spec))}) leaves no time after spec.load.duration, when the "
            "shards get SIGTERM (endBy: Signal): the load would always be cut off and count as failed",
            "add what the workload needs to end, at most podTemplate.terminationGracePeriodSeconds (default 60), or leave it out for "
            "load.duration + 5m",
        )
    if run_seconds(run.spec) < load.duration:
        yield Finding(
            "VR404",
            ("spec", "timeouts", "runDuration"),
            f"spec.timeouts.runDuration ({format_duration(run_seconds(run.spec))}) is shorter than "
            f"spec.load.duration ({format_duration(load.duration)}): the load would always be cut off and count as failed",
            "make it at least the load's duration, or leave it out for load.duration + 5m",
        )


def cooldown(run: ValidationRun) -> Iterator[Finding]:
    """A cooldown follows a load, and is worth its time only for a rule that is judged in it."""
    spec, field = run.spec, ("spec", "cooldown")
    waiting = [(index, rule) for index, rule in enumerate(spec.rules) if rule.lasts_into_cooldown]
    if not spec.cooldown:
        for index, rule in waiting:
            until = ("spec", "rules", index, "runProperties", "until")
            message = f"{format_path(until)} is Cooldown, and there is no spec.cooldown: rule {rule.name} would wait for nothing"
            yield Finding("VR511", until, message, "set `cooldown:` of the spec, such as 3m, or leave `until` out")
    elif spec.load is None:
        message = "spec.cooldown follows the load's end, and there is no load: the window lasts timeouts.runDuration"
        yield Finding("VR414", field, message, "leave it out, or add `load:`", anchor=Anchor.KEY)
    elif spec.rules and not waiting:
        message = f"spec.cooldown keeps the chain for {format_duration(spec.cooldown)} after the load, and no rule is judged then"
        help_ = (
            "add `until: Cooldown` to the runProperties of rules that must hold without load, or leave the cooldown out"
        )
        yield Finding("VR415", field, message, help_, Severity.WARNING, Anchor.KEY)


CHECKS = (something_to_do, run_outlasts_load, cooldown)
