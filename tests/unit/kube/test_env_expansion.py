"""`$(NAME)`, as Kubernetes replaces it."""

import pytest

from validationrun.kube.env_expansion import expand

VALUES = {"A": "a", "B": "b", "EMPTY": "", "REF": "$(A)", "SP ACE": "x"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$(A)", "a"),
        ("x$(A)y$(B)z", "xaybz"),
        ("$(EMPTY)", ""),
        # What has no value stays, so that a mistake is seen.
        ("$(NOBODY)", "$(NOBODY)"),
        ("$()", "$()"),
        # Values are not expanded a second time.
        ("$(REF)", "$(A)"),
        # Two dollars are one, and begin nothing.
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$$", "$"),
        # What is no reference stays.
        ("$", "$"),
        ("a$", "a$"),
        ("$A ${A} $[A]", "$A ${A} $[A]"),
        ("$(A", "$(A"),
        ("$(A$(B)", "$(A$(B)"),
        ("$((A)", "$((A)"),
        ("$(SP ACE)", "x"),
        ("$(A))", "a)"),
        ("{{workflow.name}} $(A)", "{{workflow.name}} a"),
    ],
)
def test_references_expand_as_kubernetes_expands_them(text, expanded):
    """The table of Kubernetes' own tests, in so far as it says something new."""
    assert expand(text, VALUES) == expanded
