"""Displays of training, searches and solvers, drawn with matplotlib.

They work as scikit-learn's do: a class method (``from_estimator`` and the like) makes a
display, which holds its data as plain numbers; ``plot(ax=None)`` draws them and sets
``ax_`` and ``figure_``, which can then be changed.
"""

from .epoch_search import EpochSearchDisplay
from .loss_curve import LossCurveDisplay
from .optimizer_path import OptimizerPathDisplay
from .rate_range import LearningRateRangeDisplay
from .schedule import ScheduleDisplay
from .solver_grid import SolverGridDisplay
from .weights import WeightsDisplay

__all__ = [
    "EpochSearchDisplay",
    "LearningRateRangeDisplay",
    "LossCurveDisplay",
    "OptimizerPathDisplay",
    "ScheduleDisplay",
    "SolverGridDisplay",
    "WeightsDisplay",
]
