"""An outline of a suite for people: its runs and their order, rights, pods at once, worst case."""

from validationrun.base.durations import format_duration
from validationrun.base.text import counted, printable
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.emit.suite_bundle import build_suite_bundle
from validationrun.compiling.explain import Outline, add_rights, pods_at_once
from validationrun.compiling.plan.suite import TO_START_S, SuiteMember, SuitePlan, longest_path


def suite_outline(plan: SuitePlan, options: EmitOptions) -> Outline:
    root = Outline(f"ValidationSuite {plan.name} in namespace {plan.namespace}")
    committed = root.add("committed and applied once, beside what its runs commit")
    committed.add(f"WorkflowTemplate {plan.name}")
    committed.add(f"ConfigMap {build_suite_bundle(plan, options).name} (immutable: suite.json)")
    committed.add(f"Role and RoleBinding {plan.name}-suite, for account {plan.account}")
    committed.add("by an administrator: access-cluster.yaml (limits the account to the templates of this suite)")
    order = "one after the other" if plan.max_parallel == 1 else f"at most {plan.max_parallel} at once"
    stops = (
        "no further one starts once one has not passed"
        if plan.stop_on_failure
        else "each starts whatever became of the others"
    )
    runs = root.add(
        f"each start: Workflow {plan.name}-xxxxx, with {counted(len(plan.members), 'run')}, {order}; {stops}"
    )
    for member in plan.members:
        _member(
            runs.add(
                f"{member.name}: Workflow {member.run.plan.name}-xxxxx, at most {format_duration(member.deadline_s)}"
            ),
            member,
        )
    runs.add(f"suite-finalize, whatever happened: at most {format_duration(plan.finalize_s)}")
    _pods(root, plan)
    add_rights(root.add("rights used").add(f"account {plan.account}"), plan.rights)
    _worst_case(root, plan)
    return root


def _member(node: Outline, member: SuiteMember) -> None:
    if member.depends_on:
        node.add(f"once {', '.join(member.depends_on)} passed")
    for name, value in member.parameters.items():
        node.add(f"{name}={printable(value)}")


def _pods(root: Outline, plan: SuitePlan) -> None:
    most = sorted((pods_at_once(member.run.plan) for member in plan.members), reverse=True)[: plan.max_parallel]
    node = root.add(f"pods at most at once: {sum(most) + len(most)}")
    node.add(f"{len(most)} of the suite, one for each run that is there")
    node.add(f"{sum(most)} of {'the largest runs' if len(most) > 1 else 'the largest run'}")


def _worst_case(root: Outline, plan: SuitePlan) -> None:
    path = longest_path(plan.members)
    seconds = sum(member.deadline_s for member in path)
    node = root.add(f"worst case: {format_duration(plan.worst_case_s)} from start to verdict")
    node.add(f"{format_duration(seconds)} along the longest path: {' -> '.join(member.name for member in path)}")
    node.add(f"each run with {format_duration(TO_START_S)} to start and all attempts of its finalize")
    node.add(f"{format_duration(plan.deadline_s)} until the suite's own deadline, with the runs that wait for a place")
    node.add(f"{format_duration(plan.worst_case_s - plan.deadline_s)} for suite-finalize and its retries")


def suite_mermaid(plan: SuitePlan) -> str:
    """The order of the runs as a Mermaid flowchart. It holds only fixed text and names that passed a DNS pattern."""
    lines = ["flowchart LR"]
    lines += [
        f'  {member.name}["{member.name}<br/>{member.run.plan.name}<br/>at most {format_duration(member.deadline_s)}"]'
        for member in plan.members
    ]
    for member in plan.members:
        lines += [f"  {name} -- passed --> {member.name}" for name in member.depends_on]
        lines += [f"  {name} --> {member.name}" for name in member.starts_after]
    return "\n".join(lines) + "\n"
