"""L-BFGS: a quasi-Newton method on the objective of the whole training set.

It is no `Optimizer`: it chooses the length of its steps itself and looks at the
objective several times to do so. SciPy has the algorithm; what is here hands it the
objective, and treats each of its iterations as `train` treats an epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult
from scipy.optimize import minimize as scipy_minimize

from .._types import Array, Namespace
from ..network import Network
from ..optimizers import State
from .minibatches import Minibatches, TrainingSet
from .objective import Objective
from .outcome import Best, Diverged, Outcome
from .run import Progress, Run, Watcher

# SciPy's own: an iteration that gains no larger share of the objective is the last.
_LEAST_GAIN = 2.2204460492503131e-09


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS, ``solver="lbfgs"``.

    .. math:: \\theta \\leftarrow \\theta - \\epsilon_k H_k \\nabla C(\\theta)

    with :math:`H_k` an approximation of the inverse Hessian from the last ten steps,
    and :math:`\\epsilon_k` from a line search. Source: Liu and Nocedal (1989); Byrd,
    Lu, Nocedal and Zhu (1995). Its memory lasts for one call of `minimize`.

    Parameters
    ----------
    max_fun : int, default=15000
        Number of passes over the training set after which the present iteration is
        the last.
    """

    max_fun: int = 15000

    def start(self, theta: Array, xp: Namespace) -> State:
        """Make the state of a run: there is nothing to remember."""
        return State(t=0)

    def go_on(self, state: State, theta: Array, xp: Namespace) -> State:
        """Return a copy of the state of a run."""
        return state.copy()

    def minimize(
        self,
        network: Network,
        run: Run,
        data: TrainingSet,
        *,
        max_iterations: int = 200,
        tol: float = 1e-4,
        patience: float = 10,
        validate: Callable[[Array], dict[str, float]] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> Outcome:
        """Minimize the objective, an iteration being recorded as an epoch is.

        Parameters
        ----------
        network, run, data, validate, watchers
            As for `train`.
        max_iterations : int
            Number of iterations of this call, at most.
        tol : float
            Training ends where no element of the gradient is larger.
        patience : float
            Number of iterations after which training ends if the validation score has
            not improved by ``tol``.

        Returns
        -------
        Outcome
            Why it ended. "line_search" says that no lower point was found along the
            last direction, which is mostly the limit of the precision.

        Raises
        ------
        Diverged, KeyboardInterrupt
            As from `train`.
        """
        started_at = run.epoch
        iterations = _Iterations(network, run, data, tol, patience, validate, watchers)
        outcome, best = Outcome(), iterations.best
        try:
            with iterations.passes.threads(), np.errstate(all="ignore"):
                try:
                    result = scipy_minimize(
                        iterations.objective,
                        run.theta.astype(np.float64),
                        method="L-BFGS-B",
                        jac=True,
                        callback=iterations.record,
                        options={
                            "maxiter": max_iterations,
                            "maxfun": self.max_fun,
                            "gtol": tol,
                            "ftol": max(_LEAST_GAIN, np.finfo(run.theta.dtype).eps),
                        },
                    )
                    if run.epoch == started_at:  # there is nothing better in reach
                        iterations.record(result)
                    outcome.reason = self._reason(result, max_iterations)
                except _Ended as ended:
                    outcome.reason = ended.reason
                except Diverged:
                    if run.epoch == 0:
                        raise
                    outcome.reason = "diverged"
        except KeyboardInterrupt:
            if run.epoch == started_at:
                raise
            outcome.reason = "interrupted"
        outcome.best, outcome.kept_epoch = run.progress.best, run.epoch
        if validate:
            run.theta[...] = best.theta
            outcome.kept_epoch = best.epoch
        return outcome

    def _reason(self, result: OptimizeResult, max_iterations: int) -> str:
        """Say in our words why SciPy ended."""
        if result.status == 0:
            return "converged"
        if result.status == 2:
            return "line_search"
        return "max_iter" if result.nit >= max_iterations else "max_fun"


class _Ended(Exception):
    """Training is to end with the iteration that was just recorded."""

    def __init__(self, reason: str):
        self.reason = reason


class _Iterations:
    """What SciPy calls: the objective, and the record of each iteration.

    The run changes only where an iteration is recorded; so it is always that of the
    last finished one, whatever happens.
    """

    def __init__(
        self,
        network: Network,
        run: Run,
        data: TrainingSet,
        tol: float,
        patience: float,
        validate: Callable[[Array], dict[str, float]] | None,
        watchers: Sequence[Watcher],
    ):
        self.run, self.validate, self.watchers = run, validate, watchers
        to_beat = -math.inf
        if validate and run.epoch:
            to_beat = validate(run.theta)["validation_score"]
        plateaus = run.progress.plateaus
        run.progress = Progress(tol, patience, to_beat, plateaus=plateaus)
        piece = network.block_rows(data.X)
        whole = Minibatches(data, len(data), shuffle=False, piece=piece)
        self.theta = run.theta.copy()
        self.passes = Objective(network, self.theta, whole)
        self.best = Best(run)
        self.samples, self.begun = run.samples, time.perf_counter()
        self.told = False  # whether watchers know that an iteration is under way

    def objective(self, x: Array) -> tuple[float, Array]:
        """Return objective and gradient, in SciPy's precision."""
        if not self.told:
            self.told = True
            for watcher in self.watchers:
                watcher.before_epoch()
        self.theta[...] = x
        everything = range(len(self.passes.batches.data))
        cost = self.passes.loss_and_gradient(self.theta, everything)
        self.samples += len(everything)
        if not (math.isfinite(cost) and np.isfinite(self.passes.g).all()):
            raise Diverged
        return cost, self.passes.g.astype(np.float64)

    def record(self, intermediate_result: OptimizeResult) -> None:
        """Take over what an iteration has reached.

        Raises
        ------
        _Ended
            If the validation score has stopped improving, or a watcher says so.
        """
        run = self.run
        reached = intermediate_result.x.astype(run.theta.dtype)
        metrics: dict[str, Any] = {
            "epoch": run.epoch + 1,
            "update": run.update + 1,
            "loss": float(intermediate_result.fun),
        }
        if self.validate:
            metrics.update(self.validate(reached))
            if not all(map(math.isfinite, metrics.values())):
                raise Diverged
        now = time.perf_counter()
        metrics["seconds"], self.begun = now - self.begun, now
        run.theta[...] = reached
        run.epoch, run.update = metrics["epoch"], metrics["update"]
        run.samples = self.samples
        run.record({name: [value] for name, value in metrics.items()})
        merit = metrics.get("validation_score", -metrics["loss"])
        if run.progress.see(merit):
            self.best.take(reached, run.epoch, self.best.theta)
        self.told = False
        stop = [watcher.after_epoch(metrics) for watcher in self.watchers]
        if self.validate and run.progress.exhausted:
            raise _Ended("early_stopping")
        if any(stop):
            raise _Ended("callback")
