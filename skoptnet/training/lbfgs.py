"""L-BFGS: a quasi-Newton method on the objective of the whole training set.

L-BFGS is not an `Optimizer`: it chooses its own step sizes, and evaluates the objective
several times for each. The algorithm is SciPy's. This file gives it the objective, and
treats each of its iterations as `train` treats an epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import OptimizeResult
from scipy.optimize import minimize as scipy_minimize

from .._types import Array, Namespace
from ..network import Network
from ..optimizers import State
from .loop import Outcome
from .minibatches import Minibatches, TrainingSet
from .objective import Objective
from .plan import Plan
from .recovery import Diverged, Recovery
from .run import Run
from .watcher import Watcher, notify

# SciPy's default: if an iteration reduces the objective by no larger fraction than
# this, it is the last.
_LEAST_REDUCTION = 2.2204460492503131e-09


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS, ``solver="lbfgs"``.

    .. math:: \\theta \\leftarrow \\theta - \\epsilon_k H_k \\nabla C(\\theta)

    with :math:`H_k` an approximation of the inverse Hessian from the last ten steps,
    and :math:`\\epsilon_k` from a line search. Source: `Liu and Nocedal (1989)
    <https://doi.org/10.1007/BF01589116>`__; `Byrd, Lu, Nocedal and Zhu (1995)
    <https://doi.org/10.1137/0916069>`__. These steps are forgotten when `minimize`
    returns.

    Parameters
    ----------
    max_fun : int, default=15000
        Number of passes over the training set after which the current iteration is
        the last.

    Attributes
    ----------
    reads : tuple of str
        Parameters of the estimator that only this solver reads.
    ignores : tuple of str
        Parameters of the estimator that other solvers read and this one ignores.
    points, average
        As in `Optimizer`; L-BFGS has none.
    """

    reads: ClassVar[tuple[str, ...]] = ("max_fun",)
    ignores: ClassVar[tuple[str, ...]] = (
        "learning_rate_init", "lr_schedule", "decay_rate", "decay_epochs", "power_t",
        "max_grad_norm", "batch_size", "shuffle",
    )  # fmt: skip
    points: ClassVar[tuple[str, ...]] = ()
    average: ClassVar[float] = 0.0

    max_fun: int = 15000

    def start(self, theta: Array, xp: Namespace) -> State:
        """Return the state of a run, which has no vectors."""
        return State(t=0)

    def go_on(self, state: State, theta: Array, xp: Namespace) -> State:
        """Return a copy of the state of a run."""
        return state.copy()

    def move(self, state: State, theta: Array) -> None:
        """Continue from theta: there is no vector to move."""

    def follow(self, state: State, theta: Array, before: Array) -> None:
        """Continue from theta: there is no vector to move."""

    def minimize(
        self,
        network: Network,
        run: Run,
        data: TrainingSet,
        plan: Plan,
        *,
        measure: Callable[[Array], dict[str, float]] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> Outcome:
        """Minimize the objective; record each iteration as an epoch.

        Parameters
        ----------
        network, run, data, measure, watchers
            As for `train`.
        plan : Plan
            ``max_epochs`` is the maximum number of iterations. Training converges when
            no element of the gradient is larger than ``tol``. ``patience`` counts
            iterations without a better validation score; without early stopping it has
            no effect. Settings of minibatches, updates and learning rates have none.

        Returns
        -------
        Outcome
            Why training ended. "line_search" means that no lower point was found along
            the last direction, usually because of limited floating-point precision.

        Raises
        ------
        Diverged, KeyboardInterrupt
            As from `train`.
        """
        run.stopping = run.stopping.continued(
            plan, run.theta, measure if run.epoch else None
        )
        recovery = Recovery(run, self, network.xp, keeps_best=plan.early_stopping)
        iterations = _Iterations(network, run, data, recovery, measure, watchers)
        with iterations.objective.threads(), np.errstate(all="ignore"), recovery:
            try:
                result = self._minimize(iterations, plan)
                recovery.reason = self._reason(result, plan.max_epochs)
            except _Ended as ended:
                recovery.reason = ended.reason
        return Outcome(recovery.reason, run.stopping.best, recovery.kept_epoch)

    def _minimize(self, iterations: _Iterations, plan: Plan) -> OptimizeResult:
        """Minimize the objective by SciPy, beginning at the weights of the run."""
        run, started_at = iterations.run, iterations.run.epoch
        result = scipy_minimize(
            iterations.loss_and_gradient,
            run.theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=iterations.end,
            options={
                "maxiter": int(plan.max_epochs),
                "maxfun": self.max_fun,
                "gtol": plan.tol,
                "ftol": max(_LEAST_REDUCTION, np.finfo(run.theta.dtype).eps),
            },
        )
        if run.epoch == started_at:  # no lower point: the first weights are an epoch
            iterations.end(result)
        return result

    def _reason(self, result: OptimizeResult, max_iterations: int) -> str:
        """Return the reason of the end, from SciPy's result."""
        if result.status == 0:
            return "converged"
        if result.status == 2:
            return "line_search"
        return "max_iter" if result.nit >= max_iterations else "max_fun"


class _Ended(Exception):
    """Ends SciPy's algorithm after the iteration that was just recorded."""

    def __init__(self, reason: str):
        self.reason = reason


class _Iterations:
    """The functions that SciPy calls: the objective, and `end` after each iteration."""

    def __init__(
        self,
        network: Network,
        run: Run,
        data: TrainingSet,
        recovery: Recovery,
        measure: Callable[[Array], dict[str, float]] | None,
        watchers: Sequence[Watcher],
    ):
        self.run, self.recovery = run, recovery
        self.measure, self.watchers = measure, watchers
        chunk = network.block_rows(data.X)
        whole = Minibatches(data, len(data), shuffle=False, chunk=chunk)
        self.theta = run.theta.copy()
        self.objective = Objective(network, self.theta, whole)
        self.samples, self.begun = run.samples, time.perf_counter()
        self.is_under_way = False

    def loss_and_gradient(self, x: Array) -> tuple[float, Array]:
        """Return objective and gradient in float64, as SciPy needs them."""
        if not self.is_under_way:
            self.is_under_way = True
            for watcher in self.watchers:
                if not watcher.reads_only:
                    watcher.before_epoch()
        self.theta[...] = x
        objective = self.objective
        all_rows = range(len(objective.batches.data))
        cost = objective.loss_and_gradient(self.theta, all_rows)
        self.samples += len(all_rows)
        if not (math.isfinite(cost) and np.isfinite(objective.g).all()):
            raise Diverged
        return cost, objective.g.astype(np.float64)

    def end(self, intermediate_result: OptimizeResult) -> None:
        """End an iteration: measure, record, save, and notify the watchers.

        Raises
        ------
        _Ended
            If the validation score has stopped improving, or a watcher ends training.
        """
        run, stopping = self.run, self.run.stopping
        run.theta[...] = intermediate_result.x.astype(run.theta.dtype)
        metrics: dict[str, list] = {
            "epoch": [run.epoch + 1],
            "update": [run.update + 1],
            "loss": [float(intermediate_result.fun)],
        }
        if self.measure:
            measured = self.measure(run.theta)
            metrics |= {name: [value] for name, value in measured.items()}
        (score,), (loss,) = stopping.ranks(metrics)
        if not (math.isfinite(score) and math.isfinite(loss)):
            raise Diverged
        now = time.perf_counter()
        metrics["seconds"], self.begun = [now - self.begun], now
        run.epoch, run.update, run.samples = run.epoch + 1, run.update + 1, self.samples
        run.record(metrics)
        self.recovery.save(run.theta, run.epoch, is_best=stopping.see(score, loss))
        self.is_under_way = False
        stops = notify(self.watchers, run.theta, metrics)
        if stopping.by_validation and stopping.at_plateau:
            raise _Ended("early_stopping")
        if stops:
            raise _Ended("callback")
