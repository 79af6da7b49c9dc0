"""Token and headers go to one server alone."""

import pathlib

import pytest

from validationrun.prometheus.access import Access, CredentialsError

HOME = "https://prometheus.example.com/tenant"


@pytest.fixture
def access(tmp_path: pathlib.Path) -> Access:
    token = tmp_path / "token"
    token.write_text("secret")
    return Access(token_file=token).only_for(HOME)


@pytest.mark.parametrize(
    "url",
    [
        HOME, f"{HOME}?namespace=eng-toy", "https://prometheus.example.com", "https://Prometheus.Example.Com:443/other",
    ],
)  # fmt: skip
def test_the_server_itself_gets_them(access: Access, url: str) -> None:
    assert access.headers(url) == {"Authorization": "Bearer secret"}


@pytest.mark.parametrize(
    "url",
    [
        "http://prometheus.example.com",
        "https://prometheus.example.com:9090",
        "https://prometheus.example.com.evil.example.org",
        "https://elsewhere.example.org/tenant",
        "https://elsewhere.example.org?x=@prometheus.example.com",
        "https://elsewhere.example.org?x=//prometheus.example.com/tenant",
        "https://prometheus.example.com?query=up",
        "no url",
    ],
)
def test_another_scheme_port_or_host_gets_no_request(access: Access, url: str) -> None:
    with pytest.raises(CredentialsError, match="Prometheus was not asked: the credentials for Prometheus are for"):
        access.headers(url)


def test_parameters_beside_the_bound_server_change_nothing(tmp_path: pathlib.Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    bound = Access(token_file=token).only_for(f"{HOME}?namespace=eng-toy")
    assert bound.refusal(HOME) == bound.refusal(f"{HOME}?namespace=eng-other") == ""
    assert bound.refusal("https://elsewhere.example.org?namespace=eng-toy") != ""


def test_headers_are_bound_as_the_token_is(tmp_path: pathlib.Path) -> None:
    headers = tmp_path / "headers"
    headers.write_text("X-Scope-OrgID: tenant")
    bound = Access(headers_file=headers).only_for(HOME)
    assert bound.headers(HOME) == {"X-Scope-OrgID": "tenant"}
    assert bound.refusal("https://elsewhere.example.org") != ""


def test_a_ca_is_no_secret(tmp_path: pathlib.Path) -> None:
    assert Access(ca_file=tmp_path / "ca.crt").only_for(HOME).refusal("https://elsewhere.example.org") == ""
