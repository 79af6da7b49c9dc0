"""Credentials for Prometheus, from the files of a mounted Secret, which can change during a run."""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from validationrun.base import conventions
from validationrun.base.atomic_files import open_regular
from validationrun.base.deadline_socket import tls_context
from validationrun.base.http import split_url
from validationrun.oracle.prometheus_url import server_of

_VARIABLES: Final = (
    conventions.PROMETHEUS_TOKEN_FILE,
    conventions.PROMETHEUS_CA_FILE,
    conventions.PROMETHEUS_HEADERS_FILE,
)
_MOST_BYTES: Final = 1 << 20
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*[\x21-\x7e])[ \t]*")
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "expect", "host", "te", "transfer-encoding", "upgrade"}
)  # fmt: skip
"""Headers that frame a request. A second copy from a file would change where the request ends or what the reply is."""


class CredentialsError(Exception):
    """
    A file of credentials cannot be used. No request is sent without its credentials.

    Attributes:
        problem: why, without that Prometheus was not asked.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"Prometheus was not asked: {problem}")
        self.problem = problem


class Access(Struct, frozen=True):
    """
    The files with the credentials. Each request reads them again, because tokens rotate.

    Attributes:
        token_file: a bearer token and nothing else.
        ca_file: the only certificates to trust, in PEM; None for the system's.
        headers_file: one header `Name: value` per line; empty lines and lines that begin with # are skipped.
        server: the URL whose server alone gets token and headers; empty for any.
    """

    token_file: Path | None = None
    ca_file: Path | None = None
    headers_file: Path | None = None
    server: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Access":
        """An empty variable counts as absent, because Kubernetes sets an absent variable to the empty string."""
        names = (environment.get(variable) for variable in _VARIABLES)
        token, authority, headers = (Path(name) if name else None for name in names)
        return cls(token, authority, headers)

    def only_for(self, url: str) -> "Access":
        """The same files, whose token and headers go to the server of this URL alone."""
        return replace(self, server=url)

    def refusal(self, url: str) -> str:
        """Why token and headers do not go to the server of a URL; empty when they do, or when there are none."""
        if not self.server or (self.token_file is None and self.headers_file is None):
            return ""
        try:
            own, asked = (split_url(server_of(text))[0] for text in (self.server, url))
        except ValueError:
            return f"the credentials for Prometheus are for {self.server.partition('?')[0]} alone"
        if own == asked:
            return ""
        return f"the credentials for Prometheus are for {own.scheme}://{own} alone, not for {asked.scheme}://{asked}"

    def check(self, url: str) -> None:
        """Reads the files once. Raises CredentialsError for one that cannot be used for this URL."""
        self.headers(url)
        if self.ca_file is not None:
            self.tls()

    def headers(self, url: str) -> dict[str, str]:
        """The headers to send with a request to this URL. Raises CredentialsError."""
        if refusal := self.refusal(url):
            raise CredentialsError(refusal)
        headers = {} if self.headers_file is None else _headers(self.headers_file)
        if self.token_file is None:
            return headers
        if any(name.lower() == "authorization" for name in headers):
            raise _unusable(
                "headers", self.headers_file, "names Authorization, and there is a token file too; keep one"
            )
        return {**headers, "Authorization": f"Bearer {_token(self.token_file)}"}

    def tls(self) -> ssl.SSLContext:
        """The TLS context; the same object until the file changes. Raises CredentialsError."""
        if self.ca_file is None:
            return tls_context("")
        # The text around the certificates may hold non-ASCII characters.
        pem = _read("CA", self.ca_file).decode("ascii", "ignore")
        try:
            if "-----BEGIN" in pem:
                return tls_context(pem)
        except ssl.SSLError:
            pass
        raise _unusable("CA", self.ca_file, "holds no certificate in PEM")


def _token(path: Path) -> str:
    token = _read("token", path).strip().decode("utf-8", "replace")
    if not token:
        raise _unusable("token", path, "is empty")
    if not _TOKEN.fullmatch(token):
        raise _unusable("token", path, 'must hold one token and nothing else, "Bearer" neither')
    return token


def _headers(path: Path) -> dict[str, str]:
    headers: dict[str, str] = {}
    for number, line in enumerate(_read("headers", path).decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        # A line is a secret, so a message shows only its number.
        if not (match := _HEADER.fullmatch(line)):
            raise _unusable("headers", path, f"line {number} is not a header such as X-Scope-OrgID: tenant")
        name, value = match.groups()
        if name.lower() in _OURS:
            raise _unusable("headers", path, f"line {number}: {name} belongs to each request; leave it out")
        if name.lower() in map(str.lower, headers):
            raise _unusable("headers", path, f"line {number}: {name} is there twice")
        headers[name] = value
    if not headers:
        raise _unusable("headers", path, "holds no header")
    return headers


def _read(kind: str, path: Path) -> bytes:
    try:
        with open_regular(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unusable(kind, path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > _MOST_BYTES:
        raise _unusable(kind, path, "has more than 1 MiB")
    return content


def _unusable(kind: str, path: Path | None, problem: str) -> CredentialsError:
    return CredentialsError(f"the {kind} file {path} {problem}")
