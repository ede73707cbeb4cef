"""The training loop: `train` goes through the epochs until one of them is the last.

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
from .minibatches import Minibatches, TrainingSet
from .plan import Plan
from .recovery import Diverged, Recovery
from .run import Run
from .watcher import Watcher, notify


@dataclass
class Outcome:
    """How a training ended.

    Attributes
    ----------
    reason : str
        "converged" (the training loss stopped improving), "early_stopping" (the
        validation score did), "callback" (a watcher ended it), "max_iter", "diverged"
        or "interrupted"; for L-BFGS also "max_fun" and "line_search". The estimators
        add "partial_fit", and "failed" for an error in a solver, schedule or watcher.
    best : float
        The best score: the highest validation score, or negative training loss.
    kept_epoch : int
        Number of the epoch (from 1, over all calls) whose weights the run ends with.
    rate : float
        The last learning rate; NaN where there are no rates.
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
    validate: Callable[[Array], dict[str, float]] | None = None,
    watchers: Sequence[Watcher] = (),
) -> Outcome:
    """Train until the score stops improving or the epochs are used up.

    Parameters
    ----------
    network, optimizer, schedule
        The network, the solver that trains it, and the schedule of its rates.
    run : Run
        Changed in place. A run with finished epochs is continued.
    data : TrainingSet
        The rows.
    plan : Plan
        The settings of this call.
    validate : callable, optional
        Returns metrics of theta, "validation_score" among them. This is then the
        score, in place of the negative training loss, and theta ends as that of the
        best epoch.
    watchers : sequence of Watcher
        Notified of every epoch.

    Returns
    -------
    Outcome
        Why training ended, and with which weights; see `Recovery`.

    Raises
    ------
    Diverged
        If no epoch has ended with weights that can be used.
    KeyboardInterrupt
        If it comes before an epoch has ended. Later it ends the training.
    """
    size = len(data) if optimizer.full_batch else plan.batch_size
    batches = Minibatches(data, size, plan.shuffle, network.block_rows(data.X))
    run.stopping = run.stopping.continued(
        plan, run.theta, validate if run.epoch else None
    )
    recovery = Recovery(
        run, optimizer, network.xp,
        validates=validate is not None, n_shuffled=batches.shuffled,
    )  # fmt: skip
    before = run.shuffles if plan.new_call else None
    run.shuffles = batches.go_on(before, run.rng, recovery.saved.random_state)
    epochs = Epochs(
        network, optimizer, schedule, run, batches, plan, validate, watchers
    )
    recovery.cost = epochs.objective.cost
    with epochs.objective.threads(), np.errstate(all="ignore"), recovery:
        try:
            last = run.epoch + plan.max_epochs
            recovery.reason = _reason_to_end(epochs, schedule, last, recovery)
            # The loss of the last weights was not measured.
            if network.loss.overflows and not (
                validate or epochs.objective.predicts(run.theta)
            ):
                raise Diverged
        except Diverged:
            for watcher in watchers:
                watcher.after_divergence()
            raise
    return Outcome(
        recovery.reason, run.stopping.best, recovery.kept_epoch, epochs.rates.last
    )


def _reason_to_end(
    epochs: Epochs, schedule: Schedule, last: int, recovery: Recovery
) -> str:
    """Train up to epoch ``last``, or until there is a reason to end; return it."""
    stopping, watchers = epochs.run.stopping, epochs.watchers
    for epoch, score, theta in epochs.until(last, recovery):
        is_best, ends = stopping.see(score), False
        if stopping.at_plateau:
            ends = schedule.ends_at_plateau(epochs.rates.last)
            if not ends:
                stopping.pass_plateau(epoch)
        recovery.save(theta, epoch, is_best)
        stops = watchers and notify(watchers, epochs.metrics)
        if ends:
            return "early_stopping" if epochs.validate else "converged"
        if stops:
            return "callback"
    return "max_iter"
