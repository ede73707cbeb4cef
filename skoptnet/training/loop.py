"""The training loop: `train` runs epoch after epoch until there is a reason to end.

It serves every `Optimizer` and every `Schedule`, and knows nothing of estimators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .._types import Array
from ..network import Network
from ..optimizers import Optimizer
from ..schedules import Schedule
from .epochs import Epochs
from .minibatches import TrainingSet
from .plan import Plan
from .recovery import Diverged, Recovery
from .run import Run
from .watcher import Watcher


@dataclass
class Outcome:
    """How a training ended.

    Attributes
    ----------
    reason : str
        "converged" (the training loss stopped improving), "early_stopping" (the
        validation score stopped improving), "callback" (a watcher ended training),
        "max_iter", "diverged" or "interrupted"; "paused" at the end of a call that
        another one will resume; for L-BFGS also "max_fun" and "line_search". The
        estimators add "partial_fit", "best_epoch" (a search has set the number of
        epochs), and "failed" for an error in a solver, schedule or watcher.
    best : float
        The highest score: a validation score, or a negative training loss.
    kept_epoch : int
        The epoch (from 1, over all calls) whose weights the run ends with.
    rate : float
        The last learning rate; NaN for L-BFGS, which has none.
    """

    reason: str = "max_iter"
    best: float = -math.inf
    kept_epoch: int = 0
    rate: float = math.nan


def train(
    network: Network,
    optimizer: Optimizer,
    schedule: Schedule,
    run: Run,
    data: TrainingSet,
    plan: Plan,
    *,
    measure: Callable[[Array], dict[str, float]] | None = None,
    watchers: Sequence[Watcher] = (),
) -> Outcome:
    """Train until the score stops improving, or for ``plan.max_epochs`` epochs.

    Parameters
    ----------
    network, optimizer, schedule
        The network, the solver that trains it, and the schedule of its rates.
    run : Run
        The weights, the solver's state and the history; changed in place. A run with
        finished epochs is continued.
    data : TrainingSet
        The rows to train on; a `Stream` reads them again in every epoch.
    plan : Plan
        The settings of this call.
    measure : callable, optional
        Returns further metrics of theta, for the history of each epoch. With
        ``plan.early_stopping``, "validation_score" and "validation_loss" are among
        them, and must be finite; otherwise the metrics do not influence training.
    watchers : sequence of Watcher
        Notified of every epoch; each of them may end training.

    Returns
    -------
    Outcome
        Why training ended, and which weights were kept; see `Recovery`.

    Raises
    ------
    Diverged
        If no epoch has ended with usable weights.
    KeyboardInterrupt
        If it comes before the first epoch has ended. Later it ends training.
    """
    if not plan.resumes:
        run.stopping = run.stopping.continued(
            plan, run.theta, measure if run.epoch else None
        )
    size = len(data) if optimizer.full_batch else plan.batch_size
    chunk = network.block_rows(data.X)
    batches = data.minibatches(size, plan.shuffle, chunk, run)
    # Read once, for shuffles and recovery: it takes longer than a small epoch.
    random_state = run.note_draws() if batches.n_shuffled else None
    shuffles = run.shuffles if plan.new_call else None
    run.shuffles = batches.repeat_shuffles(shuffles, run.rng, random_state)
    epochs = Epochs(network, optimizer, schedule, run, batches, plan, measure, watchers)
    recovery = Recovery(
        run, optimizer, network.xp,
        keeps_best=plan.early_stopping, cost=epochs.objective.cost,
        n_shuffled=batches.n_shuffled, random_state=random_state,
    )  # fmt: skip
    last = run.epoch + plan.max_epochs
    with epochs.objective.threads(), np.errstate(all="ignore"), recovery:
        try:
            recovery.reason = _loop(epochs, schedule, last, recovery)
            if plan.pauses and recovery.reason == "max_iter":
                recovery.reason = "paused"
                run.shuffles = batches.with_order(run.shuffles, run.theta.nbytes)
            else:
                epochs.check_predictions()
        except Diverged:
            for watcher in watchers:
                watcher.after_divergence()
            raise
    return Outcome(
        recovery.reason, run.stopping.best, recovery.kept_epoch, epochs.rates.last
    )


def _loop(epochs: Epochs, schedule: Schedule, last: int, recovery: Recovery) -> str:
    """Train up to epoch ``last`` or an earlier end; return the reason of the end."""
    stopping, watchers = epochs.run.stopping, epochs.watchers
    for epoch, score, loss, theta in epochs.until(last, recovery):
        is_best, ends = stopping.see(score, loss), False
        if stopping.at_plateau:
            ends = schedule.ends_at_plateau(epochs.rates.last)
            if not ends:
                stopping.pass_plateau(epoch)
        # A snapshot includes a plateau that was passed.
        recovery.save(theta, epoch, is_best)
        stops = watchers and epochs.notify_watchers(epoch, theta, recovery)
        if ends:
            return "early_stopping" if stopping.by_validation else "converged"
        if stops:
            return "callback"
    return "max_iter"
