"""Starting a run again: a new one, about which the first says nothing but its template and its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from validationrun.base import conventions
from validationrun.contract.parameters import ParameterError
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import Cluster
from validationrun.runs.lookup import identity_of, our_run, template_name
from validationrun.runs.submit import Refused, held_workflow, read_template, start


@dataclass(frozen=True, slots=True)
class Again:
    """
    A run that was started again.

    Attributes:
        changed: the template holds another bundle than that of the first run.
        first, now: the two bundles' hashes; `first` is empty when nobody wrote it down.
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

    Never Argo's resubmit: that copies labels and, memoized, the results of steps that judged another load.

    Raises:
        Refused: the template or its bundle is gone, or no longer takes these parameters.
    """
    found = our_run(cluster, name)
    if found is None:
        return None
    of_template = template_name(found)
    if not of_template:
        raise Refused(f"run {name} was not started from a WorkflowTemplate; submit the spec again")
    template = read_template(cluster, of_template)
    arguments = (found.get("spec") or {}).get("arguments") or {}
    given = {one["name"]: one["value"] for one in arguments.get("parameters") or [] if "value" in one}
    try:
        body = held_workflow(cluster, template, given)
    except ParameterError as error:
        raise Refused(f"WorkflowTemplate {of_template} no longer takes the parameters of {name}: {error}") from None
    first = _bundle_of(cluster, found)
    return Again(start(cluster, body), first, template.digest)


def _bundle_of(cluster: Cluster, found: Mapping[str, Any]) -> str:
    """By whoever submitted it, else by what its first step wrote down."""
    submitted = (found["metadata"].get("annotations") or {}).get(conventions.ANNOTATION_BUNDLE_HASH)
    if submitted:
        return str(submitted)
    written = Record.read(cluster, identity_of(found))
    run = written.get(RunEntry) if written is not None else None
    return run.bundle_hash if run is not None else ""
