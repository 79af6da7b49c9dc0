"""
Measures how late the samples of a Prometheus are, for preflight.

A query about T is sent at T + settle. Where a sample is stored later than that after its own time, as behind a remote write or a
query front end that holds samples back, each answer lacks what was scraped last.
"""

import itertools
import logging
import math
from collections.abc import Callable
from typing import Final

from validationrun.base.conventions import MAX_SETTLE_SECONDS
from validationrun.contract.chain_entries import Finding
from validationrun.oracle.exchange import Fault
from validationrun.oracle.outcome import PreflightReason
from validationrun.oracle.prometheus_response import read_vector
from validationrun.prometheus import Prometheus

logger = logging.getLogger(__name__)

# By the server's own clock, which stamps the samples of `up`.
_NEWEST: Final = "time() - max(timestamp(up))"
_OTHERS: Final = "count(time() - timestamp(up) > {seconds:.0f})"
_TIMEOUT_SECONDS: Final = 5.0

_LOOK_SECONDS: Final = 1.0
"""Between two looks. A sample that came since the last look was at least its age less this when it came."""

_LOOKS: Final = 20
"""A server with few targets may have no new sample for so long. Then nothing is known, and preflight must end within a minute."""

_SLOW_SCRAPES_SECONDS: Final = 60.0
"""An older sample than this and the settle time is more than a slow scrape interval explains."""


def late_samples(prometheus: Prometheus, settle_s: float, sleep: Callable[[float], None]) -> Finding | None:
    """
    A finding when even the newest sample of `up` comes later than the settle time.

    The age of the newest sample proves nothing by itself, because the next scrape may be due: it counts once a newer sample came while
    this looked. The youngest age of all looks counts, because a pair of servers may answer in turn.
    """
    ages: list[float] = []
    for _ in range(_LOOKS):
        age = _newest_age(prometheus)
        if age is None:
            logger.warning("%s: no series `up`, so how late samples are is not known", prometheus.url)
            return None
        if age <= settle_s + _LOOK_SECONDS:
            _warn_of_others(prometheus, settle_s)
            return None
        ages.append(age)
        sleep(_LOOK_SECONDS)
    if any(after < before for before, after in itertools.pairwise(ages)):
        return _finding(prometheus, min(ages), settle_s)
    logger.warning("%s: no sample of `up` came for %.0fs, so how late samples are is not known", prometheus.url, _LOOKS)
    return None


def _finding(prometheus: Prometheus, age: float, settle_s: float) -> Finding:
    needed = math.ceil(age) + 1
    way_out = (
        f"compile with --settle {needed}s"
        if needed <= MAX_SETTLE_SECONDS
        else f"--settle is at most {MAX_SETTLE_SECONDS}s: give a Prometheus that has its samples sooner"
    )
    message = (
        f"{prometheus.url} has its newest sample of `up` only {age:.0f}s after its time, and rules are asked {settle_s:.0f}s after "
        f"theirs; {way_out}"
    )
    return Finding(PreflightReason.SAMPLES_LATE, message)


def _warn_of_others(prometheus: Prometheus, settle_s: float) -> None:
    seconds = _SLOW_SCRAPES_SECONDS + settle_s
    count = _value(prometheus, _OTHERS.format(seconds=seconds))
    if count:
        logger.warning(
            "%s: the newest sample of `up` of %.0f targets is older than %.0fs", prometheus.url, count, seconds
        )


def _newest_age(prometheus: Prometheus) -> float | None:
    """In seconds; None when there is no `up`, or no usable answer."""
    age = _value(prometheus, _NEWEST)
    return None if age is None or math.isnan(age) else max(age, 0.0)


def _value(prometheus: Prometheus, promql: str) -> float | None:
    answer = read_vector(prometheus.query(promql, None, _TIMEOUT_SECONDS))
    if isinstance(answer, Fault) or len(answer.samples) != 1:
        return None
    return float(answer.samples[0].value)
