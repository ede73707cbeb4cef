"""Progress output: printed lines or a progress bar, chosen by ``verbose``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..training import Diverged
from .progress import Progress, printable, repeated_scores
from .progress_displays import Display, display_for, print_line

#: The value of ``verbose`` that stands for a progress bar.
BAR = 2

# By the name of a metric: its label and format.
_FORMATS = {
    "loss": "loss = {:.8f}",
    "train_loss": "train loss = {:.8f}",
    "validation_loss": "validation loss = {:.8f}",
    "validation_score": "validation score = {:.6f}",
    "learning_rate": "learning rate = {:.4g}",
    "seconds": "{:.3f} s",
}

_NO_RICH = 'The progress bar needs rich: pip install "skoptnet[progress]"'
# Messages that this process has printed.
_printed: set[str] = set()


class Lines(Display):
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
        print_line(f"{epoch}, {format_metrics(metrics)}")


def format_metrics(metrics: dict[str, Any]) -> str:
    """Return the metrics of an epoch as text."""
    left_out = ("epoch", "update", *repeated_scores(metrics))
    names = [name for name in metrics if name not in left_out]
    order = [*_FORMATS]
    # Further scores stand before the learning rate.
    last = order.index("learning_rate")
    names.sort(key=lambda name: order.index(name) if name in order else last - 0.5)
    return ", ".join(_format_for(name).format(metrics[name]) for name in names)


def _format_for(name: str) -> str:
    if name in _FORMATS:
        return _FORMATS[name]
    label = printable(name).replace("{", "{{").replace("}", "}}")
    return f"{label} = {{:.6f}}"


@contextmanager
def progress_watchers(
    verbose: int,
    started_at: int,
    n_epochs: int,
    *,
    partial: bool = False,
    title: str = "",
) -> Iterator[list[Display]]:
    """Yield the watchers that show progress: none, or one for lines or a bar.

    Parameters
    ----------
    verbose : int
        The parameter of the estimators.
    started_at, n_epochs : int
        Number of epochs before this call, and maximum number of epochs in it.
    partial : bool
        Whether this is `partial_fit`, whose only epoch has a line instead of a bar.
    title : str
        The name of the training, "" for the only one.
    """
    if not verbose:
        yield []
        return
    display: Display = Lines(started_at + n_epochs)
    if verbose == BAR and not partial:
        display = bar(n_epochs, title) or display
    with running(display) as shown:
        yield [shown]


def bar(n_epochs: int, title: str = "") -> Display | None:
    """Return the display of ``verbose=2``; without rich, print a hint and return None.

    Parameters
    ----------
    n_epochs : int
        Maximum number of epochs.
    title : str
        The name of the training, "" for the only one.
    """
    try:
        return display_for(Progress(n_epochs, title))
    except ImportError:
        _print_once(_NO_RICH)
        return None


@contextmanager
def running(display: Display) -> Iterator[Display]:
    """Start a display, yield the one to notify, and restore the output at the end."""
    shown = display
    try:
        shown = display.started()
        yield shown
    except BaseException as error:
        end(shown, _reason_of(error))
        raise
    finally:
        display.close()


def end(display: Display, reason: str, metrics: dict[str, Any] | None = None) -> None:
    """End a display; a full disk or a closed output must not cost the model."""
    with suppress(OSError, ValueError):
        display.end(reason, metrics)


def _print_once(message: str) -> None:
    if message not in _printed:
        _printed.add(message)
        print_line(message)


def _reason_of(error: BaseException) -> str:
    """Return why training ended with an exception, in the words of `Outcome`."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "diverged" if isinstance(error, Diverged) else "failed"
