"""The program as it behaves in a terminal."""

import os
import pty
import subprocess

from cli_helpers import BIN


def in_terminal(*arguments: object, **environment: str) -> tuple[int, str]:
    """Its exit code, and what it wrote to a terminal that is both its outputs."""
    primary, secondary = pty.openpty()
    env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    env |= {"TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40", **environment}
    process = subprocess.Popen(
        [BIN / "validationrun", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=secondary,
        stderr=secondary,
        env=env,
    )
    os.close(secondary)
    chunks = []
    while True:
        try:
            chunk = os.read(primary, 65536)
        except OSError:  # Linux' way of saying that the other end is closed.
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(primary)
    return process.wait(), b"".join(chunks).decode()
