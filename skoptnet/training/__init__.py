"""Training: from rows, a network and a solver to weights and the reason it ended.

- ``plan``: `Plan`, the settings of one training
- ``minibatches``: the rows, and how they come as minibatches
- ``stopping``: `Stopping`, the rule of epochs without an improvement
- ``run``: `Run`, what training changes, and all it needs to continue later
- ``watcher``: `Watcher`, which sees every epoch
- ``objective``: the objective and its gradient over the rows
- ``l1_penalty``: the part of the objective that is not smooth
- ``rates``: the learning rate and momentum of each update
- ``recovery``: `Recovery`, the way back to a finished epoch, and the weights to keep
- ``epochs``: one pass over the rows, an update per minibatch
- ``loop``: `train`, epoch after epoch by an optimizer and a schedule
- ``lbfgs``: `LBFGS`, which takes the whole set and its own steps
"""

from .epochs import Epochs
from .lbfgs import LBFGS
from .loop import Outcome, train
from .minibatches import Minibatches, TrainingSet
from .objective import Objective
from .plan import Plan
from .rates import Momenta, Replay, factor_of
from .recovery import Diverged, Recovery
from .run import Run
from .stopping import Stopping
from .watcher import Watcher

__all__ = [
    "LBFGS",
    "Diverged",
    "Epochs",
    "Minibatches",
    "Momenta",
    "Objective",
    "Outcome",
    "Plan",
    "Recovery",
    "Replay",
    "Run",
    "Stopping",
    "TrainingSet",
    "Watcher",
    "factor_of",
    "train",
]
