"""Curves: the metrics of each epoch of a training, as many epochs as are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

#: Number of epochs of earlier calls whose metrics a later call keeps.
KEPT_EPOCHS = 10_000


@dataclass(eq=False)
class Curves:
    """The metrics of the epochs of a training, in one list for each metric.

    The lists only grow at their end, so several runs can share them; each run knows how
    many of the epochs are its own. A call keeps the metrics of all its epochs, and of
    the latest `KEPT_EPOCHS` before it. So a model stays small, however often it is
    trained further.

    Attributes
    ----------
    columns : dict of lists
        The values of each metric.
    n_dropped : int
        Number of epochs before those in the lists.
    n_before : int
        Number of epochs before those that are kept; the lists may still have some of
        them, because removing one at each call would take time.
    latest : tuple of str
        Names of the metrics that the last epoch has; others are those of earlier calls.
    """

    columns: dict[str, list] = field(default_factory=dict)
    n_dropped: int = 0
    n_before: int = 0
    latest: tuple[str, ...] = ()

    def window(self, epoch: int, since: int | None = None) -> slice:
        """Return where the values of the kept epochs up to ``epoch`` are in a list.

        Parameters
        ----------
        epoch : int
            Number of epochs that have ended.
        since : int, optional
            Number of epochs to leave out at the beginning, in place of ``n_before``.
        """
        first = self.n_before if since is None else max(since, self.n_before)
        return slice(first - self.n_dropped, epoch - self.n_dropped)

    def metrics(self, epoch: int) -> dict[str, list]:
        """Return the metrics of the kept epochs, in lists of their own."""
        kept = self.window(epoch)
        return {name: values[kept] for name, values in self.columns.items()}

    def values(self, name: str, epoch: int, since: int | None = None) -> list[float]:
        """Return the values of a metric in a list of its own, empty if it has none."""
        return self.columns.get(name, [])[self.window(epoch, since)]

    def value(self, name: str, epoch: int) -> float:
        """Return a metric of one epoch, NaN if it has none or is forgotten."""
        values, place = self.columns.get(name), epoch - 1 - self.n_dropped
        return values[place] if values and place >= 0 else math.nan

    def at(self, epoch: int) -> dict[str, float]:
        """Return the metrics of one epoch, without those that it does not have."""
        values = {name: self.value(name, epoch) for name in self.columns}
        return {name: v for name, v in values.items() if not math.isnan(v)}

    def record(self, metrics: dict[str, list], epoch: int) -> None:
        """Add the metrics of the epochs that have just ended.

        Parameters
        ----------
        metrics : dict of lists
            Their metrics. Epochs without a metric get NaN.
        epoch : int
            Number of epochs that have ended, these included.
        """
        columns, n_new = self.columns, len(metrics["epoch"])
        self.latest = tuple(metrics)
        before = epoch - self.n_dropped - n_new
        if metrics.keys() != columns.keys():
            for name in metrics:
                columns.setdefault(name, [math.nan] * before)
            missing = dict.fromkeys(columns.keys() - metrics.keys(), [math.nan] * n_new)
            metrics = {**metrics, **missing}
        for name, values in columns.items():
            values[before:] = metrics[name]

    def continued(self, epoch: int, owns: bool) -> Curves:
        """Return the curves for a later call, without epochs that it need not keep.

        Parameters
        ----------
        epoch : int
            Number of epochs that have ended.
        owns : bool
            Whether the later call may take the lists themselves.
        """
        later = self.shared()
        later.n_before = max(self.n_before, epoch - KEPT_EPOCHS)
        few = later.n_before - later.n_dropped <= KEPT_EPOCHS
        return later if owns and few else later.copy(epoch)

    def copy(self, epoch: int) -> Curves:
        """Return a copy with lists of its own."""
        return Curves(self.metrics(epoch), self.n_before, self.n_before, self.latest)

    def __deepcopy__(self, memo: dict) -> Curves:
        """Return a copy with lists of its own: their numbers need not be copied."""
        columns = {name: values[:] for name, values in self.columns.items()}
        return Curves(columns, self.n_dropped, self.n_before, self.latest)

    def shared(self) -> Curves:
        """Return the same curves in the same lists, which must then not be changed."""
        columns = dict(self.columns)
        return Curves(columns, self.n_dropped, self.n_before, self.latest)
