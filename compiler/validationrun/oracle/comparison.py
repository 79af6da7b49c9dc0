"""A value compared with a threshold, as PromQL compares: both as 64-bit floats."""

import math
import operator
from typing import Final

from msgspec import Struct

_HOLDS: Final = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


class Comparison(Struct, frozen=True):
    """`value op threshold`; the threshold is the text of the spec, which keeps every digit."""

    op: str
    threshold: str

    def __str__(self) -> str:
        return f"{self.op} {self.threshold}"

    @property
    def limit(self) -> float:
        return float(self.threshold)

    def holds(self, value: float) -> bool:
        return bool(_HOLDS[self.op](value, self.limit))

    def margin(self, value: float) -> float | None:
        """
        How far a value is from the threshold: positive where the comparison holds, negative where it does not.

        Zero is the threshold itself, which passes by the operator. None where the distance is no finite number.
        """
        distance = value - self.limit
        if not math.isfinite(distance):
            return None
        if self.op in (">", ">="):
            return distance
        if self.op in ("<", "<="):
            return -distance
        return -abs(distance) if self.op == "==" else abs(distance)
