"""Callbacks: checkpoints, a history file, a time budget, stopping on a plateau.

They follow scikit-learn's protocol (1.9 or later). Set on an estimator, or on a
pipeline that ends with it, they are notified of every epoch of ``fit``::

    model.set_callbacks(Checkpoint("model.pickle"), TimeBudget(60)).fit(X, y)

scikit-learn's own `sklearn.callback.ProgressBar` and `sklearn.callback.ScoringMonitor`
are set in the same way. A callback is any object with the four methods of `Callback`;
one whose `on_fit_task_end` returns True ends the training.
"""

from __future__ import annotations

import csv
import json
import os
import pickle
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import IO, Any

from ._sklearn import without_callbacks
from .training import Stopping

__all__ = ["Callback", "Checkpoint", "History", "StopOnPlateau", "TimeBudget"]


class Callback:
    """Base class of callbacks, whose methods do nothing.

    Examples
    --------
    Stop as soon as the training loss is small enough:

    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import Callback
    >>> class StopBelow(Callback):
    ...     def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
    ...         return fitted_estimator.loss_ < 0.2
    >>> model = MLPClassifierX(random_state=0).set_callbacks(StopBelow())
    >>> model = model.fit(*load_iris(return_X_y=True))
    >>> model.stop_reason_, bool(model.loss_ < 0.2)
    ('callback', True)
    """

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the fit."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called after the fit, even if it raised an error."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called at the start of the fit, and then of each epoch."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool | None:
        """Called at the end of each epoch, and then of the fit.

        An override may take further keyword arguments: ``X``, ``y``, ``metadata`` and
        ``fitted_estimator``, a copy of the estimator as if the fit had ended here.
        """
        return None


class _PerFit(Callback, ABC):
    """A callback that keeps a value for each running fit."""

    def __init__(self) -> None:
        self._memory: dict[int, Any] = {}

    @abstractmethod
    def begin(self) -> Any:
        """Return the value to keep when a fit begins."""

    def setup(self, estimator: Any, context: Any) -> None:
        self._memory[id(estimator)] = self.begin()

    def teardown(self, estimator: Any, context: Any) -> None:
        self._memory.pop(id(estimator), None)


class TimeBudget(_PerFit):
    """Ends training after the epoch in which the time runs out.

    Parameters
    ----------
    max_time : float > 0
        Seconds since ``fit`` began.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import TimeBudget
    >>> model = MLPClassifierX(max_iter=10**9, n_iter_no_change=10**9)
    >>> model = model.set_callbacks(TimeBudget(0.01))
    >>> model.fit(*load_iris(return_X_y=True)).stop_reason_
    'callback'
    """

    def __init__(self, max_time: float):
        super().__init__()
        self.max_time = _checked(self, "max_time", max_time, 0)

    def begin(self) -> float:
        return time.monotonic()

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        return time.monotonic() - self._memory[id(estimator)] >= self.max_time


class StopOnPlateau(_PerFit):
    """Ends training when a metric of ``history_`` has not improved for some epochs.

    Parameters
    ----------
    monitor : str, default="loss"
        The monitored metric. If its name ends in "loss", lower is better, else higher.
    patience : int > 0, default=10
        Number of epochs without an improvement after which training ends.
    tol : float >= 0, default=0
        A smaller improvement does not count.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import StopOnPlateau
    >>> model = MLPClassifierX(max_iter=1000, n_iter_no_change=1000, random_state=0)
    >>> model.set_callbacks(StopOnPlateau(patience=3, tol=0.01))
    MLPClassifierX(max_iter=1000, n_iter_no_change=1000, random_state=0)
    >>> model.fit(*load_iris(return_X_y=True)).stop_reason_
    'callback'
    """

    def __init__(self, monitor: str = "loss", *, patience: int = 10, tol: float = 0.0):
        super().__init__()
        self.monitor = monitor
        self.patience = _checked(self, "patience", patience, 0)
        self.tol = _checked(self, "tol", tol, 0, closed=True)

    def begin(self) -> Stopping:
        return Stopping(self.tol, self.patience, strict=True)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool | None:
        if context.task_name != "epoch":
            return None
        stopping = self._memory[id(estimator)]
        stopping.see(_score(fitted_estimator, self.monitor))
        return stopping.at_plateau


class History(Callback):
    """Writes the metrics of each epoch to a file as soon as it ends.

    Parameters
    ----------
    path : str or path
        The file. Its name ends in ".csv" (comma-separated, with a header) or ".jsonl"
        (one object per line). Each ``fit`` overwrites it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import History
    >>> path = Path(tempfile.mkdtemp()) / "history.csv"
    >>> model = MLPClassifierX(max_iter=2, solver="gd").set_callbacks(History(path))
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     model = model.fit(*load_iris(return_X_y=True))
    >>> len(path.read_text().splitlines())
    3
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        if self.path.suffix not in (".csv", ".jsonl"):
            raise ValueError(
                "The 'path' of History must end in '.csv' or '.jsonl', which says how"
                f" the file is written. Got {str(path)!r} instead."
            )

    def setup(self, estimator: Any, context: Any) -> None:
        self.path.write_text("")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        if context.task_name != "epoch":
            return
        metrics = {name: list[-1] for name, list in fitted_estimator.history_.items()}
        with self.path.open("a", newline="") as file:
            if self.path.suffix == ".jsonl":
                file.write(json.dumps(metrics) + "\n")
                return
            writer = csv.DictWriter(file, metrics)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(metrics)


class Checkpoint(_PerFit):
    """Saves the model to a file during training, so that a crash does not lose it.

    The file is replaced atomically, so it is complete at any time. It holds the
    estimator as if ``fit`` had ended after that epoch, including the solver's memory
    and the state of the random numbers.

    Parameters
    ----------
    path : str or path
        The file.
    every : int > 0 or None, default=None
        Number of epochs between two saves. None saves whenever the validation score
        (without validation, the training loss) is better than ever before.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "iris.pickle"
    >>> model = MLPClassifierX(random_state=0).set_callbacks(Checkpoint(path)).fit(X, y)
    >>> Checkpoint.load(path).score(X, y) > 0.9
    True
    """

    def __init__(self, path: str | os.PathLike[str], *, every: int | None = None):
        super().__init__()
        self.path = Path(path)
        self.every = None if every is None else _checked(self, "every", every, 0)

    def setup(self, estimator: Any, context: Any) -> None:
        """Called when a fit begins: refuse a path in a folder that is not there."""
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                "The 'path' of Checkpoint must be in a folder that exists. Got"
                f" {str(self.path)!r}; make the folder first."
            )
        super().setup(estimator, context)

    def begin(self) -> Stopping:
        return Stopping()

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        if context.task_name != "epoch":
            return
        history = fitted_estimator.history_
        if self.every is not None:
            due = history["epoch"][-1] % self.every == 0
        else:
            name = "validation_score" if "validation_score" in history else "loss"
            loss = history.get("validation_loss", history["loss"])[-1]
            due = self._memory[id(estimator)].see(_score(fitted_estimator, name), loss)
        if due:
            with _replaced(self.path) as file:
                pickle.dump(without_callbacks(fitted_estimator), file, protocol=5)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Any:
        """Load the estimator from a file.

        As with every pickle, load only files from a source that you trust.

        Parameters
        ----------
        path : str or path
            A file that a `Checkpoint` wrote.

        Returns
        -------
        estimator
            The estimator, fitted up to the saved epoch. To continue training, fit it
            with ``warm_start=True``.
        """
        with Path(path).open("rb") as file:
            return pickle.load(file)


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that then replaces ``path`` atomically."""
    new = path.with_name(f"{path.name}.{os.getpid()}.{get_ident()}.new")
    try:
        with new.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def _score(fitted_estimator: Any, name: str) -> float:
    """Return the last value of a metric, with its sign such that higher is better."""
    history = fitted_estimator.history_
    if name not in history:
        raise ValueError(
            f"There is no {name!r} in history_, which has {sorted(history)}. Scores of"
            " validation rows come with early_stopping=True."
        )
    value = history[name][-1]
    return -value if name.endswith("loss") else value


def _checked(owner: Any, name: str, value: Any, least: float, closed=False) -> Any:
    """Return a number if it is above ``least``, else raise an error."""
    if isinstance(value, int | float) and (
        value > least or (closed and value == least)
    ):
        return value
    allowed = f"of {least} or more" if closed else f"above {least}"
    raise ValueError(
        f"The {name!r} of {type(owner).__name__} must be a number {allowed}."
        f" Got {value!r} instead."
    )
