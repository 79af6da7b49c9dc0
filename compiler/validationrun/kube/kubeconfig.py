"""Cluster, user and namespace: from the kubeconfig, as for kubectl, or from the pod's service account."""

import os
from collections.abc import Mapping
from typing import Any, Final

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.config.kube_config import KubeConfigMerger

from validationrun.kube.api_server import Access, NoClusterError
from validationrun.kube.pod_account import PodAccount

_HOME: Final = "~/.kube/config"
_MOST_NAMED: Final = 10


class KubeconfigAccess:
    """An Access from the settings of a kubeconfig."""

    def __init__(self, settings: Configuration) -> None:
        # `ApiServer` retries, and knows which faults pass.
        settings.retries = False
        self.settings = settings
        self._client = ApiClient(configuration=settings)

    @property
    def url(self) -> str:
        return str(self.settings.host)

    @property
    def pool(self) -> urllib3.PoolManager:
        pool: urllib3.PoolManager = self._client.rest_client.pool_manager
        return pool

    def headers(self) -> dict[str, str]:
        """The authorization by token, password or credential program, which runs again once its token has expired."""
        headers: dict[str, str] = {}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        return headers


def of_user(context: str | None) -> tuple[Access, str]:
    """
    Access and namespace: from the kubeconfig; in a pod without kubeconfig, from its service account.

    Args:
        context: of the kubeconfig; None for its current one.

    Raises:
        NoClusterError
    """
    # Read here, because the library reads the variable only when it is imported.
    file = os.environ.get("KUBECONFIG") or _HOME
    kubeconfig = _read(file)
    if kubeconfig is None:
        if context is not None:
            raise NoClusterError(f"no kubeconfig: there is no {file}, so no context {context}")
        return _of_pod_without(file)
    contexts, current = kubeconfig
    chosen = context or current
    if chosen not in contexts:
        raise NoClusterError(_no_context(file, chosen, sorted(contexts)))
    settings = Configuration()
    try:
        config.load_kube_config(file, chosen, settings)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - whatever a file of somebody else's makes the library raise
        raise NoClusterError(f"kubeconfig {file}, context {chosen}: {_words(error)}") from None
    return KubeconfigAccess(settings), contexts[chosen].get("namespace") or "default"


def _read(file: str) -> tuple[dict[str, Mapping[str, Any]], str] | None:
    """The contexts of the merged kubeconfig by name, and the current context; None when there is no kubeconfig."""
    try:
        merged = KubeConfigMerger(file).config  # type: ignore[no-untyped-call]
        if merged is None:
            return None
        entries = [entry.value for entry in merged.value.get("contexts") or []]
        contexts: dict[str, Mapping[str, Any]] = {str(entry["name"]): entry.get("context") or {} for entry in entries}
        return contexts, str(merged.value.get("current-context") or "")
    except Exception as error:  # noqa: BLE001 - whatever a file of somebody else's makes the library raise
        raise NoClusterError(f"kubeconfig {file} cannot be read: {_words(error)}") from None


def _of_pod_without(file: str) -> tuple[Access, str]:
    try:
        account = PodAccount()
    except NoClusterError:
        message = f"no kubeconfig: there is no {file}, and this is not inside a pod; set KUBECONFIG to yours"
        raise NoClusterError(message) from None
    return account, account.namespace or "default"


def _no_context(file: str, chosen: str, contexts: list[str]) -> str:
    known = ", ".join(contexts[:_MOST_NAMED]) + (", ..." if len(contexts) > _MOST_NAMED else "")
    there_are = f"it has {known}" if known else "it has none"
    if not chosen and not contexts:
        return f"kubeconfig {file} has no context"
    if not chosen:
        return f"kubeconfig {file} has no current context; choose one by --context: {there_are}"
    return f"kubeconfig {file} has no context {chosen}; {there_are}"


def _words(error: Exception) -> str:
    """A library's message on one line."""
    return " ".join(str(error).removeprefix("Invalid kube-config file. ").split()) or type(error).__name__
