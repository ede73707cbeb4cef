"""Epochs: passes over the training set, with one update per minibatch.

`FormulaUpdates` makes the updates on the readable path, `KernelUpdates` by compiled
kernels. `Epochs` chooses one of them, and does everything else in an epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from .._types import Array, Namespace
from ..compiled import Kernel
from ..network import Network
from ..optimizers import Optimizer
from ..optimizers.update import Update
from ..schedules import Schedule
from .l1_penalty import L1
from .minibatches import Minibatches
from .objective import Objective
from .plan import Plan
from .rates import Momenta, Rates
from .recovery import Diverged, Recovery
from .run import Run
from .watcher import Watcher, notify

# Outputs may overflow if a parameter is larger than this; useful ones are smaller.
_LARGE = 1e6

# Sum of objective times rows over an epoch, and the largest parameter at its end; see
# `KernelUpdates.make`.
_Sums: TypeAlias = Sequence[float]

#: An epoch that has ended: its number, from 1, over all calls; the score and the loss
#: that rank it, see `Stopping.ranks`; and the weights at its end.
Epoch: TypeAlias = tuple[int, float, float, Array]


class Epochs:
    """Trains a run epoch by epoch, and records the metrics of each epoch.

    Parameters
    ----------
    network, optimizer, schedule, run, plan, measure, watchers
        As in `train`.
    batches : Minibatches
        The minibatches of the training set.

    Attributes
    ----------
    objective : Objective
        The objective of the updates.
    rates : Rates
        The learning rates of the updates.
    others : list of Watcher
        The watchers that do more than read: they may change weights or end training.
    metrics : dict of lists
        The metrics of the last epochs, which one call of the kernel has trained.
    updates : FormulaUpdates or KernelUpdates
        Makes the updates.
    kernel : Kernel or None
        The kernel that makes the updates, if one does.
    n_at_once : int
        Maximum number of epochs per call of the kernel. It is more than 1 for small
        epochs whose rates are known ahead, if nothing acts on the weights in between.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        schedule: Schedule,
        run: Run,
        batches: Minibatches,
        plan: Plan,
        measure: Callable[[Array], dict[str, float]] | None = None,
        watchers: Sequence[Watcher] = (),
    ):
        self.run, self.batches = run, batches
        self.measure, self.watchers = measure, watchers
        self.others = [watcher for watcher in watchers if not watcher.reads_only]
        planned_epochs = plan.planned_epochs
        if planned_epochs is None:
            planned_epochs = run.epoch + plan.max_epochs
        self.rates = rates = Rates(
            schedule, plan.learning_rate, planned_epochs, optimizer, run, batches
        )
        self.objective = objective = Objective(
            network, run.theta, batches, optimizer, run.state,
            run.dropout(plan.dropout), plan.l1, plan.max_grad_norm,
        )  # fmt: skip
        self.metrics: dict[str, list] = {}
        self.n_at_once = 1
        self.kernel: Kernel | None = None
        made = objective.kernel and objective.kernel.makes_updates
        if made and not batches.spans_parts:
            self.kernel = objective.kernel
        update_watchers = [watcher for watcher in watchers if watcher.sees_updates]
        self.updates: FormulaUpdates | KernelUpdates
        if self.kernel:
            self.updates = KernelUpdates(
                self.kernel, run, objective, rates.momenta, update_watchers
            )
            acts = measure or self.others or update_watchers
            if rates.known_ahead and batches.in_memory and not acts:
                self.n_at_once = self.kernel.epochs_at_once
        else:
            self.updates = FormulaUpdates(
                optimizer, run, objective, rates.momenta, plan, update_watchers
            )

    def until(self, last: int, recovery: Recovery) -> Iterator[Epoch]:
        """Train up to epoch ``last``; yield each epoch when it has ended.

        Raises
        ------
        Diverged
            As soon as a loss is not finite, or the parameters or the solver's memory
            at the end of an epoch are not usable.
        """
        run = self.run
        while run.epoch < last:
            if self.others:
                for watcher in self.others:
                    watcher.before_epoch()
                self._take_changes(recovery)
            n = min(self.n_at_once, run.stopping.epochs_left, last - run.epoch)
            if n > 1:
                yield from self._train_at_once(int(n), recovery)
            else:
                yield from self.train_epochs(1)

    def notify_watchers(self, epoch: int, theta: Array, recovery: Recovery) -> bool:
        """Notify the watchers of an epoch; return whether one ends training."""
        at = epoch - self.metrics["epoch"][0]
        stops = notify(self.watchers, theta, self.metrics, at)
        if self.others:
            self._take_changes(recovery)
        return stops

    def _take_changes(self, recovery: Recovery) -> None:
        """Continue from weights that a watcher may have changed."""
        if recovery.take_changes() and self.kernel:
            self.kernel.start_from(self.run.state)

    def _train_at_once(self, n_epochs: int, recovery: Recovery) -> Iterable[Epoch]:
        """Train several small epochs in one call of the kernel, which saves time.

        If one of them diverges, or the schedule fails, all of them are undone, and
        trained again one by one.
        """
        try:
            return self.train_epochs(n_epochs)
        except Exception:
            self.n_at_once = 1
            recovery.restore()
            self.batches.restore_order()
            if self.kernel:
                self.kernel.start_from(self.run.state)
            return ()

    def train_epochs(self, n_epochs: int) -> Iterable[Epoch]:
        """Train for some epochs, record their metrics, and return them."""
        begun, run, batches = time.perf_counter(), self.run, self.batches
        orders = batches.shuffle(run.rng, n_epochs)
        rates = self.rates.of_epochs(n_epochs)
        sums, thetas_between = self.updates.make(orders, rates)
        if not self._are_usable(sums):
            raise Diverged
        n = len(batches.data)
        losses = [total / n for total, _ in sums]
        metrics = self._count(rates, losses)
        if self.measure:
            measured = self.measure(run.theta)
            metrics |= {name: [value] for name, value in measured.items()}
        scores, losses = run.stopping.ranks(metrics)
        if not (math.isfinite(scores[-1]) and math.isfinite(losses[-1])):
            raise Diverged
        seconds = (time.perf_counter() - begun) / n_epochs
        metrics["seconds"] = [seconds] * n_epochs
        run.record(metrics)
        self.metrics = metrics
        thetas = (*thetas_between, run.theta)
        return zip(metrics["epoch"], scores, losses, thetas, strict=True)

    def _count(self, rates: Array, losses: list[float]) -> dict[str, list]:
        """Count the epochs that have ended in the run; return their metrics."""
        run, batches, n_epochs = self.run, self.batches, len(losses)
        epoch, update, n_updates = run.epoch, run.update, batches.n_updates
        run.epoch += n_epochs
        run.update += n_epochs * n_updates
        run.samples += n_epochs * len(batches.data)
        if run.shuffles:
            run.shuffles = run.shuffles.plus(n_epochs)
        return {
            "epoch": list(range(epoch + 1, run.epoch + 1)),
            "update": list(range(update + n_updates, run.update + 1, n_updates)),
            "loss": losses,
            "learning_rate": rates[:, -1].tolist(),
        }

    def _are_usable(self, sums: Sequence[_Sums]) -> bool:
        """Tell whether losses of epochs, and parameters at their ends, are usable.

        The next epoch measures the loss of these parameters, if there is one. If the
        largest of them is so large that outputs may overflow, the loss is measured
        here, or the epochs are trained again one by one, where this is possible.
        """
        if all(math.isfinite(total) and size <= _LARGE for total, size in sums):
            return True
        if len(sums) > 1 or not math.isfinite(sum(sums[0])):
            return False
        return math.isfinite(self.objective.value(self.run.theta))

    def check_predictions(self) -> None:
        """Raise `Diverged` if predictions of the last weights may not be finite.

        A loss is measured before its update, so none covers the last weights. With
        early stopping, the validation rows have been predicted with them.
        """
        overflows = self.objective.network.loss.overflows
        if overflows and not (
            self.run.stopping.by_validation
            or self.objective.predicts_finite(self.run.theta)
        ):
            raise Diverged


class FormulaUpdates:
    """Makes the updates of an epoch by the formula of the solver, `Optimizer.step`.

    This defines the updates of the kernels, which do not support minibatches that span
    several parts.

    Parameters
    ----------
    optimizer : Optimizer
        The solver.
    run : Run
        Has the parameters and the solver's state.
    objective : Objective
        The objective.
    momenta : Momenta or None
        The momentum of each update, if the schedule moves it.
    plan : Plan
        Its ``max_grad_norm`` and ``l1``.
    watchers : sequence of Watcher
        Notified of each update.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        run: Run,
        objective: Objective,
        momenta: Momenta | None,
        plan: Plan,
        watchers: Sequence[Watcher],
    ):
        self.run, self.objective, self.momenta = run, objective, momenta
        self.max_grad_norm, self.watchers = plan.max_grad_norm, watchers
        network, g = objective.network, objective.g
        if momenta:
            optimizer = momenta.optimizer
        self.update = Update(
            optimizer, run.theta, g, run.state, network.xp, network.layout
        )
        self.l1: L1 | None = None
        if plan.l1:
            points = [getattr(run.state, name) for name in optimizer.points]
            self.l1 = L1(plan.l1, network, self.update.iterate, g, points)

    def make(
        self, order: Array | None, rates: Array
    ) -> tuple[Sequence[_Sums], Iterable[Array]]:
        """Make the updates of one epoch, see `KernelUpdates.make`."""
        total, theta = self._total(rates[0]), self.run.theta
        largest = float(max(theta.max(), -theta.min()))
        if not self.run.state.is_finite(self.update.optimizer.memory):
            largest = math.nan
        return [(total, largest)], ()

    def _total(self, rates: Array) -> float:
        """Make an update per minibatch; return the sum of objective times rows.

        An objective that is not finite ends the epoch, and is returned.
        """
        total, number = 0.0, self.run.update
        objective, update = self.objective, self.update
        for i, batch in enumerate(objective.minibatches()):
            rate = float(rates[i])
            if self.momenta:
                self.momenta.apply(self.momenta.values[0, i])
            loss = objective.loss_and_gradient(
                update.gradient_point(), batch, number + i
            )
            if not math.isfinite(loss):
                return loss
            if self.l1:
                loss += self.l1.penalty(update.iterate)
                self.l1.add_to_gradient()
            if self.max_grad_norm:
                clip_gradient(objective.g, self.max_grad_norm, update.xp)
            update.step(rate)
            if self.l1:
                self.l1.keep_in_orthant()
            update.update_average()
            _notify(self.watchers, loss, rate)
            total += loss * len(batch)
        return total


class KernelUpdates:
    """Makes the updates of one or several epochs by a compiled kernel.

    Parameters
    ----------
    kernel : Kernel
        The kernel.
    run : Run
        Has the parameters.
    objective : Objective
        The objective, whose minibatches the kernel takes.
    momenta : Momenta or None
        The momentum of each update, if the schedule moves it.
    watchers : sequence of Watcher
        Notified of each update. With any of them, each update is a call of the kernel;
        otherwise all updates are one call.
    """

    def __init__(
        self,
        kernel: Kernel,
        run: Run,
        objective: Objective,
        momenta: Momenta | None,
        watchers: Sequence[Watcher],
    ):
        self.kernel, self.run, self.momenta = kernel, run, momenta
        self.objective, self.watchers = objective, watchers

    def make(
        self, orders: Array | None, rates: Array
    ) -> tuple[Sequence[_Sums], Iterable[Array]]:
        """Make the updates of some epochs.

        Parameters
        ----------
        orders : intp array of shape (n_epochs, n) or (n,), or None
            The order of the rows, see `Minibatches.shuffle`.
        rates : array of shape (n_epochs, n_updates)
            The rate of each update.

        Returns
        -------
        sums : sequence of pairs
            Of each epoch, the sum of objective times rows, which is not finite if an
            objective is not, and the largest absolute value of a parameter at its end,
            which is NaN if a parameter or the solver's memory is not finite. With an
            infinite second moment, a parameter would never move again.
        thetas_between : arrays of shape (P,)
            The parameters at the end of each epoch but the last.
        """
        run, n_epochs, batches = self.run, len(rates), self.objective.batches
        thetas = np.empty((n_epochs - 1, len(run.theta)), run.theta.dtype)
        sums, first = np.zeros((n_epochs, 2)), 0
        for part in self.objective.parts():
            order = orders if part is batches else part.order
            stop = first + part.n_updates
            number, of_part = run.update + first, rates[:, first:stop]
            momenta = self.momenta.values[:, first:stop] if self.momenta else None
            if self.watchers:
                self._one_by_one(part, order, of_part, momenta, number, sums)
            else:
                size = batches.size
                self.kernel.epochs(order, of_part, size, number, sums, thetas, momenta)
            if not np.isfinite(sums).all():
                break
            first = stop
        return sums.tolist(), thetas

    def _one_by_one(
        self,
        part: Minibatches,
        order: Array | None,
        rates: Array,
        momenta: Array | None,
        number: int,
        sums: Array,
    ) -> None:
        """Make updates of one epoch in a call each; add to its sums."""
        update, no_thetas = np.zeros((1, 2)), np.empty((0, len(self.run.theta)))
        if order is None:
            order = np.arange(len(part.data))
        for i, batch in enumerate(part.ranges()):
            rows, rate = order[batch.start : batch.stop], rates[:, i : i + 1]
            momentum = None if momenta is None else momenta[:, i : i + 1]
            update[:] = 0
            self.kernel.epochs(
                rows, rate, len(batch), number + i, update, no_thetas, momentum
            )
            sums[0, 0] += update[0, 0]
            sums[0, 1] = update[0, 1]
            total = float(update[0, 0])
            if not math.isfinite(total):
                return
            _notify(self.watchers, total / len(batch), rate[0, 0])


def _notify(watchers: Sequence[Watcher], loss: float, rate: float) -> None:
    """Notify watchers of an update."""
    for watcher in watchers:
        watcher.after_update(float(loss), float(rate))


def clip_gradient(g: Array, max_norm: float, xp: Namespace) -> None:
    """g <- g min(1, max_norm / ||g||), over all layers together.

    Source: `Pascanu, Mikolov and Bengio (2013) <https://arxiv.org/abs/1211.5063>`__.
    """
    norm = float(xp.linalg.norm(g))
    if norm > max_norm:
        g *= max_norm / norm
