"""Printed lines and a progress bar: what ``verbose`` asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..training import Watcher

try:
    from rich.progress import Progress
except ImportError:
    Progress = None  # type: ignore[assignment, misc]

# The value of ``verbose`` that asks for a bar.
_BAR = 2

# Metrics of an epoch as they are printed: name, heading, format.
_PRINTED = {
    "loss": "loss = {:.8f}",
    "validation_loss": "validation loss = {:.8f}",
    "validation_score": "validation score = {:.6f}",
    "learning_rate": "learning rate = {:.4g}",
    "seconds": "{:.3f} s",
}


class Lines(Watcher):
    """Prints a line per epoch, one metric below the other.

    Parameters
    ----------
    last : int
        The highest number of an epoch to come.
    """

    def __init__(self, last: int):
        self.width = len(str(last))

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        epoch = f"Iteration {metrics['epoch']:>{self.width}}"
        print(f"{epoch}, {format_metrics(metrics)}", flush=True)


class Bar(Watcher):
    """Shows a bar of epochs, with the metrics of the last one beside it.

    Parameters
    ----------
    progress : rich.progress.Progress
        Shows it; to be entered before the training.
    n_epochs : int
        The number of epochs at most.
    """

    def __init__(self, progress: Any, n_epochs: int):
        self.progress = progress
        self.task = progress.add_task("", total=n_epochs)

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        self.progress.update(self.task, advance=1, description=format_metrics(metrics))


def format_metrics(metrics: dict[str, Any]) -> str:
    """Return the metrics of an epoch in words."""
    known = [name for name in _PRINTED if name in metrics]
    return ", ".join(_PRINTED[name].format(metrics[name]) for name in known)


@contextmanager
def progress_watchers(
    verbose: int, begun_at: int, n_epochs: int
) -> Iterator[list[Watcher]]:
    """Give what shows the epochs of a training: nothing, lines, or a bar."""
    if not verbose:
        yield []
    elif verbose == _BAR and Progress is not None:
        with Progress(*Progress.get_default_columns()) as progress:
            yield [Bar(progress, n_epochs)]
    else:
        yield [Lines(begun_at + n_epochs)]
