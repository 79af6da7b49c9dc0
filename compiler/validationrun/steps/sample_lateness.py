"""
Measures how late the samples of a Prometheus are, for preflight.

A query about T is sent at T + settle. Where a sample is stored later than that after its own time, as behind a remote write or a
query front end that holds samples back, each answer lacks what was scraped last.
"""

import itertools
import logging
import math
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from validationrun.base.conventions import MAX_SETTLE_SECONDS
from validationrun.base.text import counted
from validationrun.contract.chain_entries import Finding
from validationrun.oracle.exchange import Fault
from validationrun.oracle.outcome import PreflightReason
from validationrun.oracle.prometheus_response import read_vector
from validationrun.prometheus import Prometheus

logger = logging.getLogger(__name__)

# The time of the newest sample of `up`, and the server's own clock, which stamps them. In one answer, because two servers may answer in
# turn.
_NEWEST: Final = 'max(timestamp(up)) or label_replace(vector(time()), "is", "clock", "", "")'
_OTHERS: Final = "count(time() - timestamp(up) > {seconds:.0f})"
_TIMEOUT_SECONDS: Final = 5.0

_LOOK_SECONDS: Final = 1.0
"""Between two looks. A sample that came since the last look was at least its age less this when it came."""

_LOOKS: Final = 20
"""A server with few targets may have no new sample for so long. Then nothing is known, and preflight must end within a minute."""

_SLOW_SCRAPES_SECONDS: Final = 60.0
"""An older sample than this and the settle time is more than a slow scrape interval explains."""


class _Newest(Struct, frozen=True):
    """The newest sample of `up`: its time in Unix seconds, and its age in seconds, both by the server's clock."""

    stamp: float
    age: float


def late_samples(prometheus: Prometheus, settle_s: float, sleep: Callable[[float], None]) -> Finding | None:
    """
    A finding when even the newest sample of `up` comes later than the settle time.

    The age of the newest sample proves nothing by itself, because the next scrape may be due: it counts once a newer sample came while
    this looked. The youngest age of all looks counts, because a pair of servers may answer in turn.
    """
    looks: list[_Newest] = []
    for _ in range(_LOOKS):
        newest = _newest(prometheus)
        if newest is None:
            logger.warning("%s: no series `up`, so how late samples are is not known", prometheus.url)
            return None
        if newest.age <= settle_s + _LOOK_SECONDS:
            _warn_of_others(prometheus, settle_s)
            return None
        looks.append(newest)
        sleep(_LOOK_SECONDS)
    if _came(looks):
        return _finding(prometheus, min(newest.age for newest in looks), settle_s)
    logger.warning("%s: no sample of `up` came for %.0fs, so how late samples are is not known", prometheus.url, _LOOKS)
    return None


def _came(looks: Sequence[_Newest]) -> bool:
    """
    Whether a newer sample came between two looks.

    Of a pair of servers the one with the newer sample may answer after the other: that looks like a sample that came, but only once,
    and an older one follows it.
    """
    latest = list(itertools.accumulate((newest.stamp for newest in looks), max))
    rises = sum(after > before for before, after in itertools.pairwise(latest))
    is_pair = any(newest.stamp < before for newest, before in zip(looks, latest, strict=True))
    return rises > (1 if is_pair else 0)


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
            "%s: of %s the newest sample of `up` is older than %.0fs",
            prometheus.url,
            counted(int(count), "target"),
            seconds,
        )


def _newest(prometheus: Prometheus) -> _Newest | None:
    """None when there is no `up`, or no usable answer."""
    read = read_vector(prometheus.query(_NEWEST, None, _TIMEOUT_SECONDS))
    if isinstance(read, Fault):
        return None
    values = {sample.labels.get("is"): float(sample.value) for sample in read.samples}
    stamp, clock = values.get(None), values.get("clock")
    if stamp is None or clock is None or not math.isfinite(clock - stamp):
        return None
    return _Newest(stamp, max(clock - stamp, 0.0))


def _value(prometheus: Prometheus, promql: str) -> float | None:
    answer = read_vector(prometheus.query(promql, None, _TIMEOUT_SECONDS))
    if isinstance(answer, Fault) or len(answer.samples) != 1:
        return None
    return float(answer.samples[0].value)
