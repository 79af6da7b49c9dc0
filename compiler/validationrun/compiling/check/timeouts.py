"""Checks the durations of a run against each other, and that the run has a load or a rule."""

from collections.abc import Iterator

from validationrun.base.durations import format_duration
from validationrun.oracle.ticks import run_seconds
from validationrun.spec.findings import Anchor, Finding
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
    if load is not None and run_seconds(run.spec) < load.duration:
        yield Finding(
            "VR404",
            ("spec", "timeouts", "runDuration"),
            f"spec.timeouts.runDuration ({format_duration(run_seconds(run.spec))}) is shorter than "
            f"spec.load.duration ({format_duration(load.duration)}): the load would always be cut off and count as failed",
            "make it at least the load's duration, or leave it out for load.duration + 5m",
        )


CHECKS = (something_to_do, run_outlasts_load)
