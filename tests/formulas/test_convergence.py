"""Every solver gets there: tuned, they all come close to the best on real data."""

import warnings

import numpy as np
import pytest
from problems import (
    CANCER,
    DIABETES,
    DIGITS,
)
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
        own = OPTIMIZERS[solver].default_learning_rate
        return [own / 3, own, 3 * own, 10 * own]
    memory = OPTIMIZERS[solver].memory
    if "r" in memory:  # steps of the rate's size, whatever the gradient
        return [0.003, 0.01, 0.03, 0.1]
    if "v" in memory:  # the velocity adds up about ten gradients
        return [0.003, 0.01, 0.03, 0.1]
    return [0.03, 0.1, 0.3, 1.0]


@pytest.fixture(scope="module")
def tuned():
    """Return the cross-validated score of each solver at its best rate, by data."""
    problems = {
        "digits": (MLPClassifierX, DIGITS.target, 1.0, 20),
        "breast cancer": (MLPClassifierX, CANCER.target, 1.0, 20),
        "diabetes": (MLPRegressorX, scale(DIABETES.target), 30.0, 40),
    }
    rows = {
        "digits": scale(DIGITS.data),
        "breast cancer": scale(CANCER.data),
        "diabetes": scale(DIABETES.data),
    }
    scores = {}
    for data, (Estimator, y, alpha, epochs) in problems.items():
        split = StratifiedKFold if Estimator is MLPClassifierX else KFold
        for solver, Solver in OPTIMIZERS.items():
            # One update per epoch needs more epochs.
            model = Estimator(
                (24,) if data == "digits" else (10,),
                solver=solver,
                batch_size=50,
                alpha=alpha,
                max_iter=epochs * (8 if Solver.full_batch else 1),
                tol=0,
                n_iter_no_change=np.inf,
                random_state=0,
            )
            search = GridSearchCV(
                model,
                {"learning_rate_init": rate_grid(solver)},
                cv=split(3, shuffle=True, random_state=0),
            )
            # A rate that is too high for a solver says so, and loses.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                search.fit(rows[data], y)
            scores[data, solver] = search.best_score_
    return scores


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize(
    ("data", "within", "floor"),
    [
        ("digits", 0.015, 0.94),
        ("breast cancer", 0.015, 0.96),
        ("diabetes", 0.02, 0.45),
    ],
)
def test_every_solver_tuned_comes_close_to_the_best(tuned, data, solver, within, floor):
    """On held-out rows, at the best of four rates; with more room beyond the seven."""
    within += 0 if solver in TEXTBOOK else 0.005
    best = max(score for (name, _), score in tuned.items() if name == data)
    assert tuned[data, solver] >= best - within
    assert tuned[data, solver] > floor


def test_default_rates_learn():
    """Each solver's own rate brings standardised data far in a few epochs."""
    for solver in OPTIMIZERS:
        model = MLPClassifierX(solver=solver, max_iter=30, random_state=0)
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
