"""Looking at a chain's nodes from outside, as a client would."""

import urllib.parse
from typing import Any, Final

import requests

_TIMEOUT_SECONDS: Final = 3
_VALIDATOR_RPC_PORT: Final = 26657


class Unanswered(str):
    """Why a node gave no usable answer, in words."""

    __slots__ = ()


def node_url(deployment_object: str, ordinal: int, like: str) -> str:
    """
    RPC of one node by its headless Service.

    Args:
        like: the RPC URL of any node, for the namespace and the cluster's domain.
    """
    host = urllib.parse.urlsplit(like.replace("${", "").replace("}", "")).hostname or ""
    suffix = host.split(".", 2)[2]
    return f"http://{deployment_object}-{ordinal}-0.{deployment_object}-{ordinal}.{suffix}:{_VALIDATOR_RPC_PORT}"


def sync_info(url: str) -> dict[str, Any] | Unanswered:
    """Tendermint's `sync_info` of /status."""
    body = _ask("GET", f"{url.rstrip('/')}/status", None)
    if isinstance(body, Unanswered):
        return body
    result = body.get("result", body)
    info = result.get("sync_info") if isinstance(result, dict) else None
    return info if isinstance(info, dict) else Unanswered(f"{url}: /status has no sync_info")


def height(url: str) -> int | Unanswered:
    """The node's latest block."""
    info = sync_info(url)
    return info if isinstance(info, Unanswered) else _height(info, url)


def synced_height(url: str) -> int | Unanswered:
    """The node's latest block, once it is not catching up."""
    info = sync_info(url)
    if isinstance(info, Unanswered):
        return info
    if info.get("catching_up") is not False:
        return Unanswered(f"{url}: catching up at height {info.get('latest_block_height')}")
    return _height(info, url)


def _height(info: dict[str, Any], url: str) -> int | Unanswered:
    try:
        return int(info["latest_block_height"])
    except (KeyError, TypeError, ValueError):
        return Unanswered(f"{url}: /status has no latest_block_height")


def evm_block_number(url: str) -> int | Unanswered:
    """`eth_blockNumber`."""
    body = _ask("POST", url, {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
    if isinstance(body, Unanswered):
        return body
    try:
        return int(body["result"], 16)
    except (KeyError, TypeError, ValueError):
        return Unanswered(f"{url}: eth_blockNumber gave {str(body)[:200]}")


def _ask(method: str, url: str, body: Any) -> dict[str, Any] | Unanswered:
    try:
        response = requests.request(method, url, json=body, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        if response.status_code != requests.codes.ok:
            return Unanswered(f"{url}: HTTP {response.status_code}")
        answer = response.json()
    except requests.ConnectionError as error:
        return Unanswered(f"{url}: {'name does not resolve' if _unresolved(error) else 'no connection'}")
    except requests.Timeout:
        return Unanswered(f"{url}: no answer within {_TIMEOUT_SECONDS}s")
    except (requests.RequestException, ValueError) as error:
        return Unanswered(f"{url}: {error}")
    return answer if isinstance(answer, dict) else Unanswered(f"{url}: the answer is no JSON object")


def _unresolved(error: Exception) -> bool:
    return "NameResolutionError" in repr(error) or "Name or service not known" in str(error)


def is_unresolved(problem: str) -> bool:
    """The problem is that a host name does not resolve."""
    return problem.endswith("name does not resolve")
