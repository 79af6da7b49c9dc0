"""Keys and certificates of the cluster: its own authority, one certificate for each part."""

import base64
import json
from pathlib import Path
from typing import Final

from tests.cluster.host import run
from tests.cluster.layout import API_PORT, CONFIG, DOMAIN, FIRST_SERVICE, HOST, NODE, PKI

_DAYS: Final = "30"
_CLIENTS: Final = {
    "admin": ("kubernetes-admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
    "apiserver-kubelet": ("kube-apiserver-kubelet", "system:masters"),
}
_SERVER_NAMES: Final = (
    "DNS:kubernetes",
    "DNS:kubernetes.default",
    "DNS:kubernetes.default.svc",
    f"DNS:kubernetes.default.svc.{DOMAIN}",
    "DNS:localhost",
    "IP:127.0.0.1",
    f"IP:{HOST}",
    f"IP:{FIRST_SERVICE}",
)


def make() -> None:
    """All of it, once."""
    if (PKI / "done").exists():
        return
    PKI.mkdir(parents=True, exist_ok=True)
    PKI.chmod(0o700)
    CONFIG.mkdir(parents=True, exist_ok=True)
    _key("ca")
    run(
        "openssl",
        "req",
        "-x509",
        "-new",
        "-key",
        str(PKI / "ca.key"),
        "-subj",
        "/CN=validationrun-cluster",
        "-days",
        _DAYS,
        "-out",
        str(PKI / "ca.crt"),
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    )
    run("openssl", "genrsa", "-out", str(PKI / "service-account.key"), "2048")
    run("openssl", "rsa", "-in", str(PKI / "service-account.key"), "-pubout", "-out", str(PKI / "service-account.pub"))
    _certificate("apiserver", "kube-apiserver", "", "serverAuth", _SERVER_NAMES)
    for name, (user, group) in _CLIENTS.items():
        _certificate(name, user, group, "clientAuth", ())
        kubeconfig(name, CONFIG / f"{name}.kubeconfig")
    (PKI / "done").touch()


def _key(name: str) -> None:
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(PKI / f"{name}.key"))


def _certificate(name: str, user: str, group: str, usage: str, names: tuple[str, ...]) -> None:
    _key(name)
    subject = (f"/O={group}" if group else "") + f"/CN={user}"
    request, extensions = PKI / f"{name}.csr", PKI / f"{name}.ext"
    lines = [f"extendedKeyUsage={usage}", "keyUsage=digitalSignature"]
    extensions.write_text("\n".join(lines + ([f"subjectAltName={','.join(names)}"] if names else [])) + "\n")
    run("openssl", "req", "-new", "-key", str(PKI / f"{name}.key"), "-subj", subject, "-out", str(request))
    run(
        "openssl",
        "x509",
        "-req",
        "-in",
        str(request),
        "-CA",
        str(PKI / "ca.crt"),
        "-CAkey",
        str(PKI / "ca.key"),
        "-CAcreateserial",
        "-days",
        _DAYS,
        "-extfile",
        str(extensions),
        "-out",
        str(PKI / f"{name}.crt"),
    )


def kubeconfig(name: str, path: Path) -> None:
    """A kubeconfig of that client's certificate, everything inside."""

    def data(file: str) -> str:
        return base64.b64encode((PKI / file).read_bytes()).decode()

    server = {"server": f"https://{HOST}:{API_PORT}", "certificate-authority-data": data("ca.crt")}
    user = {"client-certificate-data": data(f"{name}.crt"), "client-key-data": data(f"{name}.key")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "validationrun",
        "clusters": [{"name": "validationrun", "cluster": server}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "validationrun", "context": {"cluster": "validationrun", "user": name}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2))
    path.chmod(0o600)
