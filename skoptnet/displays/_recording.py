"""Recording of a fit: the weights of every epoch, and the objective they minimise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import clone

from .._sklearn import without_callbacks
from .._types import Array
from ..estimators.base import MLP
from ..estimators.convergence_warnings import warn
from ..estimators.fitting import Fit, fit_watched
from ..training import Minibatches, Objective, Watcher


class Recording(Watcher):
    """The weights before the first epoch and after each, and their objective.

    Parameters
    ----------
    fit : Fit
        The fit, before training begins.
    ends_at : int or None
        The epoch after which training ends, or None.

    Attributes
    ----------
    thetas : list of arrays of shape (P,)
        The weights.
    has_diverged : bool
        Whether training diverged after the last of them.
    """

    def __init__(self, fit: Fit, ends_at: int | None = None):
        self.fit, self.ends_at = fit, ends_at
        self.thetas = [fit.run.theta.copy()]
        self.has_diverged = False

    def after_divergence(self) -> None:
        self.has_diverged = True

    def after_epoch(self, metrics: dict[str, Any]) -> bool:
        self.thetas.append(self.fit.run.theta.copy())
        return len(self.thetas) - 1 == self.ends_at

    def objectives(self, thetas: Iterable[Array]) -> Array:
        """Return the objective of the whole training set at some weights.

        It is what the solver minimises, with penalties and without dropout. The rows
        are processed in blocks.

        Parameters
        ----------
        thetas : iterable of arrays of shape (P,)
            The weights.

        Returns
        -------
        array
            The objective at each of them, not finite where it overflows.
        """
        network, data, first = self.fit.network, self.fit.data, self.thetas[0]
        chunk = network.block_rows(data.X)
        whole = Minibatches(data, len(data), shuffle=False, chunk=chunk)
        objective = Objective(network, first, whole, l1=self.fit.l1)
        with objective.threads(), np.errstate(all="ignore"):
            return np.array(
                [
                    objective.value(theta)
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
    """Fit a clone of an estimator and return a recording of its training.

    If training diverges after some epochs, the error of ``fit`` becomes a warning, and
    the recording ends there.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        The estimator to clone; it is not changed.
    X, y, sample_weight
        As for ``fit``.
    ends_at : int, optional
        The epoch after which training ends.

    Returns
    -------
    Recording
        The weights and the objective.
    """
    recordings: list[Recording] = []

    def watch(fit: Fit) -> Recording:
        recordings.append(Recording(fit, ends_at))
        return recordings[0]

    twin = without_callbacks(clone(estimator))
    # Record the training with validation, but no scores.
    twin.set_params(refit_all=False, return_train_score=False)
    try:
        fit_watched(twin, X, y, sample_weight, watch)
    except ValueError as error:
        recording = recordings[0] if recordings else None
        if not recording or not recording.has_diverged or len(recording.thetas) == 1:
            raise
        warn(str(error))
    return recordings[0]
