"""
The brute-force model of an alert's silence: what `docs/rules.md` asks of it, one sentence after the other.

Nothing is remembered: what an earlier page showed is looked up in all earlier pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .facts import ANSWERED, Instance, Page

if TYPE_CHECKING:
    from .brute_force import Rule

AHEAD, SETTLE, LATE = 5, 5, 10

Pages = list[tuple[int, Page]]
"""T and the page of every earlier tick of the rule that had one."""


def refused(rule: Rule, sets: str) -> bool:
    """The rule sets the label to a value that the matcher refuses: no instance of it is this run's."""
    return bool(rule.matcher) and sets == "other"


def first_counts(rule: Rule, page: Page) -> bool:
    """A rule that sets the label otherwise is another's, unless the page has no other one."""
    return not refused(rule, rule.sets) or page.twin_ago is None or refused(rule, rule.twin_sets)


def twin_counts(rule: Rule, page: Page) -> bool:
    return page.twin_ago is not None and (not refused(rule, rule.twin_sets) or refused(rule, rule.sets))


def is_healthy(rule: Rule, page: Page) -> bool:
    """Every rule that counts is evaluated, and without a fault. A second rule always is, where there is one."""
    return page.rules == "ok" or (page.rules in {"err", "starting"} and not first_counts(rule, page))


def evaluated(rule: Rule, t: int, page: Page) -> int | None:
    """When all rules that count were evaluated last, by the one that is furthest behind; None when one never was."""
    if page.rules not in {"ok", "err", "starting"} or (page.rules == "starting" and first_counts(rule, page)):
        return None
    times = [t - page.ago] if first_counts(rule, page) else []
    if page.twin_ago is not None and twin_counts(rule, page):
        times.append(t - page.twin_ago)
    return min(times)


def is_ours(rule: Rule, instance: Instance) -> bool:
    """Its labels satisfy the matchers; `!=` is satisfied by a label that is not there."""
    if rule.matcher == "=":
        return instance.whose == "ours"
    return instance.whose != "other" or not rule.matcher


def fires(rule: Rule, instance: Instance) -> bool:
    return instance.firing and instance.since >= rule.for_s


def shown(page: Page) -> tuple[Instance, ...]:
    """No rule of that name, and no page, shows an instance."""
    return page.instances if page.rules in {"ok", "err", "starting"} else ()


def waits(rule: Rule, instance: Instance) -> bool:
    """It is pending at T."""
    return not fires(rule, instance) and instance.since >= 0


def pending_count(rule: Rule, page: Page) -> int:
    waiting = [one for one in shown(page) if waits(rule, one) and is_ours(rule, one)]
    return len(waiting) + (page.pending if page.away != "pending" else 0)


def fired_without_label(rule: Rule, page: Page) -> bool:
    """An instance that may be this run's: it fires, and lacks the label by which a matcher asks."""
    return rule.matcher == "=" and any(fires(rule, one) and one.whose == "bare" for one in shown(page))


def waits_without_label(rule: Rule, page: Page) -> bool:
    """An instance that may be this run's, too, and it is pending. It does not matter where the spec lets this run's pass."""
    if rule.matcher != "=" or rule.pending == "Passed":
        return False
    in_alerts = page.bare_pending and page.away != "unscoped"
    return in_alerts or any(waits(rule, one) and one.whose == "bare" for one in shown(page))


def sees(rule: Rule, whose: str) -> bool:
    """A selector had a series in the window, with the matchers whose label it has."""
    if whose == "other":
        return not rule.matcher
    return whose != "none"


def is_sighted(rule: Rule, page: Page) -> bool:
    """Every selector sees a series, but for `absent()`, the right side of `unless`, and all but one side of `or`."""
    a, b = sees(rule, page.a), sees(rule, page.b)
    return {
        "none": True, "absent": True, "unreadable": False, "a": a, "unless": a, "and": a and b, "or": a or b,
    }[rule.expression]  # fmt: skip


def is_scoped(rule: Rule, page: Page) -> bool:
    """The label that the matcher names stands on a series of the alert's selectors, or the rule sets it.

    CHOICE: what stands under `absent()` or right of `unless` gives an alert no label.
    CHOICE: with `requireSeries: false` a selector without a series may bring the label with its first one.
    CHOICE: an expression that cannot be read here is blind; where blindness is a note, its labels are not judged.
    """
    if rule.matcher != "=" or rule.expression == "unreadable":
        return True
    sets = [rule.sets] * first_counts(rule, page) + [rule.twin_sets] * twin_counts(rule, page)
    if all(sets):
        return True
    looked = {"none": [], "absent": [], "a": [page.a], "unless": [page.a]}.get(rule.expression, [page.a, page.b])
    if not rule.require_series and "none" in looked:
        return True
    return any(whose in {"other", "ours"} for whose in looked)


def can_be_ours(rule: Rule, page: Page) -> bool:
    """One of the rules, at least, does not set the label to a value that the matcher refuses.

    CHOICE: this does not wait for a series, and goes before blindness.
    """
    sets = [rule.sets] * first_counts(rule, page) + [rule.twin_sets] * twin_counts(rule, page)
    return not all(refused(rule, one) for one in sets)


def was_evaluated_in_window(rule: Rule, start: int, until: int, pages: Pages) -> bool:
    """A healthy page showed an evaluation after the start and not later than that. What lies ahead of our clock shows nothing."""
    for t, page in pages:
        when = evaluated(rule, t, page)
        if is_healthy(rule, page) and when is not None and start < when <= min(until, t + ANSWERED + AHEAD):
            return True
    return False


def is_seen_late(rule: Rule, start: int, t: int, page: Page, earlier: Pages) -> bool:
    """The evaluation lies after T and settle, which proves nothing by itself, and no earlier page showed one before."""
    when = evaluated(rule, t, page)
    return when is not None and when > t + SETTLE and not was_evaluated_in_window(rule, start, t + SETTLE, earlier)


def last_evaluation(rule: Rule, start: int, pages: Pages) -> int:
    """The latest evaluation that an earlier page showed; the start without one."""
    healthy = [(t, evaluated(rule, t, page)) for t, page in pages if is_healthy(rule, page)]
    times = [when for t, when in healthy if when is not None and when <= t + ANSWERED + AHEAD]
    return max([start, *times])


def at_a_tick(rule: Rule, start: int, t: int, page: Page, earlier: Pages) -> tuple[str, str | None]:
    when = evaluated(rule, t, page)
    if when is not None and when > start:
        # In a window that is over before it is judged all evaluations come later.
        if is_seen_late(rule, start, t, page, earlier):
            return "Awaited", None
        # CHOICE: a group that missed three evaluations shows nothing about T; nor does one that was never evaluated before.
        return ("Error", "AlertNotLoaded") if when < t - 3 * rule.group_s - LATE else ("Passed", None)
    # CHOICE: a Prometheus that restarted, and has not evaluated the rule yet, is given the same time again.
    since = last_evaluation(rule, start, earlier) if when is None else start
    return ("Awaited", None) if t <= since + 2 * rule.group_s else ("Error", "AlertNotLoaded")


def at_the_end(rule: Rule, start: int, t: int, page: Page, earlier: Pages) -> tuple[str, str | None]:
    """CHOICE: the order of these causes is that of the text, but pending and firing instances go before the alert's series."""
    when = evaluated(rule, t, page)
    if is_seen_late(rule, start, t, page, earlier):
        return "Error", "AlertNotLoaded"
    if rule.pending != "Failed" and rule.for_s + rule.group_s >= t - start - rule.start_after:
        return "Error", "AlertCannotFire"
    if when is None or when <= start or when < t - rule.group_s - LATE:
        return "Error", "AlertNotLoaded"
    if rule.pending == "Error" and pending_count(rule, page):
        return "Error", "AlertPending"
    bare = rule.matcher == "=" and page.bare_fired and page.away != "unscoped"
    if (
        bare
        or waits_without_label(rule, page)
        or any(fired_without_label(rule, one) for one in [page, *(one for _, one in earlier)])
    ):
        return "Error", "AlertNotScoped"
    # CHOICE: a question that could not be asked proves nothing, whatever the others say.
    if page.away and page.away in asked_at_the_end(rule, page):
        return "Error", "Timeout"
    if not can_be_ours(rule, page):
        return "Error", "AlertNotScoped"
    if rule.require_series and not is_sighted(rule, page):
        return "Error", "AlertBlind"
    if not is_scoped(rule, page):
        return "Error", "AlertNotScoped"
    return "Passed", None


def asked_at_the_end(rule: Rule, page: Page) -> list[str]:
    """What there is to ask: nobody fires without a label that no matcher needs, and a run's series are those of its matchers."""
    asked = ["pending"]
    if rule.matcher == "=":
        asked.append("unscoped")
    looked = {"a": [page.a], "unless": [page.a], "and": [page.a, page.b], "or": [page.a, page.b]}.get(
        rule.expression, []
    )
    if looked:
        asked.append("labels")
    if rule.matcher and any(whose != "none" for whose in looked):
        asked.append("series")
    return asked


def decide_silence(
    rule: Rule, start: int, t: int, page: Page, earlier: Pages, *, sweep: bool
) -> tuple[str, str | None]:
    """CHOICE: an instance that fires is a breach, however unhealthy the page is that shows it."""
    if any(fires(rule, one) and is_ours(rule, one) for one in shown(page)):
        return "Failed", "AlertFired"
    if page.rules == "away":
        return "Error", "Timeout"
    if page.rules == "absent" or (page.rules == "err" and not is_healthy(rule, page)):
        return "Error", "AlertNotLoaded"
    if sweep and rule.pending == "Failed" and pending_count(rule, page):
        return "Failed", "AlertPending"
    when = evaluated(rule, t, page)
    if when is not None and when > t + ANSWERED + AHEAD:
        return "Error", "AlertNotLoaded"
    return (at_the_end if sweep else at_a_tick)(rule, start, t, page, earlier)
