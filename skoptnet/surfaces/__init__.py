"""Test functions of two variables, and the paths of solvers on them.

`SURFACES` holds those of textbooks, by name; `Surface` makes one from any function
``f(x, y)``. `descend` runs a solver on a surface and returns its path as numbers;
`best_learning_rate` finds the rate for it; `skoptnet.displays.OptimizerPathDisplay`
draws paths.

========================= ==================================== ======================
name                      property                             minima
========================= ==================================== ======================
``"ravine"``              curvature 1 along x, 80 along y      one
``"rosenbrock"``          a curved valley                      one
``"beale"``               plateaus and a steep rim             one
``"himmelblau"``          four minima of the same depth        four
``"saddle"``              a saddle point between two minima    two
``"local_minima"``        minima of different depth            six, two of them lowest
``"noisy"``               noisy gradients, as in minibatches   one
========================= ==================================== ======================
"""

from .base import Limits, Surface, as_limits, as_point
from .paths import Path, descend
from .rates import best_learning_rate
from .textbook import (
    SURFACES,
    as_surface,
    beale,
    himmelblau,
    local_minima,
    quadratic,
    rosenbrock,
    saddle,
)

__all__ = [
    "SURFACES",
    "Limits",
    "Path",
    "Surface",
    "as_limits",
    "as_point",
    "as_surface",
    "beale",
    "best_learning_rate",
    "descend",
    "himmelblau",
    "local_minima",
    "quadratic",
    "rosenbrock",
    "saddle",
]
