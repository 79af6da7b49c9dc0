"""SuitePlan -> the files of one suite."""

from collections.abc import Mapping, Sequence

from validationrun.base import conventions
from validationrun.base.conventions import SUITE_FINALIZE
from validationrun.compiling.emit import access, suite_access
from validationrun.compiling.emit.bundle import config_map
from validationrun.compiling.emit.files import EmittedFile, as_files
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.suite_bundle import build_suite_bundle
from validationrun.compiling.emit.suite_workflow import END_TEMPLATE, MEMBER_INPUT, MEMBER_TEMPLATE, suite_template
from validationrun.compiling.emit.verify import verify_template
from validationrun.compiling.emit.workflow_parts import ENTRYPOINT
from validationrun.compiling.plan.suite import SuitePlan


def emit_suite(plan: SuitePlan, options: EmitOptions) -> list[EmittedFile]:
    """The files of a suite, sorted by name. The admission policy is there whether or not the verdict is a label."""
    bundle = build_suite_bundle(plan, options)
    template = suite_template(plan, bundle, options)
    verify_template(
        template, {ENTRYPOINT, MEMBER_TEMPLATE, END_TEMPLATE, SUITE_FINALIZE}, {conventions.PARAM_ONLY}, {MEMBER_INPUT}
    )
    documents: dict[str, Sequence[Mapping[str, object]]] = {
        "access.yaml": suite_access.suite_access_objects(plan),
        "access-cluster.yaml": suite_access.suite_cluster_objects(plan),
        "bundle.yaml": [config_map(bundle, plan.namespace, plan.spec_hash)],
        "kustomization.yaml": [access.kustomization()],
        "workflowtemplate.yaml": [template],
    }
    comments = {"access.yaml": suite_access.suite_access_comments(plan)}
    return as_files(plan.namespace, plan.name, documents, comments)
