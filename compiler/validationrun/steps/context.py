"""The context of a step: its run, its cluster, its folders and its clock."""

import contextlib
import logging
import os
import pathlib
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from validationrun.base import conventions
from validationrun.base.durations import parse_settle
from validationrun.base.text import printable_lines
from validationrun.contract.owned_record import Identity
from validationrun.kube.cluster import Cluster

logger = logging.getLogger(__name__)

TERMINATION_LOG: Final = pathlib.Path("/dev/termination-log")


class RunnerError(Exception):
    """A fault of ours or of the installation: the step exits 70, and Argo retries every step but finalize."""


class Context(Struct, frozen=True):
    """
    One step of one run.

    Attributes:
        bundle_hash: of the bundle that the template was compiled with.
        settle_s: how long after T a query is sent (`VALIDATION_SETTLE`).
        cleanup: the template's clean-up policy; empty to use the record's.
        retries: attempts of the step before this one; 0 where the template does not say.
        node_id: of this attempt of the step in the Workflow's status; empty outside of Argo.
    """

    step: str
    identity: Identity
    cluster: Cluster
    bundle_hash: str
    bundle_dir: pathlib.Path
    output_dir: pathlib.Path
    settle_s: float = conventions.DEFAULT_SETTLE_SECONDS
    cleanup: str = ""
    node_id: str = ""
    retries: int = 0
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_environment(cls, step: str, environment: Mapping[str, str] = os.environ) -> "Context":
        """Raises RunnerError when an environment variable is missing or invalid."""
        try:
            identity = Identity(
                environment["WORKFLOW_NAME"], environment["WORKFLOW_UID"], environment["WORKFLOW_NAMESPACE"]
            )
            bundle_hash = environment["BUNDLE_HASH"]
        except KeyError as missing:
            raise RunnerError(f"the environment variable {missing} is missing") from None
        return cls(
            step=step,
            identity=identity,
            cluster=Cluster.inside(identity.namespace),
            bundle_hash=bundle_hash,
            bundle_dir=pathlib.Path(conventions.BUNDLE_DIR),
            output_dir=pathlib.Path(conventions.OUTPUT_DIR),
            settle_s=_settle_seconds(environment.get("VALIDATION_SETTLE", "")),
            cleanup=environment.get("CLEANUP", ""),
            node_id=environment.get("ARGO_NODE_ID", ""),
            retries=_retries(environment.get("RETRIES", "")),
        )

    def output(self, name: str, value: str) -> None:
        """Writes an output parameter for the Argo UI, whole or not at all. It is for people; none of our code reads it."""
        path = self.output_dir / name
        try:
            path.with_suffix(".tmp").write_text(printable_lines(value))
            path.with_suffix(".tmp").replace(path)
        except OSError as error:
            logger.warning("cannot write output %s: %s", name, error)


def _retries(text: str) -> int:
    """0 for anything but a number: a first attempt believes the least."""
    return int(text) if re.fullmatch("[0-9]{1,4}", text) else 0


def _settle_seconds(text: str) -> float:
    if not text:
        return conventions.DEFAULT_SETTLE_SECONDS
    try:
        return parse_settle(text)
    except ValueError as error:
        raise RunnerError(f"VALIDATION_SETTLE {error}") from None


def note_termination(text: str) -> None:
    """Writes the container's termination message: printable text, cut to the size that Kubernetes keeps."""
    shown = printable_lines(text).encode("utf-8", "replace")[: conventions.TERMINATION_MESSAGE_BYTES]
    with contextlib.suppress(OSError):
        TERMINATION_LOG.write_bytes(shown.decode("utf-8", "ignore").encode())


def end_against_run(message: str) -> int:
    """
    The exit code of a step whose recorded result speaks against the run.

    Args:
        message: becomes the message of the step's pod in Argo. It begins with the reason, because lists cut it short.
    """
    note_termination(message)
    return conventions.EXIT_AGAINST_RUN


def termination_message(text: str) -> None:
    """Writes the message that the Argo UI shows for a step that exits non-zero."""
    note_termination(text)
    sys.stderr.write(printable_lines(text) + "\n")
