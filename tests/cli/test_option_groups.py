"""A group of options is declared once, and each verb that names it has all of them."""

import dataclasses
import re

import pytest
import typer
from typer.testing import CliRunner

from cli_helpers import call
from validationrun.cli.emit_flags import EmitFlags
from validationrun.cli.option_groups import verb
from validationrun.cli.prometheus_flags import PrometheusFlags


def options_of(name: str) -> set[str]:
    return set(re.findall(r"--[a-z-]+", call(name, "--help").out.split("Options:")[1].split("Examples:")[0]))


def declared(group: type) -> set[str]:
    """The names of a group's options: the last of a pair `--label/--no-label` too."""
    infos = [field.type.__metadata__[0] for field in dataclasses.fields(group)]
    return {
        name
        for info in infos
        for name in f"{info.default}/{'/'.join(info.param_decls or ())}".split("/")
        if name[:2] == "--"
    }


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("compile", EmitFlags),
        ("submit", EmitFlags),
        ("run", PrometheusFlags),
        ("evaluate", PrometheusFlags),
        ("backtest", PrometheusFlags),
    ],
)
def test_a_verb_has_every_option_of_its_groups(name: str, group: type) -> None:
    wanted = declared(group)
    assert len(wanted) >= len(dataclasses.fields(group))
    assert wanted <= options_of(name)


def test_a_verb_gets_the_group_that_was_given_and_the_defaults_of_the_rest() -> None:
    app, seen = typer.Typer(), []

    def run(text: str, *, emit: EmitFlags) -> None:
        """Some verb."""
        seen.append((text, emit))

    app.command()(verb(run))
    assert CliRunner().invoke(app, ["a", "--no-label", "--settle", "3s"]).exit_code == 0
    assert CliRunner().invoke(app, ["b"]).exit_code == 0
    assert seen == [("a", EmitFlags(label=False, settle="3s")), ("b", EmitFlags())]
