"""The fixtures of specs, and what the user sees of them. For the tests of load/, api/, check/ and oracle/."""

import pathlib
import re
from collections.abc import Iterable

from validationrun.compiling.pipeline import lint_all
from validationrun.spec.findings import Diagnostic, render

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
INVALID = sorted((FIXTURES / "invalid").glob("*.yaml"))
VALID = sorted((FIXTURES / "valid").glob("*.yaml"))
BYTES = sorted((FIXTURES / "bytes").glob("*.yaml"))


def findings_of(fixture: pathlib.Path) -> list[Diagnostic]:
    return lint_all([(fixture.name, fixture.read_bytes())]).diagnostics


def shown(diagnostics: Iterable[Diagnostic]) -> str:
    """All diagnostics as the user sees them, without colours."""
    return "\n\n".join(render(one) for one in diagnostics) + "\n"


def expected_file(fixture: pathlib.Path) -> pathlib.Path:
    return fixture.with_suffix(".expected.txt")


def codes_in_the_source() -> set[str]:
    source = ROOT / "compiler" / "validationrun"
    return {code for file in source.rglob("*.py") for code in re.findall(r'"(VR[0-9]{3})"', file.read_text("utf-8"))}
