"""Progress output: printed lines or a progress bar, chosen by ``verbose``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..training import Watcher

try:
    from rich.progress import Progress
except ImportError:
    Progress = None  # type: ignore[assignment, misc]

# The value of ``verbose`` that stands for a progress bar.
_BAR = 2

# By the name of a metric: its label and format.
_FORMATS = {
    "loss": "loss = {:.8f}",
    "validation_loss": "validation loss = {:.8f}",
    "validation_score": "validation score = {:.6f}",
    "learning_rate": "learning rate = {:.4g}",
    "seconds": "{:.3f} s",
}


class Lines(Watcher):
    """Prints a line per epoch, with the metrics in columns.

    Parameters
    ----------
    last : int
        The highest number that an epoch can have, for the width of the number.
    """

    def __init__(self, last: int):
        self.width = len(str(last))

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        epoch = f"Iteration {metrics['epoch']:>{self.width}}"
        print(f"{epoch}, {format_metrics(metrics)}", flush=True)


class Bar(Watcher):
    """Shows a progress bar over the epochs, with the metrics of the last one.

    Parameters
    ----------
    progress : rich.progress.Progress
        The display, a context to be entered before training.
    n_epochs : int
        Maximum number of epochs.
    """

    def __init__(self, progress: Any, n_epochs: int):
        self.progress = progress
        self.task = progress.add_task("", total=n_epochs)

    def after_epoch(self, metrics: dict[str, Any]) -> None:
        self.progress.update(self.task, advance=1, description=format_metrics(metrics))


def format_metrics(metrics: dict[str, Any]) -> str:
    """Return the metrics of an epoch as text."""
    known = [name for name in _FORMATS if name in metrics]
    if metrics.get("validation_score") == -metrics.get("validation_loss", 0):
        known.remove("validation_score")  # says the same again
    return ", ".join(_FORMATS[name].format(metrics[name]) for name in known)


@contextmanager
def progress_watchers(
    verbose: int, started_at: int, n_epochs: int
) -> Iterator[list[Watcher]]:
    """Yield the watchers that show progress: none, or one for lines or a bar."""
    if not verbose:
        yield []
    elif verbose == _BAR and Progress is not None:
        with Progress(*Progress.get_default_columns()) as progress:
            yield [Bar(progress, n_epochs)]
    else:
        yield [Lines(started_at + n_epochs)]
