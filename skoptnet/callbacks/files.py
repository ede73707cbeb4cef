"""Callbacks that write files: the history, and checkpoints of the model."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import pickle
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._files import (
    as_path,
    check_writable,
    opened,
    reason,
    remedy,
    remove_leftovers,
    replace,
)
from .._params import COUNT
from .._sklearn import without_callbacks
from .._types import Int
from ..estimators.convergence_warnings import warn
from ..training import Stopping
from ..training.stopping import ranked
from .base import PerFit, checked


@dataclass
class _Log:
    """The file of a `History`, and its missing rows.

    Attributes
    ----------
    target : Path
        The file: absolute, links followed.
    as_json : bool
        Whether it has a JSON object per line, or else comma-separated values.
    rows : list of dict
        The metrics of epochs that are not yet written.
    """

    target: Path
    as_json: bool
    rows: list[dict[str, Any]] = field(default_factory=list)

    def write(self) -> None:
        """Append the rows; if this fails, the file is as it was before."""
        with self.target.open("ab", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            text = memoryview(self._text(with_header=size == 0).encode())
            try:
                while text:
                    text = text[file.write(text) :]
            except BaseException:
                with suppress(OSError):
                    file.truncate(size)
                raise
        self.rows.clear()

    def _text(self, with_header: bool) -> str:
        if self.as_json:
            return "".join(json.dumps(_with_null(row)) + "\n" for row in self.rows)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.rows[0])
        if with_header:
            writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()


def _with_null(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in which None, JSON's null, stands for numbers JSON has not."""
    return {name: v if math.isfinite(v) else None for name, v in row.items()}


class History(PerFit):
    """Writes the metrics of each epoch to a file as soon as it ends.

    If the disk is full, a warning says so and training continues. The missing rows are
    written once there is space again.

    Parameters
    ----------
    path : str or path
        The file. Its name ends in ".csv" (comma-separated, with a header) or ".jsonl"
        (one object per line). Each ``fit`` overwrites it as its training begins. The
        folder must exist. A relative path is resolved when ``fit`` is called.

    Notes
    -----
    In a search, all fits have the same path. With ``refit=True``, the file has the
    epochs of the refit, which comes last. Without, it has those of the last fit; with
    ``n_jobs``, rows of several fits may be mixed.

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
        super().__init__()
        self.path = as_path("History", path)
        if self.path.suffix not in (".csv", ".jsonl"):
            raise ValueError(
                "The 'path' of History must end in '.csv' or '.jsonl', which chooses"
                f" the format of the file. Got {str(path)!r} instead."
            )

    def begin(self) -> _Log:
        target = check_writable("History", self.path, replaces=False)
        return _Log(target, as_json=self.path.suffix == ".jsonl")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        # Parameters and data have been checked: a fit that is refused overwrites
        # nothing.
        if context.task_name == "fit":
            self._memory[id(estimator)].target.write_bytes(b"")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        log = self._memory[id(estimator)]
        failed_before = bool(log.rows)
        if context.task_name == "epoch":
            log.rows.append(fitted_estimator._last_metrics())
        if not log.rows:
            return
        try:
            log.write()
        except OSError as error:
            if not failed_before:
                warn(
                    f"History could not write epoch {log.rows[0]['epoch']} to"
                    f" {str(log.target)!r}: {reason(error)}. Training continues, and"
                    f" later epochs try again. {remedy(error)}.",
                    UserWarning,
                )


@dataclass
class _Saves:
    """The file of a `Checkpoint`, and what it has.

    Attributes
    ----------
    target : Path
        The file: absolute, links followed.
    best : Stopping
        The rule that knows the best epoch that was saved.
    epoch : int or None
        The saved epoch.
    failed : bool
        Whether the last attempt to save failed.
    """

    target: Path
    best: Stopping = field(default_factory=Stopping)
    epoch: int | None = None
    failed: bool = False


class Checkpoint(PerFit):
    """Saves the model to a file during training, so that a crash does not lose it.

    The file is replaced atomically, so it is complete at any time. It holds the
    estimator as if ``fit`` had ended after that epoch, including the solver's memory
    and the state of the random number generator. If it cannot be written, for instance
    because the disk is full, a warning says so, training continues, and the file stays
    unchanged.

    Parameters
    ----------
    path : str or path
        The file. Its folder must exist. A relative path is resolved when ``fit`` is
        called, and a link is followed. The owner and permissions of an old file are
        kept.
    every : int > 0 or None, default=None
        Number of epochs between two saves. None saves whenever the validation score
        (without validation, the training loss) is the best so far.

    Notes
    -----
    A process that is killed while it saves leaves a temporary file beside ``path``,
    whose name ends in ".new". The next ``fit`` with this path removes it; an empty file
    only after an hour. On Windows, these files remain.

    In a search, all fits have the same path, and each save replaces the whole file.
    With ``refit=True``, it has the model of the refit, which comes last. Without, it
    has the model that was saved last, not the best one. Worker processes have their own
    working directory: with ``n_jobs``, give an absolute path.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "iris.pickle"
    >>> model = MLPClassifierX(learning_rate_init=0.01, random_state=0)
    >>> model = model.set_callbacks(Checkpoint(path)).fit(X, y)
    >>> Checkpoint.load(path).score(X, y) > 0.9
    True
    """

    def __init__(self, path: str | os.PathLike[str], *, every: Int | None = None):
        super().__init__()
        self.path = as_path("Checkpoint", path)
        self.every = None if every is None else checked(self, "every", every, COUNT)

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the fit: refuse an estimator or path that cannot be saved."""
        super().setup(estimator, context)
        try:
            pickle.dumps(estimator.get_params(deep=False))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                f"Checkpoint saves {type(estimator).__name__} with pickle, which is not"
                f" possible with these parameters: {error}. Replace lambdas, and"
                " functions and classes defined inside functions, by ones that a module"
                " defines."
            ) from error

    def begin(self) -> _Saves:
        target = check_writable("Checkpoint", self.path, replaces=True)
        remove_leftovers(target)
        return _Saves(target)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        if context.task_name != "epoch":
            return
        saves, metrics = self._memory[id(estimator)], fitted_estimator._last_metrics()
        epoch, best = metrics["epoch"], copy(saves.best)
        if self.every is not None:
            due = epoch % self.every == 0
        elif "validation_score" in metrics:
            due = best.see(*ranked(metrics))
        else:
            due = best.see(-metrics["loss"])
        if due and self._save(saves, fitted_estimator, epoch):
            saves.best, saves.epoch = best, epoch

    def _save(self, saves: _Saves, fitted_estimator: Any, epoch: int) -> bool:
        """Save a model; return whether this worked."""
        saved = without_callbacks(fitted_estimator)
        try:
            replace(saves.target, lambda file: pickle.dump(saved, file, protocol=5))
        except OSError as error:
            if not saves.failed:
                kept = "a file from before the fit is unchanged"
                if saves.epoch is not None:
                    kept = f"the file is still that of epoch {saves.epoch}"
                warn(
                    f"Checkpoint could not save epoch {epoch} to"
                    f" {str(saves.target)!r}: {reason(error)}. Training continues, and"
                    f" {kept}. {remedy(error)}; later saves are tried as"
                    " planned.",
                    UserWarning,
                )
            saves.failed = True
            return False
        saves.failed = False
        return True

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Any:
        """Load the estimator from a file.

        As with every pickle, load only files from a source that you trust: the checksum
        detects damage, not malicious code.

        Parameters
        ----------
        path : str or path
            A file that a `Checkpoint` wrote.

        Returns
        -------
        estimator
            The estimator, fitted up to the saved epoch. To continue training, fit it
            with ``warm_start=True``.

        Raises
        ------
        ValueError
            If the file is empty, truncated, damaged, or no checkpoint; or if its
            estimator cannot be restored, for instance because a custom class that it
            uses is not defined.
        """
        with opened(Path(path)) as file:
            try:
                return pickle.load(file)
            except Exception as error:
                raise ValueError(
                    f"{str(Path(path))!r} cannot be loaded: the file is whole, but its"
                    f" estimator cannot be restored, with {type(error).__name__}:"
                    f" {error}. Define custom solvers and other classes as when the"
                    " model was trained, and use the same releases of scikit-learn and"
                    " skoptnet."
                ) from error
