"""The longest queries that are read: each check walks them without a fault of its own."""

import pytest

from emit_helpers import edited
from validationrun.compiling.check import check
from validationrun.spec.parse import parse_document

# As many operators as spec/promql/syntax.py lets through.
LONGEST = {
    "+": "+".join(["up"] * 500),
    "^": "^".join(["up"] * 500),
    "or": " or ".join(["up"] * 500),
    "-": "- " * 490 + "up",
    "sum": " + ".join(["sum(up)"] * 500),
}


def query(**fields: object) -> dict[str, object]:
    return {"type": "query", "query": {"promql": "up", "op": ">", "threshold": "0", **fields}}


def counter(**fields: object) -> dict[str, object]:
    return {"type": "counter", "counter": {"selector": "panics_total", "op": "==", "threshold": "0", **fields}}


@pytest.mark.parametrize("operator", LONGEST)
@pytest.mark.parametrize("place", ["promql", "promql with series", "series.of", "alive"])
def test_a_query_of_500_operators_is_checked(operator: str, place: str) -> None:
    long = LONGEST[operator]
    rule = {
        "promql": query(promql=long),
        "promql with series": query(promql=long, series={"min": "nodes"}),
        "series.of": query(series={"min": "nodes", "of": long}),
        "alive": counter(alive=long),
    }[place]

    def edit(run: dict[str, dict[str, object]]) -> None:
        run["spec"]["rules"] = [{"name": "long", **rule}]

    run, faults = parse_document(edited(edit))
    assert run is not None, faults
    assert all(finding.code.startswith("VR") for finding in check(run))
