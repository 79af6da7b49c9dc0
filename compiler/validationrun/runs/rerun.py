"""Starts a run again: a new run that takes only template and parameters from the first."""

from dataclasses import dataclass

from validationrun.base import conventions
from validationrun.contract.parameters import ParameterError
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import Cluster
from validationrun.kube.objects import Workflow
from validationrun.runs.lookup import identity_of, our_run
from validationrun.runs.submit import Refused, held_workflow, read_template, start


@dataclass(frozen=True, slots=True)
class Again:
    """
    A run that was started again.

    Attributes:
        changed: the template names another bundle than the first run's.
        first, now: hashes of the two bundles; `first` is empty when it was not recorded.
    """

    name: str
    first: str
    now: str

    @property
    def changed(self) -> bool:
        return bool(self.first) and self.first != self.now


def rerun(cluster: Cluster, name: str) -> Again | None:
    """
    A new Workflow from the same template, with the same parameters. None when there is no such run.

    Never by Argo's resubmit, which copies labels and, memoized, the results of steps that judged another load.

    Raises:
        Refused: the template or its bundle is gone, or no longer takes these parameters.
    """
    workflow = our_run(cluster, name)
    if workflow is None:
        return None
    of_template = workflow.template
    if not of_template:
        raise Refused(f"run {name} was not started from a WorkflowTemplate; submit the spec again")
    template = read_template(cluster, of_template)
    try:
        # A member of a suite that is started again is a run of its own.
        given = {name: value for name, value in workflow.parameters.items() if name != conventions.PARAM_SUITE}
        body = held_workflow(cluster, template, given)
    except ParameterError as error:
        raise Refused(f"WorkflowTemplate {of_template} no longer takes the parameters of {name}: {error}") from None
    first = _bundle_of(cluster, workflow)
    return Again(start(cluster, body), first, template.digest)


def _bundle_of(cluster: Cluster, workflow: Workflow) -> str:
    """The bundle's hash by the annotation of `submit`, else by the run entry of the first step."""
    submitted = workflow.annotations.get(conventions.ANNOTATION_BUNDLE_HASH)
    if submitted:
        return submitted
    record = Record.read(cluster, identity_of(workflow))
    run = record.get(RunEntry) if record is not None else None
    return run.bundle_hash if run is not None else ""
