"""
Explains in a sentence or two why a query returned no data.

The cause is the innermost part of the query that is empty although its own parts have data. The same Prometheus is queried for
why that part is empty. No verdict depends on an explanation.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from validationrun.prometheus import Prometheus
from validationrun.prometheus.missing_series import Selector, show, why_no_series, why_too_short
from validationrun.prometheus.query_budget import Inquiry, NoAnswerError

MOST_CHARACTERS: Final = 300

_MOST_PARTS: Final = 24
_SELECTORS: Final = ("VectorSelector", "MatrixSelector")

Explain = Callable[[str, float, float], str]
"""Takes a query, T and a time limit in seconds. Returns, for people, why the query was empty at T; empty for an unknown cause."""


def explain_empty(prometheus: Prometheus) -> Explain:
    """
    Returns a function that explains an empty answer. It queries over the connection of `prometheus`.

    Several threads may call it; they wait for each other within their time limits. It never raises, and returns an empty string
    when it finds no cause.
    """
    one_at_a_time = threading.Lock()

    def explain(query: str, t: float, timeout_s: float) -> str:
        until = time.monotonic() + timeout_s
        if not one_at_a_time.acquire(timeout=max(timeout_s, 0)):
            return ""
        try:
            ask = Inquiry(prometheus, t, until)
            with contextlib.suppress(NoAnswerError):
                ask.so_far = _Explanation(ask).of(query)
            return _bounded(ask.so_far)
        except Exception:  # noqa: BLE001 - for people only: no error here may change a verdict
            return ""
        finally:
            one_at_a_time.release()

    return explain


def _bounded(text: str) -> str:
    """At most 300 characters on a line, without control characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


class _Explanation:
    """The explanation of one query."""

    def __init__(self, ask: Inquiry) -> None:
        # Imported only here, because the parser is native code that most runs never need.
        from validationrun.spec import promql  # noqa: PLC0415

        self._ask = ask
        self._promql = promql
        self._with_data: set[str] = set()

    def of(self, query: str) -> str:
        tree = self._promql.parse(query)
        parts = [node for node in self._promql.nodes(tree) if self._gives_series(node)]
        if len(parts) <= _MOST_PARTS and self._find_data(parts):
            return self._blame(tree)
        # One part that cannot be evaluated makes the whole query fail; a selector can always be evaluated.
        selectors = [node for node in parts if _kind(node) in _SELECTORS][:_MOST_PARTS]
        if not self._find_data(selectors):
            return ""
        missing = next((node for node in selectors if not self._has_data(node)), None)
        return "" if missing is None else self._of_selector(missing)

    def _gives_series(self, node: Any) -> bool:
        return self._promql.value_type(node) in ("vector", "matrix")

    def _find_data(self, parts: Sequence[Any]) -> bool:
        """Finds with a single query which parts have data. False when the query has no answer."""
        texts = list(dict.fromkeys(str(part) for part in parts))
        ranges = {str(part) for part in parts if self._promql.value_type(part) == "matrix"}
        each = (f"count(count_over_time({text}))" if text in ranges else f"count({text})" for text in texts)
        try:
            samples = self._ask.vector(_numbered(each))
        except NoAnswerError:
            return False
        self._with_data = {texts[int(sample.labels["n"])] for sample in samples}
        return True

    def _has_data(self, node: Any) -> bool:
        return str(node) in self._with_data

    def _blame(self, node: Any) -> str:
        """Why a part is empty."""
        if _kind(node) in _SELECTORS:
            return self._of_selector(node)
        for child in _parts(node):
            if self._gives_series(child) and not self._has_data(child):
                return self._blame(child)
        if _kind(node) == "BinaryExpr":
            return self._of_binary(node)
        return self._of_call(node) if _kind(node) == "Call" else ""

    def _of_selector(self, node: Any) -> str:
        selector = Selector.of(node, self._ask.t)
        return f"Nothing matches {show(str(node))}." if selector is None else why_no_series(self._ask, selector)

    def _of_call(self, node: Any) -> str:
        name = node.func.name
        if name in ("absent", "absent_over_time"):
            return f"{name}() gives nothing as long as there is data, and there is."
        first = _bare(node.args[0])
        if name in self._promql.NEED_TWO and _kind(first) == "MatrixSelector":
            selector = Selector.of(first, self._ask.t)
            if selector is not None:
                return why_too_short(self._ask, name, selector)
        self._ask.so_far = f"{name}() leaves nothing of the data in it."
        if name == "histogram_quantile":
            groups = self._ask.vector(f"count by (le) ({node.args[-1]})")
            if not any("le" in group.labels for group in groups):
                return "histogram_quantile() needs the label le, and no series in it has one."
        return self._ask.so_far

    def _of_binary(self, node: Any) -> str:
        operator = str(node.op)
        if operator == "unless":
            return "`unless` removes every series of its left side."
        sides = [side for side in (node.lhs, node.rhs) if self._promql.value_type(side) == "vector"]
        if len(sides) == 1 and operator in self._promql.COMPARISONS:
            return self._no_value_passes(node, sides[0])
        if len(sides) != 2:  # noqa: PLR2004 - left and right
            return ""
        matching = _matching(node)
        if operator in self._promql.COMPARISONS and self._ask.vector(
            f"count(({node.lhs}) and {matching} ({node.rhs}))"
        ):
            return f"Both sides of `{operator}` have data that belong together, and no pair passes the comparison."
        return self._no_pair(node, operator)

    def _no_value_passes(self, node: Any, side: Any) -> str:
        bound = f"{node.op} {node.rhs}" if side is node.lhs else f"{node.lhs} {node.op}"
        self._ask.so_far = f"No value passes `{show(bound)}`."
        samples = self._ask.vector(_numbered([f"min({side})", f"max({side})"]))
        values = [sample.value for sample in sorted(samples, key=lambda sample: sample.labels["n"])]
        if not values:
            return self._ask.so_far
        held = f"the value is {values[0]}" if len(set(values)) == 1 else f"they lie between {' and '.join(values)}"
        return f"No value passes `{show(bound)}`: {held}."

    def _no_pair(self, node: Any, operator: str) -> str:
        start = f"Both sides of `{operator}` have data, but no series of one belongs to one of the other"
        self._ask.so_far = f"{start}."
        samples, others = (self._ask.vector(f"topk(1, {side})") for side in (node.lhs, node.rhs))
        if not samples or not others:
            return f"{start}."
        left, right = (
            {name: value for name, value in side[0].labels.items() if name != "__name__"} for side in (samples, others)
        )
        if not _matching(node) and left.keys() != right.keys():
            extra = [_more("left", left, right), _more("right", right, left)]
            return f"{start}: {'; '.join(filter(None, extra))}. on(...) or ignoring(...) says what must be equal."
        differs = next((name for name in _matched(node, left, right) if left.get(name) != right.get(name)), None)
        if differs is None:
            return f"{start}."
        values = (show(f'"{side.get(differs, "")}"') for side in (left, right))
        return f"{start}: {differs} is {' on the left, '.join(values)} on the right."


def _more(side: str, labels: dict[str, str], others: dict[str, str]) -> str:
    more = sorted(labels.keys() - others.keys())
    return f"only the {side} has {', '.join(more)}" if more else ""


def _numbered(queries: Iterable[str]) -> str:
    """Joins queries that give one value each into one query; each sample has its query's number in the label `n`."""
    return " or ".join(f'label_replace({query}, "n", "{number}", "", "")' for number, query in enumerate(queries))


def _kind(node: Any) -> str:
    return type(node).__name__


def _bare(node: Any) -> Any:
    while _kind(node) == "ParenExpr":
        node = node.expr
    return node


def _parts(node: Any) -> list[Any]:
    """The parts of a node. An empty part makes the node empty."""
    kind = _kind(node)
    if kind == "BinaryExpr":
        return [node.lhs, node.rhs]
    if kind == "Call":
        return list(node.args)
    return [node.expr] if hasattr(node, "expr") else []


def _matching(node: Any) -> str:
    """`on (a)` or `ignoring (a)`; empty when all labels must be equal."""
    matching = node.modifier.matching if node.modifier is not None else None
    return "" if matching is None else str(matching)


def _matched(node: Any, one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The labels that must be equal."""
    matching = node.modifier.matching if node.modifier is not None else None
    if matching is None:
        return sorted(one.keys() | other.keys())
    if str(matching).startswith("on"):
        return list(matching.labels)
    return sorted((one.keys() | other.keys()) - set(matching.labels))
