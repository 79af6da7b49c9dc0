"""
A second opinion on what a run means: `docs/verdict.md` written down once more, as slowly as possible.

Nothing here shares a line or an idea with `validationrun.oracle`. There is no state that is carried from tick to tick:
each question ("is this Error final?", "when was the stop?") is answered by looking at all decisions from the beginning.
Where that is silent the model takes the reading that can never pass a run that should not pass; each such
place is marked CHOICE.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from .facts import ENOUGH, Beside, Page, Sampled
from .guards import added, guarded
from .silence import decide_silence

Value = TypeVar("Value")

AWAITED, PASSED, FAILED, ERROR = "Awaited", "Passed", "Failed", "Error"

# What the table of verdicts calls refused: not found, or forbidden.
# CHOICE: Prometheus' own 401 and 403 (RBACDenied) are "forbidden" too.
REFUSALS = ("PrometheusRuleNotFound", "CrossNamespaceForbidden", "RBACDenied")

# One answer, as a literal:
#   ("values", ("1", "NaN"))    an instant vector: the text of each series' value; () is the empty vector
#   ("scalar", "1")             a scalar
#   ("counter", True)           a counter's answer; and whether `alive` has a series
#   ("error", "Timeout")        Prometheus could not be asked, or gave something that is no answer
#   ("fired", 2)                an alert's question found so many series
#   ("quiet", True)             it found none; and whether Prometheus proves that it runs the alert
#   ("silent", Page())          it found none; and all that can be seen about the alert
# A third part of the first three says what stands beside the value, where it is not plenty.
Answer = tuple


@dataclass(frozen=True)
class Rule:
    name: str
    type: str = "query"
    op: str = ">"
    threshold: str = "0"
    interval: int = 5
    start_after: int = 0
    final_sweep: bool = True
    stop_on_failure: bool = False
    retry: int = 3
    # The share of the ticks that must have an answer, and the range under a query in seconds (0: none).
    min_coverage: str = "0.8"
    range_s: int = 0
    # Its window ends with the cooldown.
    until_cooldown: bool = False
    # The query aggregates over this run's series. What `series.min` and `maxAge` say; None and 0: nothing.
    aggregates: bool = False
    series_min: int | None = None
    on_missing: str = ERROR
    max_age: int = 150
    # What a counter's series had.
    series: tuple[Sampled, ...] = ()
    # An alert as it is defined, and what the spec says of it. Its expression: none, a, and, or, unless, absent, unreadable.
    expression: str = "none"
    for_s: int = 0
    group_s: int = 1
    # What the rule sets the matcher's label to, and what a second rule of the same name does: "" (not at all), ours, other,
    # or template (nobody knows).
    sets: str = ""
    twin_sets: str = ""
    matcher: str = ""
    pending: str = ERROR
    require_series: bool = True


@dataclass(frozen=True)
class Timeline:
    """All that happened in one run.

    `ticks[i][k - 1]` is the answer to rule i at `start + k * interval`; `sweeps[i][j]` is the answer to its j-th attempt
    at the final sweep. The last answer of a list stands for all that follow.
    """

    rules: tuple[Rule, ...]
    ticks: tuple[tuple[Answer, ...], ...]
    sweeps: tuple[tuple[Answer, ...], ...]
    start: int | None = 1000
    # None: nobody learned when the load ended.
    end: int | None = 1030
    # Ticks after the end are asked too, because the end is learned late: up to here, and up to here if there is no end.
    asked_until: int = 1040
    # The record holds every decision up to here and nothing later: the evaluator was lost. None: it signed off.
    lost_after: int | None = None
    has_load: bool = True
    # How long the run is judged after a load that ended by itself.
    cooldown: int = 0
    # One exit code a shard; None: its container has none.
    codes: tuple[int | None, ...] = (0,)
    job_complete: bool = True
    # How many seconds each shard's container ran; the last stands for all that follow. What is shorter than the minimum by
    # more than a second is early.
    lasted: tuple[int, ...] = (3600,)
    min_seconds: int = 0
    # `endBy: Signal`: the shards get SIGTERM so many seconds after the window's start. None: each ends by itself.
    signal_after: int | None = None
    # How long before the window's start each shard's container began, and whether it ran on after SIGTERM until it was killed.
    began_before: tuple[int, ...] = (0,)
    ignored: tuple[bool, ...] = (False,)
    # Which codes are a failed assertion.
    failed_codes: tuple[int, ...] = (1,)
    load_reason: str | None = None
    chain_reason: str | None = None
    cancelled: bool = False
    deadline_passed: bool = False
    # With results to be uploaded: nothing proves that load-job and rule-evaluator did.
    not_stored: bool = False
    # The record held a verdict, or was sealed, before finalize began.
    forged: bool = False


@dataclass(frozen=True)
class Decision:
    t: int
    rule: Rule
    verdict: str
    reason: str | None
    sweep: bool = False


@dataclass(frozen=True)
class Heard:
    """An earlier tick of the same rule."""

    t: int
    answer: Answer
    verdict: str


@dataclass(frozen=True)
class RuleOutcome:
    name: str
    verdict: str
    reason: str | None
    failed_t: int | None = None


@dataclass(frozen=True)
class RunOutcome:
    phase: str
    verdict: str
    reason: str
    failed_plan: str | None
    exit_code: int


@dataclass(frozen=True)
class Outcome:
    rules: tuple[RuleOutcome, ...]
    stop_time: int | None
    stop_rule: str | None
    run: RunOutcome


# One answer


def holds(value: float, op: str, threshold: float) -> bool:
    return {
        ">": value > threshold,
        "<": value < threshold,
        ">=": value >= threshold,
        "<=": value <= threshold,
        "==": value == threshold,
        "!=": value != threshold,
    }[op]


def compare(rule: Rule, values: list[str]) -> tuple[str, str | None]:
    if not values:
        return ERROR, "NoSamples"
    if len(values) > 1:
        return ERROR, "AmbiguousResult"
    value = float(values[0])
    if math.isnan(value):
        return ERROR, "NaN"
    if math.isinf(value):
        return ERROR, "NotFinite"
    if holds(value, rule.op, float(rule.threshold)):
        return PASSED, None
    return FAILED, "ThresholdViolated"


def decide(
    rule: Rule, start: int, t: int, answer: Answer, earlier: list[Heard], *, sweep: bool
) -> tuple[str, str | None]:
    """What an answer means, after all that was heard at the earlier ticks of the rule."""
    kind, content, *more = answer
    if kind == "error":
        return ERROR, content
    if kind == "fired":
        return FAILED, "AlertFired"
    if (page := page_of(answer)) is not None:
        pages = [(heard.t, seen) for heard in earlier if (seen := page_of(heard.answer)) is not None]
        return decide_silence(rule, start, t, page, pages, sweep=sweep)
    values = (
        ([str(added(rule, t - start))] if content else [])
        if kind == "counter"
        else [content]
        if kind == "scalar"
        else list(content)
    )
    past = [
        (beside(heard.answer), heard.verdict) for heard in earlier if heard.answer[0] in {"values", "scalar", "counter"}
    ]
    return guarded(rule, compare(rule, values), more[0] if more else ENOUGH, past, sweep=sweep)


def page_of(answer: Answer) -> Page | None:
    """What a silent answer shows of the alert."""
    kind, content = answer[:2]
    if kind == "quiet":
        return Page(ago=0) if content else Page(rules="absent")
    return content if kind == "silent" else None


def beside(answer: Answer) -> Beside:
    return answer[2] if len(answer) > 2 else ENOUGH


SETTLED = ("AlertCannotFire", "AlertPending", "AlertNotScoped", "AlertBlind")


def decide_sweep(
    rule: Rule, start: int, end: int, answers: tuple[Answer, ...], earlier: list[Heard]
) -> tuple[str, str | None]:
    """The last answer counts; asking goes on only while there is no good one.

    CHOICE: a Failed is a good answer. Asking again after it could turn a breach into a pass.
    CHOICE: what was seen of an alert at the end is not asked away either.
    CHOICE: a window that is too short proves nothing, not even a breach.
    """
    if is_too_short(rule, end - start):
        return ERROR, "WindowTooShort"
    decision = (ERROR, "NoSamples")
    for attempt in range(rule.retry + 1):
        answer = answers[min(attempt, len(answers) - 1)]
        decision = decide(rule, start, end, answer, earlier, sweep=True)
        if decision[0] != ERROR or decision[1] in SETTLED:
            break
    return decision


def is_too_short(rule: Rule, length: int) -> bool:
    return length < rule.interval or length < rule.start_after


# Which decisions there are, and which of them count


def window_end(timeline: Timeline) -> int | None:
    if timeline.start is None or timeline.end is None:
        return None
    return max(timeline.start, timeline.end)


def cooldown_end(timeline: Timeline) -> int | None:
    """A load that ended by itself with 0 or 1 is followed by the cooldown.

    A stop under load leaves none; then nothing is counted that late.
    """
    end = window_end(timeline)
    ended_by_itself = timeline.has_load and workload_code(timeline) in {0, 1}
    return end + timeline.cooldown if end is not None and timeline.cooldown and ended_by_itself else None


def rule_end(timeline: Timeline, rule: Rule) -> int | None:
    """The end of the rule's own window."""
    cooled = cooldown_end(timeline)
    return cooled if rule.until_cooldown and cooled is not None else window_end(timeline)


def tick_decisions(timeline: Timeline, rule: Rule, answers: tuple[Answer, ...]) -> list[tuple[Decision, Answer]]:
    """Every tick of a rule before its end; with an unknown end every one that was asked."""
    found: list[tuple[Decision, Answer]] = []
    if timeline.start is None:
        return []
    end = rule_end(timeline, rule)
    for t in range(timeline.start + 1, timeline.asked_until + 1 if end is None else end):
        k, rest = divmod(t - timeline.start, rule.interval)
        if rest or t < timeline.start + rule.start_after:
            continue
        answer = answers[min(k, len(answers)) - 1]
        earlier = [Heard(one.t, heard, one.verdict) for one, heard in found]
        found.append((Decision(t, rule, *decide(rule, timeline.start, t, answer, earlier, sweep=False)), answer))
    return found


@functools.lru_cache(maxsize=16)
def in_window(timeline: Timeline) -> list[Decision]:
    """Ticks before each rule's end, and the final sweep at the end, as if nothing had been stopped.

    CHOICE: with an unknown end every tick that was asked counts: none of them can give a pass, and a breach must show.
    """
    found = []
    for rule, answers, sweeps in zip(timeline.rules, timeline.ticks, timeline.sweeps, strict=True):
        ticks, end = tick_decisions(timeline, rule, answers), rule_end(timeline, rule)
        found += [decision for decision, _ in ticks if not is_lost(timeline, decision.t)]
        if timeline.start is None or end is None or not rule.final_sweep or is_never_swept(timeline, end):
            continue
        earlier = [Heard(one.t, heard, one.verdict) for one, heard in ticks]
        swept = decide_sweep(rule, timeline.start, end, sweeps, earlier)
        found.append(Decision(end, rule, *swept, sweep=True))
    order = {rule: index for index, rule in enumerate(timeline.rules)}
    return sorted(found, key=lambda decision: (decision.t, order[decision.rule]))


def is_lost(timeline: Timeline, t: int) -> bool:
    return timeline.lost_after is not None and t > timeline.lost_after


def is_never_swept(timeline: Timeline, end: int) -> bool:
    """An evaluator that was lost in the cooldown had swept the rules that end with the load; else it swept none."""
    cooled = cooldown_end(timeline)
    return timeline.lost_after is not None and not (cooled is not None and end < cooled and end <= timeline.lost_after)


def stop_decision(timeline: Timeline) -> Decision | None:
    for decision in in_window(timeline):
        if decision.rule.stop_on_failure and decision.verdict == FAILED:
            return decision
    return None


def counted(timeline: Timeline, rule: Rule) -> list[Decision]:
    """A rule's decisions up to the stop.

    CHOICE: a decision at the very T of the stop counts, wherever its rule stands in the spec ("later than stopTime" is
    not "at"). So a stop in the final sweep leaves the final sweeps of the other rules standing.
    """
    stop = stop_decision(timeline)
    return [d for d in in_window(timeline) if d.rule == rule and (stop is None or d.t <= stop.t)]


def signed_off(timeline: Timeline) -> bool:
    """CHOICE: without a known window there is nothing to sign, even if a rule stopped the run."""
    return timeline.lost_after is None and window_end(timeline) is not None


# One rule


def is_good(decision: Decision) -> bool:
    return decision.verdict in {PASSED, FAILED}


def is_patient(decisions: list[Decision], index: int) -> bool:
    """NoSamples or NaN at a tick before the rule's first good answer: the load has to warm up."""
    patient = decisions[index].reason in {"NoSamples", "NaN"} and not decisions[index].sweep
    return patient and not any(is_good(d) for d in decisions[:index])


def errors_in_a_row(decisions: list[Decision]) -> int:
    """Counted backwards from the last decision to the last good answer; what is awaited is no Error.

    CHOICE: a NoSamples of warming up is not counted, and does not clear what was counted: only a good answer does.
    """
    count = 0
    for index in reversed(range(len(decisions))):
        if is_good(decisions[index]):
            return count
        if decisions[index].verdict == ERROR and not is_patient(decisions, index):
            count += 1
    return count


def final_error(rule: Rule, decisions: list[Decision]) -> Decision | None:
    """The first Error that was one too many.

    CHOICE: later Errors do not change its reason: what stands is never recomputed.
    """
    for index in range(len(decisions)):
        if errors_in_a_row(decisions[: index + 1]) > rule.retry:
            return decisions[index]
    return None


def standing_error(decisions: list[Decision]) -> Decision | None:
    """The last decision, when it is an Error that no good answer cleared.

    CHOICE: its reason is the one that was heard last, be it the NoSamples of warming up.
    """
    return [d for d in decisions if d.verdict == ERROR][-1] if errors_in_a_row(decisions) > 0 else None


def is_covered(timeline: Timeline, rule: Rule, decisions: list[Decision]) -> bool:
    """Enough of the ticks had an answer, or all but one. The final sweep is no tick.

    A tick within a minute and a range of the start is only due once the rule was answered.

    CHOICE: a tick that awaits an alert's first evaluation is not due; one that awaits series is due, and not answered.
    """
    due = answered = 0
    for index, decision in enumerate(decisions):
        if decision.sweep or (decision.verdict == AWAITED and decision.reason != "SeriesMissing"):
            continue
        early = decision.t < (timeline.start or 0) + rule.range_s + 60
        if early and not any(is_good(d) for d in decisions[: index + 1]):
            continue
        due += 1
        answered += is_good(decision)
    return answered + 1 >= due * Fraction(rule.min_coverage)


def saw_the_cooldown_alone(timeline: Timeline, rule: Rule) -> bool:
    """A load that ended before the rule's first tick, and a cooldown after it.

    CHOICE: what failed in that cooldown stays Failed. A stop under load left no cooldown.
    """
    stop, end = stop_decision(timeline), window_end(timeline)
    if not rule.until_cooldown or cooldown_end(timeline) is None or timeline.start is None or end is None:
        return False
    return (stop is None or stop.t >= end) and is_too_short(rule, end - timeline.start)


def judge_rule(timeline: Timeline, rule: Rule) -> RuleOutcome:
    decisions = counted(timeline, rule)
    for decision in decisions:
        if decision.verdict == FAILED:
            return RuleOutcome(rule.name, FAILED, decision.reason, decision.t)
    final = final_error(rule, decisions)
    if final is not None:
        return RuleOutcome(rule.name, ERROR, final.reason)
    # CHOICE: an Error within the budget that no good answer followed is an Error, with or without a final sweep.
    standing = standing_error(decisions)
    if standing is not None:
        return RuleOutcome(rule.name, ERROR, standing.reason)
    # CHOICE: after a stop in mid-run there is no final sweep to ask for, and what was good until then stands. The run
    # itself has failed by then.
    swept = any(d.sweep and d.verdict == PASSED for d in decisions)
    swept = swept or not rule.final_sweep or stop_decision(timeline) is not None
    if swept and any(d.verdict == PASSED for d in decisions) and signed_off(timeline):
        if saw_the_cooldown_alone(timeline, rule):
            return RuleOutcome(rule.name, ERROR, "WindowTooShort")
        if not is_covered(timeline, rule, decisions):
            return RuleOutcome(rule.name, ERROR, "LowCoverage")
        return RuleOutcome(rule.name, PASSED, None)
    return RuleOutcome(rule.name, ERROR, "NoSamples")


# The run


def of_shard(values: tuple[Value, ...], index: int) -> Value:
    """The last stands for all that follow."""
    return values[min(index, len(values) - 1)]


def workload_code(timeline: Timeline) -> int:
    """0, 1 or 2; any code but 0 and 1, a missing code and an incomplete Job count as 2.

    CHOICE: the code of a shard that was killed because it ignored SIGTERM is no assertion, whatever `exitCodes.failed` says.
    """
    if timeline.load_reason is not None:
        return 2
    if any(of_shard(timeline.ignored, i) and code == 137 for i, code in enumerate(timeline.codes)):
        return 2
    if any(code != 0 and code not in timeline.failed_codes for code in timeline.codes):
        return 2
    if any(code != 0 for code in timeline.codes):
        return 1
    return 0 if timeline.codes and timeline.job_complete else 2


def early_end(timeline: Timeline) -> int | None:
    """When the first shard ended with 0 too soon.

    A shard that ends by itself must last, however early it began. One that gets SIGTERM must run until then.

    CHOICE: in a run whose start nobody recorded the shards count from 0.
    """
    ends = []
    for index, code in enumerate(timeline.codes):
        lasted = of_shard(timeline.lasted, index)
        into_window = lasted - of_shard(timeline.began_before, index)
        too_soon = (
            lasted < timeline.min_seconds - 1
            if timeline.signal_after is None
            else into_window < timeline.signal_after - 1
        )
        if code == 0 and too_soon:
            ends.append((timeline.start or 0) + into_window)
    return min(ends) if ends else None


def all_refused(timeline: Timeline) -> bool:
    """CHOICE: by the letter, the first tick alone decides, even when a later one was answered.

    CHOICE: a rule without a tick is refused at its final sweep; a rule that was never asked was not refused.
    """
    if not timeline.rules:
        return False
    for rule in timeline.rules:
        decisions = counted(timeline, rule)
        if not decisions or decisions[0].reason not in REFUSALS:
            return False
    return True


def first_failed(timeline: Timeline, rules: tuple[RuleOutcome, ...]) -> str:
    """Lowest T first, then the order of the spec."""
    lowest = min(r.failed_t for r in rules if r.failed_t is not None)
    return next(r.name for r in rules if r.failed_t == lowest)


def judge_run(timeline: Timeline, rules: tuple[RuleOutcome, ...]) -> RunOutcome:  # noqa: PLR0912 - the table, row by row
    error = lambda reason, plan=None: RunOutcome("Error", ERROR, reason, plan, 2)  # noqa: E731
    failed = lambda reason, plan=None: RunOutcome("Failed", FAILED, reason, plan, 1)  # noqa: E731
    stop = stop_decision(timeline)
    code = workload_code(timeline) if timeline.has_load else None
    if timeline.cancelled:
        return RunOutcome("Cancelled", ERROR, "Cancelled", None, 2)
    if timeline.chain_reason is not None:
        return error(timeline.chain_reason)
    if stop is not None:
        return failed(f"RuleStopOnFailure:{stop.rule.name}")
    if timeline.deadline_passed:
        return error("DeadlineExceeded")
    if code == 2:
        return error(timeline.load_reason or "WorkloadInfraFailure", "loadGeneration")
    early = early_end(timeline) if code == 0 else None
    if early is not None and not any(r.verdict == FAILED and r.failed_t <= early for r in rules):
        return error("LoadEndedEarly", "loadGeneration")
    if code == 1:
        return failed("WorkloadFailed", "loadGeneration")
    if any(r.verdict == FAILED for r in rules):
        return failed(f"RuleFailed:{first_failed(timeline, rules)}")
    if timeline.forged:
        return error("RecordForged")
    if not signed_off(timeline):
        return error("EvaluatorLost")
    if timeline.not_stored:
        return error("ResultsNotStored")
    if all_refused(timeline):
        return error("AllRulesUnresolved")
    if all(r.verdict == PASSED for r in rules):
        return RunOutcome("Succeeded", PASSED, "RunSucceeded", None, 0)
    if any(r.verdict == ERROR for r in rules):
        return error("RuleError")
    return error("Unknown")


def judge(timeline: Timeline) -> Outcome:
    rules = tuple(judge_rule(timeline, rule) for rule in timeline.rules)
    stop = stop_decision(timeline)
    run = judge_run(timeline, rules)
    return Outcome(rules, stop.t if stop else None, stop.rule.name if stop else None, run)
