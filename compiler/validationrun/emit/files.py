"""Plan -> the files of one run."""

from dataclasses import dataclass
from typing import Any, Final

from validationrun.diagnostics import Anchor, Finding, Severity
from validationrun.emit import access, yaml
from validationrun.emit.bundle import Bundle, build_bundle, config_map
from validationrun.emit.header import header
from validationrun.emit.options import EmitOptions
from validationrun.emit.verify import verify
from validationrun.emit.workflow import workflow_template
from validationrun.plan import Plan

_LARGE: Final = 240 * 1024
"""kubectl's client-side apply keeps a copy in an annotation of at most 262,144 bytes."""

_TOO_LARGE: Final = 900 * 1024
"""A Kubernetes object holds 1 MiB; the rest is for metadata and for what the run adds."""


@dataclass(frozen=True, slots=True)
class EmittedFile:
    """One file of a run's folder."""

    name: str
    text: str


def emit(plan: Plan, options: EmitOptions) -> tuple[list[EmittedFile], list[Finding]]:
    """The files of a run by name, and what is wrong with their size. With an error among the findings there are no files."""
    bundle = build_bundle(plan)
    findings = _size_findings(bundle)
    if any(finding.severity is Severity.ERROR for finding in findings):
        return [], findings
    template = workflow_template(plan, bundle, options)
    verify(template, plan)
    documents: dict[str, list[dict[str, Any]]] = {
        "access.yaml": access.access_objects(plan),
        "access-cluster.yaml": access.cluster_objects(plan) if options.label else [],
        "access-shared.yaml": access.shared_objects(plan),
        "bundle.yaml": [config_map(plan, bundle)],
        "kustomization.yaml": [access.kustomization()],
        "workflowtemplate.yaml": [template],
    }
    head = header(plan.namespace, plan.name)
    return [
        EmittedFile(name, head + "---\n".join(yaml.dump(value) for value in values))
        for name, values in sorted(documents.items())
        if values
    ], findings


def _size_findings(bundle: Bundle) -> list[Finding]:
    loc = ("spec", "load", "workload", "config", "files")
    size = f"{bundle.filled_size / 1024:,.0f} KiB"
    if bundle.filled_size > _TOO_LARGE:
        message = (
            f"the bundle can reach {size} once its placeholders are filled in; at most {_TOO_LARGE // 1024} KiB fit"
        )
        return [Finding("VR601", loc, message, "move large config files into the workload's image", anchor=Anchor.KEY)]
    if bundle.filled_size > _LARGE:
        message = f"the bundle can reach {size}; above {_LARGE // 1024} KiB only server-side apply can store it"
        help_ = "apply with `kubectl apply --server-side`, or move large config files into the workload's image"
        return [Finding("VR602", loc, message, help_, Severity.WARNING, Anchor.KEY)]
    return []
