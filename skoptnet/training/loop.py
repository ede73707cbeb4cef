"""The training loop: epochs, minibatches, rates, validation and stopping.

`train` is the only loop over epochs, whatever the `Optimizer` or `Schedule`. It changes
a `Run`, tells its watchers about every epoch, and answers with the reason it ended.
It knows nothing of estimators; names, encodings and warnings are their business.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from copy import copy
from numbers import Real
from typing import Any

import numpy as np

from .._types import Array
from ..compiled import Kernel, outputs
from ..dropout import Dropout
from ..network import Network
from ..optimizers import Optimizer
from ..optimizers.update import Update
from ..schedules import Clock, Constant, Schedule, looks_back, steady_within_epochs
from .l1_penalty import L1
from .minibatches import Minibatches, TrainingSet
from .objective import Objective
from .outcome import Best, Diverged, Outcome
from .run import Progress, Run, Snapshot, Watcher

# A parameter above this is no sign of learning; the next outputs may overflow.
_LARGE = 1e6


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
    judge_anew: bool = True,
    max_grad_norm: float | None = None,
    dropout: tuple[float, ...] = (),
    l1: float = 0.0,
    plateaus: Collection[int] = (),
    planned_epochs: float | None = None,
    validation_losses: Sequence[float] = (),
) -> Outcome:
    """Train until the metric watched stops improving or the epochs are used up.

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
        See `Progress`. Where patience runs out, training ends, or the schedule lowers
        the rate and has it go on.
    validate : callable, optional
        Takes theta, returns metrics, "validation_score" among them. Then this is
        watched instead of the training loss, and theta ends as that of the best epoch.
    watchers : sequence of Watcher
        What is told of every epoch.
    judge_anew : bool
        Whether only epochs of this call count for its patience, while the rows come in
        the order that the last call left them in. False for one of many calls that are
        one training, in which it is the other way round.
    max_grad_norm : float or None
        Gradients of a larger norm are shortened to it.
    dropout : tuple of float
        Share of the units of each hidden layer that an update leaves out, see
        `Dropout`; empty for none. The losses of the epochs are those of what is left.
    l1 : float
        Strength of the L1 penalty, see `L1`. It is part of the objective.
    plateaus : collection of int
        Numbers of epochs that count as the end of a plateau that training passes,
        whatever the patience: those of the training that this one repeats.
    planned_epochs : float, optional
        The epoch, over all calls, at which the plan of the schedule ends; that of
        this call, by default.
    validation_losses : sequence of float
        What the schedule sees in place of those of a run without any: entry e is
        that of epoch e.

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
    progress = Progress(tol, patience, to_beat, plateaus=run.progress.plateaus)
    if not judge_anew:
        progress.best, progress.idle = run.progress.best, run.progress.idle
    run.progress, outcome = progress, Outcome()
    size = len(data) if optimizer.full_batch else batch_size
    batches = Minibatches(data, size, shuffle, network.block_rows(data.X))
    last, best = Snapshot(run, batches.shuffled), Best(run)
    before = run.shuffles if judge_anew else None
    run.shuffles = batches.go_on(before, run.rng, last.random)
    one_by_one = bool(watchers or validate or plateaus)
    epochs = Epochs(
        network, optimizer, schedule, run, batches, learning_rate,
        max_grad_norm, run.dropout(dropout), l1,
        started_at + max_epochs if planned_epochs is None else planned_epochs,
        validation_losses, [watcher for watcher in watchers if watcher.sees_updates],
    )  # fmt: skip
    try:
        with epochs.threads(), np.errstate(all="ignore"):
            try:
                while run.epoch < started_at + max_epochs:
                    for watcher in watchers:
                        watcher.before_epoch()
                    left = min(progress.left, started_at + max_epochs - run.epoch)
                    made = epochs.next(validate, 1 if one_by_one else left)
                    if not made:
                        epochs.start_over(last)
                        continue
                    run.record(made)
                    theta = last.theta
                    last.take(run, (theta, *best.held), len(made["epoch"]))
                    merits = made.get("validation_score", [-x for x in made["loss"]])
                    ends = (*epochs.between, last.theta)
                    for epoch, merit, end in zip(
                        made["epoch"], merits, ends, strict=True
                    ):
                        if progress.see(merit):
                            best.take(end, epoch, theta)
                        theta = end
                    metrics = {name: values[-1] for name, values in made.items()}
                    told = [watcher.after_epoch(metrics) for watcher in watchers]
                    if progress.exhausted and schedule.ends_at_plateau(epochs.rate):
                        outcome.reason = "early_stopping" if validate else "converged"
                        break
                    if any(told):
                        outcome.reason = "callback"
                        break
                    if progress.exhausted or run.epoch in plateaus:
                        progress.pass_plateau()
                        outcome.plateaus.append(run.epoch)
                # The loss of the last weights is not measured.
                unseen = network.loss.overflows and not validate
                if unseen and not epochs.predicts(run.theta):
                    raise Diverged
            except Diverged:
                last.restore(run)
                for watcher in watchers:
                    watcher.after_divergence()
                outcome.reason = "diverged"
                if not validate:
                    best.judge(epochs.cost)
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
        optimizer.move(run.state, run.theta)
        outcome.kept_epoch = best.epoch
    return outcome


class Epochs(Objective):
    """Goes through the training set, epoch after epoch, one update per minibatch.

    Parameters
    ----------
    network, optimizer, schedule, run, learning_rate, max_grad_norm, l1
        As in `train`.
    planned_epochs, validation_losses
        As in `train`; no plan by default.
    batches : Minibatches
        The training set.
    dropout : Dropout or None
        What leaves hidden units out.
    watchers : sequence of Watcher
        What is told of every update.

    Attributes
    ----------
    rate : float
        The rate of the last update.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        schedule: Schedule,
        run: Run,
        batches: Minibatches,
        learning_rate: float,
        max_grad_norm: float | None = None,
        dropout: Dropout | None = None,
        l1: float = 0.0,
        planned_epochs: float = math.inf,
        validation_losses: Sequence[float] = (),
        watchers: Sequence[Watcher] = (),
    ):
        super().__init__(network, run.theta, batches, optimizer, run.state, dropout)
        self.watchers = watchers
        self.max_grad_norm = max_grad_norm
        self.schedule, self.run, self.learning_rate = schedule, run, learning_rate
        self.planned_epochs = planned_epochs
        self.validation_losses = validation_losses
        self.steady = steady_within_epochs(schedule)
        self.momenta: Momenta | None = None
        if optimizer.momentum_name and schedule.moves_momentum:
            self.momenta = Momenta(optimizer, batches.n_updates)
            optimizer = self.momenta.optimizer
        self.update = Update(
            optimizer, run.theta, self.g, run.state, network.xp, network.layout
        )
        points = [getattr(run.state, name) for name in optimizer.points]
        self.l1 = L1(l1, network, self.update.point, self.g, points) if l1 else None
        plain = not (max_grad_norm or l1 or self.momenta)
        known = plain and self.kernel and self.kernel.makes_updates
        self.compiled = self.kernel if known else None
        self.most, self.rate = 1, math.nan
        if self.compiled and not looks_back(schedule):
            self.most = self.compiled.epochs_at_once
        self.rates = np.empty((self.most, batches.n_updates))
        self.between = np.empty((0, len(run.theta)), run.theta.dtype)

    def next(
        self, validate: Callable[[Array], dict[str, float]] | None, most: float = 1
    ) -> dict[str, list]:
        """Train for an epoch, or for several at once; return their metrics.

        Small epochs take less time than what is done around them, so up to ``most`` are
        made by one call of the kernels. It is 1 where anybody has to know of every
        epoch: with ``validate`` or a watcher. Afterwards the parameters at the end of
        each epoch but the last are in ``between``.

        Returns
        -------
        dict of lists
            An entry per epoch in each list, as in the history. Empty if one of
            several epochs went wrong, or its schedule: let them be made again one by
            one, after `start_over`.

        Raises
        ------
        Diverged
            As soon as a loss is not finite, or what the epoch ends with is not sound.
        """
        begun, run, batches = time.perf_counter(), self.run, self.batches
        n_epochs = int(min(most, self.most))
        orders = batches.shuffle(run.rng, n_epochs)
        try:
            self.set_rates(n_epochs)
        except Exception:
            if n_epochs == 1:
                raise
            return {}
        if self.compiled:
            sums = self.make_compiled_updates(self.compiled, orders, n_epochs)
        else:
            total = self.make_updates()
            sums = [[total, float(max(run.theta.max(), -run.theta.min()))]]
        total, largest = sums[-1]
        if n_epochs > 1:
            if not all(math.isfinite(x) and size <= _LARGE for x, size in sums):
                return {}
        elif not (math.isfinite(total) and self.is_sound(largest)):
            raise Diverged
        n, counted = len(batches.data), range(1, n_epochs + 1)
        made = {
            "epoch": [run.epoch + i for i in counted],
            "update": [run.update + i * batches.n_updates for i in counted],
            "loss": [total / n for total, _ in sums],
            "learning_rate": self.rates[:n_epochs, -1].tolist(),
        }
        if run.shuffles:
            run.shuffles = run.shuffles.and_more(n_epochs)
        run.update += n_epochs * batches.n_updates
        run.epoch += n_epochs
        run.samples += n_epochs * n
        if validate:
            held_out = validate(run.theta)
            if not all(map(math.isfinite, held_out.values())):
                raise Diverged
            made |= {name: [value] for name, value in held_out.items()}
        made["seconds"] = [(time.perf_counter() - begun) / n_epochs] * n_epochs
        return made

    def start_over(self, before: Snapshot) -> None:
        """Put the run back to before the last several epochs; they come one by one."""
        shuffles = self.run.shuffles
        before.restore(self.run)
        self.run.shuffles, self.most = shuffles, 1
        self.batches.take_back()
        if self.compiled:
            self.compiled.start_from(self.run.state)

    def make_updates(self) -> float:
        """Make the updates of an epoch; return the sum of objective times rows.

        This is the definition of what the kernels do in one call, but for
        ``max_grad_norm``, ``l1`` and a momentum that the schedule moves. It ends at
        the first objective that is not finite, and returns that.
        """
        total = 0.0
        number = self.run.update
        for i, (batch, rate) in enumerate(
            zip(self.batches.ranges(), self.rates[0], strict=True)
        ):
            if self.momenta:
                self.momenta.set(i)
            loss = self.loss_and_gradient(self.update.gradient_point(), batch, number)
            if not math.isfinite(loss):
                return loss
            if self.l1:
                loss += self.l1.penalty(self.update.point)
                self.l1.add_to_gradient()
            if self.max_grad_norm:
                self.clip_gradient(self.max_grad_norm)
            self.update.step(float(rate))
            if self.l1:
                self.l1.keep_in_orthant()
            self.update.update_average()
            self.tell(loss, rate)
            total += loss * len(batch)
            number += 1
        return total

    def make_compiled_updates(
        self, kernel: Kernel, orders: Array | None, n_epochs: int
    ) -> list[list[float]]:
        """Do the same by a kernel, for several epochs.

        In one call, or in one for each update where somebody is told of it. Returns
        the sum of objective times rows and the largest parameter of each epoch.
        """
        rates, number, size = self.rates[:n_epochs], self.run.update, self.batches.size
        shape = n_epochs - 1, len(self.run.theta)
        self.between = np.empty(shape, self.run.theta.dtype)
        metrics = np.empty((n_epochs, 2))
        if not self.watchers:
            kernel.epochs(orders, rates, size, number, metrics, self.between)
            return metrics.tolist()
        total = 0.0
        if orders is None:
            orders = np.arange(len(self.batches.data))
        for i, batch in enumerate(self.batches.ranges()):
            rows, rate = orders[batch.start : batch.stop], rates[:, i : i + 1]
            kernel.epochs(rows, rate, len(batch), number + i, metrics, self.between)
            part, largest = metrics[0].tolist()
            if not math.isfinite(part):
                return [[part, largest]]
            self.tell(part / len(batch), rate[0, 0])
            total += part
        return [[total, largest]]

    def tell(self, loss: float, rate: float) -> None:
        """Tell of an update."""
        for watcher in self.watchers:
            watcher.after_update(float(loss), float(rate))

    def objective(self, theta: Array) -> float:
        """Return the objective of the whole training set."""
        penalty = self.l1.penalty(theta) if self.l1 else 0.0
        return super().objective(theta) + penalty

    def cost(self, theta: Array) -> float:
        """Return the objective, infinite where predictions would be."""
        return self.objective(theta) if self.predicts(theta) else math.inf

    def predicts(self, theta: Array) -> bool:
        """Tell whether all predictions for the training set are finite."""
        network, data = self.network, self.batches.data
        z = outputs(network, theta, data.X, data.rows)
        return network.loss.predicts(z, network.xp)

    def clip_gradient(self, most: float) -> None:
        """g <- g min(1, most / ||g||), over all layers together (Pascanu, 2013)."""
        norm = float(self.network.xp.linalg.norm(self.g))
        if norm > most:
            self.g *= most / norm

    def set_rates(self, n_epochs: int) -> None:
        """Ask the schedule for the rate of each update of the epochs to come.

        And for the momentum, where there is one.
        """
        if type(self.schedule) is Constant:  # asking would take longer than training
            self.rate = float(self.learning_rate)
            self.rates[:n_epochs] = self.rate
            return
        run, n_updates, history = self.run, self.batches.n_updates, self.run.history
        seen = (
            run.progress.plateaus,
            self.planned_epochs,
            history.get("loss", ()),
            history.get("validation_loss") or self.validation_losses[: run.epoch],
        )
        n_rows, asked = len(self.batches.data), n_updates if self.steady else 1
        clocks = [
            Clock(
                run.update + epoch * n_updates + step, run.epoch + epoch, n_updates,
                step, run.samples + epoch * n_rows, *seen,
            )
            for epoch in range(n_epochs)
            for step in range(0, n_updates, asked)
        ]  # fmt: skip
        factors = [factor_of(self.schedule, clock) for clock in clocks]
        self.rates[:n_epochs] = self.learning_rate * np.reshape(factors, (n_epochs, -1))
        self.rate = float(self.rates[n_epochs - 1, -1])
        if self.momenta:
            for clock in clocks:
                updates = slice(clock.step, clock.step + asked)
                self.momenta.take(updates, self.schedule, clock)

    def is_sound(self, largest: float) -> bool:
        """Tell whether the parameters an epoch ended with can be used.

        Their loss is measured in the next epoch, if there is one. Where the largest is
        so large that it may overflow, it is measured here.
        """
        if largest > _LARGE:
            return math.isfinite(self.objective(self.run.theta))
        return math.isfinite(largest)


def factor_of(schedule: Schedule, clock: Clock) -> float:
    """Return what a schedule makes of the initial rate."""
    given = schedule(clock)
    factor = given if type(given) is float else _number(given)
    if not 0 <= factor < math.inf:
        raise ValueError(
            f"A schedule must return a finite factor that is not negative."
            f" {schedule!r} returned {given!r} at {clock}."
        )
    return factor


class Momenta:
    """The momentum of each update of an epoch, as a schedule moves it.

    Parameters
    ----------
    optimizer : Optimizer
        The solver, which has a momentum. It stays as it is.
    n_updates : int
        Updates per epoch.

    Attributes
    ----------
    optimizer : Optimizer
        The copy whose momentum is set.
    """

    def __init__(self, optimizer: Optimizer, n_updates: int):
        self.optimizer, self.name = copy(optimizer), str(optimizer.momentum_name)
        self.own = getattr(optimizer, self.name)
        self.values = np.empty(n_updates)

    def take(self, updates: slice, schedule: Schedule, clock: Clock) -> None:
        """Ask the schedule for the momentum of some updates of the epoch."""
        given = schedule.momentum(clock)
        if given is not None and not 0 <= _number(given) < 1:
            raise ValueError(
                "The momentum of a schedule must be None or a number in [0, 1)."
                f" {schedule!r} returned {given!r} at {clock}."
            )
        self.values[updates] = self.own if given is None else _number(given)

    def set(self, step: int) -> None:
        """Give the solver the momentum of an update."""
        setattr(self.optimizer, self.name, float(self.values[step]))


def _number(value: Any) -> float:
    """Return a number, perhaps an array's, as a float; nan for what is none."""
    is_scalar = hasattr(value, "dtype") and np.ndim(value) == 0
    return float(value) if isinstance(value, Real) or is_scalar else math.nan
