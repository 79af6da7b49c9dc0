"""Random runs, made of small numbers so that what should coincide rarely coincides often; and how to make one smaller."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

from .brute_force import Answer, Rule, Timeline
from .facts import Beside, Instance, Page, Sampled

ERRORS = (
    "PrometheusUnavailable", "Timeout", "PartialResponse", "RBACDenied", "BadQuery", "ClockSkew",
)  # fmt: skip
ALERT_ERRORS = (*ERRORS, "PrometheusRuleNotFound", "CrossNamespaceForbidden")
LOAD_REASONS = ("LoadNotStarted", "ServiceAccountMissing", "ConfigApplyFailed", "WorkloadInfraFailure")
CHAIN_REASONS = (
    "ChainSpecInvalid", "ChainIdInUse", "BundleMissing", "ChainApplyFailed", "ChainFailed", "ChainNotReady",
    "EndpointsNotResolvable", "PreflightFailed",
)  # fmt: skip
OPS = (">", "<", ">=", "<=", "==", "!=")
THRESHOLDS = ("0", "1", "-1", "0.3", "1e3", "-0", "1E-3", "0.30000000000000004")
# Values that lie on, just beside and far from the thresholds, and three that are no number.
VALUES = (
    "0", "1", "-1", "0.3", "0.30000000000000004", "1000", "0.001", "2", "-0", "1e+03", "1e-320", "NaN", "+Inf", "-Inf",
)  # fmt: skip


def random_rule(rng: random.Random, name: str) -> Rule:
    kind = rng.choice(("query", "query", "query", "alert", "alert", "counter"))
    guarded = kind != "alert" and rng.random() < 0.6
    rule = Rule(
        name,
        type=kind,
        op=rng.choice(OPS),
        threshold=rng.choice(THRESHOLDS),
        interval=rng.choice((5, 5, 6, 10, 15)),
        start_after=rng.choice((0, 0, 0, 0, 0, 0, 5, 7, 10, 30, 30, 90)),
        final_sweep=rng.random() < 0.85,
        stop_on_failure=rng.random() < 0.4,
        retry=rng.choice((0, 0, 1, 1, 2, 3)),
        min_coverage=rng.choice(("0", "0.5", "0.8", "0.8", "0.95", "1")),
        range_s=rng.choice((0, 0, 10, 30)) if kind == "query" else 0,
        until_cooldown=rng.random() < 0.4,
        aggregates=guarded and kind == "query",
        series_min=rng.choice((None, None, 0, 1, 3)) if guarded else None,
        on_missing=rng.choice(("Error", "Error", "Failed")),
        max_age=rng.choice((0, 10, 150)),
        series=random_counter(rng) if kind == "counter" else (),
    )
    return replace(rule, **random_alert(rng)) if kind == "alert" else rule


def random_alert(rng: random.Random) -> dict[str, object]:
    return {
        "expression": rng.choice(("none", "a", "a", "a", "and", "or", "unless", "absent", "unreadable")),
        "for_s": rng.choice((0, 0, 0, 5, 20)),
        "group_s": rng.choice((1, 1, 5, 15)),
        "sets": rng.choice(("", "", "", "", "ours", "other", "template")),
        "twin_sets": rng.choice(("", "", "ours", "other", "template")),
        "matcher": rng.choice(("", "=", "=", "!=")),
        "pending": rng.choice(("Error", "Error", "Failed", "Passed")),
        "require_series": rng.random() < 0.7,
    }


def random_counter(rng: random.Random) -> tuple[Sampled, ...]:
    """A few series: there from the start or born later, reset, handed over, gone for a while before the start."""
    series = []
    for instance in range(rng.choice((0, 1, 1, 2, 3))):
        value, at = rng.choice((0, 0, 1, 5)), rng.choice((-400, -20, -20, 0, 1, 12, 33))
        samples = []
        for _ in range(rng.choice((1, 3, 8))):
            samples.append((at, value))
            at += rng.choice((1, 5, 10, 25))
            value = 0 if rng.random() < 0.1 else value + rng.choice((0, 0, 0, 1, 3))
        series.append(Sampled(rng.choice("xxy"), f"i{instance}", tuple(samples)))
    return tuple(series)


def good_answer(rule: Rule, *, passes: bool) -> Answer:
    """An answer that the rule likes or not, found by trying: the numbers are few."""
    if rule.type == "alert":
        return ("silent", Page()) if passes else ("fired", 1)
    if rule.type == "counter":
        return ("counter", passes)
    threshold = float(rule.threshold)
    for value in (threshold, threshold + 1, threshold - 1):
        holds = {
            ">": value > threshold, "<": value < threshold, ">=": value >= threshold,
            "<=": value <= threshold, "==": value == threshold, "!=": value != threshold,
        }[rule.op]  # fmt: skip
        if holds == passes:
            return ("values", (repr(value),))
    raise AssertionError(rule)


def random_page(rng: random.Random, rule: Rule) -> Page:
    """A page with one or two things that are not as they should be."""
    page = Page(ago=rng.choice((0, 1, 1, rule.group_s)))
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        change = rng.choice(
            (
                {"rules": rng.choice(("absent", "err", "starting", "starting", "away"))},
                {"ago": rng.choice((-11, -6, -5, -1, 3, 9, 11, 12, 16, 26, 40, 90))},
                {"twin_ago": rng.choice((-6, 0, 1, 11, 30))},
                {"instances": tuple(random_instance(rng) for _ in range(rng.choice((1, 1, 2))))},
                {"pending": rng.choice((1, 2))},
                rng.choice(({"bare_fired": True}, {"bare_pending": True})),
                {"a": rng.choice(("none", "none", "bare", "other"))},
                {"a": rng.choice(("none", "bare", "other")), "b": rng.choice(("none", "bare", "other"))},
                {"b": rng.choice(("none", "bare", "other"))},
                {"away": rng.choice(("pending", "unscoped", "labels", "series"))},
            )
        )
        page = replace(page, **change)  # type: ignore[arg-type]
    return page


def random_instance(rng: random.Random) -> Instance:
    return Instance(rng.random() < 0.4, rng.choice((-3, 0, 4, 5, 20)), rng.choice(("ours", "other", "bare")))


def random_beside(rng: random.Random) -> Beside:
    """What stands beside a value, mostly with one thing that is missing."""
    change = rng.choice(
        (
            {},
            {"count": rng.choice((0, 1, 2, 3, 3))},
            {"count": rng.choice(ERRORS[:3])},
            {"members": rng.choice(((1, 1), (2, 1), (0, 2), (0, 1), (0, 0), (3, 3)))},
            {"members": "Timeout"},
            {"age": rng.choice((None, 9, 10, 11, 150, 151))},
            {"age": "PrometheusUnavailable"},
        )
    )
    return Beside(**change)  # type: ignore[arg-type]


def with_beside(rng: random.Random, answer: Answer, chance: float) -> Answer:
    """The answer, sometimes with something beside it."""
    if answer[0] not in {"values", "scalar", "counter"} or rng.random() > chance:
        return answer
    return (*answer[:2], random_beside(rng))


def random_answer(rng: random.Random, rule: Rule) -> Answer:
    roll = rng.random()
    if rule.type == "alert":
        if roll < 0.6:
            return ("silent", random_page(rng, rule))
        return ("fired", rng.choice((1, 2))) if roll < 0.7 else ("error", rng.choice(ALERT_ERRORS))
    if rule.type == "counter":
        return ("counter", rng.random() < 0.8) if roll < 0.7 else ("error", rng.choice(ERRORS))
    if roll < 0.4:
        return ("values", (rng.choice(VALUES),))
    if roll < 0.5:
        return ("scalar", rng.choice(VALUES))
    if roll < 0.6:
        return ("values", tuple(rng.choice(VALUES) for _ in range(rng.choice((2, 3)))))
    if roll < 0.75:
        return ("values", ())
    return ("error", rng.choice(ERRORS))


def random_error(rng: random.Random, rule: Rule) -> Answer:
    if rule.type == "alert":
        silent = ("silent", Page(rules=rng.choice(("absent", "err", "starting", "away"))))
        return rng.choice((silent, ("error", rng.choice(ALERT_ERRORS))))
    if rule.type == "counter":
        return rng.choice((("counter", False), ("error", rng.choice(ERRORS))))
    return rng.choice((("values", ()), ("values", ("NaN",)), ("error", rng.choice(ERRORS))))


def random_answers(rng: random.Random, rule: Rule) -> tuple[Answer, ...]:
    """Mostly a shape that a run has in life: warming up, a run of errors about as long as the budget, one breach."""
    answers: list[Answer] = []
    if rule.type == "query" and rng.random() < 0.3:
        answers += [("values", ())] * rng.randint(1, 3)
    if rule.series_min and rng.random() < 0.4:
        answers += [(*good_answer(rule, passes=True), Beside(count=0))] * rng.randint(1, 3)
    if rule.type == "alert" and rng.random() < 0.15:
        answers.append(("error", rng.choice(("PrometheusRuleNotFound", "CrossNamespaceForbidden", "RBACDenied"))))
    if rule.type == "alert" and rng.random() < 0.2:
        answers += [("silent", Page(ago=40))] * rng.randint(1, 3)
    for _ in range(rng.randint(1, 5)):
        roll = rng.random()
        if roll < 0.6:
            answers += [with_beside(rng, good_answer(rule, passes=True), 0.2) for _ in range(rng.randint(1, 3))]
        elif roll < 0.78:
            answers += [random_error(rng, rule) for _ in range(rng.randint(1, rule.retry + 2))]
        elif roll < 0.82:
            answers.append(good_answer(rule, passes=False))
        else:
            answers.append(with_beside(rng, random_answer(rng, rule), 0.4))
    return tuple(answers[:12])


def random_sweep(rng: random.Random, rule: Rule) -> tuple[Answer, ...]:
    errors = [random_error(rng, rule) for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 2, rule.retry, rule.retry + 1)))]
    last = (
        good_answer(rule, passes=True),
        good_answer(rule, passes=False),
        random_answer(rng, rule),
    )[rng.choice((0, 0, 0, 0, 0, 0, 1, 2))]
    if rule.type == "alert" and rng.random() < 0.5:
        last = ("silent", random_page(rng, rule))
    return (*errors, with_beside(rng, last, 0.5))


def random_load(rng: random.Random) -> dict[str, object]:
    if rng.random() < 0.2:
        return {"has_load": False, "codes": (), "job_complete": False}
    shards = rng.randint(1, 3)
    length = {
        "lasted": tuple(rng.choice((0, 4, 5, 10, 28, 29, 30, 60)) for _ in range(rng.randint(1, shards))),
        "min_seconds": rng.choice((0, 0, 0, 0, 0, 0, 5, 6, 30, 31)),
        "began_before": tuple(rng.choice((0, 0, 1, 2, 5)) for _ in range(shards)),
    }
    if rng.random() < 0.3:
        length |= {
            "signal_after": rng.choice((5, 6, 28, 30, 31)),
            "ignored": tuple(rng.random() < 0.3 for _ in range(shards)),
        }
    if rng.random() < 0.75:
        return {"codes": (0,) * shards, **length}
    return {
        **length,
        "failed_codes": rng.choice(((1,), (1,), (1, 99), (99,), (2, 137))),
        "codes": tuple(rng.choice((0, 0, 0, 1, 2, 99, None, 137)) for _ in range(shards)),
        "job_complete": rng.random() < 0.6,
        "load_reason": rng.choice((None, None, None, *LOAD_REASONS)),
    }


def random_timeline(rng: random.Random) -> Timeline:
    # Their order is not that of their names.
    names = rng.sample("abcd", rng.choice((0, 1, 1, 2, 2, 3, 4)))
    rules = tuple(random_rule(rng, name) for name in names)
    start = rng.choice((1000, 1007, 2000))
    # An end on a tick, beside a tick, at the start, before the first tick, and before the start.
    short, long = (0, 0, 1, 4, 5, 6, 10, 15, 29, 30, 31, -3), (30, 31, 45, 60, 75, 100, 150)
    length = rng.choice(short if rng.random() < 0.35 else long)
    end = None if rng.random() < 0.06 else start + length
    asked_until = start + max(length, 0) + rng.choice((0, 1, 5, 11, 20))
    rare = lambda chance: rng.random() < chance  # noqa: E731
    return Timeline(
        rules,
        ticks=tuple(random_answers(rng, rule) for rule in rules),
        sweeps=tuple(random_sweep(rng, rule) for rule in rules),
        start=None if rare(0.02) else start,
        end=end,
        asked_until=asked_until,
        cooldown=rng.choice((0, 0, 3, 30, 60)),
        lost_after=rng.randint(start, asked_until + rng.choice((0, 0, 30))) if rare(0.12) else None,
        chain_reason=rng.choice(CHAIN_REASONS) if rare(0.03) else None,
        cancelled=rare(0.02),
        deadline_passed=rare(0.04),
        **random_load(rng),  # type: ignore[arg-type]
        not_stored=rare(0.05),
        forged=rare(0.05),
    )


def timelines(seed: int, count: int) -> Iterator[Timeline]:
    """The same seed gives the same runs; run number n does not depend on how many follow it."""
    for number in range(count):
        yield random_timeline(random.Random(f"{seed}/{number}"))


# Making a run smaller


def _without(items: tuple, index: int) -> tuple:
    return items[:index] + items[index + 1 :]


def _smaller_answers(timeline: Timeline, field: str) -> Iterator[Timeline]:
    table = getattr(timeline, field)
    for i, answers in enumerate(table):
        simple: Answer = good_answer(timeline.rules[i], passes=True)
        shorter = [_without(answers, k) for k in range(len(answers))] if len(answers) > 1 else []
        calmer = [(*answers[:k], simple, *answers[k + 1 :]) for k in range(len(answers)) if answers[k] != simple]
        for candidate in [*shorter, *calmer]:
            yield replace(timeline, **{field: (*table[:i], candidate, *table[i + 1 :])})


def smaller(timeline: Timeline) -> Iterator[Timeline]:
    """Runs that are simpler by one step."""
    for i in range(len(timeline.rules)):
        yield replace(
            timeline,
            rules=_without(timeline.rules, i),
            ticks=_without(timeline.ticks, i),
            sweeps=_without(timeline.sweeps, i),
        )
    plain = Timeline((), (), ())
    for name in (
        "start",
        "end",
        "asked_until",
        "lost_after",
        "has_load",
        "cooldown",
        "codes",
        "job_complete",
        "load_reason",
        "lasted",
        "min_seconds",
        "signal_after",
        "began_before",
        "ignored",
        "failed_codes",
    ):
        if getattr(timeline, name) != getattr(plain, name):
            yield replace(timeline, **{name: getattr(plain, name)})
    for name in ("chain_reason", "cancelled", "deadline_passed", "not_stored", "forged"):
        if getattr(timeline, name) != getattr(plain, name):
            yield replace(timeline, **{name: getattr(plain, name)})
    if timeline.start not in {None, 1000}:
        shift = timeline.start - 1000
        yield replace(
            timeline,
            start=1000,
            end=None if timeline.end is None else timeline.end - shift,
            asked_until=timeline.asked_until - shift,
            lost_after=None if timeline.lost_after is None else timeline.lost_after - shift,
        )
    if timeline.start is not None and timeline.asked_until > timeline.start:
        yield replace(timeline, asked_until=max(timeline.start, timeline.asked_until - 5))
    if timeline.start is not None and timeline.end is not None and timeline.end > timeline.start:
        yield replace(timeline, end=max(timeline.start, timeline.end - 5))
    yield from _smaller_answers(timeline, "ticks")
    yield from _smaller_answers(timeline, "sweeps")
    default = Rule("")
    for i, rule in enumerate(timeline.rules):
        for name in (field.name for field in fields(Rule) if field.name not in {"name", "type", "op", "threshold"}):
            if getattr(rule, name) != getattr(default, name):
                calmer = replace(rule, **{name: getattr(default, name)})
                yield replace(timeline, rules=(*timeline.rules[:i], calmer, *timeline.rules[i + 1 :]))


def _weight(timeline: Timeline) -> tuple[int, int, int]:
    return (
        len(timeline.rules),
        sum(map(len, timeline.ticks)) + sum(map(len, timeline.sweeps)),
        len(repr(timeline)),
    )


def shrink(timeline: Timeline, is_bad: Callable[[Timeline], bool], tries: int = 1500) -> Timeline:
    """The smallest run, found greedily, for which `is_bad` still holds."""
    found = True
    while found and tries > 0:
        found = False
        for candidate in smaller(timeline):
            tries -= 1
            if tries <= 0:
                break
            if _weight(candidate) < _weight(timeline) and is_bad(candidate):
                timeline, found = candidate, True
                break
    return timeline
