"""Plan -> the files of one run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from validationrun.compiling.emit import access, yaml
from validationrun.compiling.emit.bundle import build_bundle, config_map
from validationrun.compiling.emit.header import header
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.sizes import size_findings
from validationrun.compiling.emit.verify import verify
from validationrun.compiling.emit.workflow import workflow_template
from validationrun.compiling.plan import Plan
from validationrun.spec.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class EmittedFile:
    """One file of a run's folder."""

    name: str
    text: str


def emit(plan: Plan, options: EmitOptions) -> tuple[list[EmittedFile], list[Finding]]:
    """The files of a run by name, and findings about their size. An error among the findings means no files."""
    bundle = build_bundle(plan)
    findings = size_findings(bundle)
    if any(finding.severity is Severity.ERROR for finding in findings):
        return [], findings
    template = workflow_template(plan, bundle, options)
    verify(template, plan)
    documents: dict[str, Sequence[Mapping[str, object]]] = {
        "access.yaml": access.access_objects(plan),
        "access-cluster.yaml": access.cluster_objects(plan) if options.label else [],
        "access-shared.yaml": access.shared_objects(plan),
        "bundle.yaml": [config_map(bundle, plan.namespace, plan.spec_hash)],
        "kustomization.yaml": [access.kustomization()],
        "workflowtemplate.yaml": [template],
    }
    comments = {"access.yaml": access.access_comments(plan)}
    return as_files(plan.namespace, plan.name, documents, comments), findings


def as_files(
    namespace: str,
    name: str,
    documents: Mapping[str, Sequence[Mapping[str, object]]],
    comments: Mapping[str, str],
) -> list[EmittedFile]:
    """
    The texts of the objects by file, sorted by name. A file without objects is left out.

    Args:
        comments: by file; they stand above its objects.
    """
    head = header(namespace, name)
    return [
        EmittedFile(file, head + comments.get(file, "") + "---\n".join(yaml.dump(value) for value in values))
        for file, values in sorted(documents.items())
        if values
    ]
