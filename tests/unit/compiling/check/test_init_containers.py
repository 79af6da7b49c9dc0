"""What lint says of `initContainers`, `imagePullPolicy` and a container's `securityContext`."""

import pytest

from emit_helpers import LOAD_IMAGE, edited
from validationrun.compiling.check import check
from validationrun.spec.findings import Severity, format_path
from validationrun.spec.parse import parse_document

POD = "spec.load.workload.podTemplate."
FIRST = {"name": "accounts", "image": LOAD_IMAGE}


def found(**workload):
    run, findings = parse_document(edited(lambda run: run["spec"]["load"]["workload"].update(workload)))
    findings = findings if run is None else check(run)
    return [(finding.code, format_path(finding.loc)) for finding in findings]


def with_container(**fields):
    return found(podTemplate={"initContainers": [{**FIRST, **fields}], "volumes": [{"name": "v", "emptyDir": {}}]})


def test_a_workload_of_the_wild_has_no_finding():
    first = {**FIRST, "command": ["prepare", "--rpc=$(CHAIN_RPC_URL)"]}
    context = {"readOnlyRootFilesystem": True}
    assert found(imagePullPolicy="Always", securityContext=context, podTemplate={"initContainers": [first]}) == []


@pytest.mark.parametrize(
    ("context", "code", "field"),
    [
        ({"privileged": True}, "VR203", "privileged"),
        ({"allowPrivilegeEscalation": True}, "VR203", "allowPrivilegeEscalation"),
        ({"runAsNonRoot": False}, "VR203", "runAsNonRoot"),
        ({"runAsUser": 0}, "VR205", "runAsUser"),
        ({"runAsGroup": 0}, "VR205", "runAsGroup"),
        ({"capabilities": {"add": ["NET_ADMIN"]}}, "VR202", "capabilities.add"),
        ({"capabilities": {"drop": ["KILL"]}}, "VR203", "capabilities.drop[0]"),
        ({"seccompProfile": {"type": "Unconfined"}}, "VR203", "seccompProfile.type"),
        ({"seccompProfile": {"type": "Localhost"}}, "VR203", "seccompProfile.type"),
        ({"procMount": "Unmasked"}, "VR202", "procMount"),
        ({"seLinuxOptions": {}}, "VR202", "seLinuxOptions"),
    ],
)
def test_a_security_context_may_only_tighten(context, code, field):
    assert found(securityContext=context) == [(code, f"spec.load.workload.securityContext.{field}")]
    assert with_container(securityContext=context) == [(code, f"{POD}initContainers[0].securityContext.{field}")]


@pytest.mark.parametrize(
    ("context", "code", "field"),
    [
        ({"seccompProfile": {"type": "Unconfined"}}, "VR203", "seccompProfile.type"),
        ({"appArmorProfile": {"type": "Unconfined"}}, "VR203", "appArmorProfile.type"),
        ({"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}, "VR203", "sysctls[0].name"),
        ({"seLinuxOptions": {"type": "spc_t"}}, "VR202", "seLinuxOptions"),
        ({"windowsOptions": {"hostProcess": True}}, "VR202", "windowsOptions"),
        ({"runAsNonRot": True}, "VR202", "runAsNonRot"),
    ],
)
def test_the_pods_security_context_lifts_no_default(context, code, field):
    assert found(podTemplate={"securityContext": context}) == [(code, f"{POD}securityContext.{field}")]


def test_the_pods_security_context_may_name_another_profile_and_any_user():
    """An image that runs as root is the user's own choice, as it is without a security context."""
    profiles = {
        "seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"},
        "appArmorProfile": {"type": "RuntimeDefault"},
    }
    users = {"runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": False, "fsGroup": 0, "supplementalGroupsPolicy": "Strict"}
    sysctls = [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65000"}]
    assert found(podTemplate={"securityContext": {**profiles, **users, "sysctls": sysctls}}) == []


def test_a_value_that_loosens_is_told_with_the_way_out():
    _, findings = parse_document(
        edited(lambda run: run["spec"]["load"]["workload"].update(securityContext={"privileged": True}))
    )
    assert [(finding.severity, finding.message, finding.help) for finding in findings] == [
        (
            Severity.ERROR,
            "spec.load.workload.securityContext.privileged must be false, or left out; got true",
            "delete the line: a spec may only tighten what validationrun sets",
        )
    ]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"restartPolicy": "Always"}, "VR202", "restartPolicy"),
        ({"image": "accounts:latest"}, "VR407", "image"),
        ({"image": "accounts:1"}, "VR406", "image"),
        ({"imagePullPolicy": "Sometimes"}, "VR203", "imagePullPolicy"),
        ({"env": [{"name": "CHAIN_ID", "value": "x"}]}, "VR402", "env[0].name"),
        ({"env": [{"name": "A", "value": "x"}, {"name": "A", "value": "y"}]}, "VR403", "env[1].name"),
        ({"env": [{"name": "A", "valueFrom": {}}]}, "VR413", "env[0].valueFrom"),
        ({"envFrom": [{"prefix": "CHAIN_", "secretRef": {"name": "s"}}]}, "VR405", "envFrom[0].prefix"),
        ({"envFrom": [{}]}, "VR413", "envFrom[0]"),
        ({"volumeMounts": [{"name": "w", "mountPath": "/w"}]}, "VR413", "volumeMounts[0].name"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/var/run/validation/results"}]}, "VR411", "volumeMounts[0].mountPath"),
        ({"name": "workload"}, "VR403", "name"),
    ],
)  # fmt: skip
def test_an_init_container_is_checked_as_the_workloads_own(fields, code, field):
    assert with_container(**fields) == [(code, f"{POD}initContainers[0].{field}")]


def test_two_init_containers_have_two_names():
    assert found(podTemplate={"initContainers": [FIRST, FIRST]}) == [("VR403", f"{POD}initContainers[1].name")]


def test_two_containers_may_mount_at_the_same_path():
    mounts = [{"name": "v", "mountPath": "/keys"}]
    pod = {"volumes": [{"name": "v", "emptyDir": {}}], "volumeMounts": mounts}
    assert found(podTemplate={**pod, "initContainers": [{**FIRST, "volumeMounts": mounts}]}) == []
