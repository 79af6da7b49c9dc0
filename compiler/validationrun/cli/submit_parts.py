"""What `submit` puts on the cluster: the one run, suite or schedule of a file, and what belongs to it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from validationrun.base.conventions import KIND_RUN
from validationrun.cli.console import Output, print_diagnostics, read_runs, summary, usage_error
from validationrun.cli.emit_flags import refuse_unknown_locks

if TYPE_CHECKING:
    from validationrun.compiling.pipeline import Compiled, CompileResult


@dataclass(frozen=True, slots=True)
class Parts:
    """
    What is put on the cluster.

    Attributes:
        started: the run or the suite that is started, or the schedule.
        members: the runs of a suite, or what a schedule starts, in the order of compilation; None for a run.
        is_schedule: `started` is a schedule, which starts its runs by itself.
    """

    started: "Compiled[Any]"
    members: "Sequence[Compiled[Any]] | None" = None
    is_schedule: bool = False


def compile_parts(spec: str, namespace: str | None, options: Any) -> Parts:
    """The one run, suite or schedule of the file. Raises typer.Exit with 2: submit gives verdicts, and a bad spec is none."""
    from validationrun.compiling.pipeline import compile_all

    files, pass_over = read_runs([spec])
    result = compile_all(files, options, namespace, pass_over)
    print_diagnostics(result.diagnostics, Output.TEXT, sys.stderr)
    if not result.ok:
        raise usage_error(f"{spec}: {summary(result.diagnostics)}; nothing was submitted")
    if result.schedules:
        return _schedule(spec, result, options)
    if result.suites:
        return _suite(spec, result, options)
    if len(result.runs) != 1:
        names = ", ".join(compiled.plan.name for compiled in result.runs) or "none"
        raise usage_error(f"{spec} must hold exactly one run to submit, or one suite with its runs; it holds {names}")
    refuse_unknown_locks(options, result.runs[0].plan.locked)
    return Parts(result.runs[0])


def _suite(spec: str, result: "CompileResult", options: Any) -> Parts:
    """The one suite of the file, and the runs that it names. Raises typer.Exit with 2."""
    if len(result.suites) != 1:
        names = ", ".join(compiled.plan.name for compiled in result.suites)
        raise usage_error(f"{spec} must hold exactly one suite to submit; it holds {names}")
    suite = result.suites[0]
    members = {run.plan.name for run in suite.plan.runs}
    others = ", ".join(compiled.plan.name for compiled in result.runs if compiled.plan.name not in members)
    if others:
        raise usage_error(
            f"{spec} holds suite {suite.plan.name}, which does not name {others}: submit these by themselves"
        )
    refuse_unknown_locks(options, tuple({name for compiled in result.runs for name in compiled.plan.locked}))
    return Parts(suite, result.runs)


def _schedule(spec: str, result: "CompileResult", options: Any) -> Parts:
    """The one schedule of the file, and what it starts. Raises typer.Exit with 2."""
    if len(result.schedules) != 1:
        names = ", ".join(compiled.plan.name for compiled in result.schedules)
        raise usage_error(f"{spec} must hold exactly one schedule to submit; it holds {names}")
    schedule = result.schedules[0]
    started = schedule.plan.started
    needed = {started.name}
    if started.kind != KIND_RUN:
        needed |= {
            run.plan.name for suite in result.suites for run in suite.plan.runs if suite.plan.name == started.name
        }
    beneath = [compiled for compiled in result.compiled if compiled.plan.name in needed]
    others = ", ".join(
        compiled.plan.name for compiled in result.compiled if compiled.plan.name not in {*needed, schedule.plan.name}
    )
    if others:
        raise usage_error(
            f"{spec} holds schedule {schedule.plan.name}, which does not start {others}: submit these by themselves"
        )
    refuse_unknown_locks(options, tuple({name for compiled in result.runs for name in compiled.plan.locked}))
    return Parts(schedule, beneath, is_schedule=True)
