"""Certificates of the tests: an authority of their own, and servers whose certificates are good, or bad in one way."""

import functools
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Of a server, with its key."""

    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        return _context(self.chain, self.key)

    def wrap(self, connection: socket.socket) -> ssl.SSLSocket:
        """The server's side of TLS. Raises OSError when the client breaks off."""
        return self.context().wrap_socket(connection, server_side=True)


@functools.cache
def _context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


class Authority:
    """Signs; `ca` is the file with its certificate, which clients are told to trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.ca = folder / "ca.crt"
        _openssl(
            *(
                "req",
                "-x509",
                "-new",
                *_key(folder / "ca.key"),
                "-subj",
                "/CN=tests",
                "-days",
                "2",
                "-out",
                str(self.ca),
            ),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def certificate(self, name: str = "IP:127.0.0.1", days: int = 2) -> Certificate:
        """
        Args:
            name: as in subjectAltName; any other than what the client calls is wrong.
            days: negative is expired.
        """
        stem = f"{name.replace(':', '-')}{days}"
        request, extensions = self._folder / f"{stem}.csr", self._folder / f"{stem}.ext"
        made = Certificate(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        extensions.write_text(f"subjectAltName={name}\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n")
        _openssl("req", "-new", *_key(made.key), "-subj", "/CN=server", "-out", str(request))
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self._folder / "ca.key")),
            *("-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(made.chain)),
        )
        return made


def _key(path: Path) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(path)]


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
