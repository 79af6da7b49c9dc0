"""The steps of a run, their order, and how long each may take."""

from typing import Final

from validationrun.base import conventions
from validationrun.base.conventions import ENSURE_CHAIN, FINALIZE, LOAD_JOB, RULE_EVALUATOR, WAIT_CHAIN_READY
from validationrun.base.text import counted
from validationrun.compiling.plan.model import STEP_ATTEMPTS, Step, Timings
from validationrun.oracle.ticks import judged_seconds, run_seconds
from validationrun.spec.v1alpha1 import ValidationRunSpec

_WORKFLOW_SLACK: Final = 600
"""Time after the window for the last queries, the sign-off, and the restart of lost pods."""

_STEP_SLACK: Final = 120
"""A step ends itself by a deadline in the run record; Argo's deadline, this much later, ends a pod that hangs or never starts."""

_FINALIZE_SECONDS: Final = 900
"""Time to end the Job, wait for the steps' pods, save diagnostics and clean up; the clean-up has its own limit."""

_LOAD_RETRY_LIMIT: Final = STEP_ATTEMPTS - 1


def timings(spec: ValidationRunSpec, grace_s: int) -> Timings:
    """
    All deadlines of the run.

    Args:
        grace_s: the termination grace period of the load's pods, for which finalize may have to wait.
    """
    window = run_seconds(spec)
    chain_ready, load_start = spec.timeouts.chain_ready, spec.timeouts.load_start
    return Timings(
        chain_ready_s=chain_ready,
        load_start_s=load_start,
        run_s=window,
        cooldown_s=spec.cooldown,
        judged_s=judged_seconds(spec),
        workflow_deadline_s=chain_ready + load_start + window + spec.cooldown + _WORKFLOW_SLACK,
        finalize_s=_FINALIZE_SECONDS + grace_s,
    )


def plan_steps(times: Timings, *, has_load: bool, rule_count: int) -> tuple[tuple[Step, ...], Step]:
    """The steps in order, and finalize, which runs however the steps ended."""
    bring_up = times.chain_ready_s + _STEP_SLACK
    window = times.load_start_s + times.run_s + _STEP_SLACK
    load = _step(
        LOAD_JOB, "Drive the load", conventions.COMPONENT_LOAD, WAIT_CHAIN_READY, window, ("exit-codes", "message")
    )
    steps = (
        _step(
            ENSURE_CHAIN,
            "Bring the chain up",
            conventions.COMPONENT_CHAIN,
            None,
            bring_up,
            ("chain-id", "message"),
            bundle=True,
        ),
        _step(
            WAIT_CHAIN_READY,
            "Wait until the chain serves",
            conventions.COMPONENT_CHAIN,
            ENSURE_CHAIN,
            bring_up,
            ("message",),
        ),
        *((load,) if has_load else ()),
        # The deadline leaves time for the cooldown, and for the final sweep, which begins when the window ends.
        _step(
            RULE_EVALUATOR,
            f"Watch {counted(rule_count, 'rule')}",
            conventions.COMPONENT_RULES,
            WAIT_CHAIN_READY,
            window + times.cooldown_s + _WORKFLOW_SLACK,
            ("verdict",),
        ),
    )
    return steps, _finalize(times)


def _step(
    name: str,
    title: str,
    component: str,
    depends: str | None,
    timeout_s: int,
    outputs: tuple[str, ...],
    *,
    bundle: bool = False,
) -> Step:
    return Step(
        name=name,
        title=title,
        component=component,
        depends=depends,
        # The leaves of the DAG. Argo omits them after a failed ensure-chain or wait-chain-ready, and the DAG still succeeds.
        continue_on_failed=name in (LOAD_JOB, RULE_EVALUATOR),
        timeout_s=timeout_s,
        retry="Always",
        retry_limit=_LOAD_RETRY_LIMIT,
        memory_mib=256,
        mounts_bundle=bundle,
        outputs=outputs,
    )


def _finalize(times: Timings) -> Step:
    return Step(
        name=FINALIZE,
        title="Give the verdict and clean up",
        component=conventions.COMPONENT_RULES,
        depends=None,
        continue_on_failed=False,
        timeout_s=times.finalize_s,
        # Exit code 1 is a verdict, so only a fault of Argo (Error) is retried. With an expression on the exit code Argo would show
        # "expression evaluated to false" in the place of each verdict that is not Passed.
        retry="OnError",
        retry_limit=2,
        # More than the other steps: it makes the reports.
        memory_mib=512,
        mounts_bundle=False,
        outputs=("verdict", "reason"),
    )
