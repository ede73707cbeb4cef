"""Run: the state of a training, all that a later call continues from."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from .._types import Array, Namespace
from ..dropout import Dropout
from ..optimizers import State
from ..schedules.losses import Losses
from .minibatches import Shuffles
from .stopping import Stopping


class Solver(Protocol):
    """A solver of any kind: an `Optimizer`, or `LBFGS`."""

    def start(self, theta: Array, xp: Namespace) -> State:
        """Return the state before the first update."""

    def go_on(self, state: State, theta: Array, xp: Namespace) -> State:
        """Return a copy of a state, to continue with in another call."""

    def move(self, state: State, theta: Array) -> None:
        """Continue from the theta of an earlier update."""


@dataclass
class Run:
    """The state of a training: all that a later call continues from.

    A later call works on a run of its own (`continued`), so this one survives whatever
    happens to the other. They share two things: the lists of ``history``, to which the
    later call only adds after the first ``epoch`` entries, and ``rng``, whose state is
    noted here before the later call draws from it.

    Attributes
    ----------
    theta : array of shape (P,)
        The parameters.
    state : State
        The solver's memory.
    solver : type
        The class of that solver.
    rng : RandomState
        The random number generator of the coming shuffles.
    update, epoch, samples : int
        Updates made, epochs finished and rows seen, over all calls.
    stopping : Stopping
        The best score, and the number of epochs since.
    shuffles : Shuffles or None
        The shuffles that led to the order of the rows in the last epoch; None if rows
        are not shuffled.
    history : dict of lists
        The metrics of each epoch. Only the first ``epoch`` entries of each list count;
        see `metrics`.
    dropout_seed : int or None
        The seed of the dropout masks; None until `dropout` draws it.
    seen_losses : dict of Losses or None
        The losses that the last call passed to its schedule.
    """

    theta: Array
    state: State
    solver: type
    rng: np.random.RandomState
    update: int = 0
    epoch: int = 0
    samples: int = 0
    stopping: Stopping = field(default_factory=Stopping)
    shuffles: Shuffles | None = None
    history: dict[str, list] = field(default_factory=dict)
    dropout_seed: int | None = None
    seen_losses: dict[str, Losses] | None = field(
        default=None, repr=False, compare=False
    )
    # The first call that continues from here empties this list and takes the lists of
    # `history`; a second call finds it empty and copies them.
    _lists_to_give: list = field(default_factory=lambda: [True], repr=False)
    # The state of `rng` here, noted while a later training draws from it.
    _random_state: Any = field(default=None, repr=False)
    # The run that this one continues, until training has ended.
    _parent: Run | None = field(default=None, repr=False)

    @classmethod
    def new(
        cls, theta: Array, optimizer: Solver, rng: np.random.RandomState, xp: Namespace
    ) -> Run:
        """Return a run before its first epoch."""
        return cls(theta, optimizer.start(theta, xp), type(optimizer), rng)

    def continued(self, optimizer: Solver, xp: Namespace) -> Run:
        """Return a run that continues from here; this one keeps its arrays.

        A solver of another class begins with a new state.
        """
        try:
            self._lists_to_give.pop()
        except IndexError:
            return self._twin(optimizer, xp, self.metrics(), None, self.rng, self)
        history = dict(self.history)
        return self._twin(optimizer, xp, history, self.seen_losses, self.rng, self)

    def copy(self, optimizer: Solver, xp: Namespace) -> Run:
        """Return a copy that shares nothing, as if training had ended here."""
        rng = deepcopy(self.rng)
        twin = self._twin(optimizer, xp, self.metrics(), None, rng, None)
        twin.stopping = replace(self.stopping)
        return twin

    def _twin(
        self,
        optimizer: Solver,
        xp: Namespace,
        history: dict[str, list],
        seen_losses: dict[str, Losses] | None,
        rng: np.random.RandomState,
        parent: Run | None,
    ) -> Run:
        theta, solver = xp.array(self.theta), type(optimizer)
        if self.solver is solver:
            state = optimizer.go_on(self.state, theta, xp)
        else:
            state = optimizer.start(theta, xp)
        return Run(
            theta, state, solver, rng, self.update, self.epoch, self.samples,
            self.stopping, self.shuffles, history, self.dropout_seed, seen_losses,
            _parent=parent,
        )  # fmt: skip

    def metrics(self) -> dict[str, list]:
        """Return a copy of the history: one entry per finished epoch in each list."""
        return {name: values[: self.epoch] for name, values in self.history.items()}

    def losses(self, name: str) -> list[float]:
        """Return the values of a loss (or score) so far, empty if there are none."""
        values = self.history.get(name, [])
        return values if len(values) == self.epoch else values[: self.epoch]

    def record(self, metrics: dict[str, list]) -> None:
        """Add the metrics of the epochs that have just ended to the history.

        ``epoch`` counts these epochs already. Epochs without a metric get NaN.
        """
        history, n_new = self.history, len(metrics["epoch"])
        before = self.epoch - n_new
        if metrics.keys() != history.keys():
            for name in metrics:
                history.setdefault(name, [math.nan] * before)
            missing = dict.fromkeys(history.keys() - metrics.keys(), [math.nan] * n_new)
            metrics = {**metrics, **missing}
        for name, values in history.items():
            values[before:] = metrics[name]

    def note_draws(self) -> Any:
        """Return the state of ``rng``, from which training is about to draw.

        The run that this one continues notes the state, to restore it if training
        fails.
        """
        state = self.rng.get_state()
        if self._parent and self._parent._random_state is None:
            self._parent._random_state = state
        return state

    def note_random_state(self) -> None:
        """Remember the state of ``rng``, from which a later training will draw."""
        self._random_state = self.rng.get_state()

    def restore_random_state(self) -> None:
        """Undo the draws of a later training that was not kept."""
        if self._random_state is not None:
            self.rng.set_state(self._random_state)
            self._random_state = None

    def end(self) -> None:
        """Forget the run that this one continues, so that it can be freed."""
        self._parent = None

    def dropout(self, rates: tuple[float, ...]) -> Dropout | None:
        """Return dropout at these rates, None if they are all 0.

        A run has one seed, drawn when it is first needed. It is drawn from a copy of
        ``rng``, because `Shuffles` needs a generator that nothing else draws from.
        """
        if not any(rates):
            return None
        if self.dropout_seed is None:
            twin = deepcopy(self.rng)
            self.dropout_seed = int(twin.randint(2**64, dtype=np.uint64))
        return Dropout(rates, self.dropout_seed)
