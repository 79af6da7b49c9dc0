"""Asks a server of the tests without any code that is under test."""

import urllib.request


def fetch(url: str, body: bytes | None = None, timeout_s: float = 10, **headers: str) -> bytes:
    """GET, or POST with a body. Raises OSError for every status but 2xx, with what the server said."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=named)  # noqa: S310 - our own, on this machine
    with urllib.request.urlopen(request, timeout=timeout_s) as response:  # noqa: S310
        return bytes(response.read())
