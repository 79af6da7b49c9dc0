"""Queries a chain's nodes from outside, as a client does. Every answer is bounded in time, bytes, depth and numbers."""

import base64
import contextlib
import http.client
import os
import re
import reprlib
import urllib.parse
from typing import Final

from msgspec import Struct

from validationrun.base.conventions import TENDERMINT_RPC_PORT
from validationrun.base.deadline_socket import tls_context
from validationrun.base.http import Connection, Limits, NoResponseError, Problem, Request, fetch_json, split_url
from validationrun.base.text import printable

_TIMEOUT_SECONDS: Final = 3.0
_MOST_BYTES: Final = 1024 * 1024
"""A status has a few thousand bytes."""

_UNRESOLVED: Final = "name does not resolve"
_MOST_SHOWN: Final = 200
_HEIGHT: Final = re.compile(r"[0-9]{1,19}")
_HEX_HEIGHT: Final = re.compile(r"0x[0-9a-fA-F]{1,16}")
_UPGRADE: Final = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
_HIGHEST: Final = 2**63 - 1
"""Heights are 64-bit integers on every chain."""


class Unanswered(str):
    """Why a node gave no usable answer, for people."""

    __slots__ = ()


def node_url(deployment_object: str, ordinal: int, like: str) -> str:
    """
    The RPC URL of one node, by its headless Service.

    Args:
        like: the RPC URL of any node, for the namespace and the cluster's domain.
    """
    host = urllib.parse.urlsplit(like.replace("${", "").replace("}", "")).hostname or ""
    suffix = host.split(".", 2)[2]
    return f"http://{deployment_object}-{ordinal}-0.{deployment_object}-{ordinal}.{suffix}:{TENDERMINT_RPC_PORT}"


class _SyncInfo(Struct, frozen=True):
    """
    Tendermint's `sync_info` of /status.

    Attributes:
        height: None for what is no height of a chain.
        shown: the height as the node wrote it, for people.
        catching_up: the node does not say that it is not.
    """

    height: int | None
    shown: str
    catching_up: bool


def _sync_info(url: str) -> _SyncInfo | Unanswered:
    body = _ask(f"{url.rstrip('/')}/status")
    if isinstance(body, Unanswered):
        return body
    # Some nodes wrap the answer in `result`.
    info = _member(_member(body, "result") or body, "sync_info")
    if not isinstance(info, dict):
        return Unanswered(f"{url}: /status has no sync_info")
    text = _member(info, "latest_block_height")
    # Tendermint writes 64-bit integers as texts; a proxy may write them as numbers.
    number = _number(str(text) if type(text) is int else text, _HEIGHT, 10)
    return _SyncInfo(number, _shown(text), _member(info, "catching_up") is not False)


def height(url: str) -> int | Unanswered:
    """The node's latest block."""
    info = _sync_info(url)
    return info if isinstance(info, Unanswered) else _height(info, url)


def synced_height(url: str) -> int | Unanswered:
    """The node's latest block, once it is not catching up."""
    info = _sync_info(url)
    if isinstance(info, Unanswered):
        return info
    if info.catching_up:
        return Unanswered(f"{url}: catching up at height {info.shown}")
    return _height(info, url)


def _height(info: _SyncInfo, url: str) -> int | Unanswered:
    return Unanswered(f"{url}: /status has no latest_block_height") if info.height is None else info.height


def evm_block_number(url: str) -> int | Unanswered:
    """`eth_blockNumber`."""
    body = _ask(url, {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
    if isinstance(body, Unanswered):
        return body
    number = _number(_member(body, "result"), _HEX_HEIGHT, 16)
    return Unanswered(f"{url}: eth_blockNumber gave {_shown(body)}") if number is None else number


def websocket_problem(url: str) -> Unanswered | None:
    """Why the node does not accept a WebSocket connection (RFC 6455); None when it does. The connection is closed again."""
    # A scheme of HTTP stays.
    http_url = re.sub("^ws", "http", url)
    try:
        origin, path = split_url(http_url)
        headers = {**_UPGRADE, "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
        context = tls_context("") if origin.scheme == "https" else None
        with contextlib.closing(Connection(origin)) as connection:
            request = Request("GET", path or "/", headers)
            status = connection.exchange(request, context, _TIMEOUT_SECONDS, Limits(_MOST_BYTES)).status
    except ValueError as error:
        return Unanswered(f"{url}: {error}")
    except NoResponseError as error:
        return _no_response(url, error)
    if status != http.client.SWITCHING_PROTOCOLS:
        return Unanswered(f"{url}: no WebSocket connection: HTTP {status}")
    return None


def _number(text: object, form: re.Pattern[str], base: int) -> int | None:
    """A height from its text; None for what is no height of a chain."""
    if not isinstance(text, str) or not form.fullmatch(text):
        return None
    height = int(text, base)
    return height if height <= _HIGHEST else None


def _shown(answer: object) -> str:
    """A short text for any answer of a node."""
    return printable(answer[:_MOST_SHOWN]) if isinstance(answer, str) else reprlib.repr(answer)


def _member(answer: object, name: str) -> object:
    """A member of a JSON object; None when there is none."""
    return answer.get(name) if isinstance(answer, dict) else None


def _ask(url: str, document: object = None) -> object:
    """A JSON object, or why there is none as `Unanswered`."""
    try:
        answer = fetch_json(url, document, timeout_s=_TIMEOUT_SECONDS, most_bytes=_MOST_BYTES)
    except NoResponseError as error:
        return _no_response(url, error)
    return answer if isinstance(answer, dict) else Unanswered(f"{url}: the answer is no JSON object")


def _no_response(url: str, error: NoResponseError) -> Unanswered:
    return Unanswered(f"{url}: {_UNRESOLVED if error.problem is Problem.NO_ADDRESS else error.detail}")


def is_unresolved(problem: str) -> bool:
    """Whether the problem is a host name that does not resolve."""
    return problem.endswith(_UNRESOLVED)
