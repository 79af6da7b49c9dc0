"""Renders plain texts of `templates/`, such as starter specs. `report/` renders the report pages."""

import jinja2

from validationrun.base.resources import data_folder


def render_template(template: str, **values: str) -> str:
    """
    Renders a template. A missing value is a bug and raises.

    Placeholders are written `<< name >>`, because specs hold `${...}` and may hold `{{...}}`. A line with `{% if %}` leaves no line.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is YAML, and every value has passed a DNS pattern or is a path
        variable_start_string="<<",
        variable_end_string=">>",
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = data_folder("templates").joinpath(*template.split("/")).read_text(encoding="utf-8")
    return environment.from_string(source).render(values)
