"""What a Prometheus of the tests is to remember: written as blocks before it starts, or sent to it while it runs."""

import struct
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.prometheus.binary import promtool
from tests.prometheus.fetch import fetch

STALE: Final = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""Prometheus' own mark of a series that ended. Only `send` can carry it: in text it is a NaN like any other."""


@dataclass(frozen=True)
class Series:
    """`labels` with the name under `__name__`; `points` are (Unix seconds, value)."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


def series(name: str, points: Sequence[tuple[float, float]], **labels: str) -> Series:
    return Series({"__name__": name, **labels}, list(points))


def openmetrics(history: Sequence[Series]) -> str:
    """As text, the series of one name together, as the format wants it."""
    families: dict[str, list[Series]] = defaultdict(list)
    for one in history:
        families[one.labels["__name__"]].append(one)
    lines = [
        f"{name}{_braces(one.labels)} {_value(value)} {t:.3f}"
        for name, members in families.items()
        for one in members
        for t, value in sorted(one.points)
    ]
    return "\n".join([*lines, "# EOF", ""])


def backfill(data: Path, history: Sequence[Series]) -> None:
    """Blocks in the folder of a Prometheus that does not run."""
    data.mkdir(parents=True, exist_ok=True)
    text = data.with_suffix(".openmetrics")
    text.write_text(openmetrics(history))
    subprocess.run(
        [promtool(), "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)],
        check=True,
        capture_output=True,
    )
    text.unlink()


def send(url: str, history: Sequence[Series]) -> None:
    """By remote write; it can be asked for when this returns. Raises HTTPError with what Prometheus says of bad samples."""
    body = b"".join(_field(1, _message(one)) for one in history)
    fetch(
        f"{url}/api/v1/write",
        _snappy(body),
        timeout_s=30,
        Content_Encoding="snappy",
        Content_Type="application/x-protobuf",
        X_Prometheus_Remote_Write_Version="0.1.0",
    )


def _braces(labels: Mapping[str, str]) -> str:
    pairs = ",".join(
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
        for name, value in sorted(labels.items())
        if name != "__name__"
    )
    return f"{{{pairs}}}" if pairs else ""


def _value(value: float) -> str:
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(str(value), repr(value))


def _message(one: Series) -> bytes:
    """A TimeSeries of Prometheus' remote write protocol."""
    labels = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in sorted(one.labels.items())
    )
    samples = b"".join(
        _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(round(t * 1000)))
        for t, value in sorted(one.points, key=lambda point: point[0])
    )
    return labels + samples


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _snappy(content: bytes) -> bytes:
    """Not compressed: literals only, which every reader of the format takes."""
    pieces = [content[at : at + 0x10000] for at in range(0, len(content), 0x10000)]
    return _varint(len(content)) + b"".join(b"\xf4" + struct.pack("<H", len(piece) - 1) + piece for piece in pieces)
