"""Start the operator from a test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
STOP_SECONDS = 20


@contextmanager
def running_operator(
    kubeconfig: Path, log: Path, *, program: Path, namespace: str = "all", context: str | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The operator as a process of its own, with the definitions installed; what it says goes to `log`.

    It ends with this block, and by itself when this process is killed.
    """
    command = [sys.executable, "-m", "tests.chain.operator", "--install-crds", f"--kubeconfig={kubeconfig}"]
    command += [f"--namespace={namespace}", f"--program={program}", f"--parent={os.getpid()}"]
    if context:
        command.append(f"--context={context}")
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
