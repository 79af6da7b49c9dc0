"""The parameters in the URL of a Prometheus: which go with every request, and which must not."""

import pytest

from validationrun.oracle.prometheus_url import server_of, split_parameters


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a:9090", ("http://a:9090", "")),
        ("http://a:9090/x/?", ("http://a:9090/x/", "")),
        ("http://a/?namespace=eng-toy", ("http://a/", "namespace=eng-toy")),
        ("http://a?dedup=true&replicaLabels[]=b", ("http://a", "dedup=true&replicaLabels%5B%5D=b")),
        ("http://a?deny_partial_response=1&x=", ("http://a", "deny_partial_response=1&x=")),
        ("http://a?extra_label=team%3Da%26b", ("http://a", "extra_label=team%3Da%26b")),
        ("http://a?namespace=b#c", ("http://a#c", "namespace=b")),
        # The server is what stands before the question mark.
        ("http://a?x=@b", ("http://a", "x=%40b")),
    ],
)
def test_server_and_parameters(url: str, expected: tuple[str, str]) -> None:
    assert split_parameters(url) == expected
    assert server_of(url) == expected[0]


@pytest.mark.parametrize(
    "name",
    ["query", "Query", "time", "match[]", "match%5B%5D", "exclude_alerts", "lookback_delta", "round_digits", "limit"],
)
def test_what_a_question_sets_itself_is_refused(name: str) -> None:
    """Else the answer would be that of another question, and alerts without their instances never fire."""
    with pytest.raises(ValueError, match="must not set"):
        split_parameters(f"http://a?namespace=b&{name}=1")


@pytest.mark.parametrize("name", ["token", "authKey", "password"])
def test_a_secret_is_refused_and_not_shown(name: str) -> None:
    """URLs are stored, and shown in reports."""
    with pytest.raises(ValueError, match="headers file") as raised:
        split_parameters(f"http://a?{name}=s3cret")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("query", ["namespace", "a=b&c", "a=%ff", "&".join(["a=b"] * 17), f"a={'b' * 2100}"])
def test_what_is_no_short_list_of_pairs_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="the parameters in the URL of Prometheus"):
        split_parameters(f"http://a?{query}")
