"""
An outline of a run for people: objects and their names, order, pods, rules, rights, worst case.

Pure: takes a plan, returns nested lines. `cli.explain` prints them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from validationrun.base.conventions import ENSURE_CHAIN, LOAD_JOB, RULE_EVALUATOR, WAIT_CHAIN_READY
from validationrun.base.durations import format_duration
from validationrun.base.text import counted, printable
from validationrun.compiling.blind_tail import blind_tail
from validationrun.compiling.emit.bundle import build_bundle
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.plan import ChainObject, Plan, PlannedLoad, PlannedRule, Right, Step
from validationrun.compiling.plan.manifests import CHAIN_ID
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import tick_count


@dataclass(slots=True)
class Outline:
    """A line and the lines below it."""

    text: str
    children: "list[Outline]" = field(default_factory=list)

    def add(self, text: str) -> "Outline":
        child = Outline(text)
        self.children.append(child)
        return child


def outline(plan: Plan, options: EmitOptions) -> Outline:
    """The whole run, from the committed objects to the worst case."""
    root = Outline(f"ValidationRun {plan.name} in namespace {plan.namespace}")
    _committed(root.add("committed and applied once"), plan, options)
    _run(root.add(f"each run: Workflow {plan.name}-xxxxx"), plan)
    _pods(root, plan)
    _rights(root.add("rights used"), plan)
    _worst_case(root, plan)
    return root


def chain_id(plan: Plan) -> str:
    """The effective chain id before a run: the base id, and `<uid8>` for the run's 8 hex digits."""
    return f"{plan.chain_id}-<uid8>" if plan.brings_chain_up else plan.chain_id


def _committed(node: Outline, plan: Plan, options: EmitOptions) -> None:
    bundle = build_bundle(plan)
    node.add(f"WorkflowTemplate {plan.name}")
    size = f"{bundle.size / 1024:,.1f} KiB: {', '.join(bundle.data)}"
    node.add(f"ConfigMap {bundle.name} (immutable, {size})")
    node.add(f"Role and RoleBinding {plan.name}-steps, for account {plan.accounts.steps}")
    node.add(f"Role and RoleBinding {plan.name}-finalize, for account {plan.accounts.finalize}")
    for shared in plan.shared_rules:
        node.add(
            f"by the owner of namespace {shared.namespace}: access-shared.yaml (read PrometheusRule {', '.join(shared.names)})"
        )
    if options.label:
        node.add("by an administrator: access-cluster.yaml (guards the right to label Workflows)")


def _run(node: Outline, plan: Plan) -> None:
    for number, step in enumerate(plan.steps, start=1):
        beside = f", beside {LOAD_JOB}" if step.name == RULE_EVALUATOR and plan.load else ""
        child = node.add(f"{number}. {step.name}{beside}: at most {format_duration(_allowed(step, plan))}")
        _step(child, step, plan)
    child = node.add(
        f"{len(plan.steps) + 1}. {plan.finalize.name}, whatever happened: at most {format_duration(plan.finalize.timeout_s)}"
    )
    child.add("gives the verdict, saves diagnostics unless it Passed" + _cleanup(plan))


def _allowed(step: Step, plan: Plan) -> int:
    """The seconds that the contract allows a step, without the slack of Argo's deadline."""
    times = plan.timings
    if step.component == "chain":
        return times.chain_ready_s
    return times.load_start_s + times.run_s + (times.cooldown_s if step.name == RULE_EVALUATOR else 0)


def _cleanup(plan: Plan) -> str:
    if not plan.brings_chain_up:
        return ""
    when = {"Always": "deletes the chain", "OnSuccess": "deletes the chain if it Passed", "Never": "leaves the chain"}
    return f", {when[plan.cleanup]}"


def _step(node: Outline, step: Step, plan: Plan) -> None:
    if step.name == ENSURE_CHAIN:
        node.add("ConfigMaps: the run record, and the run's copy of the bundle")
        for entry in sorted(plan.deployments, key=lambda entry: entry.role != "validator"):
            name = entry.object_name.replace(CHAIN_ID, chain_id(plan))
            then = "; then waits for the genesis and height > 1" if entry.role == "validator" else ""
            node.add(f"{_objects(entry, name)}{then}")
    elif step.name == WAIT_CHAIN_READY:
        node.add(f"until {_serving(plan)}, caught up and advancing")
        node.add(f"first: {plan.endpoints.rpc[0].replace(CHAIN_ID, chain_id(plan))}")
    elif step.name == LOAD_JOB and plan.load is not None:
        _load(node, plan.load, plan)
    elif step.name == RULE_EVALUATOR:
        for rule in plan.rules:
            child = node.add(_rule(rule, plan))
            for line in _window(rule, plan):
                child.add(line)


def _objects(entry: ChainObject, name: str) -> str:
    if entry.kind != "SeiNode":
        return f"{entry.kind} {name} ({entry.role}, {counted(entry.replicas, 'node')})"
    ordinals = "0" if entry.replicas == 1 else f"0..{entry.replicas - 1}"
    return f"SeiNode {name}-{ordinals} ({entry.role})"


def _serving(plan: Plan) -> str:
    """What wait-chain-ready asks of the full nodes; a kind that only some of them serve has their number."""
    nodes = len(plan.endpoints.rpc)
    urls = {"RPC": plan.endpoints.rpc, "EVM": plan.endpoints.evm, "WebSocket": plan.endpoints.ws}
    asked = {kind: len(found) for kind, found in urls.items() if found}
    kinds = [kind if count == nodes else f"{kind} ({count} of them)" for kind, count in asked.items()]
    listed = ", ".join(kinds[:-1]) + " and " + kinds[-1] if kinds[1:] else kinds[0]
    return f"{'1 full node serves' if nodes == 1 else f'{nodes} full nodes serve'} {listed}"


def _load(node: Outline, load: PlannedLoad, plan: Plan) -> None:
    pods = counted(load.shards, "pod")
    node.add(f"Job {plan.name}-xxxxx-<uid8> ({pods}, {format_duration(load.duration_s)} of {load.name})")
    if load.config:
        node.add(f"ConfigMap {plan.name}-xxxxx-<uid8>-config: {', '.join(file.name for file in load.config)}")
    if load.init_containers:
        node.add(f"prepared in each pod by {', then '.join(load.init_containers)}, within timeouts.loadStart")
    if load.end_by == "Signal":
        node.add(f"SIGTERM to each shard {format_duration(load.duration_s)} after the start, and none may end before")
    node.add(f"runs as account {plan.accounts.workload}")


def _rule(planned: PlannedRule, plan: Plan) -> str:
    rule, properties = planned.rule, planned.rule.run_properties
    ticks = tick_count(rule, _window_seconds(planned, plan))
    sweep = " and a final sweep" if properties.final_sweep else ""
    stops = ", stops the run on failure" if properties.stop_on_failure else ""
    every = f"{counted(ticks, 'tick')} every {format_duration(properties.interval)}"
    return f"rule {rule.name}: passes when {type_of(rule).condition(rule, printable)}; {every}{sweep}{stops}"


def _cooldown_seconds(planned: PlannedRule, plan: Plan) -> int:
    return plan.timings.cooldown_s if planned.rule.lasts_into_cooldown else 0


def _window_seconds(planned: PlannedRule, plan: Plan) -> int:
    return plan.timings.judged_s + _cooldown_seconds(planned, plan)


def _window(planned: PlannedRule, plan: Plan) -> Iterator[str]:
    """The rule's own window, and how much of its end the rule may not see."""
    window, cooldown = _window_seconds(planned, plan), _cooldown_seconds(planned, plan)
    under_load = format_duration(plan.timings.judged_s)
    parts = f": {under_load} of load and {format_duration(cooldown)} of cooldown" if cooldown else ""
    yield f"window of {format_duration(window)}{parts}"
    if told := blind_tail(planned.rule, window, cooldown):
        yield told


def _shards(plan: Plan) -> int:
    return plan.load.shards if plan.load else 0


def _nodes(plan: Plan) -> int:
    return sum(entry.replicas for entry in plan.deployments)


def pods_at_once(plan: Plan) -> int:
    """The most pods of a run at one time: nodes, shards, and the steps that run beside each other; a finished pod counts no more."""
    return _nodes(plan) + _shards(plan) + (2 if plan.load else 1)


def _pods(root: Outline, plan: Plan) -> None:
    shards, nodes = _shards(plan), _nodes(plan)
    node = root.add(f"pods: {plan.step_count + shards + nodes}")
    node.add(f"{plan.step_count} steps, whatever the number of rules")
    if shards:
        node.add(f"{shards} of the load")
    if nodes:
        node.add(f"{nodes} of the chain")


def _rights(node: Outline, plan: Plan) -> None:
    for account, rights in ((plan.accounts.steps, plan.step_rights), (plan.accounts.finalize, plan.finalize_rights)):
        child = node.add(f"account {account}")
        add_rights(child, rights)
    if plan.accounts.workload:
        node.add(f"account {plan.accounts.workload}: {_token(plan)}")


def add_rights(node: Outline, rights: Iterable[Right]) -> None:
    for right in rights:
        entry = node.add(right_line(right))
        if right.amounts_to:
            entry.add(f"allows more: {right.amounts_to}")


def _token(plan: Plan) -> str:
    pod = plan.load.job.data["spec"]["template"]["spec"] if plan.load is not None else {}
    if pod.get("automountServiceAccountToken"):
        return "its own rights, because the spec lets its token in (serviceAccountToken)"
    return "none (the workload gets no API token)"


def right_line(right: Right) -> str:
    group = f".{right.group}" if right.group else ""
    names = f" ({', '.join(right.names)})" if right.names else ""
    return f"{', '.join(right.verbs)} {', '.join(right.resources)}{group}{names}: {right.why}"


def _worst_case(root: Outline, plan: Plan) -> None:
    times = plan.timings
    node = root.add(f"worst case: {format_duration(times.worst_case_s)} from start to verdict")
    node.add(f"{format_duration(times.chain_ready_s)} chain bring-up")
    node.add(f"{format_duration(times.load_start_s)} until the load runs")
    node.add(
        f"{format_duration(times.run_s)} window, of which {format_duration(times.judged_s)} judged when all goes well"
    )
    if times.cooldown_s:
        node.add(f"{format_duration(times.cooldown_s)} cooldown")
    slack = times.workflow_deadline_s - times.chain_ready_s - times.load_start_s - times.run_s - times.cooldown_s
    node.add(
        f"{format_duration(slack)} until the Workflow's own deadline ({format_duration(times.workflow_deadline_s)})"
    )
    node.add(f"{format_duration(times.worst_case_s - times.workflow_deadline_s)} for finalize and its retries")


def mermaid(plan: Plan) -> str:
    """The steps as a Mermaid flowchart. It holds only fixed text and names that passed a DNS pattern."""
    lines = ["flowchart LR"]
    for step in (*plan.steps, plan.finalize):
        seconds = step.timeout_s if step is plan.finalize else _allowed(step, plan)
        detail = f"at most {format_duration(seconds)}"
        lines.append(f'  {step.name}["{step.name}<br/>{step.title}<br/>{detail}"]')
    lines += [f"  {step.depends} --> {step.name}" for step in plan.steps if step.depends]
    last = [step.name for step in plan.steps if step.depends == WAIT_CHAIN_READY]
    lines += [f"  {name} -. always .-> {plan.finalize.name}" for name in last]
    for entry in plan.deployments:
        name = f"{chain_id(plan)}-{entry.name}".replace("<uid8>", "uid8")
        lines.append(f'  {ENSURE_CHAIN} --- {entry.name}-nodes[("{name}<br/>{entry.replicas} x {entry.role}")]')
    if plan.load is not None:
        lines.append(
            f'  {LOAD_JOB} --- load-pods[("{plan.load.name}<br/>{plan.load.shards} x {format_duration(plan.load.duration_s)}")]'
        )
    lines += [f'  {RULE_EVALUATOR} --- rule-{planned.rule.name}(["{planned.rule.name}"])' for planned in plan.rules]
    return "\n".join(lines) + "\n"


def diagrams(drawn: Iterable[tuple[str, str]]) -> str:
    """
    One diagram as it is; several as Markdown, because Mermaid takes one diagram a block.

    Args:
        drawn: heading and Mermaid text of each document.
    """
    if len(several := list(drawn)) == 1:
        return several[0][1]
    return "\n".join(f"## {heading}\n\n```mermaid\n{text}```\n" for heading, text in several)
