"""A run's look at the suite that it is a member of: a run whose suite is over does not go on alone."""

import logging
import math
from typing import Final

from validationrun.base import conventions
from validationrun.contract.argo_phase import has_ended, is_shut_down, workflow_phase
from validationrun.contract.record import Record
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import WORKFLOWS, ClusterError
from validationrun.kube.objects import Workflow
from validationrun.steps.context import Context

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 10.0


class SuiteLook:
    """
    Looks at the suite's Workflow, at most every ten seconds. A run that is no member of a suite asks nobody.

    No answer, or no right to look, is never a reason to end the run.
    """

    def __init__(self, context: Context, written: Record) -> None:
        run = written.get(RunEntry)
        self._context = context
        self._suite = run.parameters.get(conventions.PARAM_SUITE, "") if run is not None else ""
        self._looked = -math.inf
        self._ended = ""
        self._said = ""

    def ended(self) -> str:
        """Why the suite is over, in words; empty while it goes on, and where nobody knows."""
        now = self._context.now()
        if self._suite and not self._ended and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._ended = self._look(*self._suite.split("/", 1))
        return self._ended

    def _look(self, name: str, uid: str) -> str:
        try:
            # Without patience: the caller has other things to do, and looks again.
            found = self._context.cluster.patient(0).get(WORKFLOWS, name)
        except ClusterError as error:
            if str(error) != self._said:
                self._said = str(error)
                logger.warning("cannot look at the suite's Workflow %s: %s", name, error)
            return ""
        if found is None or Workflow(found).uid != uid:
            return f"the Workflow {name} of its suite is gone"
        if is_shut_down(found):
            return f"the Workflow {name} of its suite was stopped"
        if has_ended(found):
            return f"the Workflow {name} of its suite has ended as {workflow_phase(found)}"
        return ""
