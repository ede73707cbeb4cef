"""A fit whose weights are kept epoch by epoch, with the objective that it minimised."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import clone

from .._types import Array
from ..estimators.base import MLP
from ..estimators.calls import Call
from ..estimators.inputs import with_unit_mean_weights
from ..estimators.jobs import Job
from ..estimators.sklearn_callbacks import without_callbacks
from ..training import Minibatches, Objective, TrainingSet, Watcher
from ..training.l1_penalty import L1


class Recording(Watcher):
    """The weights before the first epoch and after each, and what they are worth.

    Parameters
    ----------
    job : Job
        The training, as it begins.
    data : TrainingSet
        The rows that are trained on, with their weights.
    ends_at : int or None
        The epoch after which training is to end, None for no such.

    Attributes
    ----------
    thetas : list of arrays of shape (P,)
        The weights.
    """

    def __init__(self, job: Job, data: TrainingSet, ends_at: int | None = None):
        self.job, self.ends_at = job, ends_at
        self.data, self.total_weight = with_unit_mean_weights(data)
        self.thetas = [job.run.theta.copy()]

    def after_epoch(self, metrics: dict[str, Any]) -> bool:
        self.thetas.append(self.job.run.theta.copy())
        return len(self.thetas) - 1 == self.ends_at

    def objectives(self, thetas: Iterable[Array]) -> Array:
        """Return the objective of the whole training set at some weights.

        It is what the solver minimises, penalties included and no unit dropped out. The
        rows go through the network in blocks.

        Parameters
        ----------
        thetas : iterable of arrays of shape (P,)
            The weights.

        Returns
        -------
        array
            The objective at each of them, not finite where it overflows.
        """
        network, model, first = self.job.network, self.job.model, self.thetas[0]
        piece = network.block_rows(self.data.X)
        whole = Minibatches(self.data, len(self.data), shuffle=False, piece=piece)
        passes = Objective(network, first, whole)
        strength = float(model.alpha) * float(model.l1_ratio) / self.total_weight
        l1 = L1(strength, network, first, passes.g)
        with passes.threads(), np.errstate(all="ignore"):
            return np.array(
                [
                    passes.objective(theta) + l1.penalty(theta)
                    for theta in (np.asarray(t, dtype=first.dtype) for t in thetas)
                ]
            )


def fit_and_record(
    estimator: MLP,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    ends_at: int | None = None,
) -> Recording:
    """Fit a clone of an estimator and return the recording of its training.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        What is cloned; it stays as it is.
    X, y, sample_weight
        As for ``fit``.
    ends_at : int, optional
        The number of an epoch after which training is to end.

    Returns
    -------
    Recording
        The weights, and the objective.
    """
    recordings: list[Recording] = []

    def watch(job: Job, data: TrainingSet) -> Recording:
        recordings.append(Recording(job, data, ends_at))
        return recordings[0]

    twin = without_callbacks(clone(estimator))
    twin.set_params(refit_all=False)  # it is the training with validation that is seen
    twin._fit(X, y, sample_weight, Call("fit", goes_on=False), watch=watch)
    return recordings[0]
