"""`validationrun init`: a commented spec to start from."""

import enum
import pathlib
from typing import Annotated

import typer

from validationrun.cli.console import usage_error

EXAMPLES = """\b
Examples:
  validationrun init nightly > nightly.yaml
  validationrun init nightly --api SeiNodeDeployment > nightly.yaml
  validationrun init soak --name soak-24h --namespace eng-ada -f soak.yaml
"""


class Scenario(enum.StrEnum):
    """What the starter spec is for; each has a file of its own in templates/init/."""

    NIGHTLY = "nightly"
    RELEASE = "release"
    SOAK = "soak"
    SHADOW = "shadow"
    EARLY_STOP = "early-stop"


class Api(enum.StrEnum):
    """What the controller of the cluster serves, as `chain.api` has it."""

    SEI_NETWORK = "SeiNetwork"
    SEI_NODE_DEPLOYMENT = "SeiNodeDeployment"


ScenarioArgument = Annotated[
    Scenario,
    typer.Argument(
        help="nightly: load and rules on a new chain. release: a test suite that gives the exit code. soak: a long run. "
        "shadow: rules only, on a chain that exists. early-stop: a rule that ends the load at once."
    ),
]
NameOption = Annotated[str, typer.Option("--name", help="Name of the run; default the scenario's.", show_default=False)]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="The tenant's namespace.")]
FileOption = Annotated[
    pathlib.Path | None,
    typer.Option("--file", "-f", help="Write here; an existing file is never overwritten.", show_default=False),
]
ApiOption = Annotated[
    Api,
    typer.Option(
        "--api",
        help="What your controller serves: SeiNodeDeployment until the middle of June 2026, SeiNetwork since. Without effect on "
        "shadow, which brings no chain up.",
    ),
]
SchemaOption = Annotated[str, typer.Option("--schema", help="Where editors find the JSON Schema.")]


def run(
    scenario: ScenarioArgument = Scenario.NIGHTLY,
    name: NameOption = "",
    namespace: NamespaceOption = "eng-ada",
    api: ApiOption = Api.SEI_NETWORK,
    file: FileOption = None,
    schema: SchemaOption = "validationrun.schema.json",
) -> None:
    """
    Print a commented starter spec, by scenario.

    What it prints passes `lint` as it is. Yours to fill in are the images, the namespace, and what the comments name: an alert, a
    Secret, endpoints.
    """
    from pydantic import TypeAdapter, ValidationError

    from validationrun.base.templates import render_template
    from validationrun.spec.v1alpha1.types import DnsLabel, RunName

    name = name or scenario.value
    for option, value, kind in (("--name", name, RunName), ("--namespace", namespace, DnsLabel)):
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError:
            raise usage_error(
                f"{option} must be lower-case letters, digits and '-' (a DNS label); got {value!r}"
            ) from None
    values = {"name": name, "namespace": namespace, "api": api.value, "schema": schema}
    text = render_template(f"init/{scenario.value}.yaml.j2", **values)
    if file is None:
        print(text, end="")
        return
    try:
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise usage_error(f"{file}: {error.strerror}") from None
    print(f"{file} written; next: validationrun lint {file}")
