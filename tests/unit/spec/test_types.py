import re
import typing

import pytest
from pydantic import TypeAdapter, ValidationError

from validationrun.spec.v1alpha1 import types


def test_a_duration_is_dumped_as_text():
    assert TypeAdapter(types.Duration).dump_json(90) == b'"1m30s"'


GOOD = {
    "DnsLabel": ["a", "0", "a-b", "a" * 63],
    "MemberName": ["a", "a0", "a-b", "a" * 40],
    "DnsSubdomain": ["a.b", "a-b.c", "x" * 63 + ".y"],
    "ChainId": ["ab", "pacific-1"],
    "WorkloadName": ["evm_transfer", "0"],
    "Threshold": ["0", "-2.5", "1e6", "1.5E-3", "007"],
    "EnvName": ["_A", "a.b-c", "-x"],
    "EnvPrefix": ["", "MY_"],
    "ConfigKey": ["profile.json", ".hidden", "-", "a" * 200],
    "LabelKey": ["app", "app.kubernetes.io/name", "a/B_c.d"],
    "LabelValue": ["", "a", "A_b.c-d"],
    "PromLabel": ["_", "chain_id", "A1"],
    "Bucket": ["abc", "my.bucket-1"],
    "RpcServer": ["a:1", "rpc-0.example.com:26657"],
    "S3Endpoint": ["s3.amazonaws.com", "localhost:9000", "10.0.0.1", "http://minio.minio.svc:9000"],
    "Region": ["eu-central-1"],
    "Url": ["http://a", "wss://h:1/p?".rstrip("?"), "http://[::1]:26657", "https://h/a/b%20c"],
    "Image": ["seid", "seid:6.1", "r:5000/a/b:t", "a@sha256:" + "0" * 64, "r/a:t@sha256:" + "f" * 64],
    "AbsolutePath": ["/", "/a/b c", "/é"],
    "Share": ["0", "1", "0.8", "1.0", "0.05"],
    "ScrapeInterval": ["15s", "500ms", "1m", "0h"],
    "GoDuration": ["15m", "1h30m", "9999h0m0s", "1.5h"],
    "LongDnsLabel": ["a", "a-b", "a" * 253],
}
BAD = {
    "DnsLabel": ["", "-a", "a-", "A", "a.b", "a" * 64, "a\n", "é"],
    "MemberName": ["", "0", "0a", "-a", "a-", "A", "a.b", "a" * 41, "a\n", "é"],
    "DnsSubdomain": ["", ".a", "a..b", "a.", "A.b", "a\n"],
    "ChainId": ["a", "1a", "a-", "A1", "a_b", "ab\n", "a" * 64],
    "WorkloadName": ["", "_a", "a-b", "A", "a" * 64, "a\n"],
    "Threshold": ["", "5%", "+1", ".5", "1.", "inf", "NaN", "0x1", "1 ", "1_000", "1\n", "1" * 65],
    "EnvName": ["", "1A", "A=B", "A B", "A\n"],
    "EnvPrefix": ["1A", "A B", "A\n"],
    "ConfigKey": ["", "a/b", "a b", "a" * 201, "a\n"],
    "LabelKey": ["", "/a", "a/", "a/b/c", "A/b", "-a", "a" * 64, "a\n"],
    "LabelValue": ["-a", "a-", "a b", "a" * 64, "a\n"],
    "PromLabel": ["", "1a", "a-b", "a.b", "a\n"],
    "Bucket": ["ab", "Abc", "-abc", "a" * 64, "abc\n"],
    "RpcServer": ["", "a", "a:", ":1", "http://a:1", "a:1/x", "a b:1", "a:123456", "-a:1", "a,b:1"],
    "S3Endpoint": [
        "",
        "http://",
        "https://a",
        "HTTP://a",
        "http://http://a",
        "http://a/",
        "a:",
        "a/b",
        "a:123456",
        "a\n",
        "http://u@a",
    ],
    "Region": ["", "-eu", "EU", "a\n"],
    "Url": [
        "",
        "rpc:26657",
        "ftp://a",
        "http://",
        "http://a b",
        "http://a/\n",
        "http://a/{{x}}",
        "http://a/${x}",
        'http://a/"',
    ],
    "Image": ["", "-a", "a b", "{{workflow.name}}", "a@sha256:0", "a@sha256:" + "G" * 64, "a\n", "a${x}", "a'"],
    "AbsolutePath": ["", "a", "/a:b", "/a\0"],
    "Share": ["", "80%", "1.1", "2", "-0.1", ".5", "1.01", "1\n", "0."],
    "ScrapeInterval": ["", "15", "1m30s", "1.5s", "s", "-1s", "15s\n"],
    "GoDuration": ["", "15", "h", "-1h", "1d", "1h ", "1h\n", "1h" * 33],
    "LongDnsLabel": ["", "a.b", "A", "-a", "a" * 254, "a\n"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_a_good_text_is_taken(name: str, value: str):
    assert TypeAdapter(getattr(types, name)).validate_python(value) == value


@pytest.mark.parametrize("value", [0, 1, "0.5", "500m", "4Gi"])
def test_a_quantity_without_a_fraction_is_a_whole_number_or_text(value: object):
    assert TypeAdapter(types.WholeQuantity).validate_python(value) == value


@pytest.mark.parametrize("value", [0.5, True, "5 %", None, []])
def test_another_quantity_without_a_fraction_is_refused(value: object):
    with pytest.raises(ValidationError):
        TypeAdapter(types.WholeQuantity).validate_python(value)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_text_is_refused(name: str, value: str):
    with pytest.raises(ValidationError):
        TypeAdapter(getattr(types, name)).validate_python(value)


def test_every_named_text_type_is_in_the_tables():
    named = {name for name in vars(types) if typing.get_origin(getattr(types, name)) is typing.Annotated}
    others = {
        "OnlyFalse",
        "OnlyTrue",
        "Cooldown",
        "Duration",
        "DurationOrZero",
        "Interval",
        "Quantity",
        "RunName",
        "WholeQuantity",
    }
    assert named - others == GOOD.keys() == BAD.keys()


def test_the_words_of_a_pattern_tell_an_example_that_fits_it():
    for pattern, words in types.PATTERN_WORDS.items():
        example = re.search(r"such as (\S+?)(?: with .*| \(.*|, .*)?$", words)
        if example and "<" not in words and '"' not in words and " or " not in words:
            assert re.fullmatch(pattern.strip("^$") if "|" not in pattern else pattern, example[1]), words
