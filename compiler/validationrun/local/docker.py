"""
Docker commands that run the workload like its pod: with its folders, its user, and no capabilities.

No value of a variable stands in a command, because every user of the machine can read the arguments of a process.
"""

import pathlib
from collections.abc import Sequence
from typing import Final

from validationrun.base import conventions
from validationrun.local.workload import Container, Shard

DOCKER: Final = "docker"
_LONGEST_LINE: Final = 60_000
CANNOT_START: Final = frozenset({125, 126, 127})
"""Exit codes of `docker run` when it cannot start the container or the program in it."""


def run_command(
    container: Container, shard: Shard, name: str, config: pathlib.Path, results: pathlib.Path, variables: pathlib.Path
) -> list[str]:
    """
    `docker run` in the foreground: it passes signals on and exits as the container does.

    Args:
        name: the container's name, by which `remove_command` ends it.
        variables: a file with the text of `env_file`; docker's own environment must hold `inherited`.
    """
    command = [DOCKER, "run", "--rm", "--name", name, "--network", "host", "--pull", "never"]
    command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    command += ["--mount", _bind(results, conventions.RESULT_DIR)]
    if container.files:
        command += ["--mount", _bind(config, container.mount_path) + ",readonly"]
    if container.user:
        command += ["--user", container.user]
    if container.read_only:
        command += ["--read-only"]
    command += ["--env-file", str(variables)]
    for variable in inherited(shard):
        command += ["--env", variable]
    rest = list(shard.args)
    if shard.command is not None:
        command += ["--entrypoint", shard.command[0]]
        rest = [*shard.command[1:], *rest]
    return [*command, container.image, *rest]


def env_file(shard: Shard) -> str:
    """The shard's variables for `--env-file`, without those in `inherited`."""
    return "".join(f"{name}={value}\n" for name, value in shard.environment.items() if _fits_line(name, value))


def inherited(shard: Shard) -> dict[str, str]:
    """The variables that docker takes from its own environment, because `--env-file` can't hold their values."""
    return {name: value for name, value in shard.environment.items() if not _fits_line(name, value)}


def _fits_line(name: str, value: str) -> bool:
    """Whether `--env-file` can hold the variable: UTF-8, on one line, which docker reads up to 64 KiB."""
    try:
        length = len(f"{name}={value}".encode())
    except UnicodeEncodeError:
        return False
    return length <= _LONGEST_LINE and "\n" not in value and "\r" not in value


def remove_command(name: str) -> list[str]:
    """Removes a container that outlived its `docker run`; harmless when there is none."""
    return [DOCKER, "rm", "--force", name]


def fetch_commands(image: str) -> Sequence[list[str]]:
    """Commands that find or else pull the image, before the window opens because a download is no load."""
    return [DOCKER, "image", "inspect", "--format", "{{.Id}}", image], [DOCKER, "pull", "--quiet", image]


def _bind(source: pathlib.Path, target: str) -> str:
    # Docker reads the option as a line of CSV.
    return ",".join(["type=bind", _field(f"source={source}"), _field(f"target={target}")])


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
