"""Credentials for Prometheus, from files: they are mounted from a Secret, and change while a run lasts."""

import functools
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from validationrun.oracle.model import Fault
from validationrun.oracle.outcome import RuleReason
from validationrun.oracle.prometheus_response import TOKEN_FILE
from validationrun.prometheus.connection import CA_FILE, NoReplyError, tls_context

HEADERS_FILE: Final = "VALIDATION_PROMETHEUS_HEADERS_FILE"

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_HEADER: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e]*[\x21-\x7e])[ \t]*")
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "expect", "host", "te", "transfer-encoding", "upgrade"}
)  # fmt: skip
"""What frames a request: a second one from a file would change where it ends or what comes back."""


@dataclass(frozen=True, slots=True)
class Access:
    """
    Where credentials lie. The files are read again for each question, because a token rotates.

    Attributes:
        token_file: holds a bearer token and nothing else.
        ca_file: PEM certificates; they alone are trusted then. Without it the system's are.
        headers_file: a header `Name: value` a line; empty lines and lines that begin with # are passed over.
    """

    token_file: Path | None = None
    ca_file: Path | None = None
    headers_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Access":
        """An empty variable counts as none, as Kubernetes writes an absent one."""
        paths = (Path(name) if (name := environment.get(one)) else None for one in (TOKEN_FILE, CA_FILE, HEADERS_FILE))
        return cls(*paths)

    def headers(self) -> dict[str, str]:
        """
        To be sent with a request.

        Raises NoReplyError for a file that is missing or not what it should be: without what it holds, nothing is asked.
        """
        headers = {} if self.headers_file is None else _headers(self.headers_file)
        if self.token_file is None:
            return headers
        if any(name.lower() == "authorization" for name in headers):
            raise _no_use("headers", self.headers_file, "names Authorization, and there is a token file too; keep one")
        return {**headers, "Authorization": f"Bearer {_token(self.token_file)}"}

    def tls(self) -> ssl.SSLContext:
        """Whom to trust. Raises NoReplyError as `headers` does; the same object until the file changes."""
        if self.ca_file is None:
            return _context("")
        # Only the certificates count; a comment may be in any language.
        pem = _read("CA", self.ca_file).decode("ascii", "ignore")
        try:
            if "-----BEGIN" in pem:
                return _context(pem)
        except ssl.SSLError:
            pass
        raise _no_use("CA", self.ca_file, "holds no certificate in PEM")


@functools.lru_cache(maxsize=4)
def _context(pem: str) -> ssl.SSLContext:
    """One for all connections: the system's certificates take more than a megabyte."""
    return tls_context(pem)


def _token(path: Path) -> str:
    token = _read("token", path).strip().decode("utf-8", "replace")
    if not token:
        raise _no_use("token", path, "is empty")
    if not _TOKEN.fullmatch(token):
        raise _no_use("token", path, 'must hold one token and nothing else, "Bearer" neither')
    return token


def _headers(path: Path) -> dict[str, str]:
    headers: dict[str, str] = {}
    for number, line in enumerate(_read("headers", path).decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        # What a line holds is a secret: only its number is told.
        if not (match := _HEADER.fullmatch(line)):
            raise _no_use("headers", path, f"line {number} is not a header such as X-Scope-OrgID: tenant")
        name, value = match.groups()
        if name.lower() in _OURS:
            raise _no_use("headers", path, f"line {number}: {name} belongs to each request; leave it out")
        if name.lower() in {one.lower() for one in headers}:
            raise _no_use("headers", path, f"line {number}: {name} is there twice")
        headers[name] = value
    if not headers:
        raise _no_use("headers", path, "holds no header")
    return headers


def _read(kind: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise _no_use(kind, path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _no_use(kind: str, path: Path | None, problem: str) -> NoReplyError:
    return NoReplyError(
        Fault(RuleReason.PROMETHEUS_UNAVAILABLE, f"Prometheus was not asked: the {kind} file {path} {problem}")
    )
