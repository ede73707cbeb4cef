"""Conformance checks for solvers, schedules and activations, your own included.

Each returns a `Report` of all checks. If some fail, it raises an AssertionError that
names each of them, what was found, and how to fix it.

- ``contract``: reports, and the checks that all three kinds share
- ``optimizers``, ``schedules``, ``activations``: the checks of each kind
"""

from .activations import check_activation
from .contract import Report, Result
from .optimizers import check_optimizer
from .schedules import check_schedule

__all__ = [
    "Report",
    "Result",
    "check_activation",
    "check_optimizer",
    "check_schedule",
]
