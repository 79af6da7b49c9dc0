"""Which Prometheus is asked, and how it knows us: one declaration for every verb that asks one from this machine."""

import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from validationrun.base.conventions import DEFAULT_PROMETHEUS_URL

if TYPE_CHECKING:
    from validationrun.prometheus import Access


@dataclass(frozen=True, slots=True)
class PrometheusFlags:
    """A group of options; see `option_groups`."""

    url: Annotated[
        str,
        typer.Option("--prometheus", metavar="URL", help="URL of Prometheus.", envvar="VALIDATION_PROMETHEUS_URL"),
    ] = DEFAULT_PROMETHEUS_URL
    token_file: Annotated[
        str,
        typer.Option(
            "--prometheus-token-file",
            metavar="FILE",
            help="File with a bearer token for Prometheus.",
            envvar="VALIDATION_PROMETHEUS_TOKEN_FILE",
            show_default=False,
        ),
    ] = ""
    ca_file: Annotated[
        str,
        typer.Option(
            "--prometheus-ca-file",
            metavar="FILE",
            help="PEM file with the CA certificates to trust for Prometheus.",
            envvar="VALIDATION_PROMETHEUS_CA_FILE",
            show_default=False,
        ),
    ] = ""
    headers_file: Annotated[
        str,
        typer.Option(
            "--prometheus-headers-file",
            metavar="FILE",
            help="File with headers for Prometheus, one `Name: value` a line.",
            envvar="VALIDATION_PROMETHEUS_HEADERS_FILE",
            show_default=False,
        ),
    ] = ""

    def access(self) -> "Access":
        """The files; an empty variable counts as none."""
        from validationrun.prometheus import Access

        paths = (pathlib.Path(name) if name else None for name in (self.token_file, self.ca_file, self.headers_file))
        return Access(*paths)


@dataclass(frozen=True, slots=True)
class LookUpFlags(PrometheusFlags):
    """For a verb that asks a Prometheus only when it is told to: the environment names none."""

    url: Annotated[
        str,
        typer.Option(
            "--prometheus",
            metavar="URL",
            help="Also ask this Prometheus for the metrics, series, labels and alerts of the rules.",
            show_default=False,
        ),
    ] = ""
