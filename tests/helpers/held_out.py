"""What the tests of validation share: targets of each kind, and stopping early."""

import numpy as np
import pytest
from problems import ESTIMATORS, KINDS, LABELS, NUMBERS, X, batched

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


def stopping(Estimator, **parameters):
    settings = {"early_stopping": True, "max_iter": 12, **parameters}
    return batched(Estimator, **settings)
