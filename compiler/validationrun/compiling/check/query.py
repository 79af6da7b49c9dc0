"""A query of a rule as its checks see it: the tree, the rule around it, and its parts as the user wrote them."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from validationrun.base.durations import parse_duration
from validationrun.compiling.check.placeholders import FILLED
from validationrun.oracle.comparison import Comparison
from validationrun.oracle.placeholders import WINDOW, fill, find_places
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import window_seconds
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, Severity, format_path
from validationrun.spec.v1alpha1 import Rule, ValidationRun

DEFAULT_SCRAPE_SECONDS: Final = 30
"""The default of Prometheus Operator installations, and of a SeiNodeDeployment's own ServiceMonitor."""

_MOST_SHOWN: Final = 80

_CACHED_TEXTS: Final = 64
"""More than a run has rules."""


@dataclass(frozen=True)
class Query:
    """
    A query that parses.

    Attributes:
        loc: of the field.
        text: as the user wrote it.
        tree: of the query with its placeholders filled in.
        uses_window: `${window}` stands in it.
    """

    loc: Loc
    run: ValidationRun
    rule: Rule
    text: str
    tree: Any
    uses_window: bool

    @functools.cached_property
    def window_s(self) -> int:
        return window_seconds(self.run.spec, self.rule)

    @property
    def interval_s(self) -> int:
        return int(self.rule.run_properties.interval)

    @functools.cached_property
    def scrape_s(self) -> int:
        """The longest scrape interval that the spec's deployments set, or the usual default."""
        intervals = []
        for entry in self.run.spec.chain.deployments or []:
            monitor = entry.spec.monitoring.service_monitor if entry.spec.monitoring else None
            if monitor is not None and monitor.interval is not None and not monitor.interval.endswith("ms"):
                # The field belongs to another project; its value may exceed our longest duration.
                with contextlib.suppress(ValueError):
                    intervals.append(parse_duration(monitor.interval))
        return max(intervals, default=DEFAULT_SCRAPE_SECONDS)

    @functools.cached_property
    def comparison(self) -> Comparison | None:
        return type_of(self.rule).comparison(self.rule)

    def show(self, part: Any) -> str:
        return show(part)

    def warning(
        self, code: str, message: str, help_: str, token: str | None = None, field: str | None = None
    ) -> Finding:
        """
        Args:
            message: what follows the field's path.
            token: a text of the query to point at.
            field: another field of the rule's body than the query.
        """
        loc = self.loc if field is None else (*self.loc[:-1], field)
        return Finding(code, loc, f"{format_path(loc)}{message}", help_, Severity.WARNING, token=token)


@functools.lru_cache(maxsize=_CACHED_TEXTS)
def filled(text: str) -> str:
    """PromQL of the user with sample values in its placeholders, for what does not depend on the window's length."""
    return fill(text, find_places(text)[0], {**FILLED, WINDOW: "60s"})


def tree_of(text: str | None) -> Any:
    """The syntax tree of PromQL with placeholders; None for None, and for what does not parse."""
    if text is None:
        return None
    try:
        return promql.parse(filled(text))
    except promql.SyntaxFault:
        return None


def show(part: Any) -> str:
    """A part of a tree as text, with the placeholders in it, cut when it is long."""
    text = re.sub(r"(?<=[\w:])\{\}", "", str(part))
    for name, value in FILLED.items():
        text = text.replace(value, f"${{{name}}}")
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


QueryCheck = Callable[[Query], Iterator[Finding]]
