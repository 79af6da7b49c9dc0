"""Checks whether a query looks at the time of the run: its ranges, offsets and fixed times, and the gaps between evaluations."""

import re
from collections.abc import Iterator
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.compiling.check.query import DEFAULT_SCRAPE_SECONDS, Query, QueryCheck
from validationrun.spec import promql
from validationrun.spec.findings import Finding

_TELLS_THE_PAST: Final = re.compile(r".*(_total|_count|_sum|_bucket|_created|_info|_timestamp|_timestamp_seconds)")
"""Names of metrics that hold all that was before; a gauge forgets."""


def long_ranges(query: Query) -> Iterator[Finding]:
    window = query.window_s
    # With ${window} the range is the run so far; what is added to it, such as the range inside a subquery, is small.
    limit = 2 * window if query.uses_window else window
    for reach in promql.reaches(query.tree):
        if reach.at_s is not None or reach.back_s <= limit:
            continue
        if reach.shift_s >= window:
            message = (
                f" looks {_length(reach.shift_s)} into the past by its offset, and the run lasts {format_duration(window)}: "
                "nothing of the run is ever judged"
            )
            yield query.warning("VR552", message, "delete the offset")
        else:
            message = (
                f" looks back {_length(reach.back_s)}, longer than the run ({format_duration(window)}): it would judge what "
                "happened before it"
            )
            yield query.warning("VR552", message, "shorten the range, or use [${window}]")
        return


def short_ranges(query: Query) -> Iterator[Finding]:
    scrape = query.scrape_s
    for use in promql.range_uses(query.tree):
        if use.seconds < 2 * scrape and not (query.uses_window and use.seconds == query.window_s):
            message = (
                f": {use.function}() over {_length(use.seconds)} is shorter than two scrapes "
                f"of {format_duration(scrape)}: it will often have no result"
            )
            yield query.warning("VR553", message, f"use at least {format_duration(2 * scrape)}")
            return


def gaps(query: Query) -> Iterator[Finding]:
    """What happens after one evaluation and before the next one's range begins is never judged."""
    if any(short_ranges(query)):
        # It says already that the range must be longer.
        return
    interval = min(query.interval_s, query.window_s)
    spans = [reach.span_s for reach in promql.reaches(query.tree) if reach.at_s is None and reach.span_s]
    if spans and min(spans) < interval:
        message = (
            f" looks at {_length(min(spans))} and is asked every {format_duration(interval)}: "
            f"{_length(interval - min(spans))} of each interval are never judged"
        )
        help_ = f"use a range of at least {format_duration(interval)}, or a shorter runProperties.interval"
        yield query.warning("VR574", message, help_)


def rarely_asked(query: Query) -> Iterator[Finding]:
    reaches = promql.reaches(query.tree)
    interval = min(query.interval_s, query.window_s)
    # Every second sample of a gauge, or one a minute, shows what lasts; of fewer, most are never judged.
    scrape = max(query.scrape_s, DEFAULT_SCRAPE_SECONDS)
    if interval <= 2 * scrape or any(reach.span_s or reach.at_s is not None for reach in reaches):
        return
    for reach in reaches:
        name = promql.metric_name(reach.selector) or ""
        if not _TELLS_THE_PAST.fullmatch(name):
            message = (
                f" looks at the newest sample of {name or 'a gauge'}, scraped about every {format_duration(query.scrape_s)} and asked "
                f"every {format_duration(interval)}: what happens between is never judged"
            )
            help_ = (
                f"look at all samples, with max_over_time() or min_over_time() over [{format_duration(interval)}], "
                "or ask more often by runProperties.interval"
            )
            yield query.warning("VR575", message, help_, token=name or None)
            return


def other_times(query: Query) -> Iterator[Finding]:
    for reach in promql.reaches(query.tree):
        if reach.at_s is not None:
            at = f"{reach.at_s:.3f}".rstrip("0").rstrip(".")
            message = f" looks at one fixed time, by `@ {at}`: its answer says nothing about the run"
            yield query.warning("VR576", message, "delete the `@`")
            return
        if reach.shift_s < 0:
            message = f" looks {_length(-reach.shift_s)} ahead of each evaluation, by a negative offset: those samples are not there yet"
            yield query.warning("VR576", message, "delete the offset")
            return


def _length(seconds: float) -> str:
    return format_duration(int(seconds))


CHECKS: Final[tuple[QueryCheck, ...]] = (long_ranges, short_ranges, gaps, rarely_asked, other_times)
