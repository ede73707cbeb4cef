"""What the tests of validation share: targets of each kind, and stopping early."""

import numpy as np
import pytest
from problems import ESTIMATORS, KINDS, LABELS, NUMBERS, X, batched
from sklearn.metrics import get_scorer, log_loss, mean_squared_error
from sklearn.model_selection import train_test_split

from skoptnet import MLPClassifierX, MLPRegressorX

TWO = np.where(LABELS == "versicolor", "yes", "no")
PAIRS = np.column_stack([NUMBERS, X[:, 1] - X[:, 2]])
TARGETS = {
    "binary": (MLPClassifierX, TWO),
    "multiclass": (MLPClassifierX, LABELS),
    "multilabel": (MLPClassifierX, KINDS),
    "regression": (MLPRegressorX, NUMBERS),
    "multi-output": (MLPRegressorX, PAIRS),
}
tasks = pytest.mark.parametrize(("Estimator", "y"), TARGETS.values(), ids=TARGETS)
both = pytest.mark.parametrize("Estimator", ESTIMATORS)
W = np.random.RandomState(0).uniform(0.1, 3, len(X))
TRAIN, VAL = train_test_split(np.arange(len(X)), stratify=LABELS, random_state=0)


def stopping(Estimator, **parameters):
    settings = {"early_stopping": True, "max_iter": 12, **parameters}
    return batched(Estimator, **settings)


def parts(y):
    """Return X, y and the validation data, as arguments of fit."""
    return X[TRAIN], y[TRAIN], {"X_val": X[VAL], "y_val": y[VAL]}


def own_loss(model, rows, y, w=None):
    """Return the loss as scikit-learn's metrics have it."""
    if isinstance(model, MLPRegressorX):
        y, predicted = (
            (values.reshape(len(y), -1) - model.y_mean_) / model.y_scale_
            for values in (y, model.predict(rows))
        )
        errors = mean_squared_error(y, predicted, sample_weight=w,
                                    multioutput="raw_values")  # fmt: skip
        return 0.5 * errors.sum()
    if y.ndim == 2:
        P = model.predict_proba(rows)
        columns = zip(y.T, P.T, strict=True)
        return sum(log_loss(t, p, sample_weight=w) for t, p in columns)
    return log_loss(y, model.predict_proba(rows), sample_weight=w)


def score_of(model, scoring, rows, y, w=None):
    if scoring == "loss":
        return -own_loss(model, rows, y, w)
    if scoring is None:
        return model.score(rows, y, sample_weight=w)
    weights = {} if w is None else {"sample_weight": w}
    return get_scorer(scoring)(model, rows, y, **weights)
