"""Which Prometheus is asked, and how it knows us: one declaration for every verb that asks one from this machine."""

import os
import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from validationrun.base.conventions import (
    DEFAULT_PROMETHEUS_URL,
    PROMETHEUS_CA_FILE,
    PROMETHEUS_HEADERS_FILE,
    PROMETHEUS_TOKEN_FILE,
)
from validationrun.cli.console import usage_error

if TYPE_CHECKING:
    from validationrun.prometheus import Access

_URL: Final = "VALIDATION_PROMETHEUS_URL"
_URL_HELP: Final = "URL of Prometheus; parameters in it (?namespace=...) go with every request."


@dataclass(frozen=True, slots=True)
class PrometheusFlags:
    """A group of options; see `option_groups`."""

    url: Annotated[
        str,
        typer.Option("--prometheus", metavar="URL", help=_URL_HELP, envvar=_URL),
    ] = DEFAULT_PROMETHEUS_URL
    token_file: Annotated[
        str,
        typer.Option(
            "--prometheus-token-file",
            metavar="FILE",
            help="File with a bearer token for Prometheus.",
            envvar=PROMETHEUS_TOKEN_FILE,
            show_default=False,
        ),
    ] = ""
    ca_file: Annotated[
        str,
        typer.Option(
            "--prometheus-ca-file",
            metavar="FILE",
            help="PEM file with the CA certificates to trust for Prometheus.",
            envvar=PROMETHEUS_CA_FILE,
            show_default=False,
        ),
    ] = ""
    headers_file: Annotated[
        str,
        typer.Option(
            "--prometheus-headers-file",
            metavar="FILE",
            help="File with headers for Prometheus, one `Name: value` a line.",
            envvar=PROMETHEUS_HEADERS_FILE,
            show_default=False,
        ),
    ] = ""

    def access(self, asked: str = "") -> "Access":
        """
        The files, whose token and headers go to one server alone; an empty variable counts as none.

        Args:
            asked: the URL that is asked, where `--set prometheus-url` names another than `url`.

        Raises:
            typer.Exit: with 2, when the files are for another server than the one that is asked.
        """
        from validationrun.prometheus import Access

        names = (self.token_file, self.ca_file, self.headers_file)
        token, authority, headers = (pathlib.Path(name) if name else None for name in names)
        files = Access(token, authority, headers)
        asked = asked or self.url
        # What the environment holds belongs together: its token is for its Prometheus.
        of_environment = os.environ.get(_URL, "") if self._from_environment() else ""
        for server in (self.url, *([of_environment] if of_environment else [])):
            if refusal := files.only_for(server).refusal(asked):
                way = f"--prometheus and {_URL} must name the Prometheus that the token and the headers are for"
                raise usage_error(f"{refusal}: {way}")
        return files.only_for(asked)

    def checked_access(self) -> "Access":
        """The same for a verb that asks at once. Raises typer.Exit with 2 also for a file that cannot be used."""
        from validationrun.prometheus import CredentialsError

        access = self.access()
        try:
            access.check(self.url)
        except CredentialsError as error:
            raise usage_error(error.problem) from None
        return access

    def _from_environment(self) -> bool:
        files = ((PROMETHEUS_TOKEN_FILE, self.token_file), (PROMETHEUS_HEADERS_FILE, self.headers_file))
        return any(name and name == os.environ.get(variable) for variable, name in files)


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
