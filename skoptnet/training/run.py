"""What training changes: weights, memory, counts, history; and the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from .._types import Array, Namespace
from ..dropout import Dropout
from ..optimizers import State
from .minibatches import Shuffles

# Shuffling so many rows again takes a millisecond.
_ROWS_TO_SHUFFLE_AGAIN = 100_000


class Watcher:
    """Sees every epoch of a training; base class of what prints, records or stops.

    Attributes
    ----------
    sees_updates : bool
        Whether `after_update` is to be called. Each update is then made by itself.
    """

    sees_updates: bool = False

    def before_epoch(self) -> None:
        """Called before an epoch begins."""

    def after_update(self, loss: float, rate: float) -> None:
        """Called after an update with its rate.

        And with the objective of its minibatch, as it was before the update.
        """

    def after_divergence(self) -> None:
        """Called when training has diverged, before it goes back to its best epoch."""

    def after_epoch(self, metrics: dict[str, Any]) -> bool | None:
        """Called with an epoch's metrics when it has ended.

        Returns
        -------
        bool or None
            True ends the training.
        """


class Starts(Protocol):
    """A solver of whatever kind: it can begin a run."""

    def start(self, theta: Array, xp: Namespace) -> State:
        """Make the memory that the solver begins with."""

    def go_on(self, state: State, theta: Array, xp: Namespace) -> State:
        """Return a copy of its memory, to go on with."""


@dataclass
class Progress:
    """Remembers the best epoch, and counts the epochs since the last good one.

    Attributes
    ----------
    tol : float
        An epoch is good if its merit exceeds the best before it by at least this.
    patience : int or inf
        Number of epochs without a good one that make a plateau.
    best : float
        The merit to beat.
    idle : int
        Epochs since the last good one, or since the last plateau that training
        passed.
    plateaus : int
        Number of plateaus that training passed, over all calls.
    """

    tol: float = 0.0
    patience: float = math.inf
    best: float = -math.inf
    idle: int = 0
    plateaus: int = 0

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

    @property
    def left(self) -> float:
        """The number of epochs, at least one, within which patience does not run out.

        It may with the last of them.
        """
        return max(self.patience - self.idle, 1)

    def pass_plateau(self) -> None:
        """Begin to be patient again."""
        self.plateaus += 1
        self.idle = 0


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
        The class of that optimizer, or `LBFGS`.
    rng : RandomState
        The source of the shuffles to come.
    update, epoch, samples : int
        Updates made, epochs finished and rows seen, over all calls.
    progress : Progress
        How the last epochs compare with those before.
    shuffles : Shuffles or None
        How the rows came into the order of the last epoch; None if they lie as given.
    history : dict of lists
        One entry per finished epoch in each list.
    dropout_seed : int or None
        The seed of the masks; None until `dropout` is asked for.
    """

    theta: Array
    state: State
    solver: type
    rng: np.random.RandomState
    update: int = 0
    epoch: int = 0
    samples: int = 0
    progress: Progress = field(default_factory=Progress)
    shuffles: Shuffles | None = None
    history: dict[str, list] = field(default_factory=dict)
    dropout_seed: int | None = None

    def dropout(self, rates: tuple[float, ...]) -> Dropout | None:
        """Return what leaves hidden units out at these rates, None where none are.

        A run has one seed, drawn when it is first needed. It is drawn from a copy of
        ``rng``, whose shuffles must follow each other without a gap: see `Shuffles`.
        """
        if not any(rates):
            return None
        if self.dropout_seed is None:
            twin = deepcopy(self.rng)
            self.dropout_seed = int(twin.randint(2**64, dtype=np.uint64))
        return Dropout(rates, self.dropout_seed)

    def handed_to(self, optimizer: Starts, xp: Namespace) -> Run:
        """Return a run that goes on from here; this one keeps its arrays.

        Random numbers and history are shared. Another solver starts with fresh
        memory.
        """
        theta, solver = xp.array(self.theta), type(optimizer)
        same = self.solver is solver
        state = (
            optimizer.go_on(self.state, theta, xp)
            if same
            else optimizer.start(theta, xp)
        )
        return replace(self, theta=theta, state=state, solver=solver)

    def record(self, metrics: dict[str, list]) -> None:
        """Add epochs to the history, keeping its lists equally long."""
        if metrics.keys() != self.history.keys():
            length = len(next(iter(self.history.values()), []))
            for name in metrics:
                self.history.setdefault(name, [math.nan] * length)
            missing = self.history.keys() - metrics.keys()
            nothing = [math.nan] * len(metrics["epoch"])
            metrics = {**metrics, **dict.fromkeys(missing, nothing)}
        for name, values in self.history.items():
            values.extend(metrics[name])


class Snapshot:
    """A copy of what a run will change in its next epochs, to return to.

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
        self.order = run.shuffles
        self.shuffles, self.shuffled = 0, shuffled
        self.random = run.rng.get_state() if shuffled else None
        self._buffers = [self.theta]

    def take(self, run: Run, held: Sequence[Array], epochs: int = 1) -> None:
        """Remember the run as it is now, so many epochs after the last time.

        The weights go to another array each time, which is none of those in ``held``.
        """
        taken = [id(theta) for theta in held]
        for buffer in self._buffers:
            if id(buffer) not in taken:
                break
        else:
            buffer = np.empty_like(run.theta)
            self._buffers.append(buffer)
        np.copyto(buffer, run.theta)
        self.theta = buffer
        self.state.take(run.state)
        self.counts = run.update, run.epoch, run.samples
        self.order = run.shuffles
        self.shuffles += epochs
        if self.shuffles * self.shuffled > _ROWS_TO_SHUFFLE_AGAIN:
            self.random, self.shuffles = run.rng.get_state(), 0

    def restore(self, run: Run) -> None:
        """Bring the run back to what was remembered; its arrays stay the same."""
        run.theta[...] = self.theta
        run.state.take(self.state)
        run.update, run.epoch, run.samples = self.counts
        run.shuffles = self.order
        if self.random is not None:
            run.rng.set_state(self.random)
            for _ in range(self.shuffles):
                run.rng.shuffle(np.arange(self.shuffled))
