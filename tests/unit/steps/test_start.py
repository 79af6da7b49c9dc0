"""What each step loads before its first line of work: all of it lies between a submission and its load."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import validationrun.steps.main, validationrun.steps.{module}
print(*sorted(sys.modules.keys() & {{"hera", "jinja2", "kubernetes", "prometheus_client", "pydantic", "yaml"}}))
"""


@pytest.mark.parametrize(
    ("module", "loaded"),
    [
        ("ensure_chain", []),
        ("wait_chain_ready", []),
        ("load_job", []),
        ("rule_evaluator", ["prometheus_client", "pydantic"]),
        ("finalize", []),
    ],
)
def test_a_step_begins_with_what_it_uses(module: str, loaded: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == loaded
