"""Training: from rows, a network and a solver to weights and the reason it ended.

- ``rows``: what is learned from, and its minibatches
- ``run``: what training changes, and all that is needed to go on with it later
- ``passes``: the objective and its gradient over these rows
- ``l1``: the part of the objective that is not smooth
- ``outcome``: how a training ends, and which weights are kept
- ``loop``: `train`, epoch after epoch by an optimizer and a schedule
- ``lbfgs``: `LBFGS`, which takes the whole set and its own steps
"""

from .lbfgs import LBFGS
from .loop import Epochs, Momenta, factor_of, train
from .minibatches import Minibatches, TrainingSet
from .objective import Objective
from .outcome import Best, Diverged, Outcome
from .run import Progress, Run, Snapshot, Watcher

__all__ = [
    "LBFGS",
    "Best",
    "Diverged",
    "Epochs",
    "Minibatches",
    "Momenta",
    "Objective",
    "Outcome",
    "Progress",
    "Run",
    "Snapshot",
    "TrainingSet",
    "Watcher",
    "factor_of",
    "train",
]
