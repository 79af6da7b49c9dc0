"""Starts a run or a suite again: a new one that takes only template and parameters from the first."""

from dataclasses import dataclass

from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended
from validationrun.contract.parameters import ParameterError
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.suite_record import SuiteRecord, SuiteStatus
from validationrun.kube.cluster import Cluster
from validationrun.kube.objects import Workflow
from validationrun.oracle.suite_verdict import Outcome, SuiteReason
from validationrun.runs.lookup import identity_of, our_run
from validationrun.runs.submit import Refused, Template, held_workflow, read_template, start
from validationrun.runs.submit_suite import held_suite
from validationrun.runs.suites import is_suite, suite_status


@dataclass(frozen=True, slots=True)
class Again:
    """
    A run that was started again.

    Attributes:
        changed: the template names another bundle than the first run's.
        first, now: hashes of the two bundles; `first` is empty when it was not recorded.
        only: the members of a suite that the new one starts; empty when it starts all, and for a run.
        of: how many members the suite has, where `only` names some.
        was_part: the first was a suite that started only some of its members, and the new one starts all.
    """

    name: str
    first: str
    now: str
    only: tuple[str, ...] = ()
    of: int = 0
    was_part: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.first) and self.first != self.now


def rerun(cluster: Cluster, name: str) -> Again | None:
    """
    A new Workflow from the same template, with the same parameters. None when there is no such run.

    A suite starts all its members, also where the first one started only some of them.

    Never by Argo's resubmit, which copies labels and, memoized, the results of steps that judged another load.

    Raises:
        Refused: the template or its bundle is gone, or no longer takes these parameters.
    """
    workflow = our_run(cluster, name)
    if workflow is None:
        return None
    template = _template_of(cluster, workflow)
    first = _bundle_of(cluster, workflow)
    if template.suite:
        body = held_suite(cluster, template, {})
        return Again(start(cluster, body), first, template.digest, was_part=conventions.PARAM_ONLY in _given(workflow))
    try:
        # A member of a suite that is started again is a run of its own.
        given = {name: value for name, value in _given(workflow).items() if name != conventions.PARAM_SUITE}
        body = held_workflow(cluster, template, given)
    except ParameterError as error:
        raise Refused(f"WorkflowTemplate {template.name} no longer takes the parameters of {name}: {error}") from None
    return Again(start(cluster, body), first, template.digest)


def rerun_not_passed(cluster: Cluster, name: str) -> Again | None:
    """
    A new Workflow of a suite that starts only the members that were to run and did not pass. None when there is no such suite.

    Raises:
        Refused: it is no suite, still runs, or all of it passed; or its template was compiled again since, so that its members may
            be other runs.
    """
    workflow = our_run(cluster, name)
    if workflow is None:
        return None
    if not is_suite(workflow):
        raise Refused(f"--not-passed is for suites, and {name} is a run: `validationrun rerun {name}` starts it again")
    status = suite_status(cluster, workflow)
    only = _not_passed(workflow, status)
    template = _template_of(cluster, workflow)
    first = _bundle_of(cluster, workflow)
    if first != template.digest:
        ran = f"bundle {first[:8]}" if first else "a bundle that nobody recorded"
        raise Refused(
            f"suite {name} ran with {ran}, and WorkflowTemplate {template.name} has bundle {template.digest[:8]} now, so its runs "
            f"may be other runs: `validationrun submit` starts all of them"
        )
    try:
        body = held_suite(cluster, template, {conventions.PARAM_ONLY: ",".join(only)})
    except ParameterError as error:
        raise Refused(f"WorkflowTemplate {template.name} cannot start only a part of its suite: {error}") from None
    whole = conventions.PARAM_ONLY not in body.parameters
    return Again(start(cluster, body), first, template.digest, () if whole else only, len(status.members))


def _not_passed(workflow: Workflow, status: SuiteStatus) -> tuple[str, ...]:
    """The members that were to run and did not pass, in the order of the suite. Raises Refused when there are none to start."""
    name, again = workflow.name, f"`validationrun rerun {workflow.name}` starts all of them"
    if not has_ended(workflow.object):
        wait = f"`validationrun wait {name}` waits for its end, `validationrun stop {name}` ends it"
        raise Refused(f"suite {name} still runs, so nobody knows which of its runs will pass: {wait}")
    if SuiteReason.RECORD_FORGED in (status.reason, workflow.annotations.get(conventions.ANNOTATION_REASON)):
        raise Refused(f"the record of suite {name} was forged, so nobody knows which of its runs passed: {again}")
    if not status.members:
        raise Refused(f"suite {name} left no record of its runs, so nobody knows which of them passed: {again}")
    chosen = [member for member in status.members if member.outcome != Outcome.NOT_CHOSEN]
    left = tuple(member.name for member in chosen if member.outcome != Outcome.PASSED)
    if not left:
        every = "every run" if len(chosen) == len(status.members) else "every chosen run"
        raise Refused(f"{every} of suite {name} passed: without --not-passed, {again}")
    return left


def _template_of(cluster: Cluster, workflow: Workflow) -> Template:
    """Raises Refused."""
    if not workflow.template:
        raise Refused(f"run {workflow.name} was not started from a WorkflowTemplate; submit the spec again")
    return read_template(cluster, workflow.template)


def _given(workflow: Workflow) -> dict[str, str]:
    """The parameters that have a value."""
    return {name: value for name, value in workflow.parameters.items() if value}


def _bundle_of(cluster: Cluster, workflow: Workflow) -> str:
    """The bundle's hash by the annotation of `submit`, else by the run entry of the first step."""
    submitted = workflow.annotations.get(conventions.ANNOTATION_BUNDLE_HASH)
    if submitted:
        return submitted
    if is_suite(workflow):
        suite = SuiteRecord.read(cluster, identity_of(workflow))
        return suite.started.bundle_hash if suite is not None and suite.started is not None else ""
    record = Record.read(cluster, identity_of(workflow))
    run = record.get(RunEntry) if record is not None else None
    return run.bundle_hash if run is not None else ""
