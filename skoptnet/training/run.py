"""Run: the state of a training, from which a later call continues."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from .._types import Array, Namespace
from ..dropout import Dropout
from ..optimizers import State
from ..schedules.losses import Losses
from .curves import Curves
from .minibatches import Shuffles
from .stopping import Stopping

#: Weights, and the number of the epoch that ended with them.
Weights: TypeAlias = tuple[Array, int]


class Paused(NamedTuple):
    """A training at the end of an epoch, from which a later call resumes it.

    Attributes
    ----------
    last : tuple of (theta, state), or None
        The parameters and the solver's memory at the end of the last epoch, if the run
        has those of the best epoch.
    given, best, before_best : Weights
        The weights at the start of the training, of the best epoch, and of the epoch
        before the best.
    """

    last: tuple[Array, State] | None
    given: Weights
    best: Weights
    before_best: Weights


class Solver(Protocol):
    """A solver of any kind: an `Optimizer`, or `LBFGS`."""

    @property
    def points(self) -> tuple[str, ...]:
        """Names of the vectors that are points like theta."""

    @property
    def average(self) -> float:
        """The decay of the moving average in theta, 0 if theta is no average."""

    def start(self, theta: Array, xp: Namespace) -> State:
        """Return the state before the first update."""

    def go_on(self, state: State, theta: Array, xp: Namespace) -> State:
        """Return a copy of a state, to continue with in another call."""

    def move(self, state: State, theta: Array) -> None:
        """Continue from the theta of an earlier update."""

    def follow(self, state: State, theta: Array, before: Array) -> None:
        """Continue from a theta with elements that were changed between updates."""


class HandedOut(Protocol):
    """The parameters of a run that its user reads and may assign."""

    @property
    def theta(self) -> Array:
        """All of them in one vector."""


@dataclass(eq=False)
class Run:
    """The state of a training, from which a later call continues.

    A later call works on a run of its own (`continued`), so this one survives if the
    later call fails. They share two things: the lists of ``history``, to which the
    later call only adds after those of the first ``epoch`` epochs, and ``rng``, whose
    state is noted here before the later call draws from it.

    Attributes
    ----------
    theta : array of shape (P,)
        The parameters; after training, including those that the user has assigned.
    state : State
        The solver's memory.
    solver : type
        The class of that solver.
    rng : RandomState
        The random number generator of the coming shuffles.
    update, epoch, samples : int
        Updates made, epochs finished and rows seen, over all calls.
    kept_epoch : int
        The epoch that ended with these parameters: mostly the last one.
    stopping : Stopping
        The best score, and the number of epochs since.
    shuffles : Shuffles or None
        The shuffles that led to the order of the rows in the last epoch; None if rows
        are not shuffled.
    history : Curves
        The metrics of each epoch. Only those of the first ``epoch`` epochs count; see
        `metrics`.
    dropout_seed : int or None
        The seed of the dropout masks; None until `dropout` draws it.
    stream_seed : int or None
        The seed of the shuffles of a `Stream`; None without one.
    trained : array of shape (P,) or None
        The parameters at the end of training, if the solver's memory has points like
        them, or the iterate behind their average.
    weights : HandedOut or None
        The parameters that were returned to the user, or assigned, after training.
    folded : dict of dicts
        By the name of a loss, the results of `Losses.fold` over it.
    paused : Paused or None
        The training that has paused here; None if it has ended.
    """

    _theta: Array
    state: State
    solver: type
    rng: np.random.RandomState
    update: int = 0
    epoch: int = 0
    samples: int = 0
    stopping: Stopping = field(default_factory=Stopping)
    shuffles: Shuffles | None = None
    history: Curves = field(default_factory=Curves)
    dropout_seed: int | None = None
    stream_seed: int | None = None
    trained: Array | None = field(default=None, repr=False)
    weights: HandedOut | None = field(default=None, repr=False)
    folded: dict[str, dict] = field(default_factory=dict, repr=False)
    kept_epoch: int = 0
    paused: Paused | None = field(default=None, repr=False)
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

    @property
    def theta(self) -> Array:
        """The parameters."""
        return self.weights.theta if self.weights else self._theta

    def continued(self, optimizer: Solver, xp: Namespace) -> Run:
        """Return a run that continues from here; this one keeps its arrays.

        A solver of another class begins with a new state.
        """
        try:
            owns = self._lists_to_give.pop()
        except IndexError:
            owns = False
        history = self.history.continued(self.epoch, owns)
        return self._twin(optimizer, xp, history, self.rng, self)

    def resumed(self, optimizer: Solver, xp: Namespace) -> Run:
        """Return a run that resumes the training that has paused here."""
        if self.paused is None:
            raise ValueError("Only a run that has paused can be resumed.")
        run = self.continued(optimizer, xp)
        if self.paused.last:
            theta, state = self.paused.last
            run.theta[...] = theta
            run.state.take(state)
        run.stopping, run.paused = replace(self.stopping), self.paused
        return run

    def copy(self, optimizer: Solver, xp: Namespace) -> Run:
        """Return a copy as if training had ended here.

        It shares nothing but the lists of the history, to which it must not add.
        """
        rng = deepcopy(self.rng)
        twin = self._twin(optimizer, xp, self.history.shared(), rng, None)
        twin._lists_to_give.clear()
        twin.stopping = replace(self.stopping)
        twin.end(optimizer, self.epoch)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for a pickle or a copy: no epochs that do not count."""
        history = self.history.copy(self.epoch)
        own = {"history": history, "_lists_to_give": [True]}
        return vars(self) | own | {"_theta": self.theta, "weights": None}

    def _twin(
        self,
        optimizer: Solver,
        xp: Namespace,
        history: Curves,
        rng: np.random.RandomState,
        parent: Run | None,
    ) -> Run:
        theta, solver = xp.array(self.theta), type(optimizer)
        if self.solver is solver:
            state = optimizer.go_on(self.state, theta, xp)
            if self.trained is not None:
                optimizer.follow(state, theta, self.trained)
        else:
            state = optimizer.start(theta, xp)
        return Run(
            theta, state, solver, rng, self.update, self.epoch, self.samples,
            self.stopping, self.shuffles, history, self.dropout_seed,
            self.stream_seed, folded=self._folded(history.n_before),
            kept_epoch=self.kept_epoch, _parent=parent,
        )  # fmt: skip

    def _folded(self, n_before: int) -> dict[str, dict]:
        """Return the results over losses, without those over forgotten losses only."""
        return {
            name: {rule: result for rule, result in of.items() if result[0] > n_before}
            for name, of in self.folded.items()
        }

    def metrics(self) -> dict[str, list]:
        """Return a copy of the history: one entry per kept epoch in each list."""
        return self.history.metrics(self.epoch)

    def metric(self, name: str, epoch: int | None = None) -> float:
        """Return a metric of the last or another kept epoch, NaN if it has none."""
        return self.history.value(name, self.epoch if epoch is None else epoch)

    def losses_to_read(self, name: str) -> Losses:
        """Return a loss of the kept epochs, for a schedule that reads it."""
        history, results = self.history, self.folded.setdefault(name, {})
        values, window = history.columns.get(name, []), history.window(self.epoch)
        return Losses(values, window, history.n_before, results)

    def record(self, metrics: dict[str, list]) -> None:
        """Add the metrics of the epochs that have just ended to the history.

        ``epoch`` counts these epochs already. Epochs without a metric get NaN.
        """
        self.history.record(metrics, self.epoch)

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

    def end(self, optimizer: Solver, kept_epoch: int) -> None:
        """End a training: forget the run that this one continues, to free it."""
        self._parent, self.kept_epoch = None, kept_epoch
        if optimizer.points or optimizer.average:
            self.trained = self._theta.copy()

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
