"""Answers as Prometheus sends them: what a random run knows, written as the bodies of its replies."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator

from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.rules.rule_type import AlertRules, Request

from .brute_force import Answer, Rule, beside, page_of
from .facts import Page, Sampled
from .guards import LOOK_BACK, points

ALERT = "ChainBroken"
REFUSED = ("PrometheusRuleNotFound", "CrossNamespaceForbidden", "RBACDenied")
EXPRESSIONS = {
    "none": "vector(1) < 0", "a": "a > 0", "and": "a > 0 and b > 0", "or": "a > 0 or b > 0", "unless": "a > 0 unless b > 0",
    "absent": "absent(a)", "unreadable": "a >>> 0",
}  # fmt: skip
SETS = {"": {}, "ours": {"pod": "ours"}, "other": {"pod": "other"}, "template": {"pod": "{{ $labels.pod }}"}}
HOUR = 3600
PART = re.compile(r'last_over_time\(\{__name__="(\w)"(?:,(pod[^}]*))?\}\[\d+s\]\)\),"found","([^"]*)"')


def refused(reason: str) -> Fault:
    return Fault(reason, "refused")  # type: ignore[arg-type]


def fault(reason: str) -> Reply:
    return Reply(None, b"", Fault(reason, "no answer"))  # type: ignore[arg-type]


def ok(kind: str, result: object, **more: object) -> Reply:
    return Reply(
        200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode(), None
    )


def labelled(t: float, series: list[tuple[dict[str, str], str]]) -> Reply:
    return ok("vector", [{"metric": labels, "value": [t, value]} for labels, value in series])


def vector(t: float, values: tuple[str, ...], **more: object) -> Reply:
    result = [{"metric": {"pod": f"node-{index}"}, "value": [t, value]} for index, value in enumerate(values)]
    return ok("vector", result, **more)


def error_reply(t: float, reason: str) -> Reply:
    """What makes an answer this Error: on the wire where the wire can say it."""
    if reason == "PrometheusUnavailable":
        return Reply(503, b"no upstream", None)
    if reason == "BadQuery":
        body = b'{"status":"error","errorType":"bad_data","error":"parse error"}'
        return (Reply(400, body, None), ok("string", [t, "1"]), ok("matrix", []))[int(t) % 3]
    if reason == "PartialResponse":
        # The samples are there, good ones and bad ones; the warning alone spoils them.
        return vector(t, ((), ("0",), ("1",))[int(t) % 3], warnings=["a store did not answer"])
    return fault(reason)


def first_reply(rule: Rule, start: float, t: float, answer: Answer) -> Reply:
    """To the rule's query."""
    kind, content = answer[:2]
    if kind == "error":
        return error_reply(t, content)
    if kind == "scalar":
        return ok("scalar", [t, content])
    if kind == "values":
        return vector(t, content)
    if kind == "counter":
        return labelled(
            t, [*counter_parts(rule.series, int(t - start)), *([({"validationrun": "alive"}, "1")] * content)]
        )
    return vector(t, ("1",) * content if kind == "fired" else ())


def further_reply(rule: Rule, start: float, t: float, answer: Answer, request: Request) -> Reply:
    page, stands = page_of(answer), beside(answer)
    if isinstance(request, AlertRules):
        return rules_page(rule, t, page or Page(rules="absent"))
    replies: dict[str, Callable[[], Reply]] = {
        "opening": lambda: vector(t, ()),
        "samples": lambda: counter_matrix(rule.series, start, t),
        "newest": lambda: vector(t, ()) if stands.age is None else vector(t, (str(t - int(stands.age)),)),
    }
    if request.role == "series" and page is None:
        return count_reply(rule, t, stands.count if rule.series_min is not None else stands.members)
    if request.role == "newest" and isinstance(stands.age, str):
        return fault(stands.age)
    if page is not None and request.role in {"pending", "unscoped", "labels", "series"}:
        return alert_reply(rule, t, page, request.role, request.promql)
    return replies[request.role]()


def count_reply(rule: Rule, t: float, count: int | str | tuple[int, int]) -> Reply:
    """How many series there are: one number, or by pods and by series. Nothing at all has no count."""
    if isinstance(count, str):
        return fault(count)
    if isinstance(count, int):
        return labelled(t, [({}, str(count))] if count else [])
    parts = zip(("pods0", "series0"), count, strict=True)
    return labelled(t, [({"validationrun": part}, str(number)) for part, number in parts if number])


# A counter


def counter_parts(series: tuple[Sampled, ...], t: int) -> Iterator[tuple[dict[str, str], str]]:
    """What each function of the counter's query gives at T for each series."""
    for one in series:
        inside = [value for when, value in points(one, t) if when > 0]
        recent = [value for when, value in one.samples if -LOOK_BACK < when <= 0]
        hour = [value for when, value in one.samples if -HOUR < when <= 0]
        resets = sum(later < earlier for earlier, later in itertools.pairwise(inside))
        found: dict[str, int | None] = {
            "last": inside[-1] if inside else None,
            "lowest": min(inside, default=None),
            "resets": resets or None,
            "samples": len(inside) or None,
            "start": recent[-1] if recent else None,
            "before": hour[-1] if hour and not recent else None,
        }
        for part, value in found.items():
            if value is not None:
                yield {"counter": one.counter, "instance": one.instance, "validationrun": part}, str(value)


def counter_matrix(series: tuple[Sampled, ...], start: float, t: float) -> Reply:
    result = [
        {
            "metric": {"__name__": "requests_total", "counter": one.counter, "instance": one.instance},
            "values": [[start + when, str(value)] for when, value in points(one, int(t - start)) if when > 0],
        }
        for one in series
    ]
    return ok("matrix", [entry for entry in result if entry["values"]])


# An alert


@functools.lru_cache(maxsize=8192)
def rules_page(rule: Rule, t: float, page: Page) -> Reply:
    """`/api/v1/rules`."""
    if page.rules == "away":
        return fault("Timeout")
    health = {"starting": "unknown", "err": "err"}.get(page.rules, "ok")
    alerts = [
        {
            "state": "firing" if one.firing else "pending",
            "activeAt": time_text(t - one.since),
            "labels": {"alertname": ALERT, **({} if one.whose == "bare" else {"pod": one.whose})},
        }
        for one in page.instances
    ]
    entry = {
        "type": "alerting", "name": "Another" if page.rules == "absent" else ALERT, "query": EXPRESSIONS[rule.expression],
        "duration": rule.for_s, "labels": SETS[rule.sets], "alerts": alerts,
    }  # fmt: skip
    rules = [{**entry, "health": health, "lastEvaluation": time_text(t - page.ago)}]
    if page.twin_ago is not None:
        rules.append(
            {
                **entry,
                "labels": SETS[rule.twin_sets],
                "alerts": [],
                "health": "ok",
                "lastEvaluation": time_text(t - page.twin_ago),
            }
        )
    groups = [{"name": f"g{index}", "interval": rule.group_s, "rules": [one]} for index, one in enumerate(rules)]
    return Reply(200, json.dumps({"status": "success", "data": {"groups": groups}}).encode(), None)


def time_text(t: float) -> str:
    return dt.datetime.fromtimestamp(t, dt.UTC).isoformat()


def alert_reply(rule: Rule, t: float, page: Page, role: str, promql: str) -> Reply:
    if page.away == role:
        return fault("Timeout")
    if role == "pending":
        return vector(t, ("1",) * page.pending)
    if role == "unscoped":
        states = ["firing"] * page.bare_fired + ["pending"] * (page.bare_pending and 'alertstate="pending"' in promql)
        return labelled(t, [({"alertname": ALERT, "alertstate": state}, "1") for state in states])
    parts = PART.findall(promql)
    assert promql.count("last_over_time") == len(parts), promql
    whose = {"a": page.a, "b": page.b}
    return labelled(t, [({"found": mark}, "1") for name, matcher, mark in parts if has_series(whose[name], matcher)])


def has_series(whose: str, matcher: str) -> bool:
    """Whether a selector with one more matcher finds the series of an exporter whose label has this value."""
    labels = {"none": [], "bare": [""], "other": ["other"], "ours": ["ours"]}[whose]
    wanted: Callable[[str], bool] = {
        "": lambda _: True, 'pod!=""': bool, 'pod="ours"': lambda pod: pod == "ours", 'pod!="other"': lambda pod: pod != "other",
    }[matcher]  # fmt: skip
    return any(map(wanted, labels))
