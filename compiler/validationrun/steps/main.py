"""
`validationrun-runner STEP`: the program of every step's container. The main container in the pod of finalize or suite-finalize has an
argument of its own.

Exits 0 once the step's result is recorded, or 3 when that result speaks against the run. Only the steps that end by a verdict exit 1, and
suite-member also 2. 70 is a fault of ours or of the installation. A traceback never ends with Python's own 1, and wrong usage never
with 2: they would read like a verdict.
"""

import pathlib
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.base.conventions import (
    ENSURE_CHAIN,
    EXIT_AS_FINALIZE,
    EXIT_BUG,
    FINALIZE,
    LOAD_JOB,
    RULE_EVALUATOR,
    SUITE_FINALIZE,
    SUITE_MEMBER,
    WAIT_CHAIN_READY,
)
from validationrun.contract.bundle import BundleError
from validationrun.contract.owned_record import RecordError
from validationrun.kube.cluster import ClusterError, NoClusterError
from validationrun.steps.context import Context, RunnerError, termination_message
from validationrun.steps.finalize_exit import exit_as_finalize, hold, leave
from validationrun.steps.step_log import log_step

_SET: Final = "--set="


def main() -> None:
    """The console script, once `steps/start.py` has imported this module."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one step, with its arguments from the template."""
    if list(arguments) == [EXIT_AS_FINALIZE]:
        return exit_as_finalize(pathlib.Path(conventions.OUTPUT_DIR))
    if not arguments or arguments[0] not in (FINALIZE, SUITE_FINALIZE):
        return _run(arguments)
    hold(pathlib.Path(conventions.OUTPUT_DIR))
    code = _run(arguments)
    leave(pathlib.Path(conventions.OUTPUT_DIR), code)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        step, parameters = _arguments(arguments)
        log_step(step)
        return PROGRAMS[step](Context.from_environment(step), parameters)
    except (RunnerError, RecordError, BundleError, ClusterError, NoClusterError) as error:
        termination_message(str(error))
    except Exception:  # noqa: BLE001 - the last handler: an exit code of Python's would read like a verdict
        termination_message(f"a bug in validationrun-runner:\n{traceback.format_exc()}")
    return EXIT_BUG


def _arguments(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    if not arguments or arguments[0] not in PROGRAMS:
        raise RunnerError(
            f"usage: validationrun-runner STEP [--set=NAME=VALUE ...]; the steps are {', '.join(PROGRAMS)}"
        )
    given = {}
    for argument in arguments[1:]:
        name, separator, value = argument.removeprefix(_SET).partition("=")
        if not argument.startswith(_SET) or not separator:
            raise RunnerError(f"cannot read the argument {argument!r}; expected --set=NAME=VALUE")
        given[name] = value
    return arguments[0], given


def _ensure_chain(context: Context, parameters: Mapping[str, str]) -> int:
    from validationrun.steps.ensure_chain import ensure_chain  # noqa: PLC0415

    return ensure_chain(context, parameters)


def _wait_chain_ready(context: Context, _: Mapping[str, str]) -> int:
    from validationrun.steps.wait_chain_ready import wait_chain_ready  # noqa: PLC0415

    return wait_chain_ready(context)


def _load_job(context: Context, _: Mapping[str, str]) -> int:
    from validationrun.steps.load_job import load_job  # noqa: PLC0415

    return load_job(context)


def _rule_evaluator(context: Context, _: Mapping[str, str]) -> int:
    from validationrun.steps.rule_evaluator import rule_evaluator  # noqa: PLC0415

    return rule_evaluator(context)


def _finalize(context: Context, _: Mapping[str, str]) -> int:
    from validationrun.steps.finalize import finalize  # noqa: PLC0415

    return finalize(context)


def _suite_member(context: Context, given: Mapping[str, str]) -> int:
    from validationrun.steps.suite_member import suite_member  # noqa: PLC0415

    return suite_member(context, given)


def _suite_finalize(context: Context, given: Mapping[str, str]) -> int:
    from validationrun.steps.suite_finalize import suite_finalize  # noqa: PLC0415

    return suite_finalize(context, given)


# Each step is imported when it runs: the small ones start without what the others need. There is no default, because a step
# without an entry must not run as another one.
PROGRAMS: Final[Mapping[str, Callable[[Context, Mapping[str, str]], int]]] = {
    ENSURE_CHAIN: _ensure_chain,
    WAIT_CHAIN_READY: _wait_chain_ready,
    LOAD_JOB: _load_job,
    RULE_EVALUATOR: _rule_evaluator,
    FINALIZE: _finalize,
    SUITE_MEMBER: _suite_member,
    SUITE_FINALIZE: _suite_finalize,
}
