"""What each step loads before its first line of work: all of it lies between a submission and its load."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import validationrun.steps.start as start
start.load()
import validationrun.steps.{module}
print(*sorted(sys.modules.keys() & {watched}))
"""
LIBRARIES = {"hera", "jinja2", "kubernetes", "prometheus_client", "pydantic", "yaml"}
OURS = {"validationrun.oracle.decision", "validationrun.oracle.rules", "validationrun.spec.v1alpha1.chain"}
"""What decides, the rule types, and the largest models of a spec."""


@pytest.mark.parametrize(
    ("module", "loaded"),
    [
        ("ensure_chain", ["validationrun.oracle.decision"]),
        ("wait_chain_ready", []),
        ("load_job", []),
        (
            "rule_evaluator",
            ["prometheus_client", "pydantic", "validationrun.oracle.decision", "validationrun.oracle.rules"],
        ),
        ("finalize", []),
        ("suite_member", []),
        ("suite_finalize", []),
    ],
)
def test_a_step_begins_with_what_it_uses(module: str, loaded: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(module=module, watched=LIBRARIES | OURS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == loaded


def test_the_runner_is_imported_without_garbage_collection_and_runs_with_it() -> None:
    program = """
import gc
collections = []
gc.callbacks.append(lambda phase, _: collections.append(phase))
import validationrun.steps.start as start
collections.clear()
runner = start.load()
print(len(collections))
runner.run = lambda arguments: print(arguments, gc.isenabled(), gc.get_freeze_count() > 10_000)
start.main()
"""
    command = [sys.executable, "-c", program, "finalize"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "0\n['finalize'] True True\n"
