"""Size, types and names of the product only get better; `ratchet.toml` holds the bounds."""

import ast
import tomllib

import pytest
from tests.house import ratchet, source


@pytest.mark.parametrize("table", list(ratchet.COMMENTS))
def test_nothing_exceeds_its_bound(table: str) -> None:
    excess = ratchet.excess(table, ratchet.present()[table], ratchet.bounds()[table])
    assert not excess, f"{table}: {ratchet.COMMENTS[table]}"


@pytest.mark.parametrize(
    ("table", "counts", "excess"),
    [
        ("loops_over_one", {"spec": 3}, {}),
        ("loops_over_one", {"spec": 3, "cli": 1}, {"spec": "3, at most 1", "cli": "1, at most 0"}),
        ("long_modules", {"spec": 3}, {"spec": "3, at most 1"}),
        ("long_modules", {"spec": 1}, {}),
    ],
)
def test_a_sum_is_bounded_in_all_and_a_length_by_its_name(
    table: str, counts: dict[str, int], excess: dict[str, str]
) -> None:
    assert ratchet.excess(table, counts, {"spec": 1, "oracle": 2}) == excess


def test_bounds_are_lowered_and_never_raised() -> None:
    before = {table: {"a": 2, "b": 2} for table in ratchet.COMMENTS}
    counts = {table: {"b": 1, "c": 1} for table in ratchet.COMMENTS}
    lowered = tomllib.loads(ratchet.lowered(counts, before))
    assert lowered["loops_over_one"] == {"b": 1, "c": 1}
    assert lowered["long_functions"] == {"b": 1}
    more = {table: {"a": 3, "b": 3} for table in ratchet.COMMENTS}
    assert tomllib.loads(ratchet.lowered(more, before)) == before


def parsed(text: str) -> tuple[source.Module, source.Function]:
    tree = ast.parse(text)
    (function,) = [node for node in ast.walk(tree) if isinstance(node, source.Function)]
    return source.Module("room/file.py", tuple(text.splitlines()), tree), function


@pytest.mark.parametrize(
    ("signature", "untyped"),
    [
        ("def f(a: dict[str, Any]): ...", True),
        ("def f(*, a: list[Mapping[str, object]] | None = None): ...", True),
        ("def f() -> typing.Mapping[str, typing.Any]: ...", True),
        ("async def f() -> Object: ...", True),
        ("def f(a: 'Object | None') -> None: ...", True),
        ("def f(a: Literal['not an expression']) -> None: ...", False),
        ("def f(**a: dict[str, str]) -> Record: ...", False),
        ("def f(a: Mapping[str, int], b: Any): ...", False),
    ],
)
def test_an_untyped_mapping_is_seen_wherever_it_stands_in_a_signature(signature: str, untyped: bool) -> None:
    _, function = parsed(signature)
    assert any(map(source.is_untyped, source.annotations(function))) is untyped


@pytest.mark.parametrize(
    ("head", "has_reason"),
    [
        ("# Long: one branch a kind.\n@cache\ndef f():\n", True),
        ("def f(\n    a,\n):\n    # long: a table\n", True),
        ("def f():\n", False),
        ("def f():\n    # Long:\n", False),
    ],
)
def test_a_long_function_is_excused_by_a_reason_at_its_head(head: str, has_reason: bool) -> None:
    assert source.has_reason(*parsed(f"{head}    a = 1\n    # Long: too late\n")) is has_reason
