"""Progress of a training as text: count, times and metrics, as many as fit a width."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any

#: Metrics that the count and the times already show.
_NOT_SHOWN = ("epoch", "update", "seconds")

#: Short labels of metrics.
_LABELS = {
    "loss": "loss",
    "validation_loss": "val",
    "validation_score": "score",
    "train_loss": "train",
    "learning_rate": "rate",
}

#: Metrics that come first, and one that comes last: it is the first to be left out.
_FIRST, _LAST = ("loss", "validation_loss", "validation_score"), "learning_rate"

# By the reason why training ended (see `Outcome`): the words beside the count.
_ENDS = {
    "max_iter": "",
    "early_stopping": "early stopping",
    "callback": "ended by a callback",
    "best_epoch": "best epoch of the search",
    "max_fun": "max_fun reached",
    "line_search": "no lower point found",
}

#: Reasons of an end that is not as planned.
_BAD_ENDS = ("diverged", "interrupted", "failed")

#: Between two fields of a row.
GAP = "  "


class Progress:
    """Progress of a training, as all displays show it.

    Parameters
    ----------
    n_epochs : int
        Maximum number of epochs.
    title : str
        The name of the training, "" for the only one.
    clock : callable
        Returns the time in seconds.

    Attributes
    ----------
    done : int
        Number of epochs that have ended.
    metrics : dict
        Their last metrics.
    reason : str or None
        Why training ended (see `Outcome`), None until then.
    kept_epoch : int or None
        The epoch whose weights are kept, if it is not the last.
    """

    def __init__(
        self,
        n_epochs: int,
        title: str = "",
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.n_epochs, self.title, self.clock = n_epochs, title, clock
        self.done, self.metrics = 0, dict[str, Any]()
        self.reason: str | None = None
        self.kept_epoch: int | None = None
        self._started = self._updated = clock()
        # The longest text of each field so far: fields that move are hard to read.
        self._widths: dict[str, int] = {}

    def update(self, metrics: dict[str, Any]) -> None:
        """Count an epoch with these metrics."""
        self._updated = self.clock()
        self.done, self.metrics = self.done + 1, metrics

    def end(self, reason: str, metrics: dict[str, Any] | None = None) -> None:
        """End for a reason; metrics are those of the kept epoch, if it is known."""
        self._updated = self.clock()
        if metrics:
            last, kept = self.metrics.get("epoch"), metrics.get("epoch")
            self.kept_epoch = None if kept == last else kept
            self.metrics = metrics
        self.reason = reason

    @property
    def ended_badly(self) -> bool:
        """Whether training did not end as planned."""
        return self.reason in _BAD_ENDS

    @property
    def share(self) -> float:
        """The filled share of a bar: full at a planned end, however early."""
        if self.reason is None or self.ended_badly:
            return min(self.done / self.n_epochs, 1.0)
        return 1.0

    def fields(self) -> Iterator[tuple[str, str]]:
        """Yield the name and text of each field of a row, in order of importance."""
        n_digits = len(str(self.n_epochs)) if self.reason is None else 0
        count = f"{self.done:>{n_digits}}/{self.n_epochs}"
        words = _ENDS.get(self.reason or "max_iter", self.reason)
        yield "count", " ".join(filter(None, [self.title, count, words]))
        if self.kept_epoch is not None:
            yield "kept", f"epoch {self.kept_epoch} kept"
        yield "times", self._times()
        yield from metric_fields(self.metrics)

    def text(self, width: float = math.inf) -> str:
        """Return a row of the fields that fit a width, without a bar."""
        return GAP.join(self.row(width, len, bar_width=0)[0])

    def row(
        self, width: float, measure: Callable[[str], int], bar_width: int
    ) -> tuple[list[str], float]:
        """Return the fields that fit a width beside a bar, and the width left for it.

        Parameters
        ----------
        width : float
            Number of columns.
        measure : callable
            Returns the number of columns of a text.
        bar_width : int
            Minimum number of columns of the bar. During training, count and times leave
            it this space, if there is any; afterwards it gets the rest.
        """
        shown: list[str] = []
        used, running = 0, self.reason is None
        bar = bar_width + len(GAP) if running and bar_width else 0
        for name, text in self.fields():
            if running:
                longest = max(measure(text), self._widths.get(name, 0))
                self._widths[name] = longest
                text += " " * (longest - measure(text))
            gap = len(GAP) if shown else 0
            needed = used + gap + measure(text)
            if name in ("count", "times") and needed + bar > width:
                bar = 0
            if shown and needed + bar > width:
                break
            shown.append(text)
            used = needed
        return shown, max(width - used - len(GAP), 0)

    def _times(self) -> str:
        if self.reason is not None:
            seconds = self._updated - self._started
            return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)
        now = self.clock()
        elapsed = duration(now - self._started)
        if not self.done:
            return elapsed
        per_epoch = (self._updated - self._started) / self.done
        left = per_epoch * (self.n_epochs - self.done) - (now - self._updated)
        return f"{elapsed}, {duration(math.ceil(max(left, 0.0)))} left"


def metric_fields(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name of each metric to show, and its short label and value."""
    names = [name for name in _FIRST if name in metrics]
    names += [name for name in metrics if name not in (*names, *_NOT_SHOWN, _LAST)]
    names += [_LAST] if _LAST in metrics else []
    twice = repeated_scores(metrics)
    for name in names:
        if name in twice:
            continue
        label, value = short_label(name), metrics[name]
        yield name, f"{label} {rate(value) if name == _LAST else short(value)}"


def repeated_scores(metrics: dict[str, Any]) -> list[str]:
    """Return the first scores that are also there under a more precise name."""
    return [
        f"{part}_score"
        for part in ("validation", "train")
        if f"{part}_score" in metrics and _is_repeated(part, metrics)
    ]


def _is_repeated(part: str, metrics: dict[str, Any]) -> bool:
    loss, score = f"{part}_loss", f"{part}_score"
    others = [
        value
        for name, value in metrics.items()
        if name.startswith(f"{part}_") and name not in (loss, score)
    ]
    return metrics[score] in [-metrics.get(loss, math.nan), *others]


def short_label(name: str) -> str:
    """Return a short label of a metric, without characters that a row cannot show."""
    label = _LABELS.get(name, name)
    if label.startswith("validation_"):
        label = f"val_{label.removeprefix('validation_')}"
    return printable(label)


def short(value: Any) -> str:
    """Return a value with four significant digits."""
    if not isinstance(value, Real):
        return printable(str(value))
    return f"{float(value):#.4g}".rstrip(".")


def printable(text: str) -> str:
    """Return a text with spaces for underscores and unprintable characters."""
    return "".join(c if c.isprintable() and c != "_" else " " for c in text)


def rate(value: Any) -> str:
    """Return a learning rate with three significant digits, without trailing zeros."""
    return f"{float(value):.3g}"


def duration(seconds: float) -> str:
    """Return a time as minutes and seconds, with hours or in days if it is long."""
    minutes, rest = divmod(int(seconds), 60)
    hours = minutes // 60
    if hours >= 100:
        return f"{hours // 24} days"
    if hours:
        return f"{hours}:{minutes % 60:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"
