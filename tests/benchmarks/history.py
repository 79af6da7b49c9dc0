"""
How long the history page of 500 results folders takes, and whether its bytes are stable. `make bench`; exits 1 when the bar is missed.

    PYTHONPATH=tests python -m tests.benchmarks.history [--short]

The folders are copies of runs of ten minutes with five rules, as the real engine and reports leave them; some did not pass. The verb
runs as a process of its own, as a user calls it. It waits for nothing, so the bar is on its processor time, which a busy machine changes
less. With --short there are 40 folders and no bar: the page must be made, twice the same.
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from tests.report.histories import DAY, kinds, make_history

from simulation import START
from validationrun.base.times import format_time

COUNT, SHORT = 500, 40
BAR_S = 5.0
PROGRAM = pathlib.Path(sys.executable).parent / "validationrun"


def page(root: pathlib.Path, target: pathlib.Path, now: float) -> tuple[float, float]:
    """Processor seconds and seconds that the page took."""
    arguments = ["--expect-every", "26h", "--now", format_time(now), "--output-file", str(target)]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(PROGRAM), "report", "--history", str(root), *arguments], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help=f"{SHORT} folders, and no bar")
    short = parser.parse_args().short
    count = SHORT if short else COUNT
    with tempfile.TemporaryDirectory(prefix="bench-history-") as name:
        folder = pathlib.Path(name)
        root = make_history(folder / "results", kinds(folder / "kinds"), count)
        now = START + (count - 1) * DAY + 3600
        targets = [folder / f"{number}.html" for number in range(2)]
        used, seconds = min(page(root, target, now) for target in targets)
        first, second = (target.read_bytes() for target in targets)
        drawn = first.count(b'<th scope="col"')
    stable = first == second
    fast = short or used < BAR_S
    good = stable and fast and drawn == count
    words = "the same bytes twice" if stable else "OTHER BYTES"
    bar = "" if short else f" (bar {BAR_S:g} s)"
    print(
        f"{'ok  ' if good else 'MISS'} history of {count} folders: {used:.2f} s{bar}, {seconds:.2f} s by the clock, {len(first)} bytes, {drawn} runs, {words}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
