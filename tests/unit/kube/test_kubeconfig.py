"""Which cluster, as whom, in which namespace; what is wrong with a kubeconfig is told in tests/cli/test_cluster_errors.py."""

import json
import pathlib

import pytest

from validationrun.kube import kubeconfig, pod_account
from validationrun.kube.cluster import Cluster


def write(path: pathlib.Path, name: str, *, namespace: str | None = None, current: bool = True) -> pathlib.Path:
    context = {"cluster": name, "user": name, **({"namespace": namespace} if namespace else {})}
    document = {
        **({"current-context": name} if current else {}),
        "clusters": [{"name": name, "cluster": {"server": f"http://{name}:1"}}],
        "users": [{"name": name, "user": {"token": f"token-of-{name}"}}],
        "contexts": [{"name": name, "context": context}],
    }
    path.write_text(json.dumps(document))
    return path


def test_the_current_context_and_its_namespace(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "a", "prod", namespace="eng-ada")))
    cluster = Cluster.outside(None, None)
    assert (cluster.server, cluster.namespace) == ("http://prod:1", "eng-ada")
    assert Cluster.outside(None, "other").namespace == "other"


def test_a_context_without_a_namespace_stands_in_default(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "a", "prod")))
    assert Cluster.outside(None, None).namespace == "default"


def test_several_files_are_merged_and_one_that_is_missing_is_left_out(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / "none", write(tmp_path / "a", "prod"), write(tmp_path / "b", "stage", current=False)]
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, files)))
    assert Cluster.outside(None, None).server == "http://prod:1"
    assert Cluster.outside("stage", None).server == "http://stage:1"


@pytest.fixture
def mounted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """As inside a pod: the folder of its account, and where its API server is."""
    folder = tmp_path / "account"
    folder.mkdir()
    for name in ("ca.crt", "token"):
        (folder / name).write_text(name)
    monkeypatch.setattr(pod_account, "_FOLDER", folder)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


@pytest.mark.parametrize(("namespace", "expected"), [("eng-ada\n", "eng-ada"), (None, "default")])
def test_inside_a_pod_its_own_namespace(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    mounted: pathlib.Path,
    namespace: str | None,
    expected: str,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    if namespace is not None:
        (mounted / "namespace").write_text(namespace)
    cluster = Cluster.outside(None, None)
    assert (cluster.server, cluster.namespace) == ("https://10.0.0.1:443", expected)
    # A context is a kubeconfig's: that of a pod has none.
    with pytest.raises(kubeconfig.NoClusterError, match="so no context prod"):
        Cluster.outside("prod", None)


def test_a_kubeconfig_wins_over_the_pod_it_is_in(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, mounted: pathlib.Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "a", "prod")))
    assert Cluster.outside(None, None).server == "http://prod:1"
