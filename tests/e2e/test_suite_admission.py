"""
What the account of a suite may do with the policies of access-cluster.yaml in force: eight attempts that a real API server
refuses, and the requests that suite-member and suite-finalize make, which it admits.

Needs no pod: the Workflows here have a template, and no controller of this namespace acts before they are deleted.
"""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3
import yaml
from tests.e2e.running import BASE
from tests.e2e.world import World, documents, merge, until

from validationrun.base import conventions
from validationrun.contract.argo_phase import STOP
from validationrun.contract.new_workflow import new_workflow
from validationrun.contract.owned_record import Identity
from validationrun.contract.suite_json import PlannedMember, read_suite
from validationrun.kube.api_server import Access, ApiServer
from validationrun.kube.cluster import (
    CONFIG_MAPS,
    WORKFLOW_TEMPLATES,
    WORKFLOWS,
    Cluster,
    ClusterError,
    Object,
)
from validationrun.steps.suite_members import member_workflow

Edit = Callable[[Object], Any]

_SECONDS: Final = 90
"""How long the API server may take until it applies new policies and rights."""

_HELD: Final = {"suspend": True}
"""Keeps Argo from starting pods of what the administrator of this test creates."""


class _Impersonation:
    """An administrator's access, as another user."""

    def __init__(self, access: Access, user: str) -> None:
        self._access, self._user = access, user

    @property
    def url(self) -> str:
        return self._access.url

    @property
    def pool(self) -> urllib3.PoolManager:
        return self._access.pool

    def headers(self) -> dict[str, str]:
        return {**self._access.headers(), "Impersonate-User": self._user}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.open("suite-admission") as opened:
        yield opened


@pytest.fixture(scope="module")
def suite(world: World, tmp_path_factory: pytest.TempPathFactory) -> "Suite":
    return Suite(world, tmp_path_factory.mktemp("suite"))


class Suite:
    """A suite of two runs, with its rights and policies in force, and its own Workflow, which waits."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.name = world, "gate"
        run = merge(merge(BASE, {"metadata": {"namespace": world.namespace}}), {})
        spec = yaml.safe_load(yaml.safe_dump(run).replace("NAMESPACE", world.namespace))["spec"]
        document = {
            "apiVersion": conventions.API_VERSION,
            "kind": conventions.KIND_SUITE,
            "metadata": {"name": self.name, "namespace": world.namespace},
            "spec": {"runs": [{"name": "a", "spec": spec}, {"name": "b", "spec": spec}]},
        }
        (folder / "suite.yaml").write_text(yaml.safe_dump(document))
        done = world.run_offline("compile", str(folder / "suite.yaml"), "--out", str(folder / "out"))
        assert done.returncode == 0, done.stderr
        out = folder / "out" / world.namespace
        world.grant(out / self.name)
        for name in (self.name, f"{self.name}-a", f"{self.name}-b"):
            (template,) = documents((out / name / "workflowtemplate.yaml").read_text())
            world.cluster.create(WORKFLOW_TEMPLATES, template)
        (bundle,) = documents((out / self.name / "bundle.yaml").read_text())
        self.document = read_suite(bundle["data"])
        own = new_workflow(self.name, world.namespace, "0" * 64, {}, "", suite=True).object
        own = merge(own, {"spec": _HELD})
        self.workflow = world.cluster.create(WORKFLOWS, own)
        self.identity = Identity(self.workflow["metadata"]["name"], self.workflow["metadata"]["uid"], world.namespace)
        self.account = self._as_account(f"{world.namespace}-validation-suite")
        until("the policies are in force", self._refuses, _SECONDS)

    def _as_account(self, name: str) -> Cluster:
        user = f"system:serviceaccount:{self.world.namespace}:{name}"
        return Cluster(
            ApiServer(_Impersonation(self.world.cluster._api._access, user), patience_s=5), self.world.namespace
        )

    def _refuses(self) -> bool:
        """Whether both policies are at work, and the account may create at all."""
        return all("ValidatingAdmissionPolicy" in self.refusal(edit) for edit in (_no_labels, _other_member))

    @property
    def member(self) -> PlannedMember:
        return self.document.members[0]

    def body(self, salt: int = 0) -> Object:
        """What suite-member creates."""
        return copy.deepcopy(member_workflow(self.identity, self.document, self.member, salt).object)

    def refusal(self, edit: Edit, namespace: str = "") -> str:
        """The words of the API server about a creation that must not succeed; empty when it did."""
        body = self.body(salt=99)
        edit(body)
        there = self.account.within(namespace) if namespace else self.account
        try:
            made = there.create(WORKFLOWS, body)
        except ClusterError as error:
            return str(error)
        self.world.cluster.delete(WORKFLOWS, made["metadata"]["name"])
        return ""

    def patch_refusal(self, name: str, patch: Object) -> str:
        try:
            self.account.patch(WORKFLOWS, name, patch)
        except ClusterError as error:
            return str(error)
        return ""

    def held_member(self) -> str:
        """A member's Workflow that Argo does not start, made by the administrator."""
        body = merge(self.body(salt=len(self.world.cluster.list(WORKFLOWS)) + 10), {"spec": _HELD})
        return str(self.world.cluster.create(WORKFLOWS, body)["metadata"]["name"])


def _no_labels(body: Object) -> None:
    body["metadata"]["labels"] = {}


def _other_member(body: Object) -> None:
    body["metadata"]["labels"][conventions.LABEL_SUITE_MEMBER] = "b"


def _other_template(body: Object) -> None:
    body["spec"]["workflowTemplateRef"]["name"] = "other"
    body["metadata"]["name"] = "other-xxxxx"


def _own_template(body: Object) -> None:
    body["spec"]["workflowTemplateRef"]["name"] = "gate"
    body["metadata"]["name"] = "gate-xxxxx"


def _cluster_template(body: Object) -> None:
    body["spec"]["workflowTemplateRef"]["clusterScope"] = True


def _other_image(body: Object) -> None:
    body["spec"]["arguments"]["parameters"].append({"name": "runner-image", "value": "registry.example.com/other:1"})


def _spec_of_its_own(body: Object) -> None:
    container = {"image": "registry.example.com/other:1", "command": ["sh"]}
    body["spec"] = {"entrypoint": "main", "templates": [{"name": "main", "container": container}]}


def _account_of_its_own(body: Object) -> None:
    body["spec"]["serviceAccountName"] = "default"


def _pod_patch(body: Object) -> None:
    body["spec"]["podSpecPatch"] = "hostNetwork: true"


def _foreign_label(body: Object) -> None:
    body["metadata"]["labels"]["example.com/team"] = "other"


def _other_suite(body: Object) -> None:
    body["metadata"]["labels"][conventions.LABEL_SUITE] = "other"


def _verdict_label(body: Object) -> None:
    body["metadata"]["labels"][conventions.LABEL_VERDICT] = "Passed"


def _no_owner(body: Object) -> None:
    del body["metadata"]["ownerReferences"]


def _other_owner(body: Object) -> None:
    body["metadata"]["ownerReferences"][0]["uid"] = "00000000-0000-0000-0000-000000000000"


def _other_bundle(body: Object) -> None:
    body["metadata"]["annotations"][conventions.ANNOTATION_BUNDLE_HASH] = "0" * 64


def _finalizer(body: Object) -> None:
    body["metadata"]["finalizers"] = ["example.com/stay"]


def _no_suite(body: Object) -> None:
    parameters = body["spec"]["arguments"]["parameters"]
    body["spec"]["arguments"]["parameters"] = [one for one in parameters if one["name"] != "suite"]


def _artifact(body: Object) -> None:
    body["spec"]["arguments"]["artifacts"] = [{"name": "x", "raw": {"data": "x"}}]


@pytest.mark.parametrize(
    "edit",
    [
        _other_template, _own_template, _cluster_template, _other_image, _spec_of_its_own, _account_of_its_own, _pod_patch,
        _foreign_label, _no_labels, _other_suite, _other_member, _verdict_label, _no_owner, _other_owner, _other_bundle,
        _finalizer, _no_suite, _artifact,
    ],
)  # fmt: skip
def test_the_account_starts_nothing_but_members(suite: Suite, edit: Edit) -> None:
    assert "ValidatingAdmissionPolicy" in suite.refusal(edit)


def test_the_account_starts_nothing_in_another_namespace(suite: Suite) -> None:
    def elsewhere(body: Object) -> None:
        body["metadata"]["namespace"] = "default"

    assert "cannot create resource" in suite.refusal(elsewhere, "default")


@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"serviceAccountName": "default"}},
        {"spec": {"shutdown": "Stop", "arguments": {"parameters": []}}},
        {"spec": {"shutdown": "Terminate"}},
        {"spec": {"workflowTemplateRef": {"name": "gate-b"}}},
        {"metadata": {"labels": {conventions.LABEL_VERDICT: "Passed"}}},
        {"metadata": {"labels": {conventions.LABEL_SUITE_MEMBER: None}}},
        {"metadata": {"annotations": {conventions.ANNOTATION_REASON: "AllPassed"}}},
        {"status": {"phase": "Succeeded"}},
    ],
)
def test_the_account_changes_nothing_of_a_member_but_to_stop_it(suite: Suite, patch: Object) -> None:
    name = suite.held_member()
    assert "ValidatingAdmissionPolicy" in suite.patch_refusal(name, patch)
    assert suite.patch_refusal(name, STOP) == ""


def test_the_account_takes_no_owner_from_a_member(suite: Suite) -> None:
    """Refused by the policy, or before it by the API server's own check of owners, where that is on."""
    assert "forbidden" in suite.patch_refusal(suite.held_member(), {"metadata": {"ownerReferences": None}})


@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"shutdown": "Stop"}},
        {"spec": {"suspend": None}},
        {"metadata": {"labels": {conventions.LABEL_SUITE: "other"}}},
        {"metadata": {"labels": {conventions.LABEL_SUITE_MEMBER: "a"}}},
    ],
)
def test_the_account_changes_nothing_of_the_suite_but_its_verdict(suite: Suite, patch: Object) -> None:
    assert "ValidatingAdmissionPolicy" in suite.patch_refusal(suite.identity.workflow, patch)


def test_the_account_changes_no_workflow_of_others(suite: Suite) -> None:
    own = merge(new_workflow("gate-b", suite.world.namespace, "0" * 64, {}, "").object, {"spec": _HELD})
    name = suite.world.cluster.create(WORKFLOWS, own)["metadata"]["name"]
    assert "ValidatingAdmissionPolicy" in suite.patch_refusal(name, STOP)


def test_what_the_steps_of_a_suite_ask_for_is_admitted(suite: Suite) -> None:
    made = suite.account.create(WORKFLOWS, suite.body())
    try:
        assert suite.account.get(WORKFLOWS, made["metadata"]["name"]) is not None
        verdict = {
            "labels": {conventions.LABEL_PHASE: "Succeeded", conventions.LABEL_VERDICT: "Passed"},
            "annotations": {conventions.ANNOTATION_REASON: "AllPassed"},
        }
        assert suite.patch_refusal(suite.identity.workflow, {"metadata": verdict}) == ""
        assert suite.patch_refusal(made["metadata"]["name"], STOP) == ""
        data = {"metadata": {"name": "gate-record"}, "data": {"suite": "{}"}}
        assert suite.account.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **data})
    finally:
        suite.world.cluster.delete(WORKFLOWS, made["metadata"]["name"])
