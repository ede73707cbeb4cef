"""Searches of other packages, and scikit-learn's halving, over the estimators.

In a pipeline each of them finds what a fit with its parameters by hand gives. Only the
warnings of the other packages about themselves are ignored; ours arrive.
"""

import warnings

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.optimizers import Adam

LOW, HIGH = 1e-3, 1e-1


def optuna_search(pipeline, rate, cv, high=HIGH):
    """Return OptunaSearchCV; it is experimental, and says so."""
    module = pytest.importorskip(
        "optuna_integration", reason="optuna-integration is not installed"
    )
    import optuna

    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    # Of Optuna 4.9 and later, about a call by optuna-integration.
    warnings.filterwarnings("ignore", ".*optuna.terminator", FutureWarning)
    # Of scikit-learn 1.6, about optuna-integration 4.
    warnings.filterwarnings("ignore", "The OptunaSearchCV or classes", FutureWarning)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = {rate: optuna.distributions.FloatDistribution(LOW, high, log=True)}
    return module.OptunaSearchCV(pipeline, spaces, n_trials=4, cv=cv, random_state=0)


def bayes_search(pipeline, rate, cv, high=HIGH):
    skopt = pytest.importorskip("skopt", reason="scikit-optimize is not installed")
    spaces = {rate: skopt.space.Real(LOW, high, prior="log-uniform")}
    return skopt.BayesSearchCV(pipeline, spaces, n_iter=4, cv=cv, random_state=0)


#: In samples: three folds of fewer have no score.
HALVING = {"min_resources": 30, "random_state": 1}


def halving_grid_search(pipeline, rate, cv, high=HIGH):
    rates = {rate: np.geomspace(LOW, high, 4)}
    return HalvingGridSearchCV(pipeline, rates, cv=cv, **HALVING)


def halving_random_search(pipeline, rate, cv, high=HIGH):
    rates = {rate: loguniform(LOW, high)}
    return HalvingRandomSearchCV(pipeline, rates, n_candidates=4, cv=cv, **HALVING)


SEARCHES = [optuna_search, bayes_search, halving_grid_search, halving_random_search]
searches = pytest.mark.parametrize("make", SEARCHES, ids=lambda make: make.__name__)


def of_classes(**parameters):
    defaults = {"max_iter": 8, "n_iter_no_change": np.inf, "random_state": 0}
    return MLPClassifierX((5,), **defaults | parameters), load_iris(return_X_y=True)


def of_numbers(**parameters):
    defaults = {"max_iter": 8, "n_iter_no_change": np.inf, "random_state": 0}
    return MLPRegressorX((5,), **defaults | parameters), load_diabetes(return_X_y=True)


@searches
@pytest.mark.parametrize("make_model", [of_classes, of_numbers])
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "in_the_solver"])
def test_the_winner_is_a_fit_with_its_parameters(make, make_model, nested):
    """A rate of the estimator, or a hyperparameter of the solver within."""
    model, (X, y) = make_model(**{"solver": Adam()} if nested else {})
    pipeline = make_pipeline(StandardScaler(), model)
    name = pipeline.steps[-1][0]
    rate = f"{name}__solver__epsilon" if nested else f"{name}__learning_rate_init"
    search = make(pipeline, rate, cv=3).fit(X, y)
    assert list(search.best_params_) == [rate]
    assert LOW * (1 - 1e-9) <= search.best_params_[rate] <= HIGH * (1 + 1e-9)
    by_hand = clone(pipeline).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), by_hand.predict(X))
    best = search.best_estimator_[-1]
    assert best.loss_curve_ == by_hand[-1].loss_curve_
    if "resource" not in search.get_params():  # else scores are of some of the rows
        scores = cross_val_score(clone(by_hand), X, y, cv=3)
        assert search.best_score_ == pytest.approx(scores.mean(), rel=1e-12)


@pytest.mark.parametrize("make", SEARCHES[2:], ids=lambda make: make.__name__)
def test_halving_counts_epochs_as_its_resource(make):
    """With ``resource="max_iter"`` the winner has the most epochs."""
    model, (X, y) = of_classes()
    pipeline = make_pipeline(StandardScaler(), model)
    search = make(pipeline, "mlpclassifierx__learning_rate_init", cv=3)
    search.set_params(
        resource="mlpclassifierx__max_iter", min_resources=2, max_resources=8, factor=2
    )
    search.fit(X, y)
    assert search.n_resources_ == [2, 4, 8]
    assert search.best_params_["mlpclassifierx__max_iter"] == 8
    assert search.best_estimator_[-1].n_iter_ == 8
    by_hand = clone(pipeline).set_params(**search.best_params_)
    scores = cross_val_score(by_hand, X, y, cv=3)
    assert search.best_score_ == pytest.approx(scores.mean(), rel=1e-12)


@searches
def test_warnings_of_a_fit_arrive(make):
    """That training ends before convergence, and that a parameter has no effect."""
    model, (X, y) = of_classes(n_iter_no_change=2, solver="adam", momentum=0.5)
    pipeline = make_pipeline(StandardScaler(), model)
    search = make(pipeline, "mlpclassifierx__learning_rate_init", cv=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("default", "Parameter of MLPClassifierX that has no")
        with (
            pytest.warns(UserWarning, match="has no effect"),
            pytest.warns(ConvergenceWarning, match="Maximum number of epochs"),
        ):
            search.fit(X, y)


# What scikit-learn and NumPy say of scores that are NaN.
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning",
    "ignore:One or more of the .* scores are non-finite",
    "ignore:Mean of empty slice",
    "ignore:Degrees of freedom <= 0",
)
@pytest.mark.filterwarnings("ignore:Training diverged")
@pytest.mark.parametrize("make", [m for m in SEARCHES if m is not bayes_search])
def test_candidates_that_diverge_do_not_win(make):
    """BayesSearchCV of scikit-optimize 0.10 ends with the error of such a candidate."""
    model, (X, y) = of_numbers(solver="sgd")
    pipeline = make_pipeline(StandardScaler(), model)
    search = make(pipeline, "mlpregressorx__learning_rate_init", cv=2, high=1e4)
    search.fit(X, y)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        clone(pipeline).set_params(mlpregressorx__learning_rate_init=1e9).fit(X, y)
    assert np.isfinite(search.best_score_)
    assert search.best_params_["mlpregressorx__learning_rate_init"] < 10
    assert search.score(X, y) > -1


def test_optuna_prunes_by_partial_fit():
    """OptunaSearchCV calls partial_fit, one epoch per step, of a bare estimator."""
    model, (X, y) = of_classes()
    X = StandardScaler().fit_transform(X)
    search = optuna_search(model, "learning_rate_init", cv=3)
    optuna = pytest.importorskip("optuna")
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2),
    )
    search.set_params(enable_pruning=True, max_iter=10, n_trials=8, study=study)
    search.fit(X, y)
    states = {trial.state.name for trial in search.study_.trials}
    assert states == {"COMPLETE", "PRUNED"}
    by_hand = clone(model).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), by_hand.predict(X))
