"""What a user may choose about the output beside the spec itself."""

from dataclasses import dataclass

from validationrun.conventions import DEFAULT_RUNNER_IMAGE


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """
    Options of `compile`. The same options must be given to `compile --check`.

    Attributes:
        label: finalize may label the Workflow with the verdict; needs the policy in access-cluster.yaml.
        executor_patch: give Argo's own containers the restricted security context; off for Argo 4.1's init-less pods.
        instance_id: of the Argo controller, where an installation has several.
        priority_class: of the steps' pods.
        cluster_domain: appended to host names, where `.svc` alone does not resolve.
    """

    runner_image: str = DEFAULT_RUNNER_IMAGE
    label: bool = True
    executor_patch: bool = True
    instance_id: str = ""
    priority_class: str = ""
    cluster_domain: str = ""
