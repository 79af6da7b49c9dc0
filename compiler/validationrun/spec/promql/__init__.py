"""
Reads PromQL without a Prometheus: the syntax tree, and properties of a query that follow from it.

Other rooms ask this package about a tree, so that few of them depend on the types of promql-parser. It knows nothing of rules and
of runs.
"""

from validationrun.spec.promql.aggregations import (
    FreshSelector,
    aggregated,
    aggregated_series,
    fresh_selectors,
    outermost_aggregations,
)
from validationrun.spec.promql.direction import Wants, Way, inwards
from validationrun.spec.promql.filters import Filter, harmful_filter, split_comparison
from validationrun.spec.promql.functions import NEED_TWO
from validationrun.spec.promql.matching import Mismatch, mismatches, unscoped
from validationrun.spec.promql.missing import hiding_aggregations
from validationrun.spec.promql.newer import newer_syntax
from validationrun.spec.promql.numbers import Numbers
from validationrun.spec.promql.possible import possible
from validationrun.spec.promql.reach import Reach, reaches
from validationrun.spec.promql.series import labels_of, may_give_several
from validationrun.spec.promql.sight import (
    Selection,
    Sight,
    UnknownSelectorError,
    is_sighted,
    selections,
    sight,
    written_labels,
)
from validationrun.spec.promql.silence import Silence, silence
from validationrun.spec.promql.syntax import SyntaxFault, parse
from validationrun.spec.promql.tree import (
    COMPARISONS,
    MOST_DEEP,
    RangeUse,
    bare,
    children,
    depth,
    function_name,
    is_plain_selector,
    matcher_values,
    metric_name,
    nodes,
    range_uses,
    selectors,
    value_type,
)
from validationrun.spec.promql.undefined import HiddenNaN, hidden_nans
from validationrun.spec.promql.unscraped import ignores_up, of_each_target, while_unscraped
from validationrun.spec.promql.values import functions_of_value, is_count, is_exact

__all__ = [
    "COMPARISONS", "MOST_DEEP", "NEED_TWO",
    "Filter", "FreshSelector", "HiddenNaN", "Mismatch", "Numbers", "RangeUse", "Reach", "Selection", "Sight", "Silence",
    "SyntaxFault", "UnknownSelectorError", "Wants", "Way", "aggregated", "aggregated_series", "bare", "children", "depth",
    "fresh_selectors", "function_name", "functions_of_value", "harmful_filter", "hidden_nans", "hiding_aggregations",
    "ignores_up", "inwards", "is_count", "is_exact", "is_plain_selector", "is_sighted", "labels_of", "matcher_values",
    "may_give_several", "metric_name", "mismatches", "newer_syntax", "nodes", "of_each_target", "outermost_aggregations", "parse",
    "possible", "range_uses", "reaches", "selections", "selectors", "sight", "silence", "split_comparison", "unscoped", "value_type",
    "while_unscraped", "written_labels",
]  # fmt: skip
