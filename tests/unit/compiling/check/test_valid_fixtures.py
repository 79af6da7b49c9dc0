import pathlib

import pytest

from helpers import BYTES, VALID, findings_of, shown


@pytest.mark.parametrize("fixture", [*VALID, *BYTES], ids=lambda fixture: fixture.stem)
def test_a_valid_spec_has_no_finding_at_all(fixture: pathlib.Path):
    assert shown(findings_of(fixture)) == "\n"


def test_the_byte_fixtures_still_hold_their_bytes():
    """An editor or git could take them away without a word."""
    content = {fixture.stem: fixture.read_bytes() for fixture in BYTES}
    assert content["crlf"].count(b"\r\n") == content["crlf"].count(b"\n") > 0
    assert content["bom"].startswith(b"\xef\xbb\xbf")
    assert b"\xe2\x80\xa8" in content["unicode-line-ends"]
    assert not content["no-last-newline"].endswith(b"\n")
