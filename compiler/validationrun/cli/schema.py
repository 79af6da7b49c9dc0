"""`validationrun schema`: the JSON Schema for editors."""

EXAMPLES = """\b
Examples:
  validationrun schema > validationrun.schema.json
  # then, as the first line of a spec:
  # yaml-language-server: $schema=validationrun.schema.json
"""


def run() -> None:
    """
    Print the JSON Schema of runs, suites and schedules, for completion and checks in editors.

    `lint` checks much more than a schema can say.
    """
    from validationrun.spec.schema import render_schema

    print(render_schema(), end="")
