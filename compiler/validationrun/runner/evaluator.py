"""
`rule-evaluator`: asks every rule through the window, stops the load when it must, and signs off.

It always runs, without rules too. Its verdicts stand in the record as they change; the sign-off, written last and once, is the
proof that they are whole.
"""

import concurrent.futures
import dataclasses
import importlib.metadata
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from validationrun import conventions, record
from validationrun.api.v1alpha1 import Rule
from validationrun.cluster import JOBS, PODS, Object
from validationrun.oracle.answers import CLOCK_SKEW, NO_SAMPLES, Decision, Fault
from validationrun.oracle.engine import Fold, RuleState, ticks
from validationrun.prometheus import Prometheus
from validationrun.record import Record, format_time, parse_time
from validationrun.runner import values
from validationrun.runner.bundle import Bundle
from validationrun.runner.context import Context
from validationrun.runner.load import STOP_PATCH
from validationrun.runner.questions import Question
from validationrun.runner.references import References
from validationrun.runner.shards import CONTAINER, LABEL_JOB_UID

_BEAT_SECONDS: Final = 0.25
_LOOK_SECONDS: Final = 1.0
_SWEEP_PAUSE_SECONDS: Final = 5.0
_LARGEST_SKEW_SECONDS: Final = 5.0
_KUBELET_LAG_SECONDS: Final = 3.0
"""A container that is reported as running may have ended this long ago: the kubelet looks once a second and then has to report."""


@dataclass
class _Asked:
    """A rule's place in the sequence of its ticks."""

    question: Question
    coming: Iterator[float]
    next_t: float
    future: "concurrent.futures.Future[Decision] | None" = None


@dataclass
class _Window:
    """
    The run's window as far as it is known.

    Attributes:
        open_until: the load was seen running up to here, so that a decision at an earlier T counts.
        end: known once the load has ended; from the start for rules alone.
        over: nothing more will happen: the load has ended, or never began.
    """

    start: float | None = None
    open_until: float = -math.inf
    end: float | None = None
    over: bool = False


@dataclass
class _Evaluation:
    context: Context
    written: Record
    run: Object
    rules: list[Rule]
    fold: Fold
    questions: dict[str, Question]
    references: References
    prometheus: Prometheus
    skew: str = ""
    window: _Window = field(default_factory=_Window)
    looked: float = -math.inf


def rule_evaluator(context: Context) -> None:
    """Evaluates the rules of this run from where the record says that it got to."""
    written = Record.read(context.cluster, context.identity)
    if written is None or not written.chain_is_ready:
        context.say("there is no chain to judge")
        return
    if written.get(record.SIGN_OFF) is not None:
        context.say("the record has this step's sign-off already")
        return
    evaluation = _prepare(context, written)
    if written.get(record.EVALUATOR) is None:
        ready = {"readyAt": format_time(context.now()), "prometheus": evaluation.prometheus.url}
        written.write(record.RULE_EVALUATOR, record.EVALUATOR, ready)
    context.say(f"ready to judge {len(evaluation.rules)} rules by {evaluation.prometheus.url}")
    _check_clock(evaluation)
    _watch(evaluation)
    _sign_off(evaluation)


def _prepare(context: Context, written: Record) -> _Evaluation:
    bundle = Bundle.mounted(context.bundle_dir, context.bundle_hash)
    run, chain_id = written.need(record.RUN), written.need(record.CHAIN)["chainId"]
    rules = bundle.rules()
    run_values = values.run_values(bundle.plan, context.identity, chain_id, run["parameters"])
    url = run["parameters"].get(conventions.PARAM_PROMETHEUS_URL) or conventions.DEFAULT_PROMETHEUS_URL
    planned = {one["name"]: one for one in bundle.plan["rules"]}
    return _Evaluation(
        context=context,
        written=written,
        run=run,
        rules=rules,
        fold=_fold(rules, written),
        questions={rule.name: Question(rule, planned[rule.name], run_values, Prometheus(url)) for rule in rules},
        references=References(context.cluster),
        prometheus=Prometheus(url),
    )


def _fold(rules: list[Rule], written: Record) -> Fold:
    """What an earlier attempt of this step left: its verdicts stand, and so does the failure that it stopped the run for."""
    fold = Fold.begin(rules, [RuleState(**one) for one in (written.get(record.RULES) or {}).get("rules", [])])
    stop = written.get(record.STOP)
    if stop is not None and fold.stop_time is None:
        fold.add(Decision(stop["rule"], stop["t"], "Failed", stop["reason"], stop["message"]))
    return fold


def _check_clock(evaluation: _Evaluation) -> None:
    """Evaluation times come from Kubernetes' clock; a Prometheus that lives in another time would answer about another time."""
    if not evaluation.rules:
        return
    before = evaluation.context.now()
    theirs = evaluation.prometheus.clock(_LARGEST_SKEW_SECONDS)
    after = evaluation.context.now()
    if isinstance(theirs, Fault):
        evaluation.context.say(f"no clock to compare: {theirs.message}")
        return
    skew = max(before - theirs, theirs - after, 0.0)
    if skew > _LARGEST_SKEW_SECONDS:
        evaluation.skew = f"Prometheus' clock differs by {skew:.0f}s"
        evaluation.context.say(evaluation.skew)


def _watch(evaluation: _Evaluation) -> None:
    """Until the window is over and every tick in it was answered."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(evaluation.rules))) as pool:
        asked: list[_Asked] = []
        while True:
            _look(evaluation)
            window = evaluation.window
            if window.start is not None and not asked and evaluation.rules:
                asked = _begin(evaluation, window.start)
            if window.start is not None:
                _ask(evaluation, asked, pool)
                _collect(evaluation, asked)
            if _done(evaluation, asked):
                break
            evaluation.context.sleep(_BEAT_SECONDS)
        if evaluation.fold.stop_time is None and window.start is not None and window.end is not None:
            _sweep(evaluation, window.start, window.end, pool)


def _begin(evaluation: _Evaluation, start: float) -> list[_Asked]:
    asked = []
    for rule in evaluation.rules:
        last = evaluation.fold.states[rule.name].last_t
        coming = ticks(rule, start, last if last is not None else start)
        asked.append(_Asked(evaluation.questions[rule.name], coming, next(coming)))
    return asked


def _look(evaluation: _Evaluation) -> None:
    """Once a second: what the record and the load's pods say of the window."""
    now = evaluation.context.now()
    if now - evaluation.looked < _LOOK_SECONDS:
        return
    evaluation.looked = now
    window, written = evaluation.window, evaluation.written
    if evaluation.run["load"] is None:
        if window.start is None:
            window.start = parse_time(written.need(record.CHAIN_READY)["at"])
            window.end = window.start + evaluation.run["runSeconds"]
            window.open_until, window.over = window.end, True
            _write_window(evaluation)
        return
    written.refresh()
    began, ended = written.get(record.LOAD_START), written.get(record.LOAD)
    if began is not None and window.start is None:
        window.start = parse_time(began["start"])
        _write_window(evaluation)
    if ended is not None and not window.over:
        window.end = parse_time(ended["end"]) if ended["end"] else None
        window.over = True
        window.open_until = window.end if window.end is not None else window.open_until
    elif window.start is not None and not window.over and _load_runs(evaluation):
        window.open_until = now - _KUBELET_LAG_SECONDS


def _write_window(evaluation: _Evaluation) -> None:
    window = evaluation.window
    if evaluation.written.get(record.WINDOW) is None and window.start is not None:
        value: Object = {"start": format_time(window.start)}
        if window.end is not None:
            value["end"] = format_time(window.end)
        evaluation.written.write(record.RULE_EVALUATOR, record.WINDOW, value)


def _load_runs(evaluation: _Evaluation) -> bool:
    """At least one shard's container runs: the window is open."""
    job = evaluation.written.get(record.JOB)
    if job is None:
        return False
    pods = evaluation.context.cluster.list(PODS, labels=f"{LABEL_JOB_UID}={job['uid']}")
    return any(
        one.get("name") == CONTAINER and "running" in (one.get("state") or {})
        for pod in pods
        for one in (pod.get("status") or {}).get("containerStatuses") or []
    )


def _limit(evaluation: _Evaluation) -> float:
    """Ticks at or after this are not asked."""
    end = evaluation.window.end if evaluation.window.end is not None else math.inf
    stop = evaluation.written.get(record.STOP)
    return min(end, math.nextafter(stop["t"], math.inf)) if stop is not None else end


def _ask(evaluation: _Evaluation, asked: list[_Asked], pool: concurrent.futures.ThreadPoolExecutor) -> None:
    """Every rule whose next tick is due and that waits for no answer."""
    start, limit = evaluation.window.start, _limit(evaluation)
    if start is None or (evaluation.window.over and evaluation.window.end is None):
        return
    due = evaluation.context.now() - evaluation.context.settle_s
    for one in asked:
        if one.future is None and one.next_t < limit and one.next_t <= due:
            one.future = pool.submit(one.question.ask, start, one.next_t, reference=evaluation.references.fault)


def _collect(evaluation: _Evaluation, asked: list[_Asked]) -> None:
    for one in asked:
        if one.future is None or not one.future.done():
            continue
        decision = one.future.result()
        one.future, one.next_t = None, next(one.coming)
        _say_decision(evaluation.context, decision)
        evaluation.fold.add(decision)
        if decision.verdict == "Failed" and one.question.rule.run_properties.stop_on_failure:
            _stop(evaluation, decision)
    outstanding = min((one.next_t for one in asked), default=math.inf)
    # Strictly before the earliest tick that is still to be answered, and only while the window was surely open.
    settled = min(math.nextafter(outstanding, -math.inf), evaluation.window.open_until)
    if evaluation.window.over and evaluation.window.end is not None:
        settled = min(settled, math.nextafter(evaluation.window.end, -math.inf))
    if evaluation.fold.advance(settled):
        _write_rules(evaluation)


def _stop(evaluation: _Evaluation, decision: Decision) -> None:
    """The intent first, then the act: a restarted step finds the intent and acts again."""
    written = evaluation.written
    if written.get(record.STOP) is None:
        intent = {
            "rule": decision.rule,
            "t": decision.t,
            "reason": decision.reason,
            "message": decision.message,
            "at": format_time(evaluation.context.now()),
        }
        written.write(record.RULE_EVALUATOR, record.STOP, intent)
        evaluation.context.say(f"rule {decision.rule} failed: {decision.message}; stopping the run")
    job = written.get(record.JOB)
    if job is not None:
        evaluation.context.cluster.patch(JOBS, job["name"], STOP_PATCH)


def _done(evaluation: _Evaluation, asked: list[_Asked]) -> bool:
    """No tick before the limit is left, and the limit is known."""
    window = evaluation.window
    if window.over and (window.start is None or window.end is None):
        return True
    limit = _limit(evaluation)
    if limit == math.inf or any(one.future is not None for one in asked):
        return False
    if evaluation.written.get(record.STOP) is not None and not window.over:
        # The stop's own decision counts only once the window is known to have been open at its T.
        return evaluation.fold.stop_time is not None and all(one.next_t >= limit for one in asked)
    return all(one.next_t >= limit for one in asked) and evaluation.context.now() >= limit


def _sweep(evaluation: _Evaluation, start: float, end: float, pool: concurrent.futures.ThreadPoolExecutor) -> None:
    """The final sweep, at T = end, of every rule that has one."""
    context = evaluation.context
    while context.now() < end + context.settle_s:
        context.sleep(_BEAT_SECONDS)
    # A tick at the end itself, asked before the end was known, is the sweep's; later ones are evidence only.
    evaluation.fold.pending = [one for one in evaluation.fold.pending if one.t < end]
    swept = [rule for rule in evaluation.rules if rule.run_properties.final_sweep]
    for decision in pool.map(lambda rule: _sweep_one(evaluation, rule, start, end), swept):
        _say_decision(context, decision)
        evaluation.fold.add(decision)
    evaluation.fold.advance(end)
    _write_rules(evaluation)


def _sweep_one(evaluation: _Evaluation, rule: Rule, start: float, end: float) -> Decision:
    """The same T up to retry + 1 times; the last answer is the one that counts."""
    question = evaluation.questions[rule.name]
    decision = question.ask(start, end, final=True, reference=evaluation.references.fault)
    for _ in range(rule.run_properties.retry):
        if decision.verdict != "Error":
            break
        evaluation.context.sleep(_SWEEP_PAUSE_SECONDS)
        decision = question.ask(start, end, final=True, reference=evaluation.references.fault)
    return decision


def _say_decision(context: Context, decision: Decision) -> None:
    sweep = " (final sweep)" if decision.final else ""
    reason = f" {decision.reason}" if decision.reason else ""
    context.say(f"{decision.rule} at {format_time(decision.t)}{sweep}: {decision.verdict}{reason}: {decision.message}")


def _write_rules(evaluation: _Evaluation) -> None:
    states = [evaluation.fold.states[rule.name].as_json() for rule in evaluation.rules]
    evaluation.written.write(record.RULE_EVALUATOR, record.RULES, {"rules": states})


def _sign_off(evaluation: _Evaluation) -> None:
    """The proof that the evidence is whole: what was judged, over which window, of which load, by which bundle."""
    if evaluation.rules:
        _check_clock(evaluation)
    context, window, fold = evaluation.context, evaluation.window, evaluation.fold
    states = fold.closed()
    if window.start is not None and window.end is None and fold.stop_time is None:
        # Nobody saw the load's end, so there was no final sweep: what was good until then proves nothing.
        states = [_unproven(state, NO_SAMPLES, "the window's end is not known") for state in states]
    if evaluation.skew:
        states = [_unproven(state, CLOCK_SKEW, evaluation.skew) for state in states]
    job = evaluation.written.refresh().get(record.JOB)
    sign_off: dict[str, Any] = {
        "workflowUid": context.identity.uid,
        "jobUid": job["uid"] if job else None,
        "bundleHash": context.bundle_hash,
        "start": format_time(window.start) if window.start is not None else None,
        "end": format_time(window.end) if window.end is not None else None,
        "stopTime": format_time(fold.stop_time) if fold.stop_time is not None else None,
        "stopRule": fold.stop_rule,
        "runner": importlib.metadata.version("validationrun"),
        "rules": [state.as_json() for state in states],
        "at": format_time(context.now()),
    }
    evaluation.written.write(record.RULE_EVALUATOR, record.SIGN_OFF, sign_off)
    verdicts = {state.verdict for state in states}
    worst = next((one for one in ("Failed", "Error") if one in verdicts), "Passed")
    context.output("verdict", worst)
    context.say("signed off: " + (", ".join(f"{state.name} {state.verdict}" for state in states) or "no rules"))


def _unproven(state: RuleState, reason: str, message: str) -> RuleState:
    """An Error for whatever has not failed."""
    if state.verdict == "Failed":
        return state
    return dataclasses.replace(state, verdict="Error", reason=reason, message=message)
