"""
Access to the API server from inside a pod, as its service account.

It uses urllib3 alone because every step loads it: the Kubernetes library would load its kubeconfig code, which costs more
processor time than the rest of a small step's start.
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Final

import urllib3

from validationrun.kube.api_server import NoClusterError

_FOLDER: Final = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")


class PodAccount:
    """
    An Access to the API server of this pod's cluster.

    Args:
        folder: where Kubernetes mounts the account's token, the API server's CA and the pod's namespace.

    Raises:
        NoClusterError: not inside a pod, or the pod's account is not mounted.
    """

    def __init__(self, folder: pathlib.Path | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._folder = folder or _FOLDER
        host = environment.get("KUBERNETES_SERVICE_HOST")
        port = environment.get("KUBERNETES_SERVICE_PORT")
        if not host or not port:
            raise NoClusterError("not inside a pod with a service account: KUBERNETES_SERVICE_HOST is not set")
        # Checked here: urllib3 reports an unreadable CA only as a failed request, which would be retried.
        authority = self._folder / "ca.crt"
        self._read("ca.crt")
        self.headers()
        self.url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        self.pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(authority))

    @property
    def namespace(self) -> str:
        """The pod's namespace; empty when it is not mounted."""
        try:
            return (self._folder / "namespace").read_text().strip()
        except OSError:
            return ""

    def headers(self) -> dict[str, str]:
        """The present token, read each time because the kubelet replaces it before it expires."""
        return {"Authorization": f"Bearer {self._read('token')}"}

    def _read(self, name: str) -> str:
        try:
            text = (self._folder / name).read_text().strip()
        except (OSError, ValueError) as error:
            raise NoClusterError(f"not inside a pod with a service account: {error}") from None
        if not text:
            raise NoClusterError(f"not inside a pod with a service account: {self._folder / name} is empty")
        return text
