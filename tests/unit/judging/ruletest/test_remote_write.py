"""The bytes of a WriteRequest, read back by readers of this file's own."""

import math
import struct

import pytest

from validationrun.judging.ruletest.promtool_series import Mark
from validationrun.judging.ruletest.remote_write import label_bytes, write_request


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def unsnap(data):
    """Literals with a length of two bytes, which is all that is written."""
    length, at = varint(data, 0)
    out = b""
    while at < len(data):
        assert data[at] == 61 << 2
        size = struct.unpack_from("<H", data, at + 1)[0] + 1
        out += data[at + 3 : at + 3 + size]
        at += 3 + size
    assert len(out) == length
    return out


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 2:
            size, at = varint(data, at)
            yield key >> 3, data[at : at + size]
            at += size
        elif kind == 1:
            yield key >> 3, data[at : at + 8]
            at += 8
        else:
            assert kind == 0
            value, at = varint(data, at)
            yield key >> 3, value


def decode(data):
    found = []
    for number, series in fields(unsnap(data)):
        assert number == 1
        labels, samples = [], []
        for part, content in fields(series):
            if part == 1:
                labels.append(tuple(text.decode() for _, text in fields(content)))
            else:
                (_, value), (_, t) = fields(content)
                samples.append((t, value))
        found.append((labels, samples))
    return found


def test_a_request_holds_sorted_labels_and_milliseconds():
    labels = {"pod": "rpc-0", "__name__": "höhe", "a": ""}
    body = write_request([(label_bytes(labels), [(0, 1.5), (86_400, math.inf)]), (label_bytes({"__name__": "b"}), [])])
    assert decode(body) == [
        (
            [("__name__", "höhe"), ("a", ""), ("pod", "rpc-0")],
            [(0, struct.pack("<d", 1.5)), (86_400_000, struct.pack("<d", math.inf))],
        ),
        ([("__name__", "b")], []),
    ]


def test_the_mark_of_staleness_keeps_its_bits_and_is_no_other_nan():
    body = write_request([(label_bytes({"__name__": "a"}), [(1, Mark.STALE), (2, math.nan)])])
    [(_, [(_, stale), (_, nan)])] = decode(body)
    assert struct.unpack("<Q", stale)[0] == 0x7FF0000000000002
    assert nan != stale


@pytest.mark.parametrize("count", [0, 1, 5_000, 20_000])
def test_a_request_of_any_size_is_framed_whole(count):
    """Pieces are at most 64 KiB, so that larger requests have several."""
    body = write_request([(label_bytes({"__name__": "a"}), [(index, float(index)) for index in range(count)])])
    [(_, samples)] = decode(body)
    assert [t for t, _ in samples] == [index * 1000 for index in range(count)]
