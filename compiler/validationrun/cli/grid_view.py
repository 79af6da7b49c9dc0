"""A grid of rules by runs in a terminal: its width and its colours."""

import shutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from validationrun.cli.console import use_color
from validationrun.oracle.outcome import Verdict

if TYPE_CHECKING:
    from validationrun.report.grid import CellState

_WIDTH: Final = 100
"""Where there is no terminal."""

_COLORS: Final[Mapping[str, str]] = {
    Verdict.PASSED: "32",
    Verdict.FAILED: "31",
    Verdict.ERROR: "33",
    "unknown": "33",
}


def terminal_width() -> int:
    return shutil.get_terminal_size((_WIDTH, 24)).columns


def painter(stream: Any) -> "Callable[[str, CellState], str] | None":
    """What gives a mark its colour; None where nothing is coloured."""
    return _painted if use_color(stream) else None


def _painted(mark: str, state: "CellState") -> str:
    color = _COLORS.get(state)
    return f"\033[{color}m{mark}\033[0m" if color else mark
