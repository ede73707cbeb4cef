"""Epochs: passes over the training set, with one update per minibatch."""

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
from .rates import Rates
from .recovery import Diverged, Recovery
from .run import Run
from .watcher import Watcher

# A larger parameter is not a sign of learning; the next outputs may overflow.
_LARGE = 1e6


#: An epoch that has ended: its number, from 1, over all calls; its validation score, or
#: its negative training loss without validation; and the parameters at its end.
Epoch: TypeAlias = tuple[int, float, Array]


class Epochs:
    """Trains a run epoch by epoch, and records the metrics of each epoch.

    Parameters
    ----------
    network, optimizer, schedule, run, plan, validate, watchers
        As in `train`.
    batches : Minibatches
        The training set.

    Attributes
    ----------
    objective : Objective
        The objective of the updates.
    rates : Rates
        Their learning rates.
    metrics : dict of lists
        The metrics of the epochs that ended last.
    n_at_once : int
        Number of small epochs that one call of the kernels may train: more than 1
        where nobody looks at the epochs between, and the rates are known ahead.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        schedule: Schedule,
        run: Run,
        batches: Minibatches,
        plan: Plan,
        validate: Callable[[Array], dict[str, float]] | None = None,
        watchers: Sequence[Watcher] = (),
    ):
        self.run, self.batches, self.validate = run, batches, validate
        self.watchers, self.max_grad_norm = watchers, plan.max_grad_norm
        self.update_watchers = [w for w in watchers if w.sees_updates]
        planned_epochs = plan.planned_epochs
        if planned_epochs is None:
            planned_epochs = run.epoch + plan.max_epochs
        self.rates = rates = Rates(
            schedule, plan.learning_rate, planned_epochs, optimizer, run, batches
        )
        self.objective = objective = Objective(
            network, run.theta, batches, optimizer, run.state,
            run.dropout(plan.dropout), plan.l1,
        )  # fmt: skip
        self.kernel: Kernel | None = None
        plain = not (plan.max_grad_norm or plan.l1 or rates.momenta)
        if plain and objective.kernel and objective.kernel.makes_updates:
            self.kernel = objective.kernel
        else:
            self._use_formulas(network, optimizer, plan.l1)
        self.metrics: dict[str, list] = {}
        self._between = np.empty((0, len(run.theta)), run.theta.dtype)
        self.n_at_once = 1
        if self.kernel and rates.known_ahead and not (validate or watchers):
            self.n_at_once = self.kernel.epochs_at_once

    def _use_formulas(self, network: Network, optimizer: Optimizer, l1: float) -> None:
        """Prepare updates by the formulas of `Optimizer.step`."""
        run, g = self.run, self.objective.g
        if self.rates.momenta:
            optimizer = self.rates.momenta.optimizer
        self.update = Update(
            optimizer, run.theta, g, run.state, network.xp, network.layout
        )
        points = [getattr(run.state, name) for name in optimizer.points]
        self.l1 = L1(l1, network, self.update.iterate, g, points) if l1 else None

    def until(self, last: int, recovery: Recovery) -> Iterator[Epoch]:
        """Train up to epoch ``last``; yield each epoch when it has ended.

        Raises
        ------
        Diverged
            As soon as a loss is not finite, or the parameters at the end of an epoch
            cannot be used.
        """
        run = self.run
        while run.epoch < last:
            for watcher in self.watchers:
                watcher.before_epoch()
            n = min(self.n_at_once, run.stopping.epochs_left, last - run.epoch)
            if n > 1:
                yield from self._several(int(n), recovery)
            else:
                yield from self.train_epochs(1)

    def _several(self, n_epochs: int, recovery: Recovery) -> Iterable[Epoch]:
        """Train several small epochs at once, which takes less time.

        Where one of them goes wrong, or a schedule fails, all of them are taken back,
        to be trained one by one.
        """
        try:
            return self.train_epochs(n_epochs)
        except Exception:
            self.n_at_once = 1
            shuffles = self.run.shuffles
            recovery.restore()
            self.run.shuffles = shuffles
            self.batches.take_back()
            if self.kernel:
                self.kernel.start_from(self.run.state)
            return ()

    def train_epochs(self, n_epochs: int) -> Iterable[Epoch]:
        """Train for some epochs, record their metrics, and return them."""
        begun, run, batches = time.perf_counter(), self.run, self.batches
        orders = batches.shuffle(run.rng, n_epochs)
        rates = self.rates.of_epochs(n_epochs)
        if self.kernel:
            sums = self.updates_by_kernel(self.kernel, orders, rates)
        else:
            sums = [[self.updates_by_formulas(rates[0]), _largest(run.theta)]]
        if not self._are_usable(sums):
            raise Diverged
        n = len(batches.data)
        losses = [total / n for total, _ in sums]
        metrics = self._count(rates, losses)
        scores = [-loss for loss in losses]
        if self.validate:
            validation = self.validate(run.theta)
            if not all(map(math.isfinite, validation.values())):
                raise Diverged
            metrics |= {name: [value] for name, value in validation.items()}
            scores = metrics["validation_score"]
        seconds = (time.perf_counter() - begun) / n_epochs
        metrics["seconds"] = [seconds] * n_epochs
        run.record(metrics)
        self.metrics = metrics
        thetas = (*self._between, run.theta)
        return zip(metrics["epoch"], scores, thetas, strict=True)

    def _count(self, rates: Array, losses: list[float]) -> dict[str, list]:
        """Count the epochs that have ended in the run; return their metrics."""
        run, batches, n_epochs = self.run, self.batches, len(losses)
        epoch, update, n_updates = run.epoch, run.update, batches.n_updates
        run.epoch += n_epochs
        run.update += n_epochs * n_updates
        run.samples += n_epochs * len(batches.data)
        if run.shuffles:
            run.shuffles = run.shuffles.and_more(n_epochs)
        return {
            "epoch": list(range(epoch + 1, run.epoch + 1)),
            "update": list(range(update + n_updates, run.update + 1, n_updates)),
            "loss": losses,
            "learning_rate": rates[:, -1].tolist(),
        }

    def updates_by_formulas(self, rates: Array) -> float:
        """Make the updates of an epoch; return the sum of objective times rows.

        This defines what the kernels do in one call, except for ``max_grad_norm``,
        the L1 penalty and a momentum that the schedule moves. The first objective that
        is not finite ends it, and is returned.
        """
        total, number = 0.0, self.run.update
        objective, update, momenta = self.objective, self.update, self.rates.momenta
        for i, batch in enumerate(self.batches.ranges()):
            rate = float(rates[i])
            if momenta:
                momenta.set(i)
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
            self._notify(loss, rate)
            total += loss * len(batch)
        return total

    def updates_by_kernel(
        self, kernel: Kernel, orders: Array | None, rates: Array
    ) -> list[list[float]]:
        """Do the same for several epochs by a kernel.

        One call makes all updates, or a single one where watchers see updates. Returns
        the sum of objective times rows and the largest parameter of each epoch.
        """
        run, batches, n_epochs = self.run, self.batches, len(rates)
        self._between = np.empty((n_epochs - 1, len(run.theta)), run.theta.dtype)
        sums = np.empty((n_epochs, 2))
        if not self.update_watchers:
            kernel.epochs(orders, rates, batches.size, run.update, sums, self._between)
            return sums.tolist()
        total = largest = 0.0
        if orders is None:
            orders = np.arange(len(batches.data))
        for i, batch in enumerate(batches.ranges()):
            rows, rate = orders[batch.start : batch.stop], rates[:, i : i + 1]
            kernel.epochs(rows, rate, len(batch), run.update + i, sums, self._between)
            part, largest = sums[0].tolist()
            if not math.isfinite(part):
                return [[part, largest]]
            self._notify(part / len(batch), rate[0, 0])
            total += part
        return [[total, largest]]

    def _notify(self, loss: float, rate: float) -> None:
        """Notify the watchers of an update."""
        for watcher in self.update_watchers:
            watcher.after_update(float(loss), float(rate))

    def _are_usable(self, sums: list[list[float]]) -> bool:
        """Tell whether losses of epochs, and parameters at their ends, are finite.

        The loss of these parameters is measured in the next epoch, if there is one.
        Where the largest parameter is so large that outputs may overflow, it is
        measured here.
        """
        if all(math.isfinite(total) and size <= _LARGE for total, size in sums):
            return True
        if len(sums) > 1 or not math.isfinite(sum(sums[0])):
            return False
        return math.isfinite(self.objective.value(self.run.theta))


def clip_gradient(g: Array, max_norm: float, xp: Namespace) -> None:
    """g <- g min(1, max_norm / ||g||), over all layers together (Pascanu, 2013)."""
    norm = float(xp.linalg.norm(g))
    if norm > max_norm:
        g *= max_norm / norm


def _largest(theta: Array) -> float:
    return float(max(theta.max(), -theta.min()))
