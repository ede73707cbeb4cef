"""Conformance checks for solvers, schedules and activations, your own included.

Each makes a `Report` of all checks, and raises it as an AssertionError if something is
broken: which check, what it found, and what to do about it.

- ``contract``: reports, and the checks that all three share
- ``optimizers``, ``schedules``, ``activations``: the checks of each
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
