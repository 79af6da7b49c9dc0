"""What the expression of an alert looks at, and how people read that. No network and no clock."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from validationrun.oracle.placeholders import quoted

if TYPE_CHECKING:
    from validationrun.spec.promql import Selection, Sight

MOST_PARTS: Final = 300
"""Of a query about an alert's series."""

_LONGEST_EXPRESSION: Final = 64 * 1024


class Look(Struct, frozen=True):
    """What an expression looks at, and the labels that it writes."""

    sight: "Sight"
    selections: tuple["Selection", ...]
    written: frozenset[str]


@lru_cache(maxsize=64)
def look_of(expression: str) -> Look | None:
    """None for an expression that this program cannot read."""
    # The parser is loaded when it is needed: a step starts without it.
    from validationrun.spec import promql  # noqa: PLC0415

    if len(expression) > _LONGEST_EXPRESSION:
        return None
    try:
        tree = promql.parse(expression)
        needed = promql.sight(tree)
    except (promql.SyntaxFault, promql.UnknownSelectorError):
        return None
    looked = tuple(promql.selections(needed))
    return None if len(looked) > MOST_PARTS else Look(needed, looked, promql.written_labels(tree))


def told(selection: "Selection") -> str:
    """A selector for people."""
    metric = next((value for name, op, value in selection.matchers if name == "__name__" and op == "="), "")
    others = [
        f"{name}{op}{quoted(value)}" for name, op, value in selection.matchers if not (name == "__name__" and metric)
    ]
    return shown(metric + (f"{{{','.join(others)}}}" if others else ""))


def shown(text: str) -> str:
    longest = 200
    return text if len(text) <= longest else f"{text[:longest]}..."
