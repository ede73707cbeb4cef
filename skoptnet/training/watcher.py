"""Watchers: see every epoch of a training, and may end it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Watcher:
    """Sees every epoch of a training; base class of what prints, records or stops.

    Attributes
    ----------
    sees_updates : bool
        Whether `after_update` is called. Each update is then made by itself.
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
        """Called when training has diverged, before it returns to its best epoch."""

    def after_epoch(self, metrics: dict[str, Any]) -> bool | None:
        """Called with the metrics of an epoch when it has ended.

        Returns
        -------
        bool or None
            True ends the training.
        """


def notify(watchers: Sequence[Watcher], metrics: dict[str, list]) -> bool:
    """Notify watchers that an epoch has ended; return whether one ends the training.

    Parameters
    ----------
    watchers : sequence of Watcher
        All of them are notified.
    metrics : dict of lists
        Those of the epoch, the last in each list.
    """
    if not watchers:
        return False
    last = {name: values[-1] for name, values in metrics.items()}
    ended = [watcher.after_epoch(last) for watcher in watchers]
    return any(ended)
