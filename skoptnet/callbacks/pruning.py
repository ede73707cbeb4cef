"""Pruning of Optuna's trials by a metric of each epoch.

Optuna is imported only when the callback is used, so the package works without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .base import LOSSES, PerFit, value_of


@dataclass
class _Reports:
    """The values reported to a trial of Optuna.

    Attributes
    ----------
    before : dict of int to float
        Those that the trial had when the fit began, by step.
    pruned_after : int or None
        The epoch after which the trial was pruned.
    """

    before: dict[int, float]
    pruned_after: int | None = None

    def has(self, step: int, value: float) -> bool:
        """Return whether a value was reported before; refuse another one.

        Training that resumes from a checkpoint repeats some epochs. Processors differ
        by rounding errors.
        """
        if step not in self.before:
            return False
        known = self.before[step]
        both_nan = math.isnan(known) and math.isnan(value)
        if not (both_nan or math.isclose(known, value, rel_tol=1e-4)):
            raise ValueError(
                "OptunaPruning needs a trial of its own for each fit. The trial already"
                f" has another value for epoch {step + 1}: {known:g}. Got {value:g}."
                " To prune in a cross-validation, set OptunaPruning on the fit of one"
                " fold only, or report the mean score after each fold to the trial."
            )
        return True


class OptunaPruning(PerFit):
    """Reports a metric of each epoch to a trial of Optuna, and ends pruned trials.

    When the pruner of the study decides that the trial is not worth more epochs,
    training ends after that epoch, and ``fit`` raises ``optuna.TrialPruned``, which
    Optuna expects from the objective. The estimator is then fitted, and its
    ``stop_reason_`` is ``"callback"``. Epoch 1 is step 0, since Optuna counts from 0.

    Parameters
    ----------
    trial : optuna.trial.Trial
        The trial that Optuna passes to the objective. A trial that repeats a finished
        one, such as ``study.best_trial``, is never pruned.
    metric : str, default="validation_loss"
        The metric of ``history_`` to report. "loss", "train_loss" and
        "validation_loss" need a study that minimises; scores, such as
        "validation_score" or "validation_roc_auc", one that maximises. NaN is reported,
        too; most pruners prune it.

    Raises
    ------
    ImportError
        If Optuna is not installed (``pip install "skoptnet[optuna]"``).
    TypeError, ValueError
        If there is no such trial or metric, or if the study has several objectives or
        the wrong direction.

    Notes
    -----
    A trial has the values of one training. A second fit with the same trial, as in a
    cross-validation, raises a ValueError, unless it repeats these values: training that
    resumes from a `Checkpoint` may do so. In worker processes (``n_jobs``), the trial
    cannot be reached, and ``fit`` raises a ValueError.

    After Ctrl-C, ``fit`` keeps the model as usual, then raises KeyboardInterrupt, so
    that the study ends, too. With ``refit_all=True``, a pruned trial would train on all
    rows, so it is refused.

    References
    ----------
    Akiba et al., `Optuna: A Next-generation Hyperparameter Optimization Framework
    <https://arxiv.org/abs/1907.10902>`__, KDD 2019.

    Examples
    --------
    >>> import optuna
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.callbacks import OptunaPruning
    >>> X, y = load_iris(return_X_y=True)
    >>> def objective(trial):
    ...     rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
    ...     model = MLPClassifierX(
    ...         learning_rate_init=rate, early_stopping=True, max_iter=20,
    ...         n_iter_no_change=20, random_state=0,
    ...     )
    ...     model.set_callbacks(OptunaPruning(trial)).fit(X, y)
    ...     return min(model.history_["validation_loss"])
    >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    >>> study.optimize(objective, n_trials=10)
    >>> sorted({trial.state.name for trial in study.trials})
    ['COMPLETE', 'PRUNED']
    """

    def __init__(self, trial: Any, metric: str = "validation_loss"):
        super().__init__()
        _trial_pruned()  # an ImportError if Optuna is missing
        if metric not in LOSSES and not (
            isinstance(metric, str) and metric.startswith(("train_", "validation_"))
        ):
            raise ValueError(
                f"The 'metric' parameter of OptunaPruning must be one of {LOSSES}, or"
                " a score, such as 'validation_score' or 'train_roc_auc'. Got"
                f" {metric!r} instead."
            )
        _check_study(trial, metric, minimized=metric in LOSSES)
        self.trial, self.metric = trial, metric

    def __getstate__(self) -> dict[str, Any]:
        # A copy of a trial reports to a copy of its study, or brings along the address
        # of its database.
        return vars(self) | {"trial": None, "_memory": {}}

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before the fit: refuse an estimator that cannot be pruned."""
        super().setup(estimator, context)
        if self.trial is None:
            raise ValueError(
                "OptunaPruning has lost its trial, since it was pickled or copied, for"
                " instance for a worker process. Set n_jobs in study.optimize, not in"
                " the objective; or call set_callbacks with a new OptunaPruning."
            )
        if estimator.refit_all:
            raise ValueError(
                "OptunaPruning needs refit_all=False. With refit_all=True, a pruned"
                " trial would train again, on all rows. Refit the best trial after the"
                " study."
            )

    def begin(self) -> _Reports:
        return _Reports(_reported_values(self.trial))

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        reports = self._memory[id(estimator)]
        if context.task_name != "epoch":
            self._end(reports, fitted_estimator.stop_reason_)
            return False
        value = value_of(fitted_estimator, self.metric)
        epoch = fitted_estimator._last_metrics()["epoch"]
        if not reports.has(epoch - 1, value):
            self.trial.report(value, epoch - 1)
            if self.trial.should_prune():
                reports.pruned_after = epoch
        return reports.pruned_after is not None

    def _end(self, reports: _Reports, stop_reason: str) -> None:
        """Raise the exception with which the objective ends, if there is one.

        At the end of the fit, all callbacks have been notified of the last epoch, and
        the estimator is fitted.
        """
        if stop_reason == "interrupted":
            raise KeyboardInterrupt
        if reports.pruned_after is not None:
            raise _trial_pruned(f"Pruned after epoch {reports.pruned_after}.")


def _trial_pruned(message: str = "") -> Exception:
    """Return the exception that ends an objective whose trial is pruned.

    Raises
    ------
    ImportError
        If Optuna is not installed; the message says how to install it.
    """
    try:
        from optuna import TrialPruned
    except ImportError as error:
        raise ImportError(
            "OptunaPruning needs optuna, which is not installed:"
            ' pip install "skoptnet[optuna]"'
        ) from error
    return TrialPruned(message)


def _check_study(trial: Any, metric: str, *, minimized: bool) -> None:
    """Check that the study of a trial can prune by a metric.

    Trials without a study, which repeat a finished one, are never pruned.

    Parameters
    ----------
    trial : optuna trial
        The trial.
    metric : str
        The name of the metric.
    minimized : bool
        Whether the metric is better the lower it is.

    Raises
    ------
    TypeError
        If there is no such trial.
    ValueError
        If the study has several objectives or the other direction.
    """
    if not (hasattr(trial, "report") and hasattr(trial, "should_prune")):
        raise TypeError(
            "The 'trial' parameter of OptunaPruning must be the trial that Optuna"
            f" passes to the objective. Got {trial!r} instead."
        )
    if not hasattr(trial, "study"):
        return
    directions = [direction.name.lower() for direction in trial.study.directions]
    if len(directions) > 1:
        raise ValueError(
            "OptunaPruning needs a study with one objective, since Optuna prunes no"
            f" others. Got a study with directions={directions}. Leave OptunaPruning"
            " out, or create the study with one direction."
        )
    needed, better = ("minimize", "lower") if minimized else ("maximize", "higher")
    if directions != [needed]:
        other = "validation_score" if minimized else "validation_loss"
        raise ValueError(
            f"OptunaPruning with metric={metric!r}, which is better the {better} it is,"
            f" needs a study with direction={needed!r}. Got a study with"
            f" direction={directions[0]!r}. Create the study with the other direction,"
            f" or use another metric, such as {other!r}."
        )


def _reported_values(trial: Any) -> dict[int, float]:
    """Return the values that have been reported to a trial, by their step."""
    if not hasattr(trial, "study"):
        return {}
    for stored in trial.study.get_trials(deepcopy=False):
        if stored.number == trial.number:
            return dict(stored.intermediate_values)
    return {}
