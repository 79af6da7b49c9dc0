"""The series of a test on simulated time: which sample is stamped when, and from when on it can be seen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from validationrun.judging.ruletest.model import Fault
from validationrun.judging.ruletest.promtool_series import Mark, Selector, Value

POD: Final = "pod"
_NEW: Final = "-new"


class Sample(NamedTuple):
    """Times are whole seconds on the clock of the test, on which its first sample is at 0."""

    t: int
    value: Value
    visible: int


@dataclass(frozen=True, slots=True)
class Series:
    """One series' labels, its name under `__name__`, and its samples by time."""

    labels: Mapping[str, str]
    samples: tuple[Sample, ...]


def lay_out(labels: Mapping[str, str], values: Iterable[Value | None], interval: int) -> Series:
    """A series as it is written, before anything goes wrong."""
    samples = (
        Sample(index * interval, value, index * interval) for index, value in enumerate(values) if value is not None
    )
    return Series(labels, tuple(samples))


def strike(series: Iterable[Series], fault: Fault, opens: int) -> list[Series]:
    """
    The series after a fault of theirs.

    Args:
        opens: the window's start on the test's clock.
    """
    selector = Selector(fault.series) if fault.series is not None else None
    begins = opens + fault.from_
    ends = begins + fault.for_ if fault.for_ is not None else None
    struck: list[Series] = []
    for before in series:
        meant = (
            selector.selects(dict(before.labels))
            if selector
            else fault.type != "labelChurn" or _label(fault) in before.labels
        )
        struck += _STRIKES[fault.type](before, fault, begins, ends) if meant else [before]
    return struck


def _during(sample: Sample, begins: int, ends: int | None) -> bool:
    return begins <= sample.t and (ends is None or sample.t < ends)


def _gap(series: Series, fault: Fault, begins: int, ends: int | None) -> list[Series]:
    kept: list[Sample] = []
    marked = False
    for sample in series.samples:
        if not _during(sample, begins, ends):
            kept.append(sample)
        elif fault.stale and not marked:
            # The first scrape that fails is the one that marks.
            kept.append(sample._replace(value=Mark.STALE))
            marked = True
    return [Series(series.labels, tuple(kept))]


def _reset(series: Series, fault: Fault, begins: int, ends: int | None) -> list[Series]:
    """As after a restart: the counter is 0 again, and grows from there as it would have."""
    del fault, ends
    base: float | None = None
    samples: list[Sample] = []
    for sample in series.samples:
        if sample.t < begins or isinstance(sample.value, Mark):
            samples.append(sample)
            continue
        base = sample.value if base is None else base
        samples.append(sample._replace(value=sample.value - base))
    return [Series(series.labels, tuple(samples))]


def _churn(series: Series, fault: Fault, begins: int, ends: int | None) -> list[Series]:
    """As when a pod is replaced: its series is marked stale, and another one goes on."""
    label = _label(fault)
    before = [sample for sample in series.samples if sample.t < begins]
    after = [sample for sample in series.samples if sample.t >= begins]
    if not before or not after:
        return [series]
    before.append(after[0]._replace(value=Mark.STALE))
    new = fault.to if fault.to is not None else series.labels.get(label, "") + _NEW
    later = tuple(sample for sample in after if ends is None or sample.t >= ends)
    return [Series(series.labels, tuple(before)), Series({**series.labels, label: new}, later)]


def _late(series: Series, fault: Fault, begins: int, ends: int | None) -> list[Series]:
    delay = fault.delay or 0
    samples = tuple(
        sample._replace(visible=sample.visible + delay) if _during(sample, begins, ends) else sample
        for sample in series.samples
    )
    return [Series(series.labels, samples)]


def _label(fault: Fault) -> str:
    return fault.label or POD


_STRIKES: Final[dict[str, Callable[[Series, Fault, int, int | None], list[Series]]]] = {
    "gap": _gap,
    "counterReset": _reset,
    "labelChurn": _churn,
    "lateScrape": _late,
}
SERIES_FAULTS: Final = frozenset(_STRIKES)
"""What goes wrong with the samples; every other fault strikes the answers."""
