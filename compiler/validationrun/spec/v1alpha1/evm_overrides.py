"""The overrides that say where a node serves EVM and WebSocket, as the nodes' own reader takes them."""

from typing import Final

EVM_ENABLED: Final = "evm.http_enabled"
EVM_PORT: Final = "evm.http_port"
WS_ENABLED: Final = "evm.ws_enabled"
WS_PORT: Final = "evm.ws_port"
EVM_SWITCHES: Final = frozenset({EVM_ENABLED, WS_ENABLED})
EVM_PORTS: Final = frozenset({EVM_PORT, WS_PORT})

ON: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
OFF: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})

_HIGHEST_PORT: Final = 65535


def port_number(text: str) -> int | None:
    """The port that a text writes; None for another text."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_HIGHEST_PORT))):
        return None
    return port if 1 <= (port := int(text)) <= _HIGHEST_PORT else None
