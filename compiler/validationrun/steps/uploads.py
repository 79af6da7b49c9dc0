"""
Whether rule-evaluator's evidence was uploaded, and load-job succeeded. Argo uploads when a step's container has ended.

Argo retries a step whose upload failed. The later attempt has nothing to upload, and may succeed or fail.
"""

from typing import Final

from validationrun.base import conventions
from validationrun.base.conventions import RESULTS_ARTIFACT
from validationrun.base.truncate import cut
from validationrun.contract.argo_nodes import Nodes, read_nodes, retry_node, stored_artifacts
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.kube.cluster import TASK_RESULTS, WORKFLOWS, ForbiddenError, owned_by
from validationrun.steps.context import Context

_WAIT_SECONDS: Final = 120.0
"""Argo creates finalize's pod before it records that the other steps are over, and its controller may restart in between."""
_POLL_SECONDS: Final = 1.0
_OVER: Final = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
_REASON_BYTES: Final = 600


def missing_upload(context: Context, written: Record) -> str:
    """The step whose upload is not proven, the reason, and where to look; empty when every upload of a signed-off run is proven."""
    sign_off, load = written.need(SignOff), written.need(RunEntry).load
    steps = [conventions.LOAD_JOB, conventions.RULE_EVALUATOR] if load is not None else [conventions.RULE_EVALUATOR]
    signed = sign_off.node_id
    nodes = _wait_for_end(context, steps)
    if nodes is None:
        # Neither load-job nor a later attempt of rule-evaluator has artifacts.
        reasons = {conventions.RULE_EVALUATOR: _without_nodes(context, signed) if sign_off.files else ""}
    else:
        reasons = {step: _by_nodes(nodes, step, signed) for step in steps}
    for step, reason in reasons.items():
        if reason:
            saved = f"validationrun logs {context.identity.workflow} -n {context.identity.namespace} --saved"
            return (
                f"the upload of {step} is not proven ({cut(reason, _REASON_BYTES)}); "
                f"`{saved}` shows the container `wait` of its pods, which uploads"
            )
    return ""


def _wait_for_end(context: Context, steps: list[str]) -> Nodes | None:
    """The Workflow's nodes once these steps are over; None where they are offloaded."""
    until = context.now() + _WAIT_SECONDS
    while True:
        nodes = read_nodes(context.cluster.get(WORKFLOWS, context.identity.workflow) or {})
        if nodes is None or context.now() >= until:
            return nodes
        if all(retry_node(nodes, step).get("phase") in _OVER for step in steps):
            return nodes
        context.sleep(_POLL_SECONDS)


def _by_nodes(nodes: Nodes, step: str, signed: str) -> str:
    """
    Why the upload of a step is not proven, or empty.

    A red step is never Succeeded, so the attempt of rule-evaluator that signed off is checked by itself too.
    """
    retry = retry_node(nodes, step)
    if retry.get("phase") == "Succeeded":
        return ""
    attempts = [nodes[child] for child in retry.get("children") or [] if child in nodes]
    if step == conventions.RULE_EVALUATOR and signed in nodes:
        if RESULTS_ARTIFACT in stored_artifacts(nodes[signed]):
            return ""
        attempts = [nodes[signed]]
    node = attempts[-1] if attempts else retry
    if not node:
        return "the Workflow has no node of it"
    return f"{node.get('displayName')} is {node.get('phase')}: {node.get('message') or 'Argo gives no message'}"


def _without_nodes(context: Context, signed: str) -> str:
    """Why the upload of rule-evaluator is not proven, by the executor's report on the attempt that signed off; or empty."""
    if not signed:
        return "the sign-off does not name its node"
    try:
        result = context.cluster.get(TASK_RESULTS, signed)
    except ForbiddenError as error:
        return f"{error}; apply access.yaml"
    if result is None or not owned_by(result, context.identity.uid):
        return f"there is no WorkflowTaskResult {signed}"
    if RESULTS_ARTIFACT not in stored_artifacts(result):
        return f"WorkflowTaskResult {signed} does not list the artifact {RESULTS_ARTIFACT}"
    return ""
