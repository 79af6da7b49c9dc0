"""
What a case needs of its namespace before its run is submitted, by name.

Each is called once the access files are in force, unless it is an early one, and gives arguments for `submit`, or none.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.e2e.front_prometheus import front_prometheus
from tests.e2e.world import KINDS, World, until

from validationrun.kube.cluster import (
    NAMESPACES,
    PROMETHEUS_RULES,
    SEI_NETWORKS,
    SEI_NODE_DEPLOYMENTS,
    SEI_NODES,
    SERVICE_ACCOUNTS,
    Cluster,
    Object,
    Resource,
)

Setup = Callable[[World, Mapping[str, Any]], list[str] | None]
SETUPS: dict[str, Setup] = {}
EARLY: set[str] = set()
IMAGE: Final = "localhost/validationrun/chain:test"


def setup(name: str, *, early: bool = False) -> Callable[[Setup], Setup]:
    """
    A decorator: the name by which cases.yaml calls it.

    Args:
        early: before the access files are applied, which need what it makes.
    """

    def register(function: Setup) -> Setup:
        assert name not in SETUPS
        SETUPS[name] = function
        if early:
            EARLY.add(name)
        return function

    return register


@setup("front-prometheus")
def with_front_prometheus(world: World, options: Mapping[str, Any]) -> list[str]:
    """The run asks Prometheus through a forwarder of its own, which a fault can end."""
    del options
    return ["--set", f"prometheus-url={front_prometheus(world)}"]


@setup("no-account")
def no_account(world: World, options: Mapping[str, Any]) -> None:
    """A tenant who has not created the account `NAMESPACE-{suffix}`."""
    assert world.cluster.delete(SERVICE_ACCOUNTS, f"{world.namespace}-{options['suffix']}")


@setup("role-without")
def role_without(world: World, options: Mapping[str, Any]) -> None:
    """The steps' Role lacks a `verb` on a `resource`."""
    name = f"e2e-{options['account']}"
    role = world.cluster.get(KINDS["Role"], name)
    assert role is not None, name
    lacking = 0
    for rule in role["rules"]:
        if options["resource"] in rule["resources"] and options["verb"] in rule["verbs"]:
            rule["verbs"].remove(options["verb"])
            lacking += 1
    assert lacking, role["rules"]
    world.cluster.patch(KINDS["Role"], name, {"rules": [one for one in role["rules"] if one["verbs"]]})


@setup("namespace-labels")
def namespace_labels(world: World, options: Mapping[str, Any]) -> None:
    """Labels of the namespace, such as those by which Pod Security is enforced."""
    world.cluster.patch(NAMESPACES, world.namespace, {"metadata": {"labels": dict(options["labels"])}})


@setup("foreign-alert", early=True)
def foreign_alert(world: World, options: Mapping[str, Any]) -> None:
    """An alert in the namespace NAMESPACE-foreign, which does not share its rules."""
    del options
    name = f"{world.namespace}-foreign"
    world.cluster.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    world.elsewhere.append((world.cluster, NAMESPACES, name))
    _alert(world.cluster.within(name), "test-alerts", "TestChainHalted")


@setup("own-alert")
def own_alert(world: World, options: Mapping[str, Any]) -> None:
    """
    A PrometheusRule `name` of the namespace's own, with an `alert`. This cluster has nobody who would load it.

    Group and `for` are those of the cluster's test alert where nothing else is said.
    """
    _alert(world.cluster, options["name"], options["alert"], options.get("for", "10s"))


def _alert(cluster: Cluster, name: str, alert: str, for_: str = "10s") -> None:
    rule = {"alert": alert, "expr": "vector(1)", "for": for_}
    body = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name},
        "spec": {"groups": [{"name": "validationrun-tests", "rules": [rule]}]},
    }
    cluster.create(PROMETHEUS_RULES, body)


@setup("existing-chain")
def existing_chain(world: World, options: Mapping[str, Any]) -> None:
    """A chain with this `id` that belongs to no run, once its blocks come."""
    chain = options["id"]
    validators = _deployment(f"{chain}-val", chain, {"validator": {}})
    validators["spec"]["genesis"] = {"chainId": chain}
    validators["spec"]["template"]["spec"]["peers"] = [{"label": {"selector": {"sei.io/chain-id": chain}}}]
    full = _deployment(f"{chain}-rpc", chain, {"fullNode": {}})
    selector = {"sei.io/nodedeployment": f"{chain}-val"}
    full["spec"]["template"]["spec"]["peers"] = [{"label": {"selector": selector}}]
    bring_up(world, [validators, full])


@setup("leaving-chain")
def leaving_chain(world: World, options: Mapping[str, Any]) -> None:
    """
    The validators of a chain with this `id` that belonged to no run. Their object is gone, they live on for `linger`.

    With `api` SeiNetwork also a full node, which lives on for longer.
    """
    chain, linger = options["id"], {"test.operator.linger": options["linger"]}
    if options.get("api") == "SeiNetwork":
        full = _full_node(f"{chain}-rpc-0", chain, {"test.operator.linger": "40s"})
        bring_up(world, [_network(f"{chain}-val", chain, linger), full])
        assert world.cluster.delete(SEI_NETWORKS, f"{chain}-val")
        assert world.cluster.delete(SEI_NODES, f"{chain}-rpc-0")
        return
    validators = _deployment(f"{chain}-val", chain, {"validator": {}})
    validators["spec"]["genesis"] = {"chainId": chain}
    validators["spec"]["template"]["spec"]["overrides"] = linger
    bring_up(world, [validators])
    assert world.cluster.delete(SEI_NODE_DEPLOYMENTS, f"{chain}-val")


def bring_up(world: World, objects: Sequence[Object]) -> None:
    """A chain without a run: each object is created as soon as the one before is Ready, or a SeiNode Running."""
    for body in objects:
        name = body["metadata"]["name"]
        world.cluster.create(KINDS[body["kind"]], body)
        until(f"{name} is Ready", functools.partial(_is_ready, world, KINDS[body["kind"]], name), 120)


def _deployment(name: str, chain: str, role: Mapping[str, Any]) -> Object:
    template = {
        "metadata": {"labels": {"sei.io/chain-id": chain}},
        "spec": {"chainId": chain, "image": IMAGE, **role},
    }
    return {
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNodeDeployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "updateStrategy": {"type": "InPlace"}, "template": template},
    }


def _network(name: str, chain: str, overrides: Mapping[str, str]) -> Object:
    spec = {"image": IMAGE, "replicas": 1, "genesis": {"chainId": chain}, "configOverrides": dict(overrides)}
    return {
        "apiVersion": "sei.io/v1alpha1",
        "kind": "SeiNetwork",
        "metadata": {"name": name},
        "spec": {**spec, "deletionPolicy": "Delete"},
    }


def _full_node(name: str, chain: str, overrides: Mapping[str, str]) -> Object:
    peers = [{"label": {"selector": {"sei.io/seinetwork": f"{chain}-val"}}}]
    spec = {"chainId": chain, "image": IMAGE, "fullNode": {}, "peers": peers, "overrides": dict(overrides)}
    return {"apiVersion": "sei.io/v1alpha1", "kind": "SeiNode", "metadata": {"name": name}, "spec": spec}


def _is_ready(world: World, resource: Resource, name: str) -> bool:
    found = world.cluster.get(resource, name) or {}
    return (found.get("status") or {}).get("phase") in ("Ready", "Running")


@setup("foreign-chain")
def foreign_chain(world: World, options: Mapping[str, Any]) -> None:
    """
    A SeiNodeDeployment of somebody else's, by the `name` of one that the run would make, with all that comes of it: or, by `api`,
    a SeiNetwork.
    """
    name = options["name"]
    body = _deployment(name, "other", {"validator": {}})
    if options.get("api") == "SeiNetwork":
        fails = {"ceremony_fails": "true", "fail": "no disk", "fail_task": "generate-gentx"}
        body = _network(name, "other", {f"test.operator.{key}": value for key, value in fails.items()})
    resource = KINDS[body["kind"]]
    world.cluster.create(resource, body)

    def is_settled() -> bool:
        slices = [one for one in world.holdings() if one.startswith(f"endpointslices/{name}-internal-")]
        found = world.cluster.get(resource, name) or {}
        # Its validators have no genesis to start with.
        return bool(slices) and (found.get("status") or {}).get("phase") == "Failed"

    until(f"{name} is settled", is_settled, 60)
