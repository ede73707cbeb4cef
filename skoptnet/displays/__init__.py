"""Pictures of trainings, in scikit-learn's form; they need matplotlib.

Each display is made by a class method (``from_estimator`` and the like), holds what is
drawn as plain numbers, and draws them with ``plot(ax=None)``, after which ``ax_`` and
``figure_`` are there to be changed further.
"""

from .loss_curve import LossCurveDisplay
from .optimizer_path import OptimizerPathDisplay
from .rate_range import LearningRateRangeDisplay
from .schedule import ScheduleDisplay
from .solver_grid import SolverGridDisplay
from .weights import WeightsDisplay

__all__ = [
    "LearningRateRangeDisplay",
    "LossCurveDisplay",
    "OptimizerPathDisplay",
    "ScheduleDisplay",
    "SolverGridDisplay",
    "WeightsDisplay",
]
