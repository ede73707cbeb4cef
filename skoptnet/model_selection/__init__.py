"""Search spaces of solvers with their rates, and searches over epochs.

`solver_grid` and `solver_distributions` make spaces for any search of scikit-learn or
of this module. The searches here train candidates in rungs, and those that remain
continue their training: `EpochHalvingGridSearchCV`, `EpochHalvingRandomSearchCV` and
`EpochHyperbandSearchCV`.
"""

from .halving import EpochHalvingGridSearchCV, EpochHalvingRandomSearchCV
from .hyperband import EpochHyperbandSearchCV
from .spaces import solver_distributions, solver_grid

__all__ = [
    "EpochHalvingGridSearchCV",
    "EpochHalvingRandomSearchCV",
    "EpochHyperbandSearchCV",
    "solver_distributions",
    "solver_grid",
]
