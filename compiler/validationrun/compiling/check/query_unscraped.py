"""Checks that no rule takes a series for a scrape which Prometheus also writes for a target that it cannot scrape, such as `up`."""

import math
from collections.abc import Iterator
from typing import Any, Final

from validationrun.compiling.check.query import Query, QueryCheck, show
from validationrun.oracle.comparison import Comparison
from validationrun.spec import promql
from validationrun.spec.findings import Finding, Loc, Severity, format_path


def unscraped(query: Query) -> Iterator[Finding]:
    """Finds a fallback such as `or 0 * sum(up)` too: no other series is there while no target can be scraped."""
    comparison = query.comparison
    if comparison is None or not math.isfinite(comparison.limit):
        return
    if promql.ignores_up(query.tree) and holds_unscraped(query.tree, comparison):
        yield unscraped_finding(query.loc, query.tree, f"lets `{comparison}` hold for targets that cannot be scraped")


def holds_unscraped(tree: Any, comparison: Comparison) -> bool:
    """Whether the condition can hold while no target can be scraped, because of series that each target has."""
    value = promql.while_unscraped(tree)
    return value is not None and value.can(comparison.op, comparison.limit)


def unscraped_finding(field: Loc, tree: Any, message: str) -> Finding:
    """
    Args:
        tree: of the field, which has a selector of a series that each target has.
        message: what follows the field's path.
    """
    selector = promql.of_each_target(tree)[0]
    name = promql.metric_name(selector)
    up = f"{show(selector).replace(str(name), 'up', 1)} == 1"
    if name == "up":
        why = "Prometheus writes `up` as 0 for them, and 0 is as good as 1 here"
        help_ = f"write `{up}`, which has a series only for a target that was scraped"
    else:
        why = f"Prometheus writes `{name}` for them too"
        help_ = f"write `{up}` in its place, or add `and {up}`: that has a series only for a target that was scraped"
    return Finding("VR584", field, f"{format_path(field)} {message}: {why}", help_, Severity.WARNING)


CHECKS: Final[tuple[QueryCheck, ...]] = (unscraped,)
