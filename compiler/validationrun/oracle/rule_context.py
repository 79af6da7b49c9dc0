"""A rule in its run: what a rule type needs besides the answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The steps that only read a run start without the models of a spec.
    from validationrun.spec.v1alpha1 import Rule


@dataclass(frozen=True, slots=True)
class RuleContext:
    """
    A rule, and the run's part in it.

    Attributes:
        values: what placeholders stand for, by name: chainId, namespace, runId.
        start: the window's start, Unix seconds.
    """

    rule: "Rule"
    values: Mapping[str, str]
    start: float
