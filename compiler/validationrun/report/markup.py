"""The Jinja environment of the pages in `templates/report/`, and the script that a page may run."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import jinja2
from markupsafe import Markup

from validationrun.base.durations import format_duration
from validationrun.base.resources import data_folder
from validationrun.base.times import format_time
from validationrun.report import formatting

_FOLDER: Final = "report"


def environment() -> jinja2.Environment:
    """Escapes everything, and shortens foreign text."""
    folder = data_folder("templates").joinpath(_FOLDER)
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text(encoding="utf-8")),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # A safety net for the template: shorten all foreign text and escape its invisible characters.
        finalize=_bounded,
    )
    made.filters.update(moment=formatting.moment, time=format_time, duration=format_duration, geometry=_geometry)
    return made


@dataclass(frozen=True, slots=True)
class Script:
    """A script of ours, and its SHA-256 for the page's Content-Security-Policy."""

    text: Markup
    digest: str


def script(made: jinja2.Environment, name: str = "page.js") -> Script:
    text = Markup(made.loader.get_source(made, name)[0])  # type: ignore[union-attr] # noqa: S704 - a file of ours
    return Script(text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


def _bounded(value: Any) -> Any:
    return formatting.clean_block(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _geometry(path: str) -> Markup:
    """The `d` of a path, exempt from shortening because it is our own text."""
    if not set(path) <= set("MLHVh0123456789. -"):
        raise ValueError("not a path of ours")
    return Markup(path)  # noqa: S704 - checked in the line before
