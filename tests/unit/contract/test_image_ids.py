"""The image that a container really ran, in the forms in which runtimes write it."""

import pytest

from validationrun.contract.image_ids import agreed, different, image_id, short_digest

A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"docker-pullable://r.example/sei/seid@sha256:{A}", f"r.example/sei/seid@sha256:{A}"),
        (f"docker://sha256:{A}", f"sha256:{A}"),
        (f"r.example:5000/sei/seid@sha256:{A}", f"r.example:5000/sei/seid@sha256:{A}"),
        (f"sha256:{A}", f"sha256:{A}"),
        (A, A),
        ("", ""),
        ("a\x1b[31m", "a\\x1b[31m"),
    ],
)
def test_the_runtimes_text_stands_without_its_scheme(text: str, expected: str) -> None:
    assert image_id(text) == expected


def test_a_long_text_is_cut() -> None:
    assert len(image_id("x" * 5000).encode()) == 500


def test_one_image_of_all_pods() -> None:
    assert agreed([f"r/seid@sha256:{A}", "", f"r/seid@sha256:{A}"]) == (f"r/seid@sha256:{A}", [])


def test_a_mirror_has_the_same_image() -> None:
    assert agreed([f"r/seid@sha256:{A}", f"mirror/seid@sha256:{A}"]) == (f"mirror/seid@sha256:{A}", [])


def test_pods_that_differ_are_never_the_first() -> None:
    """In whichever order they are read."""
    pods = [f"r/seid@sha256:{B}", f"r/seid@sha256:{A}", f"r/seid@sha256:{B}"]
    assert agreed(pods) == agreed(reversed(pods)) == (None, [f"r/seid@sha256:{A}", f"r/seid@sha256:{B}"])


def test_none_is_known() -> None:
    assert agreed(["", ""]) == (None, [])


def test_at_most_eight_are_named() -> None:
    assert len(different(map(str, range(20)))) == 8


@pytest.mark.parametrize(
    ("text", "expected"), [(f"r@sha256:0123456789abcdef{'0' * 48}", "0123456789ab"), ("r:v1", ""), (A, "")]
)
def test_a_short_digest_is_for_people(text: str, expected: str) -> None:
    assert short_digest(text) == expected
