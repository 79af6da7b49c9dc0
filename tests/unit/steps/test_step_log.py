"""The log of a step: a line a record, with time and step, at the level that the environment names."""

import logging
import re
from collections.abc import Iterator

import pytest

from validationrun.steps.main import run
from validationrun.steps.step_log import LEVEL_VARIABLE, log_step

logger = logging.getLogger("validationrun.steps.load_job")


@pytest.fixture(autouse=True)
def _afterwards() -> Iterator[None]:
    yield
    logging.getLogger("validationrun").handlers.clear()


def test_a_line_has_time_step_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    log_step("load-job", {})
    logger.info("created Job %s", "nightly")
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z"
    assert re.fullmatch(rf"{time} load-job: created Job nightly\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("", ["info", "warning"]),
        ("debug", ["debug", "info", "warning"]),
        ("WARNING", ["warning"]),
        ("loud", ["info", "warning"]),
    ],
)
def test_the_environment_names_the_level(capsys: pytest.CaptureFixture[str], level: str, seen: list[str]) -> None:
    """A level that there is none of must not keep a step from running."""
    log_step("load-job", {LEVEL_VARIABLE: level})
    logger.debug("debug")
    logger.info("info")
    logger.warning("warning")
    assert [line.rsplit(" ", 1)[1] for line in capsys.readouterr().out.splitlines()] == seen


def test_the_program_of_a_step_logs_before_it_asks_anything(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKFLOW_NAME", raising=False)
    assert run(["load-job"]) == 70
    logger.info("here")
    assert capsys.readouterr().out.endswith(" load-job: here\n")
