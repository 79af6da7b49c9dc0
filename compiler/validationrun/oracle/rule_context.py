"""A rule in its run: what a rule type needs besides the answers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from validationrun.oracle.placeholders import WINDOW, fill, find_places
from validationrun.oracle.series_count import Expected

if TYPE_CHECKING:
    # The steps that only read a run start without the models of a spec.
    from validationrun.spec.v1alpha1 import Rule


class RuleContext(Struct, frozen=True):
    """
    A rule, and the run's part in it.

    Attributes:
        values: what placeholders stand for, by name: chainId, namespace, runId.
        start: the window's start, Unix seconds.
        expected: what the rule's `series.min` stands for; None for a rule without it.
    """

    rule: "Rule"
    values: Mapping[str, str]
    start: float
    expected: Expected | None = None

    def filled(self, promql: str, t: float) -> str:
        """A further PromQL text of the rule as it is asked at T, with `${window}` since the window's start."""
        places, _ = find_places(promql)
        return fill(promql, places, {**self.values, WINDOW: window_text(self.start, t)})


def window_text(opens: float, t: float) -> str:
    """What `${window}` stands for at T."""
    # Times have milliseconds: what lies a hair below a whole second is that second.
    return f"{max(1, int(round(t - opens, 3)))}s"
