"""Callbacks: checkpoints, a history file, ends of training, pruning with Optuna.

They follow scikit-learn's protocol (1.9 or later). Set them on an estimator; they are
then notified of every epoch of ``fit``::

    model.set_callbacks(Checkpoint("model.pickle"), TimeBudget(60)).fit(X, y)

scikit-learn's own `sklearn.callback.ProgressBar` and `sklearn.callback.ScoringMonitor`
are set in the same way, or on a pipeline or search around the estimator. A custom
callback is any object with the four methods of `Callback`; if its `on_fit_task_end`
returns True, training ends.
"""

from .base import Callback
from .files import Checkpoint, History
from .pruning import OptunaPruning
from .stopping import StopOnPlateau, TimeBudget

__all__ = [
    "Callback",
    "Checkpoint",
    "History",
    "OptunaPruning",
    "StopOnPlateau",
    "TimeBudget",
]
