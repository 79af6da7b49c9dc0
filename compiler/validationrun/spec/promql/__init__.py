"""
Reads PromQL without a Prometheus: the syntax tree, and properties of a query that follow from it.

Other rooms ask this package about a tree, so that few of them depend on the types of promql-parser. It knows nothing of rules and
of runs.
"""

from validationrun.spec.promql.series import may_give_several
from validationrun.spec.promql.syntax import SyntaxFault, parse
from validationrun.spec.promql.tree import (
    RangeUse,
    bare,
    children,
    matcher_values,
    nodes,
    range_uses,
    ranges,
    selectors,
    value_type,
)
from validationrun.spec.promql.values import is_count, is_exact, silence_turned_into_a_value

__all__ = [
    "RangeUse", "SyntaxFault", "bare", "children", "is_count", "is_exact", "matcher_values", "may_give_several", "nodes", "parse",
    "range_uses", "ranges", "selectors", "silence_turned_into_a_value", "value_type",
]  # fmt: skip
