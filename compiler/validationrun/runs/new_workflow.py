"""The Workflow object of a new run, for this room."""

from validationrun.contract.new_workflow import new_workflow

__all__ = ["new_workflow"]
