"""Random small PromQL expressions of correct types, for comparing what is said of an expression with what a Prometheus answers."""

import random
from collections.abc import Sequence
from typing import Final

_COMPARE: Final = ("==", "!=", ">", "<", ">=", "<=")
_CALCULATE: Final = ("+", "-", "*", "/", "%", "^")
_MATCH: Final = ("", "", " on ()", " on (pod)", " ignoring (pod)")
_GROUP: Final = ("", "", "", " by (pod)", " by (pod, zone)", " without (pod)")
_NUMBERS: Final = ("0", "1", "2", "0.5", "-1", "5", "100")
_ELEMENTWISE: Final = ("abs", "ceil", "floor", "sgn", "exp", "sqrt", "timestamp", "hour", "-", "+", "sort", "round")
_OVER_TIME: Final = (
    "max_over_time", "min_over_time", "avg_over_time", "sum_over_time", "count_over_time", "last_over_time", "present_over_time",
    "stddev_over_time", "changes", "resets",
)  # fmt: skip
_AGGREGATE: Final = ("sum", "min", "max", "avg", "count", "group", "stddev")


class Expressions:
    """
    Args:
        selectors: vector selectors to build on, such as `up{pod="a"}`.
        counters: those of counters, of which alone a rate is asked.
    """

    def __init__(self, seed: int, selectors: Sequence[str], counters: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._selectors = [*selectors, *counters]
        self._counters = counters

    def one(self) -> str:
        """A scalar now and then, else a vector."""
        return self._scalar(2) if self._random.random() < 0.1 else self._vector(self._random.choice((2, 3, 4)))

    def _of(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _scalar(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.6:
            return self._of(*_NUMBERS, "time()")
        kind = self._random.randrange(3)
        if kind == 0:
            return f"scalar({self._vector(depth - 1)})"
        left, right = self._scalar(depth - 1), self._scalar(depth - 1)
        return (
            f"({left} {self._of(*_CALCULATE)} {right})" if kind == 1 else f"({left} {self._of(*_COMPARE)} bool {right})"
        )

    def _vector(self, depth: int) -> str:
        if depth <= 0:
            return self._of(*self._selectors, *self._selectors, "vector(0)", f"vector({self._of(*_NUMBERS)})", "hour()")
        make = self._random.choice(
            (self._call, self._aggregate, self._aggregate, self._two, self._two, self._two, self._with_scalar, self._with_scalar,
             self._range, self._relabel, self._absent)
        )  # fmt: skip
        return make(depth - 1)

    def _call(self, depth: int) -> str:
        name, of = self._of(*_ELEMENTWISE, "clamp", "clamp_min", "clamp_max"), self._vector(depth)
        if name in ("-", "+"):
            return f"{name}({of})"
        if name == "clamp":
            return f"clamp({of}, {self._scalar(0)}, {self._scalar(0)})"
        return f"{name}({of}, {self._scalar(depth)})" if name.startswith("clamp") else f"{name}({of})"

    def _aggregate(self, depth: int) -> str:
        of, group = self._vector(depth), self._of(*_GROUP)
        if self._random.random() < 0.2:
            name = self._of("topk", "bottomk", "quantile")
            parameter = self._of("0.5", "0", "1") if name == "quantile" else self._of("1", "2", "0")
            return f"{name}{group} ({parameter}, {of})"
        return f"{self._of(*_AGGREGATE)}{group} ({of})"

    def _two(self, depth: int) -> str:
        left, right, match = self._vector(depth), self._vector(depth), self._of(*_MATCH)
        operator = self._of("and", "or", "or", "unless", *_CALCULATE, *_COMPARE)
        if operator in _COMPARE and self._random.random() < 0.4:
            operator += " bool"
        if match and operator not in ("and", "or", "unless") and self._random.random() < 0.3:
            match += self._of(" group_left ()", " group_right ()")
        return f"({left} {operator}{match} {right})"

    def _with_scalar(self, depth: int) -> str:
        vector, scalar = self._vector(depth), self._scalar(depth)
        operator = self._of(*_CALCULATE, *_COMPARE, *_COMPARE)
        if operator in _COMPARE and self._random.random() < 0.4:
            operator += " bool"
        return f"({vector} {operator} {scalar})" if self._random.random() < 0.7 else f"({scalar} {operator} {vector})"

    def _range(self, depth: int) -> str:
        if self._random.random() < 0.4:
            return (
                f"{self._of('rate', 'increase', 'max_over_time', 'last_over_time')}({self._of(*self._selectors)}[2m])"
            )
        return (
            f"{self._of(*_OVER_TIME, 'rate', 'delta')}(({self._vector(depth)})[{self._of('2m:1m', '5m:30s', '1m:2m')}])"
        )

    def _relabel(self, depth: int) -> str:
        of = self._vector(depth)
        if self._random.random() < 0.3:
            return f'label_join({of}, "zone", "-", "pod", "pod")'
        return f'label_replace({of}, "pod", "{self._of("x$1", "b", "")}", "{self._of("pod", "zone")}", "{self._of("(.*)", "a", "(.+)")}")'

    def _absent(self, depth: int) -> str:
        of = self._of(*self._selectors) if self._random.random() < 0.5 else self._vector(depth)
        return f"absent({of})"
