"""The template of a step that gives a verdict: its program runs beside the main container of its pod, which ends as the program did."""

from typing import Final

from hera.workflows import Container, Parameter
from hera.workflows import models as m

from validationrun.base import conventions
from validationrun.compiling.emit.workflow_parts import OUTPUT_VOLUME, resources

_GRACE_SECONDS: Final = 300
"""For the program to finish when its node is drained or its pod is deleted: it does not end on SIGTERM."""

_REQUEST: Final = "128Mi"
"""More than the program uses: a node that runs out of memory first evicts pods that use more than they requested."""


def beside_main(step: Container, memory_mib: int) -> Container:
    """
    The same template with its program in a sidecar, which alone has its environment and its mounts.

    A main container that is killed for memory is Failed for Argo, and never tried again; see `steps/finalize_exit.py`.

    Args:
        step: with the program in its main container, and with `exit_code` among its outputs. It is changed.
        memory_mib: the program's limit.
    """
    step.sidecars = [
        m.UserContainer(
            name=conventions.FINALIZE_CONTAINER,
            image=step.image,
            command=step.command,
            args=step.args,
            env=step.env,
            resources=resources(_REQUEST, f"{memory_mib}Mi"),
            security_context=step.security_context,
            volume_mounts=step.volume_mounts,
        )
    ]
    step.args = [conventions.EXIT_AS_FINALIZE]
    step.env = None
    step.resources = resources("32Mi", "128Mi")
    step.volume_mounts = [m.VolumeMount(name=OUTPUT_VOLUME, mount_path=conventions.OUTPUT_DIR)]
    step.pod_spec_patch = f"terminationGracePeriodSeconds: {_GRACE_SECONDS}\n"
    return step


def exit_code() -> Parameter:
    """Has no default: where the program was killed its file is missing, which is an Error for Argo."""
    path = f"{conventions.OUTPUT_DIR}/{conventions.OUTPUT_FINALIZE_EXIT_CODE}"
    return Parameter(name=conventions.OUTPUT_FINALIZE_EXIT_CODE, value_from=m.ValueFrom(path=path))
