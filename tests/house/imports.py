"""
The imports of the product as a graph of modules, and as a drawing of its rooms.

`python -m tests.house.imports` prints the drawing: a floor a line, the highest first, with what each room imports.
"""

import functools
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import grimp
from tests.house.source import rooms


@functools.cache
def module_imports() -> dict[str, frozenset[str]]:
    """Every module with the modules that it imports, anywhere in its text."""
    graph = grimp.build_graph("validationrun")
    return {module: frozenset(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def room_of(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


@functools.cache
def room_imports() -> dict[str, frozenset[str]]:
    """Every room with the other rooms that it imports."""
    arrows: dict[str, set[str]] = {room: set() for room in rooms()}
    for module, imported in module_imports().items():
        if (room := room_of(module)) in arrows:
            arrows[room] |= {other for other in map(room_of, imported) if other in arrows and other != room}
    return {room: frozenset(others) for room, others in arrows.items()}


def circle(arrows: dict[str, frozenset[str]]) -> list[str]:
    """One circle of imports, or an empty list."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@functools.cache
def floor(room: str) -> int:
    """1 for a room that imports no other; else one more than the highest room that it imports."""
    return 1 + max(map(floor, room_imports()[room]), default=0)


def drawing() -> Iterator[str]:
    for level in sorted({floor(room) for room in room_imports()}, reverse=True):
        for room in sorted(room for room in room_imports() if floor(room) == level):
            yield f"{level}  {room:<12}{' '.join(sorted(room_imports()[room])) or '-'}"


if __name__ == "__main__":
    print(*drawing(), sep="\n")
