"""Sets of numbers: what a part of a query can be, computed as PromQL computes with single numbers."""

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

_INF: Final = math.inf


@dataclass(frozen=True, slots=True)
class Numbers:
    """
    The numbers from `low` to `high`, both included, and NaN when `nan`.

    Always at least what is possible, never less. There is no number in it when `low` is above `high`.
    """

    low: float
    high: float
    nan: bool = False

    @property
    def none(self) -> bool:
        """No number at all; at most NaN."""
        return self.low > self.high

    @property
    def single(self) -> float | None:
        """The number, when there is exactly one and no NaN."""
        return self.low if self.low == self.high and not self.nan else None

    def can(self, op: str, limit: float) -> bool:
        """Whether `value op limit` holds for a finite number of the set."""
        low, high = max(self.low, -_MOST), min(self.high, _MOST)
        if low > high:
            return False
        if op == "==":
            return low <= limit <= high
        if op == "!=":
            return not low == high == limit
        return _COMPARE[op](high if op in (">", ">=") else low, limit)

    def only(self, op: str, limit: float) -> bool:
        """Whether `value op limit` holds for each finite number of the set, and there is one."""
        return not self.can(OPPOSITE[op], limit) and self.can(op, limit)


_MOST: Final = 1.7976931348623157e308
ANY: Final = Numbers(-_INF, _INF, nan=True)
NOT_NEGATIVE: Final = Numbers(0, _INF, nan=True)
NAN: Final = Numbers(_INF, -_INF, nan=True)
BOOLEAN: Final = Numbers(0, 1)

OPPOSITE: Final = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
MIRRORED: Final = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def exactly(value: float) -> Numbers:
    return NAN if math.isnan(value) else Numbers(value, value)


def union(sets: Iterable[Numbers]) -> Numbers:
    """What is in one of the sets. Of no sets: nothing, which is no number and no NaN."""
    low, high, nan = _INF, -_INF, False
    for numbers in sets:
        low, high, nan = min(low, numbers.low), max(high, numbers.high), nan or numbers.nan
    return Numbers(low, high, nan)


def negative(numbers: Numbers) -> Numbers:
    return numbers if numbers.none else Numbers(-numbers.high, -numbers.low, numbers.nan)


def compare(op: str, left: Numbers, right: Numbers) -> tuple[bool, bool]:
    """Whether the comparison can hold, and whether it can fail. NaN is unequal to everything, also to itself."""
    holds = fails = False
    if left.nan or right.nan:
        holds, fails = op == "!=", op != "!="
    if left.none or right.none:
        return holds, fails
    low, high = left.low, left.high
    if op in (">", ">="):
        holds |= _COMPARE[op](high, right.low)
        fails |= not _COMPARE[op](low, right.high)
    elif op in ("<", "<="):
        holds |= _COMPARE[op](low, right.high)
        fails |= not _COMPARE[op](high, right.low)
    else:
        may_equal = low <= right.high and right.low <= high
        must_equal = low == high == right.low == right.high
        holds |= may_equal if op == "==" else not must_equal
        fails |= not must_equal if op == "==" else may_equal
    return holds, fails


def truth(op: str, left: Numbers, right: Numbers) -> Numbers:
    """The value of a comparison with `bool`."""
    holds, fails = compare(op, left, right)
    return Numbers(0 if fails else 1, 1 if holds else 0)


def kept(op: str, numbers: Numbers, bound: Numbers) -> Numbers:
    """What a comparison without `bool` lets through."""
    if bound.none or numbers.none:
        return numbers if op == "!=" else Numbers(_INF, -_INF)
    low, high = numbers.low, numbers.high
    if op in (">", ">="):
        low = max(low, bound.low)
    elif op in ("<", "<="):
        high = min(high, bound.high)
    elif op == "==":
        low, high = max(low, bound.low), min(high, bound.high)
    return Numbers(low, high, numbers.nan and op == "!=")


def calculate(op: str, left: Numbers, right: Numbers) -> Numbers:
    """The value of `left op right`, an arithmetic operator."""
    nan = left.nan or right.nan
    if left.none or right.none:
        return ANY if op == "^" else NAN
    if op == "^":
        return _power(left, right)
    if op == "%":
        return _remainder(left)
    if op == "atan2":
        return Numbers(-math.pi, math.pi, nan)
    if op == "-":
        return _corners(operator.add, left, negative(right))
    if op == "/":
        return _quotient(left, right)
    return _corners(operator.add if op == "+" else operator.mul, left, right)


def _corners(do: Callable[[float, float], float], left: Numbers, right: Numbers) -> Numbers:
    """For an operator that is monotonic in both operands."""
    nan = left.nan or right.nan
    values = []
    for a in (left.low, left.high):
        for b in (right.low, right.high):
            value = do(a, b)
            if not math.isnan(value):
                values.append(value)
            elif do is operator.mul:
                # Infinity times zero; every other number times zero is zero.
                values.append(0.0)
            nan = nan or math.isnan(value)
    return Numbers(min(values), max(values), nan) if values else NAN


def _quotient(left: Numbers, right: Numbers) -> Numbers:
    nan = left.nan or right.nan
    if right.low > 0 or right.high < 0:
        inverse = [0.0 if math.isinf(bound) else 1 / bound for bound in (right.high, right.low)]
        if not all(map(math.isfinite, inverse)):
            return ANY
        exact = _corners(operator.mul, left, Numbers(inverse[0], inverse[1]))
        divided = [
            a / b
            for a in (left.low, left.high)
            for b in (right.low, right.high)
            if not (math.isinf(a) and math.isinf(b))
        ]
        # The bounds as division rounds them, which the product with the inverse may miss by a digit.
        low, high = min([exact.low, *divided]), max([exact.high, *divided])
        return Numbers(low, high, nan or exact.nan)
    if left.low >= 0 and right.low >= 0:
        # A share. Zero itself may have a sign in PromQL; what is divided by it is infinite or NaN, which no rule passes with.
        return NOT_NEGATIVE
    return ANY


def _power(left: Numbers, right: Numbers) -> Numbers:
    exponent = right.single
    if exponent is not None and exponent > 0 and exponent % 2 == 0:
        return Numbers(0, _INF, left.nan)
    return NOT_NEGATIVE if left.low >= 0 else ANY


def _remainder(left: Numbers) -> Numbers:
    """As in Go, the remainder has the sign of the dividend."""
    if left.low >= 0:
        return Numbers(0, left.high, nan=True)
    return Numbers(left.low, 0, nan=True) if left.high <= 0 else Numbers(left.low, left.high, nan=True)


def at_least(numbers: Numbers, bound: Numbers) -> Numbers:
    """`clamp_min`; NaN in either makes NaN."""
    if numbers.none or bound.none:
        return NAN
    return Numbers(max(numbers.low, bound.low), max(numbers.high, bound.high), numbers.nan or bound.nan)


def at_most(numbers: Numbers, bound: Numbers) -> Numbers:
    """`clamp_max`; NaN in either makes NaN."""
    return negative(at_least(negative(numbers), negative(bound)))


def added(numbers: Numbers) -> Numbers:
    """The sum of at least one number of the set."""
    if numbers.none:
        return NAN
    low = numbers.low if numbers.low >= 0 else -_INF
    high = numbers.high if numbers.high <= 0 else _INF
    return Numbers(low, high, nan=True)


def absolute(numbers: Numbers) -> Numbers:
    if numbers.none or numbers.low >= 0:
        return numbers
    if numbers.high <= 0:
        return negative(numbers)
    return Numbers(0, max(-numbers.low, numbers.high), numbers.nan)


def mapped(do: Callable[[float], float], numbers: Numbers) -> Numbers:
    """A function that keeps the order, such as `floor`."""
    if numbers.none:
        return numbers
    low, high = (bound if math.isinf(bound) else do(bound) for bound in (numbers.low, numbers.high))
    return Numbers(low, high, numbers.nan)
