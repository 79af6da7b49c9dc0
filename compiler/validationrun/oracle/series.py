"""
Which series must be there, and how old their newest samples may be: what is asked for it, and what the answers mean.

An aggregation gives a value however few series are left under it, so a rule counts them. `docs/rules.md` describes the guards.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from validationrun.oracle.exchange import Fault, Reply
from validationrun.oracle.placeholders import escape, fill, find_places
from validationrun.oracle.prometheus_response import read_vector
from validationrun.oracle.series_count import Expected

SERIES: Final = "series"
"""The request that counts what a rule aggregates."""

NEWEST: Final = "newest"
"""The request for the newest sample that the query reads."""

PART: Final = "validationrun"
"""The label that tells the parts of an answer apart, where one query asks several things."""

_REPLICAS: Final = "prometheus_replica, replica"
"""Labels that tell the two of an HA pair of Prometheus apart, and no series of the system."""

_MOST_AGGREGATIONS: Final = 8
_MOST_SELECTORS: Final = 16
_MEMBER_LABEL: Final = "pod"


# What is asked.


def expected_query(expected: Expected, by: str, parts: Sequence[str], values: Mapping[str, str]) -> str:
    """
    Counts the distinct values of a label under several expressions. Empty when there is none.

    Args:
        parts: PromQL, with run-time values filled in.
    """
    grouped = " or ".join(f"count by ({by}) ({part}\n)" for part in parts)
    if expected.objects:
        grouped = _marked(grouped, by, expected.objects, "own", r"(-.*)?", values)
        if expected.others:
            # A pod of another object: its name, the ordinal of the node, the ordinal of the pod.
            grouped = _marked(grouped, by, expected.others, "", r"-[0-9]+-[0-9]+([^0-9].*)?", values)
        return f"count(({grouped}) unless on ({PART}) vector(1))"
    return f"count(({grouped}) unless on ({by}) vector(1))"


def _marked(grouped: str, by: str, objects: Sequence[str], mark: str, tail: str, values: Mapping[str, str]) -> str:
    """The groups, with a mark on those whose value begins with an object's name; an empty mark takes it away."""
    names = "|".join(re.escape(name.replace("${chainId}", values["chainId"])) for name in objects)
    pattern = escape(f"({names}){tail}", "string", '"')
    return f'label_replace({grouped}, "{PART}", "{mark}", "{by}", "{pattern}")'


def members_query(aggregations: Sequence[str]) -> str:
    """Counts the pods and the series under each aggregation of a query."""
    parts = []
    for index, series in enumerate(aggregations):
        pods = f"count((count by ({_MEMBER_LABEL}) ({series})) unless on ({_MEMBER_LABEL}) vector(1))"
        each = f"count(count without ({_REPLICAS}) ({series}))"
        parts += [_labelled(pods, f"pods{index}"), _labelled(each, f"series{index}")]
    return " or ".join(parts)


def _labelled(promql: str, part: str) -> str:
    return f'label_replace({promql}, "{PART}", "{part}", "", "")'


def newest_query(promql: str, max_age_s: float) -> str | None:
    """The time of the newest sample under each selector of a query; None for one without, or that can't be read here."""
    # Imported here because the parser is slow to start, and most ticks need none.
    from validationrun.spec import promql as syntax  # noqa: PLC0415

    try:
        selectors = syntax.fresh_selectors(syntax.parse(promql))[:_MOST_SELECTORS]
    except syntax.SyntaxFault:
        return None
    parts = []
    for index, fresh in enumerate(selectors):
        newest = f"max(timestamp({fresh.selector}))"
        if fresh.reach_s > max_age_s:
            # The query still sees samples of series that have ended.
            newest += f" or max(max_over_time(timestamp({fresh.selector})[{math.ceil(fresh.reach_s)}s:1m]))"
        parts.append(_labelled(newest, f"selector{index}"))
    return " or ".join(parts) or None


def query_aggregations(query: str) -> list[str]:
    """What lies under each outermost aggregation, as PromQL; empty for a query that only a newer parser reads."""
    from validationrun.spec import promql as syntax  # noqa: PLC0415

    try:
        aggregations = syntax.outermost_aggregations(syntax.parse(query))
    except syntax.SyntaxFault:
        return []
    return [syntax.aggregated(aggregation) for aggregation in aggregations[:_MOST_AGGREGATIONS]]


def run_aggregations(promql: str, values: Mapping[str, str], query: str) -> list[str]:
    """
    The series under each outermost aggregation that names this run's chain or run id, as PromQL.

    Empty when there is none, and for a query that only a newer parser reads.

    Args:
        promql: the query before run-time values are put in.
        query: as it is asked.
    """
    from validationrun.spec import promql as syntax  # noqa: PLC0415

    places, _ = find_places(promql)
    if not any(place.value in ("chainId", "runId") for place in places):
        return []
    # The selectors that differ for another run are those that name this one.
    other = {name: f"{value}-other" if name in ("chainId", "runId") else value for name, value in values.items()}
    try:
        here, there = (syntax.parse(text) for text in (query, fill(promql, places, {**other, "window": "1s"})))
    except (syntax.SyntaxFault, KeyError, ValueError):
        return []
    pairs = zip(syntax.outermost_aggregations(here), syntax.outermost_aggregations(there), strict=True)
    ours = [own for own, foreign in pairs if _matched(own) != _matched(foreign)]
    return list(dict.fromkeys(map(syntax.aggregated_series, ours[:_MOST_AGGREGATIONS])))


def _matched(tree: object) -> list[object]:
    from validationrun.spec import promql as syntax  # noqa: PLC0415

    return [syntax.matcher_values(selector) for selector in syntax.selectors(tree)]


# What the answers mean.


def read_members(reply: Reply, t: float) -> tuple[int, ...] | Fault:
    """The counts of `members_query`: for each aggregation its pods and its series, 0 where there is none."""
    answer = read_vector(reply, t)
    if isinstance(answer, Fault):
        return answer
    counts = {sample.labels.get(PART, ""): int(float(sample.value)) for sample in answer.samples}
    last = max((index + 1 for index in range(_MOST_AGGREGATIONS) if f"series{index}" in counts), default=0)
    return tuple(counts.get(f"{kind}{index}", 0) for index in range(last) for kind in ("pods", "series"))


def missing_members(first: Sequence[int], now: Sequence[int]) -> str:
    """What is missing of the first good answer, for people; empty when nothing is."""
    for index in range(0, len(first), 2):
        kind, at = ("pods", index) if first[index] else ("series", index + 1)
        count = now[at] if at < len(now) else 0
        if count < first[at]:
            return f"{count} {kind} are left of the {first[at]} that the query's first answer had"
    return ""


def read_count(reply: Reply, t: float) -> int | Fault:
    """The count of `expected_query`."""
    answer = read_vector(reply, t)
    if isinstance(answer, Fault):
        return answer
    return int(float(answer.samples[0].value)) if answer.samples else 0


def read_newest(reply: Reply, t: float) -> float | Fault | None:
    """The least of the newest samples' times under the selectors; None when no selector has a sample."""
    answer = read_vector(reply, t)
    if isinstance(answer, Fault):
        return answer
    return min((float(sample.value) for sample in answer.samples), default=None)
