"""One run of the tabular benchmark: fit a model on a split of a set, and judge it.

The clock runs while the model fits or predicts, not while modules are imported and
tables read. CPU seconds are those of the process and of its children, user and system.
"""

import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from tabular_data import CLASSIFICATION, SETS
from tabular_models import MODELS

LEAST_PROBABILITY = 1e-15
LEVEL = 0.9  # of the prediction intervals
BINS = 15  # of the calibration error


def run(model: str, data_set: str, split: int, folder: Path, n_jobs: int) -> dict:
    """Return the metrics and the times of a run; the split is the model's seed, too."""
    entry, problem = MODELS[model], SETS[data_set]
    entry.load()
    parts = problem.parts(folder, split)
    classifies = problem.task == CLASSIFICATION
    make = entry.classifier if classifies else entry.regressor
    estimator = make(split, n_jobs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = Clock()
        estimator.fit(parts.X_train, parts.y_train)
        fit.stop()
        predict = Clock()
        method = estimator.predict_proba if classifies else estimator.predict
        predicted = np.asarray(method(parts.X_test), float)
        predict.stop()
        judge = judged_classes if classifies else judged_numbers
        metrics = judge(estimator, predicted, parts)
    if not np.isfinite(list(metrics.values())).all():
        raise ValueError(f"Not all metrics are finite: {metrics}.")
    return {
        **metrics,
        "fit_cpu": fit.cpu,
        "fit_wall": fit.wall,
        "predict_cpu": predict.cpu,
        "rows": len(parts.y_train),
        "columns": parts.X_train.shape[1],
    }


class Clock:
    """CPU and wall seconds since it was made, once it is stopped."""

    def __init__(self):
        self.wall, self.cpu = -time.perf_counter(), -cpu_seconds()

    def stop(self) -> None:
        """Stop the clock."""
        self.wall += time.perf_counter()
        self.cpu += cpu_seconds()


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its children, ended or alive.

    Those that are alive (joblib keeps its workers) count where psutil is installed.
    """
    times = os.times()
    seconds = time.process_time() + times.children_user + times.children_system
    try:
        import psutil
    except ImportError:
        return seconds
    for child in psutil.Process().children(recursive=True):
        try:
            used = child.cpu_times()
        except psutil.Error:  # it has just ended
            continue
        seconds += used.user + used.system
    return seconds


# Classes


def judged_classes(estimator: Any, probabilities: np.ndarray, parts: Any) -> dict:
    """Return the metrics of a classifier."""
    labels = np.unique(np.concatenate([parts.y_train, parts.y_test]))
    p = np.zeros((len(probabilities), len(labels)))
    p[:, np.searchsorted(labels, estimator.classes_)] = probabilities
    y = np.searchsorted(labels, parts.y_test)
    predicted = np.ravel(estimator.predict(parts.X_test))
    right = p[np.arange(len(y)), y]
    return {
        "error": float(np.mean(predicted != parts.y_test)),
        "log_loss": float(-np.log(np.clip(right, LEAST_PROBABILITY, 1)).mean()),
        "auc_loss": 1 - auc(y, p),
        "brier": float(((p - np.eye(len(labels))[y]) ** 2).sum(axis=1).mean()),
        "ece": calibration_error(y, p),
    }


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """Return the mean over the classes of the AUC of each against the rest."""
    if p.shape[1] == 2:
        return float(roc_auc_score(y, p[:, 1]))
    classes = np.unique(y)  # those that occur
    return float(np.mean([roc_auc_score(y == c, p[:, c]) for c in classes]))


def calibration_error(y: np.ndarray, p: np.ndarray) -> float:
    """Return the mean distance of confidence and accuracy, over bins of equal width."""
    confidence, hit = p.max(axis=1), p.argmax(axis=1) == y
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=hit - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(y))


# Numbers


def judged_numbers(estimator: Any, predicted: np.ndarray, parts: Any) -> dict:
    """Return the metrics of a regressor; `rmse` and `width` are in units of sd(y)."""
    residuals = parts.y_test - predicted.ravel()
    metrics = {"rmse": float(np.sqrt(np.mean(residuals**2)) / parts.scale)}
    if hasattr(estimator, "predict_interval"):
        low, high = bounds(estimator.predict_interval(parts.X_test, LEVEL))
        inside = (low <= parts.y_test) & (parts.y_test <= high)
        metrics["coverage"] = float(inside.mean())
        metrics["width"] = float((high - low).mean() / parts.scale)
    return metrics


def bounds(interval: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper ends, from a pair of arrays or from two columns."""
    if isinstance(interval, tuple):
        return interval
    return interval[:, 0], interval[:, 1]
