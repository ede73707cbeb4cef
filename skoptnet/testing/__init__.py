"""Conformance checks for solvers, schedules and activations, also for your own.

Each makes a `Report` of every check there is, and raises it as an AssertionError if
something is broken: which check, what was found, and what to do about it.

- ``contract``: reports, and what is asked of all three
- ``optimizers``, ``schedules``, ``activations``: what is asked of each
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
