"""A parameter that a submission changed is named in every form of the report."""

import dataclasses
import json
from collections.abc import Callable

import msgspec
import pytest
from tests.report.worlds import World

from validationrun import report
from validationrun.base.conventions import TERMINATION_MESSAGE_BYTES
from validationrun.contract.override import Override
from validationrun.results.folder import Result

SHORTER = Override("duration", "10s", "20s")
TEXT = "duration: 10s (compiled: 20s)"
FORMS = {
    "html": report.to_html,
    "json": report.to_json,
    "junit": report.to_junit,
    "log": report.to_log,
    "markdown": report.to_markdown,
    "terminal": report.to_text,
    "termination": report.to_termination,
}


def overridden(result: Result, *overrides: Override) -> Result:
    document = result.document
    status = msgspec.structs.replace(document.status, overridden=list(overrides))
    return dataclasses.replace(result, document=msgspec.structs.replace(document, status=status))


@pytest.mark.parametrize("name", ["passed", "stopped", "error"])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_has_both_values(world: Callable[[str], World], name: str, form: str) -> None:
    result = world(name).result
    text = FORMS[form](overridden(result, SHORTER))
    if form == "json":
        assert json.loads(text)["overridden"] == [{"name": "duration", "value": "10s", "compiled": "20s"}]
    else:
        assert TEXT in text
    assert TEXT not in FORMS[form](result)


def test_the_verdict_stays_the_last_line_of_the_log(world: Callable[[str], World]) -> None:
    lines = report.to_log(overridden(world("passed").result, SHORTER)).splitlines()
    assert f"overridden: {TEXT}" in lines[:-1]
    assert lines[-1].startswith("verdict: Passed")


def test_the_termination_message_has_room_for_every_parameter(world: Callable[[str], World]) -> None:
    many = [Override(f"image-{index}", "\N{SNOWMAN}" * 400, "x" * 400) for index in range(40)]
    line = report.to_termination(overridden(world("stopped").result, *many))
    assert len(line.encode()) <= TERMINATION_MESSAGE_BYTES
    assert json.loads(line)["overridden"]
