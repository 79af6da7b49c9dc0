"""
`validationrun-runner STEP`: the program of every step's container.

Exits 0 once the step's result is recorded, or 3 when that result speaks against the run; 1 only from finalize; 70 on a fault
of ours or of the installation. Never exits with Python's own 1 (a traceback) or 2 (wrong usage): they would read like a verdict.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import Final

from validationrun.base.conventions import EXIT_BUG
from validationrun.contract.bundle import BundleError
from validationrun.contract.record import (
    ENSURE_CHAIN,
    LOAD_JOB,
    RULE_EVALUATOR,
    WAIT_CHAIN_READY,
    RecordError,
)
from validationrun.contract.record_key import STEPS
from validationrun.kube.cluster import ClusterError, NoClusterError
from validationrun.steps.context import Context, RunnerError, termination_message
from validationrun.steps.step_log import log_step

_SET: Final = "--set="


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one step, with its arguments from the template."""
    try:
        step, given = _arguments(arguments)
        log_step(step)
        return _run(Context.from_environment(step), given)
    except (RunnerError, RecordError, BundleError, ClusterError, NoClusterError) as error:
        termination_message(str(error))
    except Exception:  # noqa: BLE001 - the last handler: an exit code of Python's would read like a verdict
        termination_message(f"a bug in validationrun-runner:\n{traceback.format_exc()}")
    return EXIT_BUG


def _arguments(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    if not arguments or arguments[0] not in STEPS:
        raise RunnerError(f"usage: validationrun-runner STEP [--set=NAME=VALUE ...]; the steps are {', '.join(STEPS)}")
    given = {}
    for argument in arguments[1:]:
        name, separator, value = argument.removeprefix(_SET).partition("=")
        if not argument.startswith(_SET) or not separator:
            raise RunnerError(f"cannot read the argument {argument!r}; expected --set=NAME=VALUE")
        given[name] = value
    return arguments[0], given


def _run(context: Context, given: dict[str, str]) -> int:
    """Imports only the step that runs, so that small steps start without the dependencies of the others."""
    if context.step == ENSURE_CHAIN:
        from validationrun.steps.ensure_chain import ensure_chain  # noqa: PLC0415

        return ensure_chain(context, given)
    if context.step == WAIT_CHAIN_READY:
        from validationrun.steps.wait_chain_ready import wait_chain_ready  # noqa: PLC0415

        return wait_chain_ready(context)
    if context.step == LOAD_JOB:
        from validationrun.steps.load_job import load_job  # noqa: PLC0415

        return load_job(context)
    if context.step == RULE_EVALUATOR:
        from validationrun.steps.rule_evaluator import rule_evaluator  # noqa: PLC0415

        return rule_evaluator(context)
    from validationrun.steps.finalize import finalize  # noqa: PLC0415

    return finalize(context)
