"""What the account of a suite's own steps may do in its namespace."""

from validationrun.compiling.plan.model import Right


def suite_rights(templates: tuple[str, ...]) -> tuple[Right, ...]:
    """
    The rights of suite-member and suite-finalize. The admission policies limit those over Workflows to this suite.

    Args:
        templates: the WorkflowTemplates of the suite and of its members.
    """
    return (
        Right(
            "argoproj.io",
            ("workflows",),
            ("create", "get", "list", "patch"),
            "start the members, follow them, stop them, and label the suite's own Workflow",
            amounts_to="run as any account of the namespace, unless the policies of access-cluster.yaml are in force",
        ),
        Right(
            "argoproj.io",
            ("workflowtemplates",),
            ("get",),
            "the admission policy lets the suite start a template that it may get",
            templates,
        ),
        Right(
            "",
            ("configmaps",),
            ("create", "get", "patch"),
            "the suite record, and the run records of the members",
            amounts_to="change every ConfigMap of the namespace that is not immutable, records of other runs among them",
        ),
        Right(
            "argoproj.io", ("workflowtaskresults",), ("create", "patch"), "Argo's executor reports each step's outputs"
        ),
    )
