"""Where a query looks, in time."""

import pytest

from validationrun.spec import promql


@pytest.mark.parametrize(
    ("query", "back", "shift", "span", "at"),
    [
        ("up", 0, 0, 0, None), ("rate(up[2m])", 120, 0, 120, None), ("up offset 1h", 3600, 3600, 0, None), ("up offset -5m", -300, -300, 0, None),
        ("rate(up[2m] offset 1h)", 3720, 3600, 120, None), ("max_over_time(sum(rate(up[9m]))[9m:])", 1080, 0, 1080, None),
        ("max_over_time((up offset 1m)[9m:1m] offset 2m)", 720, 180, 540, None), ("up @ 17", 0, 0, 0, 17), ("rate(up[2m] @ 17 offset 1m)", 180, 60, 120, 17),
        ("max_over_time((up offset 1m)[9m:1m] @ 17)", 600, 60, 540, 17), ("up @ end()", 0, 0, 0, None), ("up @ start() offset 1m", 60, 60, 0, None),
    ],
)  # fmt: skip
def test_the_reach_of_a_selector_is_known(query: str, back: float, shift: float, span: float, at: float | None):
    (reach,) = promql.reaches(promql.parse(query))
    assert (reach.back_s, reach.shift_s, reach.span_s, reach.at_s) == (back, shift, span, at)


def test_every_selector_has_its_own_reach():
    reaches = promql.reaches(promql.parse("topk(1, a) + sum(rate(b[1m])) / c offset 1m"))
    assert [(reach.selector.name, reach.back_s) for reach in reaches] == [("a", 0), ("b", 60), ("c", 60)]
