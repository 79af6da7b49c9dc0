"""Turns a container into commands of this machine, with a temporary folder for its files."""

import contextlib
import logging
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base import conventions
from validationrun.base.durations import format_duration
from validationrun.compiling.plan.load import literal
from validationrun.local import docker
from validationrun.local.artifacts import collect, output_name
from validationrun.local.preflight import LocalError
from validationrun.local.process import Launch, Program
from validationrun.local.workload import Container, placing, write_files

logger = logging.getLogger(__name__)

_OURS: Final = "VALIDATION_"
"""Prefix of this program's own variables, such as the path of a token; a workload does not get them."""
_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Workplace:
    """A temporary folder: `config`, and `results-<shard>` for each shard."""

    root: pathlib.Path
    shards: int

    @property
    def config(self) -> pathlib.Path:
        return self.root / "config"

    def results(self, index: int) -> pathlib.Path:
        return self.root / f"results-{index}"

    def launches(
        self, container: Container, folder: pathlib.Path, docker_name: str | None, here: Mapping[str, str]
    ) -> list[Launch]:
        """
        Args:
            folder: the run's results folder, for the output.
            docker_name: prefix of container names; None for plain processes.
            here: the environment of this process.

        Raises:
            LocalError: a file with the variables of a container cannot be written.
        """
        return [self._launch(container, index, folder, docker_name, here) for index in range(self.shards)]

    def _launch(
        self,
        container: Container,
        index: int,
        folder: pathlib.Path,
        docker_name: str | None,
        here: Mapping[str, str],
    ) -> Launch:
        inherited = {
            name: value
            for name, value in here.items()
            if not name.startswith(_OURS) and name not in conventions.RESERVED_ENV
        }
        cleanup: Sequence[str] = ()
        if docker_name is None:
            # The path as written in the spec, and as in CONFIG_DIR.
            paths = (container.mount_path, literal(container.mount_path))
            results = {conventions.RESULT_DIR: str(self.results(index))}
            place = placing({**dict.fromkeys(paths, str(self.config)), **results})
            shard = container.shard(index, place)
            argv, environment = [*(shard.command or []), *shard.args], {**inherited, **shard.environment}
        else:
            name = f"{docker_name}-{index}"
            shard = container.shard(index)
            variables = self.root / f"variables-{index}"
            _write_private(variables, docker.env_file(shard))
            argv = docker.run_command(container, shard, name, self.config, self.results(index), variables)
            environment, cleanup = {**inherited, **docker.inherited(shard)}, docker.remove_command(name)
        return Launch(
            argv=argv,
            environment=environment,
            folder=pathlib.Path.cwd(),
            stdout=folder / output_name(index, "stdout.log"),
            stderr=folder / output_name(index, "stderr.log"),
            grace_s=container.grace_s,
            cleanup=cleanup,
        )

    def collect(self, folder: pathlib.Path) -> list[str]:
        """Collects the files in RESULT_DIR; returns a sentence for each file that was not kept."""
        return [line for index in range(self.shards) for line in collect(index, self.results(index), folder)]


@contextlib.contextmanager
def workplace(container: Container, shards: int, *, shared: bool) -> Iterator[Workplace]:
    """
    The folders of a run, removed when it ends.

    Args:
        shared: the user of a container writes there too.

    Raises:
        LocalError: the folders cannot be created.
    """
    try:
        root = pathlib.Path(tempfile.mkdtemp(prefix="validationrun-"))
    except OSError as error:
        raise LocalError(f"cannot make a temporary folder: {error.strerror}; set TMPDIR") from None
    try:
        place = Workplace(root, shards)
        try:
            write_files(place.config, container.files)
            for index in range(shards):
                place.results(index).mkdir()
                if shared:
                    place.results(index).chmod(0o777)
        except OSError as error:
            raise LocalError(f"cannot write the config files to {root}: {error.strerror}; set TMPDIR") from None
        yield place
    finally:
        shutil.rmtree(root, ignore_errors=True)
        if root.exists():
            logger.warning("%s could not be removed", root)


def _write_private(path: pathlib.Path, text: str) -> None:
    """Writes a file that only this user can read. Raises LocalError."""
    try:
        with open(path, "x", encoding="utf-8", newline="\n", opener=_private) as stream:
            stream.write(text)
    except OSError as error:
        raise LocalError(f"cannot write {path}: {error.strerror}; set TMPDIR") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def fetch_image(image: str, limit_s: float) -> None:
    """
    Pulls the image unless this machine has it.

    Raises:
        LocalError: docker is missing, or cannot pull the image.
    """
    if shutil.which(docker.DOCKER) is None:
        raise LocalError("there is no program docker on the PATH; leave --docker out to run the command as a process")
    inspect, pull = docker.fetch_commands(image)
    with tempfile.TemporaryDirectory(prefix="validationrun-") as folder:
        if _ends_well(inspect, pathlib.Path(folder), limit_s) == "":
            return
        logger.info("docker pull %s", image)
        problem = _ends_well(pull, pathlib.Path(folder), limit_s)
    if problem:
        raise LocalError(f"docker does not get the image {image}: {problem}")


def _ends_well(command: Sequence[str], folder: pathlib.Path, limit_s: float) -> str:
    """Runs a command; returns what went wrong, or an empty text."""
    stderr = folder / f"{command[1]}.stderr"
    launch = Launch(command, dict(os.environ), folder, folder / f"{command[1]}.stdout", stderr, grace_s=5)
    program = Program(launch).start()
    try:
        if not program.wait(limit_s):
            return f"not within timeouts.loadStart ({format_duration(limit_s)})"
    finally:
        program.close()
    if program.failure:
        return program.failure
    if program.ended is not None and program.ended.code == 0:
        return ""
    return stderr.read_text(errors="replace").strip()[-_SHOWN:] or "it failed and said nothing"
