"""Searches go on where a candidate diverges, and say which one it was."""

import re
import warnings

import numpy as np
import pytest
from problems import ESTIMATORS, X, target
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_validate,
)

from skoptnet import MLPRegressorX, Schedule
from skoptnet.optimizers import OPTIMIZERS

# A rate that no training survives: the second update is made from infinity.
NO_RATE = 1.7e308
CV = KFold(3, shuffle=True, random_state=0)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


class Jump(Schedule):
    """A rate that goes through the roof after some epochs."""

    def __init__(self, epoch):
        self.epoch = epoch

    def __call__(self, clock):
        return 1e300 if clock.epoch >= self.epoch else 1.0


def model_of(Estimator, solver, **parameters):
    settings = {"batch_size": 40, "max_iter": 20, "random_state": 0, **parameters}
    return Estimator((5,), solver=solver, **settings)


def searched(search, y):
    """Return the fitted search and the warnings it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    return search, caught


def messages(caught, category):
    return [str(w.message) for w in caught if issubclass(w.category, category)]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_a_candidate_without_a_model_scores_nan(Estimator, solver, n_jobs):
    y = target(Estimator)
    model = model_of(Estimator, solver)
    rates = {"learning_rate_init": [NO_RATE, "auto"]}
    search = GridSearchCV(model, rates, cv=CV, n_jobs=n_jobs)
    search, caught = searched(search, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[0])
    assert np.isfinite(scores[1])
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1]
    (message,) = messages(caught, FitFailedWarning)
    assert "3 fits failed out of a total of 6" in message
    assert f"with solver='{solver}' at learning rate {NO_RATE:g}" in message
    assert search.best_params_ == {"learning_rate_init": "auto"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        alone = clone(model).fit(X, y)
    assert np.array_equal(search.predict(X), alone.predict(X))


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_a_candidate_that_diverges_later_gets_the_score_of_the_kept_model(
    Estimator, solver
):
    y = target(Estimator)
    model = model_of(Estimator, solver, learning_rate_init=0.01)
    grid = {"lr_schedule": ["constant", Jump(6)]}
    search = GridSearchCV(model, grid, cv=CV, error_score="raise")
    search, caught = searched(search, y)
    diverged = [m for m in messages(caught, ConvergenceWarning) if "diverged" in m]
    assert len(diverged) == CV.get_n_splits()
    for split, message in enumerate(diverged):
        assert f"with solver='{solver}' at learning rate {0.01 * 1e300:g}" in message
        kept = int(re.search(r"The weights of epoch (\d+) are kept", message)[1])
        rows, others = list(CV.split(X))[split]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            # With one update per epoch, the one that jumps may be the last kept.
            same = clone(model).set_params(lr_schedule=Jump(6), max_iter=kept)
            same.fit(X[rows], y[rows])
        score = search.cv_results_[f"split{split}_test_score"][1]
        assert score == same.score(X[others], y[others])


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_no_rate_aborts_a_random_search(Estimator, solver):
    """Whatever becomes of a candidate, the sane one is there in the end."""
    rates = [1e0, 1e2, 1e5, 1e20, 1e70, 1e155, 1e250, NO_RATE]
    search = RandomizedSearchCV(
        model_of(Estimator, solver),
        {"learning_rate_init": ["auto", *rates]},
        n_iter=len(rates) + 1,
        cv=CV,
        refit="accuracy" if Estimator is not MLPRegressorX else "r2",
        scoring=["accuracy"] if Estimator is not MLPRegressorX else ["r2"],
        random_state=0,
    )
    search, caught = searched(search, target(Estimator))
    name = search.refit
    scores = search.cv_results_[f"mean_test_{name}"]
    tried = search.cv_results_["param_learning_rate_init"]
    (sane,) = scores[tried == "auto"]
    assert np.isfinite(sane)
    assert np.isnan(scores[tried == NO_RATE])
    assert search.best_score_ >= sane
    assert np.isfinite(search.score(X, target(Estimator)))
    (failed,) = messages(caught, FitFailedWarning)
    for rate in rates:
        whole = all(
            np.isnan(search.cv_results_[f"split{i}_test_{name}"][tried == rate])
            for i in range(CV.get_n_splits())
        )
        if whole:
            assert f"with solver='{solver}' at learning rate {rate:g}" in failed
    for message in messages(caught, ConvergenceWarning):
        if "diverged" in message or "far above the best" in message:
            assert f"with solver='{solver}' at learning rate " in message


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_value
def test_cross_validation_of_a_model_that_diverges(Estimator, solver):
    """Later than in the first epoch it has scores; else scikit-learn says all failed.

    There is nothing to report then, and the error tells solver and rate.
    """
    y = target(Estimator)
    model = model_of(Estimator, solver, lr_schedule=Jump(6))
    with pytest.warns(ConvergenceWarning, match=f"with solver='{solver}'"):
        results = cross_validate(model, X, y, cv=CV, return_train_score=True)
    assert np.isfinite(results["test_score"]).all()
    assert np.isfinite(results["train_score"]).all()
    model.set_params(lr_schedule="constant", learning_rate_init=NO_RATE)
    told = re.escape(f"with solver='{solver}' at learning rate {NO_RATE:g}")
    with pytest.raises(ValueError, match=rf"(?s)All the 3 fits failed.*{told}"):
        cross_validate(model, X, y, cv=CV)


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
def test_a_solver_object_is_named_with_its_hyperparameters(solver):
    model = model_of(MLPRegressorX, OPTIMIZERS[solver](), learning_rate_init=NO_RATE)
    if solver in ("momentum", "nesterov"):
        model.set_params(solver__momentum=0.5)
    told = f"with solver={model.solver!r} at learning rate"
    with pytest.raises(ValueError, match=re.escape(told)):
        model.fit(X, target(MLPRegressorX))
