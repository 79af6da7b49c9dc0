"""The log of a step: what `kubectl logs` and the Argo UI show of its pod."""

import logging
import os
import sys
from collections.abc import Mapping
from typing import Final

from validationrun.base.log_lines import log_to
from validationrun.base.times import format_time

LEVEL_VARIABLE: Final = "VALIDATION_LOG_LEVEL"
"""DEBUG, INFO, WARNING or ERROR; anything else counts as INFO, because a log level must not keep a step from running."""


def log_step(step: str, environment: Mapping[str, str] = os.environ) -> None:
    """
    Logs to standard output, at the level that the environment names.

    A line is `2026-11-24T12:33:28.052Z load-job: created Job nightly-x7k2p-d9ab1ffb`.
    """

    def line(record: logging.LogRecord, message: str) -> str:
        return f"{format_time(round(record.created, 3))} {step}: {message}"

    level = logging.getLevelNamesMapping().get(environment.get(LEVEL_VARIABLE, "").upper(), logging.INFO)
    log_to(sys.stdout, level, line)
