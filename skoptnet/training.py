"""The training loop: epochs, minibatches, rates, validation and stopping.

`train` is the only loop of the package, whatever the solver or schedule. It changes
a `Run`, tells its watchers about every epoch, and answers with the reason it ended.
It knows nothing of estimators; names, encodings and warnings are their business.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ._types import Array, Namespace, Rows
from .backends import Kernel, Update, blas_threads
from .network import Network
from .optimizers import Optimizer, State
from .schedules import Clock, Schedule, steady_within_epochs

# A parameter above this is no sign of learning; the next outputs may overflow.
_LARGE = 1e6

# Shuffling so many rows again takes a millisecond.
_ROWS_TO_SHUFFLE_AGAIN = 100_000


@dataclass
class Run:
    """What training changes, and all that is needed to go on with it later.

    Attributes
    ----------
    theta : array of shape (P,)
        The parameters.
    state : State
        The optimizer's memory.
    solver : type
        The class of that optimizer.
    rng : RandomState
        The source of the shuffles to come.
    update, epoch, samples : int
        Updates made, epochs finished and rows seen, over all calls.
    history : dict of lists
        One entry per finished epoch in each list.
    """

    theta: Array
    state: State
    solver: type[Optimizer]
    rng: np.random.RandomState
    update: int = 0
    epoch: int = 0
    samples: int = 0
    history: dict[str, list] = field(default_factory=dict)

    def handed_to(self, optimizer: Optimizer, xp: Namespace) -> Run:
        """Return a run that goes on from here; this one keeps its arrays.

        Random numbers and history are shared. Another solver starts with fresh
        memory.
        """
        theta, solver = xp.array(self.theta), type(optimizer)
        same = self.solver is solver
        state = self.state.copy() if same else optimizer.start(theta, xp)
        return replace(self, theta=theta, state=state, solver=solver)

    def record(self, figures: dict[str, Any]) -> None:
        """Add an epoch to the history, keeping its lists equally long."""
        if figures.keys() != self.history.keys():
            length = len(next(iter(self.history.values()), []))
            for name in figures.keys() - self.history.keys():
                self.history[name] = [math.nan] * length
            missing = self.history.keys() - figures.keys()
            figures = {**figures, **dict.fromkeys(missing, math.nan)}
        for name, values in self.history.items():
            values.append(figures[name])


class Snapshot:
    """A copy of what a run will change in its next epoch, to return to.

    Asking a source of random numbers for its state takes longer than a small epoch.
    So that is done once in a while, and in between the shuffles are counted.

    Parameters
    ----------
    run : Run
        What is remembered, as it is now.
    shuffled : int
        Number of rows that each epoch shuffles, 0 for none.
    """

    def __init__(self, run: Run, shuffled: int):
        self.theta, self.state = run.theta.copy(), run.state.copy()
        self.counts = run.update, run.epoch, run.samples
        self.shuffles, self.shuffled = 0, shuffled
        self.random = run.rng.get_state() if shuffled else None
        self._buffers = [self.theta]

    def take(self, run: Run, held: Sequence[Array]) -> None:
        """Remember the run as it is now, an epoch after the last time.

        The weights go to another array each time, which is none of those in ``held``.
        """
        for buffer in self._buffers:
            if not any(buffer is theta for theta in held):
                break
        else:
            buffer = np.empty_like(run.theta)
            self._buffers.append(buffer)
        np.copyto(buffer, run.theta)
        self.theta = buffer
        self.state.take(run.state)
        self.counts = run.update, run.epoch, run.samples
        self.shuffles += 1
        if self.shuffles * self.shuffled > _ROWS_TO_SHUFFLE_AGAIN:
            self.random, self.shuffles = run.rng.get_state(), 0

    def restore(self, run: Run) -> None:
        """Bring the run back to what was remembered; theta stays the same array."""
        run.theta[...] = self.theta
        run.state = self.state
        run.update, run.epoch, run.samples = self.counts
        if self.random is not None:
            run.rng.set_state(self.random)
            for _ in range(self.shuffles):
                run.rng.shuffle(np.arange(self.shuffled))


@dataclass
class TrainingSet:
    """Rows to learn from.

    Attributes
    ----------
    X : array or CSR container of shape (n, d)
        The rows, C-contiguous.
    Y : array with n rows
        The targets, as the loss wants them.
    w : array of shape (n,) or None
        Weight of each row, 1 on average over those that belong to the set.
    rows : intp array or None
        The rows that belong to the set; None for all.
    """

    X: Rows
    Y: Array
    w: Array | None = None
    rows: Array | None = None

    def __len__(self) -> int:
        return self.X.shape[0] if self.rows is None else len(self.rows)

    def part(self, rows: Array) -> TrainingSet:
        """Return the set of some of the rows; nothing is copied."""
        return TrainingSet(self.X, self.Y, self.w, rows)

    def own(self, values: Rows) -> Rows:
        """Return those of X, Y or w that belong to the set."""
        return values if self.rows is None else values[self.rows]

    @property
    def own_weights(self) -> Array | None:
        """The weights of the rows that belong to the set."""
        return None if self.w is None else self.own(self.w)


class Minibatches:
    """Draws the minibatches of an epoch, gathering rows into buffers made once.

    A minibatch comes as pieces of at most ``piece`` rows, so that a batch of any
    size (a whole training set) needs bounded memory.

    Attributes
    ----------
    shuffled : int
        Number of rows that each epoch shuffles.
    order : intp array or None
        The rows as they come; None for all rows as they lie.
    """

    def __init__(self, data: TrainingSet, size: int, shuffle: bool, piece: int):
        self.data, self.size, self.piece = data, min(size, len(data)), piece
        self.n_updates = -(-len(data) // self.size)
        # The order of the rows matters only where there are several minibatches.
        self.shuffled = len(data) if shuffle and self.n_updates > 1 else 0
        self.order: Array | None = data.rows
        if self.shuffled:
            self.order = np.arange(len(data)) if data.rows is None else data.rows.copy()
        if self.order is not None:
            rows = min(self.size, piece)
            self._buffer = TrainingSet(
                data.X if issparse(data.X) else _rows_like(data.X, rows),
                _rows_like(data.Y, rows),
                None if data.w is None else _rows_like(data.w, rows),
            )

    def shuffle(self, rng: np.random.RandomState) -> None:
        """Bring the rows into a new order, where there is to be one."""
        if self.shuffled and self.order is not None:
            rng.shuffle(self.order)

    def ranges(self) -> Iterator[range]:
        """Yield the range of each minibatch."""
        for start in range(0, len(self.data), self.size):
            yield range(start, min(start + self.size, len(self.data)))

    def pieces(self, batch: range) -> Iterator[TrainingSet]:
        """Yield a minibatch's rows; what was yielded before is overwritten."""
        for start in range(batch.start, batch.stop, self.piece):
            stop = min(start + self.piece, batch.stop)
            if self.order is None:
                X, Y, w = self.data.X, self.data.Y, self.data.w
                rows = slice(start, stop)
                yield TrainingSet(X[rows], Y[rows], None if w is None else w[rows])
            else:
                yield self._gather(self.order[start:stop])

    def _gather(self, rows: Array) -> TrainingSet:
        data, buffer, m = self.data, self._buffer, len(rows)
        if issparse(data.X):
            X = data.X[rows]
        else:
            X = _take(data.X, rows, buffer.X[:m])
        Y, w = _take(data.Y, rows, buffer.Y[:m]), None
        if data.w is not None and buffer.w is not None:
            w = _take(data.w, rows, buffer.w[:m])
        return TrainingSet(X, Y, w)


def _rows_like(array: Array, n_rows: int) -> Array:
    return np.empty((n_rows, *array.shape[1:]), dtype=array.dtype)


def _take(array: Array, rows: Array, out: Array) -> Array:
    # "clip" spares NumPy a copy of the result; the rows are all within bounds.
    return np.take(array, rows, axis=0, out=out, mode="clip")


class Progress:
    """Remembers the best epoch, and counts the epochs since the last good one.

    Parameters
    ----------
    tol : float
        An epoch is good if its merit exceeds the best before it by at least this.
    patience : int or inf
        Number of epochs without a good one after which training ends.
    best : float, default=-inf
        The merit to beat.
    """

    def __init__(self, tol: float, patience: float, best: float = -math.inf):
        self.tol, self.patience, self.best = tol, patience, best
        self.idle = 0

    def see(self, merit: float) -> bool:
        """Take in an epoch's merit and tell whether it is the best so far."""
        self.idle = 0 if merit >= self.best + self.tol else self.idle + 1
        best = merit > self.best
        if best:
            self.best = merit
        return best

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return self.idle >= self.patience


class Watcher:
    """Sees every epoch of a training; base class of what prints, records or stops."""

    def before_epoch(self) -> None:
        """Called before an epoch begins."""

    def after_epoch(self, figures: dict[str, Any]) -> bool | None:
        """Called with an epoch's figures when it has ended.

        Returns
        -------
        bool or None
            True ends the training.
        """


class Diverged(ArithmeticError):
    """A loss, a parameter or a score is no longer finite."""


@dataclass
class Outcome:
    """How a training ended.

    Attributes
    ----------
    reason : str
        "converged" (the training loss stopped improving), "early_stopping" (the
        validation score did), "callback" (a watcher said so), "max_iter", "diverged" or
        "interrupted". The estimators add "partial_fit", and "failed" for an error in a
        solver, schedule or watcher.
    best : float
        The highest merit: validation score, or negative training loss.
    kept_epoch : int
        Number of the epoch (from 1, over all calls) whose weights the run ends with.
    rate : float
        The last rate that was used.
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
    *,
    learning_rate: float,
    batch_size: int,
    shuffle: bool = True,
    max_epochs: int = 200,
    tol: float = 1e-4,
    patience: float = 10,
    validate: Callable[[Array], dict[str, float]] | None = None,
    watchers: Sequence[Watcher] = (),
) -> Outcome:
    """Train until the figure watched stops improving or the epochs are used up.

    Parameters
    ----------
    network, optimizer, schedule
        What is trained, how, and at which rates.
    run : Run
        Changed in place. A run with finished epochs is continued.
    data : TrainingSet
        The rows.
    learning_rate : float
        The initial rate, which the schedule multiplies.
    batch_size : int
        Rows per update; a solver with ``full_batch`` takes all.
    shuffle : bool
        Whether to draw a new order of the rows in every epoch.
    max_epochs : int
        Number of epochs of this call, at most.
    tol, patience : float
        See `Progress`.
    validate : callable, optional
        Takes theta, returns figures, "validation_score" among them. Then this is
        watched instead of the training loss, and theta ends as that of the best epoch.
    watchers : sequence of Watcher
        What is told of every epoch.

    Returns
    -------
    Outcome
        Why training ended. After "diverged", theta is that of the best epoch, or
        as it was at the start if no epoch was finished; the solver's memory starts
        anew.

    Raises
    ------
    Diverged
        If there is no earlier state with finite weights to fall back on.
    KeyboardInterrupt
        If that comes before an epoch is finished; the run is as it was. Later, the
        training ends with the run as of the last finished epoch (with ``validate``,
        the weights of the best).
    """
    started_at = run.epoch
    to_beat = -math.inf
    if validate and started_at:
        to_beat = validate(run.theta)["validation_score"]
    progress, outcome = Progress(tol, patience, to_beat), Outcome()
    size = len(data) if optimizer.full_batch else batch_size
    batches = Minibatches(data, size, shuffle, network.block_rows)
    last, best = Snapshot(run, batches.shuffled), Best(run)
    epochs = Epochs(network, optimizer, schedule, run, batches, learning_rate)
    try:
        with epochs.threads(), np.errstate(all="ignore"):
            try:
                while run.epoch < started_at + max_epochs:
                    for watcher in watchers:
                        watcher.before_epoch()
                    figures = epochs.next(validate)
                    run.record(figures)
                    before = last.theta
                    last.take(run, held=(before, *best.held))
                    if progress.see(figures.get("validation_score", -figures["loss"])):
                        best.take(last.theta, run.epoch, before)
                    told = [watcher.after_epoch(figures) for watcher in watchers]
                    if progress.exhausted:
                        outcome.reason = "early_stopping" if validate else "converged"
                        break
                    if any(told):
                        outcome.reason = "callback"
                        break
            except Diverged:
                last.restore(run)
                outcome.reason = "diverged"
                if not validate:
                    best.judge(epochs.objective)
                if best.epoch == 0:
                    raise
                run.state = optimizer.start(run.theta, network.xp)
    except KeyboardInterrupt:
        last.restore(run)
        if run.epoch == started_at:
            raise
        outcome.reason = "interrupted"
    except BaseException:
        last.restore(run)
        raise
    outcome.best, outcome.rate = progress.best, epochs.rate
    outcome.kept_epoch = run.epoch
    if validate or outcome.reason == "diverged":
        run.theta[...] = best.theta
        outcome.kept_epoch = best.epoch
    return outcome


class Best:
    """The weights to keep: those at the end of the epoch with the highest merit.

    A training loss is measured before the updates that end its epoch. So where the
    loss was the merit and training then diverged, the best epoch may have ended with
    the first weights that are bad, and `judge` looks at the alternatives.

    Attributes
    ----------
    theta : array of shape (P,)
        The weights.
    epoch : int
        The number of epochs after which they were reached, over all calls.
    """

    def __init__(self, run: Run):
        self.theta = self.before = run.theta.copy()
        self.epoch = run.epoch
        self.given = self.theta, self.epoch

    @property
    def held(self) -> tuple[Array, ...]:
        """The arrays that must stay as they are."""
        return self.theta, self.before, self.given[0]

    def take(self, theta: Array, epoch: int, before: Array) -> None:
        """Take an epoch's weights and those of the epoch before, without a copy."""
        self.theta, self.epoch, self.before = theta, epoch, before

    def judge(self, objective: Callable[[Array], float]) -> None:
        """Choose by the objective itself, which is the merit that counts.

        The choice is among the weights now held, those an epoch earlier and those
        that the call was given; untrained weights (epoch 0) are the last resort.
        """
        reached = [(self.before, self.epoch - 1), (self.theta, self.epoch)]
        lowest = math.inf
        self.theta, self.epoch = self.given
        for theta, epoch in [self.given, *reached]:
            cost = objective(theta) if epoch > 0 else math.inf
            if cost < lowest:
                lowest, self.theta, self.epoch = cost, theta, epoch


class Epochs:
    """Goes through the training set, epoch after epoch, one update per minibatch.

    Parameters
    ----------
    network, optimizer, schedule, run, learning_rate
        As in `train`.
    batches : Minibatches
        The training set.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        schedule: Schedule,
        run: Run,
        batches: Minibatches,
        learning_rate: float,
    ):
        self.network, self.schedule, self.run = network, schedule, run
        self.batches, self.learning_rate = batches, learning_rate
        self.steady = steady_within_epochs(schedule)
        self.g = network.xp.empty_like(run.theta)
        self.update = Update(optimizer, run.theta, self.g, run.state, network.xp)
        self.rates = np.empty(batches.n_updates)
        self.kernel: Kernel | None = None
        if Kernel.knows(network, run.theta, batches.data):
            self.kernel = Kernel(
                network, optimizer, run.theta, self.g, run.state,
                batches.data, batches.size, batches.piece,
            )  # fmt: skip
            return
        self.part = np.empty_like(self.g) if batches.size > batches.piece else None
        self.rows = min(batches.size, batches.piece)
        self.work = network.workspace(self.rows, run.theta.dtype)

    def threads(self) -> AbstractContextManager[None]:
        """Give the updates the threads that suit their size."""
        if self.kernel:
            return self.kernel.threads()
        return blas_threads(self.rows * self.network.largest_product)

    def next(
        self, validate: Callable[[Array], dict[str, float]] | None
    ) -> dict[str, Any]:
        """Train for one epoch and return its figures.

        Raises
        ------
        Diverged
            As soon as a loss is not finite, or what the epoch ends with is not sound.
        """
        begun, run = time.perf_counter(), self.run
        self.batches.shuffle(run.rng)
        self.set_rates()
        if self.kernel and self.kernel.makes_updates:
            total, largest = self.kernel.epoch(
                self.batches.order, self.rates, self.batches.size
            )
        else:
            total = self.make_updates()
            largest = float(max(run.theta.max(), -run.theta.min()))
        if not (math.isfinite(total) and self.is_sound(largest)):
            raise Diverged
        run.update += self.batches.n_updates
        run.epoch += 1
        run.samples += len(self.batches.data)
        figures = {
            "epoch": run.epoch,
            "update": run.update,
            "loss": total / len(self.batches.data),
            "learning_rate": self.rate,
        }
        if validate:
            held_out = validate(run.theta)
            if not all(map(math.isfinite, held_out.values())):
                raise Diverged
            figures |= held_out
        figures["seconds"] = time.perf_counter() - begun
        return figures

    def make_updates(self) -> float:
        """Make the updates of an epoch; return the sum of objective times rows.

        This is the definition of what the kernels do in one call. It ends at the
        first objective that is not finite, and returns that.
        """
        total = 0.0
        for batch, rate in zip(self.batches.ranges(), self.rates, strict=True):
            loss = self.loss_and_gradient(self.update.gradient_point(), batch)
            if not math.isfinite(loss):
                return loss
            self.update.step(float(rate))
            total += loss * len(batch)
        return total

    def set_rates(self) -> None:
        """Ask the schedule for the rate of each update of the epoch to come."""
        run, n_updates = self.run, self.batches.n_updates
        for step in range(1 if self.steady else n_updates):
            clock = Clock(run.update + step, run.epoch, n_updates, step)
            self.rates[step:] = self.learning_rate * self.factor(clock)

    @property
    def rate(self) -> float:
        """The last rate of the epoch."""
        return float(self.rates[-1])

    def is_sound(self, largest: float) -> bool:
        """Tell whether the parameters an epoch ended with can be used.

        Their loss is measured in the next epoch, if there is one. Where the largest is
        so large that it may overflow, it is measured here.
        """
        if largest > _LARGE:
            return math.isfinite(self.objective(self.run.theta))
        return math.isfinite(largest)

    def factor(self, clock: Clock) -> float:
        """Return what the schedule makes of the initial rate."""
        factor = float(self.schedule(clock))
        if not 0 <= factor < math.inf:
            raise ValueError(
                f"A schedule must return a finite factor that is not negative."
                f" {self.schedule!r} returned {factor} at {clock}."
            )
        return factor

    def objective(self, theta: Array) -> float:
        """Return the objective of the whole training set."""
        return sum(
            self.loss_and_gradient(theta, batch) * len(batch) / len(self.batches.data)
            for batch in self.batches.ranges()
        )

    def loss_and_gradient(self, theta: Array, batch: range) -> float:
        """Return the objective of a minibatch; its gradient is left in ``g``."""
        if self.kernel:
            return self.kernel.loss_and_gradient(theta, self.batches.order, batch)
        if self.part is None:
            (rows,) = self.batches.pieces(batch)
            return self._of_piece(theta, rows, self.g)
        cost = 0.0
        self.g[...] = 0
        for rows in self.batches.pieces(batch):
            share = len(rows) / len(batch)
            cost += share * self._of_piece(theta, rows, self.part)
            self.part *= share
            self.g += self.part
        return cost

    def _of_piece(self, theta: Array, rows: TrainingSet, out: Array) -> float:
        work = self.work.head(len(rows))
        return self.network.loss_and_gradient(theta, rows.X, rows.Y, rows.w, out, work)
