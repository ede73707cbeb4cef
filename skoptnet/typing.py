"""Types for annotations: the names that the estimators' parameters take.

Each is a `typing.Literal`, so that type checkers report a misspelt name and editors
complete it; `typing.get_args` lists the names::

    from skoptnet.typing import SolverName

    solvers: list[SolverName] = ["adam", "nesterov"]
"""

from ._types import ActivationName, LossName, ScheduleName, SolverName

__all__ = ["ActivationName", "LossName", "ScheduleName", "SolverName"]
