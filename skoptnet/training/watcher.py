"""Watchers: callbacks of the training loop, notified of every epoch and update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._types import Array


class Watcher:
    """Base class of callbacks of the training loop, which print, record or stop.

    Attributes
    ----------
    sees_updates : bool
        Whether `after_update` is called. The kernels then make one update per call.
    reads_only : bool
        Whether `read` is called in place of `before_epoch` and `after_epoch`. Several
        small epochs are then trained in one call of a kernel.
    """

    sees_updates: bool = False
    reads_only: bool = False

    def before_epoch(self) -> None:
        """Called before an epoch begins."""

    def after_update(self, loss: float, rate: float) -> None:
        """Called after each update.

        Parameters
        ----------
        loss : float
            The objective of the minibatch, before the update.
        rate : float
            The learning rate of the update.
        """

    def after_divergence(self) -> None:
        """Called when training has diverged, before the best weights are restored."""

    def after_epoch(self, metrics: dict[str, Any]) -> bool | None:
        """Called with the metrics of an epoch when it has ended.

        Returns
        -------
        bool or None
            True ends training.
        """

    def read(self, theta: Array, metrics: dict[str, Any]) -> None:
        """Called with the weights and the metrics of an epoch if ``reads_only``.

        The weights are those at the end of the epoch; later epochs may already have
        been trained.
        """


def notify(
    watchers: Sequence[Watcher], theta: Array, metrics: dict[str, list], at: int = -1
) -> bool:
    """Notify watchers that an epoch has ended; return whether one ends training.

    Parameters
    ----------
    watchers : sequence of Watcher
        All of them are notified, whatever the others return.
    theta : array of shape (P,)
        The weights at the end of the epoch.
    metrics : dict of lists
        The metrics.
    at : int
        The entry of each list that is the epoch's.
    """
    if not watchers:
        return False
    of_epoch = {name: values[at] for name, values in metrics.items()}
    ended = []
    for watcher in watchers:  # in this order: one may read what another has changed
        if watcher.reads_only:
            watcher.read(theta, of_epoch)
        else:
            ended.append(watcher.after_epoch(of_epoch))
    return any(ended)
