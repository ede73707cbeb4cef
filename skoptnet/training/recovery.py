"""Recovery: snapshots, best weights, divergence and interruption of a training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._types import Array, Namespace
from .run import Paused, Run, Solver, Weights

# Shuffling this many rows again takes a millisecond.
_ROWS_TO_SHUFFLE_AGAIN = 100_000


class Diverged(ArithmeticError):
    """A loss, a score, a parameter or the solver's memory is no longer finite."""


class Saved(NamedTuple):
    """A snapshot of a training at the end of an epoch.

    Attributes
    ----------
    run, stopping : dict
        The attributes of the run and of its stopping rule.
    weights, best, before_best : Weights
        The weights of this epoch, of the best epoch, and of the epoch before the best.
    random_state, n_shuffles
        The state of ``rng`` some epochs earlier, and the number of shuffles since then:
        reading the state takes longer than a small epoch.
    """

    run: dict[str, Any]
    stopping: dict[str, Any]
    weights: Weights
    best: Weights
    before_best: Weights
    random_state: Any
    n_shuffles: int


class Recovery:
    """The context of a training: saves each epoch, and restores one at the end.

    However training ends, the run is then that of a finished epoch. `save` copies the
    parts of a run one by one, but a single assignment makes the copies count: an
    interruption finds either the previous epoch or the new one, complete.

    - After an interruption, the last finished epoch is kept. If there is none,
      KeyboardInterrupt is passed on.
    - After a divergence, the best weights are kept, with a new solver state. If none
      are better than untrained ones, `Diverged` is passed on.
    - With ``keeps_best``, the weights of the best epoch are kept in any case.
    - Any other exception is passed on; the run is that of the last finished epoch.
    - A training that pauses, to be resumed later, is kept whole, too: see `Paused`.

    Parameters
    ----------
    run : Run
        Changed by the training.
    optimizer : Optimizer or LBFGS
        The solver, which gets a new state after a divergence.
    xp : module
        The array namespace.
    keeps_best : bool
        Whether the best epoch, that of the highest validation score, is the one to
        keep.
    cost : callable, optional
        Returns the objective of given weights. After a divergence, the weights with the
        lowest objective are kept; without ``cost``, those of the best epoch with
        ``keeps_best``, otherwise the last ones.
    n_shuffled : int
        Number of rows that each epoch shuffles, 0 for none.
    random_state : tuple, optional
        The state of the run's ``rng``; needed if rows are shuffled.

    Attributes
    ----------
    reason : str
        Why training ended, see `Outcome`.
    kept_epoch : int
        The epoch (from 1, over all calls) whose weights the run ends with.
    """

    def __init__(
        self,
        run: Run,
        optimizer: Solver,
        xp: Namespace,
        *,
        keeps_best: bool = False,
        cost: Callable[[Array], float] | None = None,
        n_shuffled: int = 0,
        random_state: Any = None,
    ):
        self.run, self.optimizer, self.xp = run, optimizer, xp
        self.keeps_best, self.cost, self.n_shuffled = keeps_best, cost, n_shuffled
        self.reason, self.kept_epoch = "max_iter", run.epoch
        self.started_at = run.epoch
        first = run.theta.copy(), run.epoch if run.paused else run.kept_epoch
        self.given = self.best = self.before_best = self.previous = first
        if run.paused:
            _, self.given, self.best, self.before_best = run.paused
        self._theta, self._thetas = run.theta, [first[0]]
        self._state = run.state.copy()
        self.saved = self._copied = Saved(
            dict(vars(run)), dict(vars(run.stopping)),
            first, self.best, self.before_best, random_state, 0,
        )  # fmt: skip

    def save(self, theta: Array, epoch: int, is_best: bool) -> None:
        """Save the end of an epoch.

        Parameters
        ----------
        theta : array of shape (P,)
            The weights at its end. If the run is already at a later epoch, and this is
            not its own array, only the best weights are remembered.
        epoch : int
            Its number.
        is_best : bool
            Whether its score is the best so far.
        """
        ends_here = theta is self._theta
        weights = (self._copy(theta) if ends_here else theta), epoch
        if is_best:
            self.best, self.before_best = weights, self.previous
        self.previous = weights
        if ends_here:
            self._commit(weights)

    def _commit(self, weights: Weights) -> None:
        """Save the run, which is at the end of an epoch with these weights."""
        run, saved = self.run, self.saved
        random_state = saved.random_state
        n_shuffles = saved.n_shuffles + run.epoch - saved.run["epoch"]
        if n_shuffles * self.n_shuffled > _ROWS_TO_SHUFFLE_AGAIN:
            random_state, n_shuffles = run.rng.get_state(), 0
        self.saved = Saved(
            dict(vars(run)), dict(vars(run.stopping)),
            weights, self.best, self.before_best, random_state, n_shuffles,
        )  # fmt: skip
        self._copy_state()

    def take_changes(self) -> bool:
        """Continue from weights that a watcher may have changed since the last save.

        With ``keeps_best``, the weights that have been scored are those to keep.

        Returns
        -------
        bool
            Whether a watcher has changed them.

        Raises
        ------
        ValueError
            If they are not finite.
        """
        run, (saved, epoch) = self.run, self.saved.weights
        theta = run.theta
        if np.array_equal(theta, saved):
            return False
        if not np.isfinite(theta).all():
            raise ValueError(
                "coefs_, intercepts_ and input_scale_ must be finite. A callback has"
                " set them to infinity or NaN."
            )
        self.optimizer.follow(run.state, theta, saved)
        weights = self._copy(theta), epoch
        if self.best[0] is saved and not self.keeps_best:
            self.best = weights
        self.previous = weights
        self._commit(weights)
        return True

    def _copy(self, theta: Array) -> Array:
        """Return a copy of weights, in an array that none of the others occupies."""
        held = (self.given, self.best, self.before_best, self.previous)
        in_use = [id(theta) for theta, _ in held]
        for spare in self._thetas:
            if id(spare) not in in_use:
                break
        else:
            spare = np.empty_like(theta)
            self._thetas.append(spare)
        np.copyto(spare, theta)
        return spare

    def _copy_state(self) -> None:
        self._state.take(self.run.state)
        self._copied = self.saved

    def restore(self) -> None:
        """Return the run to the saved epoch, in place."""
        run, saved = self.run, self.saved
        if self._copied is not saved:  # an interruption came just before
            self._copy_state()
        vars(run).update(saved.run)
        vars(run.stopping).update(saved.stopping)
        run.state.take(self._state)
        run.theta[...] = saved.weights[0]
        if saved.random_state is not None:
            run.rng.set_state(saved.random_state)
            for _ in range(saved.n_shuffles):
                run.rng.shuffle(np.arange(self.n_shuffled))

    def __enter__(self) -> Recovery:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> bool:
        self.reason = _reason(kind) or self.reason
        while True:
            try:
                is_settled = self._settle()
                break
            except KeyboardInterrupt:  # another one, while the first is dealt with
                self.reason = "interrupted"
        if not is_settled and _reason(kind) != self.reason:
            raise KeyboardInterrupt
        return is_settled

    def _settle(self) -> bool:
        """Leave the run at the epoch to keep; return whether there is one."""
        run, diverged = self.run, self.reason == "diverged"
        if self.reason in ("diverged", "interrupted", "failed"):
            self.restore()
        run.paused = self._paused() if self.reason == "paused" else None
        best, epoch = self._best_after_divergence() if diverged else self.saved.best
        no_epoch = self.reason == "interrupted" and run.epoch == self.started_at
        if self.reason == "failed" or no_epoch or (diverged and epoch == 0):
            run.end(self.optimizer, run.epoch)
            return False
        self.kept_epoch = run.epoch
        if diverged:
            run.state = self.optimizer.start(run.theta, self.xp)
        if diverged or self.keeps_best:
            run.theta[...] = best
            self.optimizer.move(run.state, run.theta)
            self.kept_epoch = epoch
        run.end(self.optimizer, self.kept_epoch)
        return True

    def _paused(self) -> Paused:
        run, saved, best, last = self.run, self.saved, self.saved.best, None
        if self.keeps_best:
            last = run.theta.copy(), run.state.copy()
        elif best[1] == run.epoch:  # pickles are smaller with one array for both
            best = run.theta, run.epoch
        return Paused(last, self.given, best, saved.before_best)

    def _best_after_divergence(self) -> Weights:
        """Return the weights to keep.

        The training loss of an epoch is measured during the epoch, before its last
        update. So the epoch with the lowest loss may be the one that ended with the
        first bad weights. The objective decides between these, the weights one epoch
        earlier, and those at the start of the call. With ``keeps_best``, it decides
        between the best epoch and the start. If untrained weights (epoch 0) have the
        lowest objective, there is nothing to keep.
        """
        if self.cost is None:
            return self.saved.best if self.keeps_best else self.saved.weights
        best, before_best = self.saved.best, self.saved.before_best
        candidates = [self.given, *([] if self.keeps_best else [before_best]), best]
        lowest, chosen = math.inf, self.given
        for weights in candidates:
            cost = self.cost(weights[0])
            if cost < lowest:
                lowest, chosen = cost, weights
        return chosen


def _reason(kind: type[BaseException] | None) -> str:
    """Return the reason (see `Outcome`) for an exception, "" for none."""
    if kind is None:
        return ""
    for expected, reason in (
        (Diverged, "diverged"),
        (KeyboardInterrupt, "interrupted"),
    ):
        if issubclass(kind, expected):
            return reason
    return "failed"
