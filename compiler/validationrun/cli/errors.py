"""Faults of a cluster in words that a person can act on."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from validationrun.cli.console import usage_error

if TYPE_CHECKING:
    from validationrun.kube.cluster import ClusterError

_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = 404
_DENIED: Final = re.compile(
    r'User "(?P<who>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?'
)
_NO_NAMESPACE: Final = re.compile(r'namespaces "(?P<namespace>[^"]*)" not found')


@contextmanager
def cluster_errors() -> Iterator[None]:
    """A fault of the cluster, or a refusal of ours, becomes one line and exit 2."""
    from validationrun.contract.owned_record import RecordError
    from validationrun.kube.cluster import ClusterError, NoClusterError
    from validationrun.runs.submit import Refused

    try:
        yield
    except ClusterError as error:
        raise usage_error(explain(error)) from None
    except (NoClusterError, RecordError, Refused) as error:
        raise usage_error(str(error)) from None


def explain(error: "ClusterError") -> str:
    """The API server's own words, and the way out where they do not say it."""
    from validationrun.kube.cluster import ForbiddenError, UnreachableError

    text = str(error)
    if isinstance(error, UnreachableError):
        return f"the API server does not answer: {text}"
    if isinstance(error, ForbiddenError) and error.status == _UNAUTHORIZED:
        return f"the cluster does not accept these credentials ({text}): log in again, or choose another --context"
    if isinstance(error, ForbiddenError) and (denied := _DENIED.search(text)):
        return _how_to_get(denied)
    if found := _NO_NAMESPACE.search(text):
        return f"there is no namespace {found['namespace']}"
    if error.status == _NOT_FOUND and not error.reason:
        # The answer for a kind that nobody installed is no Status document.
        return f"this cluster does not know the kind that was asked for ({text}): is Argo Workflows installed on it?"
    return text


def _how_to_get(denied: re.Match[str]) -> str:
    """Who lacks which verb on which resource where, and what its administrator types."""
    who, namespace = denied["who"], denied["namespace"]
    resource = denied["resource"]
    if denied["group"]:
        plural, slash, sub = resource.partition("/")
        resource = f"{plural}.{denied['group']}{slash}{sub}"
    role, where = ("role", f"in namespace {namespace}") if namespace else ("clusterrole", "in all namespaces")
    option = f" -n {namespace}" if namespace else ""
    account = re.fullmatch(r"system:serviceaccount:([^:]+):([^:]+)", who)
    subject = f"--serviceaccount={account[1]}:{account[2]}" if account else f"--user={shlex.quote(who)}"
    name = f"validationrun-{denied['verb']}-{denied['resource'].replace('/', '-')}"
    return (
        f"{who} may not {denied['verb']} {resource} {where}; whoever administers it allows that by "
        f"`kubectl create {role} {name}{option} --verb={denied['verb']} --resource={resource}` and "
        f"`kubectl create {role}binding {name}{option} --{role}={name} {subject}`"
    )
