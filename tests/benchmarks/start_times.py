"""
How long each step takes until its first line of work, and `--help`, beside a Python with two libraries. `make bench`.

    python tests/benchmarks/start_times.py [--short] [--repeat 15] [--json FILE]

A step's start is Python and the step's imports, and Python's end: what its pod pays beside its work. It is compared with a Python that
imports msgspec and urllib3, which every step needs, so that the machine's speed does not count. All of them find their bytecode,
as in the runner's image. Seconds of processor time, medians, all programs in turn; exits 1 when a bar is missed. With --short each
is started three times and no bar is judged.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Mapping
from typing import Final

BASELINE: Final = "import msgspec, urllib3"
STEPS: Final = ("ensure_chain", "wait_chain_ready", "load_job", "rule_evaluator", "finalize")
BARS: Final = {
    "ensure-chain": 1.5,
    "wait-chain-ready": 1.2,
    "load-job": 1.2,
    "rule-evaluator": 2.7,
    "finalize": 1.2,
    "--help": 1.0,
}


def programs() -> dict[str, list[str]]:
    """The arguments of Python, by what is measured."""
    steps = {
        step.replace("_", "-"): [
            "-c",
            f"import validationrun.steps.start as start; start.load(); import validationrun.steps.{step}",
        ]
        for step in STEPS
    }
    return {"baseline": ["-c", BASELINE], **steps, "--help": ["-m", "validationrun", "--help"]}


def processor_seconds(arguments: list[str], environment: Mapping[str, str]) -> float:
    """Of a Python with these arguments, from its start to its end."""
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    process = os.posix_spawn(sys.executable, [sys.executable, *arguments], environment, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        raise SystemExit(f"python {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--short", action="store_true", help="three starts of each, no bars")
    parser.add_argument("--repeat", type=int, default=None)
    parser.add_argument("--json", type=pathlib.Path, default=None)
    arguments = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in programs()}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        for command in programs().values():
            processor_seconds(command, environment)
        for _ in range(arguments.repeat or (3 if arguments.short else 15)):
            for name, command in programs().items():
                taken[name].append(processor_seconds(command, environment))
    median = {name: statistics.median(times) for name, times in taken.items()}
    print(
        f"{'start of':18} {'seconds':>8} {'ratio':>6} {'bar':>5}    (baseline: {BASELINE}, {median['baseline']:.3f} s)"
    )
    slow = []
    for name, bar in BARS.items():
        ratio = median[name] / median["baseline"]
        judged = "" if arguments.short else "  ok" if ratio <= bar else "  MISSED"
        slow += [name] if ratio > bar else []
        print(f"{name:18} {median[name]:8.3f} {ratio:6.2f} {bar:5.2f}{judged}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps({"median": median, "seconds": taken}, indent=2) + "\n", "utf-8")
    return 1 if slow and not arguments.short else 0


if __name__ == "__main__":
    sys.exit(main())
