"""
The last check of the finished template.

Hera accepts a task without a template, drops unknown fields, and checks no name; Argo reports these only when a run starts.
A fault here is a bug of the compiler, never the user's, so it is an exception.
"""

import json
import re
from collections.abc import Collection
from typing import Final

from validationrun.compiling.emit.object_types import WorkflowTemplate
from validationrun.compiling.plan import Plan

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME: Final = 63
_LARGEST: Final = 256 * 1024
_TAG: Final = re.compile(r"\{\{=?\s*([^{}]*?)\s*\}\}")
_ALLOWED_TAGS: Final = re.compile(
    r"workflow\.(name|uid|namespace|duration)|retries|workflow\.parameters\.[a-z0-9-]+|outputs\.parameters\.[a-z-]+"
    r"|'validationrun-' \+ \(workflow\.parameters\['chain-id'\] == '' \? workflow\.uid : workflow\.parameters\['chain-id'\]\)"
)


class EmitError(AssertionError):
    """The compiler built a template that Argo would refuse: a bug of the compiler."""


def verify(template: WorkflowTemplate, plan: Plan) -> None:
    """
    `verify_template` for the template of a run.

    Raises:
        EmitError: its message names the fault.
    """
    steps = {step.name for step in (*plan.steps, plan.finalize)}
    verify_template(template, {template["spec"]["entrypoint"], *steps}, {entry.name for entry in plan.parameters})


def verify_template(
    template: WorkflowTemplate, expected: Collection[str], parameters: Collection[str], inputs: Collection[str] = ()
) -> None:
    """
    Checks that references resolve, names are legal, every `{{...}}` is the compiler's, and the size fits.

    Args:
        expected: the names of its templates.
        parameters: the names of its parameters.
        inputs: the names of its templates' parameters.

    Raises:
        EmitError: its message names the fault.
    """
    spec = template["spec"]
    names = [item["name"] for item in spec["templates"]]
    if len(names) != len(set(names)):
        raise EmitError(f"template names are not unique: {names}")
    _check_names([template["metadata"]["name"], *names])
    if set(names) != set(expected):
        raise EmitError(f"templates {sorted(names)} are not the planned {sorted(expected)}")
    references = [spec["onExit"]]
    references += [task["template"] for item in spec["templates"] for task in item.get("dag", {}).get("tasks", [])]
    missing = set(references) - set(names)
    if missing:
        raise EmitError(f"templates that are referred to and absent: {sorted(missing)}")
    _check_text(json.dumps(template, ensure_ascii=False), set(parameters), set(inputs))


def _check_names(names: list[str]) -> None:
    for name in names:
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            raise EmitError(f"{name!r} is not a legal name")


def _check_text(text: str, parameters: set[str], inputs: set[str]) -> None:
    if len(text.encode()) > _LARGEST:
        raise EmitError(f"the WorkflowTemplate has {len(text):,} characters")
    tags = _TAG.findall(text)
    if len(tags) != text.count("{{"):
        raise EmitError("the WorkflowTemplate has a `{{` that is not closed")
    for tag in tags:
        if tag.removeprefix("inputs.parameters.") in inputs:
            continue
        if not _ALLOWED_TAGS.fullmatch(tag):
            raise EmitError(f"{{{{{tag}}}}} is no tag of ours")
        if tag.startswith("workflow.parameters.") and tag.removeprefix("workflow.parameters.") not in parameters:
            raise EmitError(f"{{{{{tag}}}}} names no parameter")
