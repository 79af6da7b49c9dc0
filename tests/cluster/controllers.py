"""
More controllers of Argo beside the cluster's own, each with an instanceID, a configuration and an environment of its own.

A controller takes the Workflows that bear its instanceID (`validationrun compile --instance-id`), and the cluster's own
takes those that bear none, so that any number of them live side by side.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.cluster import argo, objects, parts, processes
from tests.cluster.layout import BIN, EXECUTOR_IMAGE, LOGS, OLDER_EXECUTOR_IMAGE
from tests.cluster.temporary import temporary

_SERVES: Final = "Starting Workflow Controller"
_STARTS_SECONDS: Final = 90


@dataclass(frozen=True)
class Controller:
    """
    One controller.

    Attributes:
        instance: its instanceID, and the name of its process, its log and its ConfigMap.
        settings: of its ConfigMap; the value of each key as data, or as text.
        environment: beside what every controller of this cluster gets.
    """

    instance: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    program: Path = BIN / "workflow-controller"
    executor_image: str = EXECUTOR_IMAGE

    def start(self) -> None:
        """Returns once it takes Workflows; also when it ran before. Raises StartError."""
        if processes.is_running(self.instance):
            return
        # Its metrics would want a port of their own. The port of its health is everybody's, and who comes second goes without.
        settings = {"metricsConfig": {"enabled": False}, **self.settings, "instanceID": self.instance}
        objects.apply([argo.configuration(self.instance, settings)])
        begins = len(self._log())
        argo.start_controller(self.instance, self.program, self.executor_image, self.instance, self.environment)
        processes.wait(self.instance, "it takes Workflows", lambda: _SERVES in self._log()[begins:], _STARTS_SECONDS)

    def _log(self) -> str:
        path = LOGS / f"{self.instance}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self) -> None:
        """As a node that goes away does it: no word before. `start` starts it again."""
        processes.kill(self.instance)


@contextlib.contextmanager
def additional_controller(
    settings: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Controller]:
    """One with these settings and a new instanceID, as long as it is needed."""
    with temporary("controller") as name:
        controller = Controller(name, settings or {}, environment or {})
        controller.start()
        yield controller


@contextlib.contextmanager
def older_controller(settings: Mapping[str, Any] | None = None) -> Iterator[Controller]:
    """One of the older line of Argo, which lives with the definitions of the newer."""
    program = parts.build_older_argo().programs["workflow-controller"]
    with temporary("controller") as name:
        controller = Controller(name, settings or {}, program=program, executor_image=OLDER_EXECUTOR_IMAGE)
        controller.start()
        yield controller
