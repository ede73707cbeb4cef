"""Training: a network, a solver and rows go in; weights come out, and why it ended.

- ``loop``: `train`, the loop over epochs, for every optimizer and schedule
- ``epochs``: `Epochs`, passes over the training set with an update per minibatch
- ``objective``: `Objective`, loss and gradient of a minibatch or of all rows
- ``minibatches``: `TrainingSet`, shuffles and minibatches
- ``streams``: `Stream`, a training set that is read block by block
- ``rates``: `Rates`, learning rate and momentum of each update
- ``l1_penalty``: `L1`, the L1 penalty and the orthant of its updates
- ``stopping``: `Stopping`, the rule of no improvement
- ``recovery``: `Recovery`, snapshots, best weights, divergence and interruption
- ``curves``: `Curves`, the metrics of each epoch
- ``run``: `Run`, the state of a training, from which a later call continues
- ``plan``: `Plan`, the settings of one call
- ``watcher``: `Watcher`, which is notified of every epoch
- ``lbfgs``: `LBFGS`, which takes all rows and chooses its own step sizes
"""

from .curves import Curves
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
from .streams import Stream
from .watcher import Watcher

__all__ = [
    "LBFGS",
    "Curves",
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
    "Stream",
    "TrainingSet",
    "Watcher",
    "factor_of",
    "train",
]
