"""Watchers: callbacks of the training loop, notified of every epoch and update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Watcher:
    """Base class of callbacks of the training loop, which print, record or stop.

    Attributes
    ----------
    sees_updates : bool
        Whether `after_update` is called. The kernels then make one update per call.
    """

    sees_updates: bool = False

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


def notify(watchers: Sequence[Watcher], metrics: dict[str, list]) -> bool:
    """Notify watchers that an epoch has ended; return whether one ends training.

    Parameters
    ----------
    watchers : sequence of Watcher
        All of them are notified, whatever the others return.
    metrics : dict of lists
        The metrics; the last entry of each list is that of the epoch.
    """
    if not watchers:
        return False
    last = {name: values[-1] for name, values in metrics.items()}
    ended = [watcher.after_epoch(last) for watcher in watchers]
    return any(ended)
