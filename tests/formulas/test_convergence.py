"""Every solver gets there: tuned, they all come close to the best on real data."""

import warnings

import numpy as np
import pytest
from problems import CANCER, DIABETES, DIGITS, rate_for
from sklearn.base import clone, is_classifier
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import (
    SGD,
    MLPClassifierX,
    MLPRegressorX,
)
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


def rate_grid(solver):
    """Return rates about a solver's scale, by what it does with the gradient."""
    if solver not in TEXTBOOK:
        return [rate_for(solver, rate) for rate in (0.003, 0.01, 0.03, 0.1)]
    memory = OPTIMIZERS[solver].memory
    if "r" in memory:  # steps of the rate's size, whatever the gradient
        return [0.003, 0.01, 0.03, 0.1]
    if "v" in memory:  # the velocity adds up about ten gradients
        return [0.003, 0.01, 0.03, 0.1]
    return [0.03, 0.1, 0.3, 1.0]


PROBLEMS = {
    "digits": (MLPClassifierX((24,), alpha=1.0, max_iter=20), DIGITS, 0.015, 0.94),
    "cancer": (MLPClassifierX((10,), alpha=1.0, max_iter=20), CANCER, 0.015, 0.96),
    "diabetes": (MLPRegressorX((10,), alpha=30.0, max_iter=40), DIABETES, 0.02, 0.45),
}


def tuned(model, data, solver):
    """Return the cross-validated score of a solver at its best rate."""
    rows, y = scale(data.data), data.target
    # One update per epoch needs more epochs.
    epochs = model.max_iter * (8 if OPTIMIZERS[solver].full_batch else 1)
    model = clone(model).set_params(
        solver=solver, batch_size=50, max_iter=epochs, random_state=0, tol=0,
        n_iter_no_change=np.inf,
    )  # fmt: skip
    split = StratifiedKFold if is_classifier(model) else KFold
    search = GridSearchCV(
        model,
        {"learning_rate_init": rate_grid(solver)},
        cv=split(3, shuffle=True, random_state=0),
    )
    # A rate that is too high for a solver says so, and loses.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        search.fit(rows, y if is_classifier(model) else scale(y))
    return search.best_score_


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.once
def test_every_solver_tuned_comes_close_to_the_best(problem):
    """On held-out rows, at the best of four rates; with more room beyond the seven."""
    model, data, within, floor = PROBLEMS[problem]
    scores = {solver: tuned(model, data, solver) for solver in OPTIMIZERS}
    best = max(scores.values())
    for solver, score in scores.items():
        assert score >= best - within - (solver not in TEXTBOOK) * 0.005, solver
        assert score > floor, solver


@pytest.mark.once
def test_default_rates_learn():
    """Each solver's own rate brings standardised data far in the default 200 epochs."""
    for solver in OPTIMIZERS:
        model = MLPClassifierX(solver=solver, random_state=0)
        rows = scale(CANCER.data)
        assert (
            model.fit(rows[:400], CANCER.target[:400]).score(
                rows[400:], CANCER.target[400:]
            )
            > 0.9
        ), solver


def test_the_least_a_newcomer_types():
    """A name, a schedule, and everything else by default."""
    model = make_pipeline(
        StandardScaler(), MLPClassifierX(solver=SGD(), random_state=0)
    )
    model.set_params(mlpclassifierx__lr_schedule="step")
    assert cross_val_score(model, CANCER.data, CANCER.target, cv=3).mean() > 0.93
