"""
Encodes a WriteRequest of Prometheus' remote write protocol.

The message has four protobuf fields, framed as uncompressed snappy. That is too little to depend on a library for either.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from validationrun.judging.ruletest.promtool_series import Mark, Value

HEADERS: Final = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_STALE: Final = struct.pack("<Q", 0x7FF0000000000002)
"""The bits of the stale marker, because a float may turn this signalling NaN into an ordinary NaN."""

_LENGTH_DELIMITED: Final = 2
_VALUE_TAG: Final = b"\x09"
_TIMESTAMP_TAG: Final = b"\x10"
_LITERAL_OF_TWO_BYTES: Final = bytes([61 << 2])
_MOST_LITERAL: Final = 1 << 16


def label_bytes(labels: Mapping[str, str]) -> bytes:
    """The labels of a TimeSeries, sorted by name as Prometheus requires."""
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in sorted(labels.items()))
    return b"".join(_field(1, pair) for pair in pairs)


def write_request(series: Iterable[tuple[bytes, Sequence[tuple[int, Value]]]]) -> bytes:
    """The body of a request: labels as `label_bytes` gives them, and samples of (Unix seconds, value)."""
    return _snappy(b"".join(_field(1, labels + b"".join(map(_sample, samples))) for labels, samples in series))


def _sample(sample: tuple[int, Value]) -> bytes:
    t, value = sample
    bits = _STALE if isinstance(value, Mark) else struct.pack("<d", value)
    return _field(2, _VALUE_TAG + bits + _TIMESTAMP_TAG + _varint(t * 1000))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _snappy(content: bytes) -> bytes:
    """snappy's block format with literals only: the length, then pieces of up to 64 KiB, each after its length minus 1."""
    pieces = [_varint(len(content))]
    for start in range(0, len(content), _MOST_LITERAL):
        piece = content[start : start + _MOST_LITERAL]
        pieces += [_LITERAL_OF_TWO_BYTES, struct.pack("<H", len(piece) - 1), piece]
    return b"".join(pieces)
