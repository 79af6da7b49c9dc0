"""The way to the API server from inside a pod, over real TLS."""

import pathlib
import urllib.parse

import pytest

from http_helpers import Reply, Request, serving
from prometheus.certificates import Authority
from validationrun.kube.api_server import ApiServer, NoClusterError, UnreachableError
from validationrun.kube.pod_account import PodAccount


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def folder(tmp_path: pathlib.Path, authority: Authority) -> pathlib.Path:
    """What Kubernetes mounts."""
    (tmp_path / "ca.crt").write_bytes(authority.ca.read_bytes())
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "namespace").write_text("eng-ada\n")
    return tmp_path


def environment(url: str) -> dict[str, str]:
    parts = urllib.parse.urlsplit(url)
    return {"KUBERNETES_SERVICE_HOST": parts.hostname or "", "KUBERNETES_SERVICE_PORT": str(parts.port)}


def test_each_request_bears_the_token_of_its_moment(folder: pathlib.Path, authority: Authority) -> None:
    seen: list[Request] = []

    def reply(request: Request) -> Reply:
        seen.append(request)
        return Reply()

    with serving(reply, authority.certificate().context()) as url:
        account = PodAccount(folder, environment(url))
        server = ApiServer(account, patience_s=0)
        server.ask("GET", "/api/v1/pods")
        (folder / "token").write_text("second")
        server.ask("POST", "/api/v1/pods", body={})
    assert server.url == url
    assert account.namespace == "eng-ada"
    assert [one.headers["Authorization"] for one in seen] == ["Bearer first", "Bearer second"]
    assert seen[1].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("wrong", ["authority", "name", "expired"])
def test_a_server_that_its_ca_does_not_vouch_for_never_sees_the_token(
    folder: pathlib.Path, authority: Authority, tmp_path: pathlib.Path, wrong: str
) -> None:
    seen: list[Request] = []

    def reply(request: Request) -> Reply:
        seen.append(request)
        return Reply()

    certificate = {
        "authority": lambda: Authority(tmp_path / "other").certificate(),
        "name": lambda: authority.certificate("DNS:elsewhere.example.com"),
        "expired": lambda: authority.certificate(days=-1),
    }[wrong]()
    with serving(reply, certificate.context()) as url:
        server = ApiServer(PodAccount(folder, environment(url)), patience_s=0)
        with pytest.raises(UnreachableError, match="certificate verify failed"):
            server.ask("GET", "/api/v1/pods")
    assert seen == []


@pytest.mark.parametrize(("host", "url"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")])
def test_an_address_of_either_family(folder: pathlib.Path, host: str, url: str) -> None:
    account = PodAccount(folder, {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"})
    assert account.url == url


@pytest.mark.parametrize("missing", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_outside_of_a_pod(folder: pathlib.Path, missing: str) -> None:
    given = environment("https://10.0.0.1:443")
    del given[missing]
    with pytest.raises(NoClusterError, match="not inside a pod with a service account"):
        PodAccount(folder, given)


@pytest.mark.parametrize("name", ["token", "ca.crt"])
@pytest.mark.parametrize("text", [None, "\n"])
def test_an_account_that_is_not_mounted(folder: pathlib.Path, name: str, text: str | None) -> None:
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(NoClusterError, match=f"not inside a pod with a service account: .*{name}"):
        PodAccount(folder, environment("https://10.0.0.1:443"))


def test_a_namespace_that_is_not_mounted(folder: pathlib.Path) -> None:
    (folder / "namespace").unlink()
    assert PodAccount(folder, environment("https://10.0.0.1:443")).namespace == ""
