"""Scores, refit and metadata of the searches over epochs, beside GridSearchCV."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from problems import KINDS, LABELS, NUMBERS, X
from scipy.sparse import csr_array
from searches import (
    EPOCHS,
    assert_same_results,
    epochs_of,
    network,
    params_of,
    quietly,
    small_search,
)
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.model_selection import EpochHalvingGridSearchCV

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
    # scikit-learn's searches give it, too.
    pytest.mark.filterwarnings("ignore:The scoring .* does not support sample_weight"),
]

GRID = "EpochHalvingGridSearchCV"
WEIGHTS = np.linspace(0.1, 3, len(X))
RATES = {"learning_rate_init": [0.003, 0.03]}
HALVES = KFold(2, shuffle=True, random_state=0)


def smallest_weight(estimator, X, y):
    """Read the fitted attributes of an estimator."""
    return -abs(estimator.coefs_[0]).max() - estimator.loss_ + 0 * estimator.t_


def both(estimator, X, y):
    """Return two scores by name."""
    P = estimator.predict_proba(X)
    return {
        "hits": accuracy_score(y, estimator.predict(X)),
        "neg_loss": -log_loss(y, P, labels=estimator.classes_),
    }


def assert_scores_of_grid_search(search, X, y, **fit):
    """Check the last epoch of whole trainings against a search without rungs.

    A search in which no candidate is dropped has them all.
    """
    peer = GridSearchCV(
        search.estimator, search.param_grid, cv=search.cv, scoring=search.scoring,
        refit=False, return_train_score=search.return_train_score,
    ).fit(X, y, **fit)  # fmt: skip
    columns = [n for n in peer.cv_results_ if n.startswith("split")]
    assert columns
    for column in columns:
        part, name = column.removeprefix("split").split("_", 1)
        prefix = "train_" if name.startswith("train_") else ""
        name = prefix + name.removeprefix("test_").removeprefix("train_")
        ours = [
            rows[name].iloc[-1]
            for (_, fold), rows in epochs_of(search).items()
            if fold == int(part)
        ]
        np.testing.assert_allclose(ours, peer.cv_results_[column], rtol=1e-11)


def whole_search(model, grid=RATES, **options):
    """Return a search with a single rung, so that all candidates are trained whole."""
    return small_search(
        GRID, model, **{"min_resources": EPOCHS, "cv": HALVES} | options
    ).set_params(param_grid=grid)  # fmt: skip


SCORINGS = {
    "default": None,
    "a name": "neg_log_loss",
    "a threshold": "roc_auc_ovr",
    "a scorer": make_scorer(accuracy_score),
    "a function": lambda estimator, X, y: estimator.score(X, y) / 2,
    "a function of attributes": smallest_weight,
    "names": ["accuracy", "neg_log_loss"],
    "a tuple": ("balanced_accuracy",),
    "a dict": {"a": "accuracy", "b": make_scorer(accuracy_score, normalize=False)},
    "mixed": {"a": "accuracy", "b": smallest_weight},
    "a function of several": both,
}


@pytest.mark.parametrize("scoring", SCORINGS)
@pytest.mark.parametrize("return_train_score", [False, True])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.each_value
def test_scores_are_those_of_a_grid_search(scoring, return_train_score, is_weighted):
    # scikit-learn cannot tell whether a function among several takes weights.
    weighted = is_weighted and scoring != "mixed"
    fit = {"sample_weight": WEIGHTS} if weighted else {}
    search = whole_search(
        network(MLPClassifierX), scoring=SCORINGS[scoring], refit=False,
        return_train_score=return_train_score,
    ).fit(X, LABELS, **fit)  # fmt: skip
    assert_scores_of_grid_search(search, X, LABELS, **fit)
    assert search.multimetric_ == (
        scoring in ("names", "a tuple", "a dict", "mixed", "a function of several")
    )
    assert not hasattr(search, "best_estimator_")
    assert hasattr(search, "best_index_") != search.multimetric_


@pytest.mark.parametrize(
    ("Estimator", "y", "rows"),
    [
        (MLPClassifierX, KINDS, X),
        (MLPClassifierX, LABELS, csr_array(X)),
        (MLPClassifierX, LABELS, X.astype(np.float32)),
        (MLPClassifierX, LABELS == "setosa", X),
        (MLPRegressorX, np.column_stack([NUMBERS, X[:, 1]]), X),
        (MLPRegressorX, pd.Series(NUMBERS), pd.DataFrame(X, columns=list("abcd"))),
        (MLPRegressorX, NUMBERS.tolist(), X.tolist()),
    ],
    ids=["multilabel", "sparse", "float32", "binary", "multi-output", "frame", "list"],
)
def test_kinds_of_data(Estimator, y, rows):
    search = whole_search(network(Estimator), return_train_score=True).fit(rows, y)
    assert_scores_of_grid_search(search, rows, y)
    assert search.n_features_in_ == 4
    assert search.predict(rows).shape == np.shape(y)
    if isinstance(rows, pd.DataFrame):
        assert list(search.feature_names_in_) == list("abcd")


class Halved(MLPClassifierX):
    """A network with a score of its own."""

    def score(self, X, y, sample_weight=None):
        return super().score(X, y, sample_weight) / 2


@pytest.mark.parametrize("is_weighted", [False, True])
def test_a_subclass_scores_as_it_likes(is_weighted):
    fit = {"sample_weight": WEIGHTS} if is_weighted else {}
    search = whole_search(network(Halved)).fit(X, LABELS, **fit)
    assert_scores_of_grid_search(search, X, LABELS, **fit)
    assert 0.3 < search.best_score_ <= 0.5


def test_a_class_that_a_training_fold_lacks():
    """Its rows have no loss; they are scored as a grid search scores them."""
    order = np.argsort(LABELS, kind="stable")
    splits = [(order[:100], order[50:]), (order[50:], order[:100])]
    search = whole_search(network(MLPClassifierX), cv=splits).fit(X, LABELS)
    assert_scores_of_grid_search(search, X, LABELS)
    assert np.isnan(search.epoch_results_["validation_loss"]).all()
    assert np.isfinite(search.best_score_)


@pytest.mark.parametrize("refit", ["accuracy", "neg_log_loss"])
def test_refit_names_the_score_that_ranks(refit):
    scoring = ["accuracy", "neg_log_loss"]
    model = network(MLPClassifierX)
    search = small_search(GRID, model, scoring=scoring, refit=refit).fit(X, LABELS)
    alone = small_search(GRID, model, scoring=refit).fit(X, LABELS)
    for name in ("candidate", "best_epoch"):
        assert np.array_equal(search.cv_results_[name], alone.cv_results_[name])
    scores = search.cv_results_[f"mean_test_{refit}"]
    assert np.array_equal(scores, alone.cv_results_["mean_test_score"])
    assert search.best_score_ == alone.best_score_
    assert set(search.scorer_) == set(scoring)
    assert np.array_equal(search.predict_proba(X), alone.predict_proba(X))
    assert search.score(X, LABELS) == alone.score(X, LABELS)


def test_refit_is_a_function_of_the_results():
    def second(results):
        assert "mean_test_hits" in results
        return int(np.argsort(results["mean_test_hits"])[-2])

    search = small_search(GRID, network(MLPClassifierX), scoring=both, refit=second)
    search.fit(X, LABELS)
    assert search.best_index_ == second(search.cv_results_)
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]
    assert search.best_epoch_ == search.cv_results_["best_epoch"][search.best_index_]
    assert search.best_estimator_.n_iter_ == search.best_epoch_
    search.set_params(refit=lambda results: 1000)
    with pytest.raises(IndexError, match="best_index_ index out of range"):
        search.fit(X, LABELS)


@pytest.mark.parametrize("scoring", [["accuracy"], both])
def test_several_scores_need_a_name(scoring):
    search = small_search(GRID, network(MLPClassifierX), scoring=scoring)
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        search.fit(X, LABELS)


@pytest.mark.parametrize("name", ["loss", "epoch", "fold", "train_accuracy"])
def test_names_of_other_columns_are_refused(name):
    def of_function(estimator, X, y):
        return {name: estimator.score(X, y), "b": 0.0}

    for scoring in ({name: "accuracy", "b": "accuracy"}, of_function):
        search = small_search(
            GRID, network(MLPClassifierX), scoring=scoring, refit="b",
            error_score="raise",
        )  # fmt: skip
        with pytest.raises(ValueError, match=f"must not have a score .* {name!r}"):
            search.fit(X, LABELS)


def test_training_scores_do_not_matter_to_the_search():
    with_train, without = (
        small_search(GRID, network(MLPClassifierX), return_train_score=train).fit(
            X, LABELS
        )
        for train in (True, False)
    )
    for name, values in without.epoch_results_.items():
        assert np.array_equal(values, with_train.epoch_results_[name])
    assert with_train.cv_results_["mean_train_score"].max() <= 1
    assert "train_score" in with_train.epoch_results_
    assert "mean_train_score" not in without.cv_results_


def test_weights_reach_the_validation_loss():
    training, test = next(HALVES.split(X))
    model = network(MLPClassifierX, learning_rate_init=0.01)
    whole = clone(model).fit(
        X[training], LABELS[training], WEIGHTS[training],
        X_val=X[test], y_val=LABELS[test], sample_weight_val=WEIGHTS[test],
    )  # fmt: skip
    search = whole_search(model, {"alpha": [model.alpha]})
    search.fit(X, LABELS, sample_weight=WEIGHTS)
    curve = list(epochs_of(search)[0, 0]["validation_loss"])
    assert curve == whole.history_["validation_loss"]
    piped = whole_search(
        make_pipeline(StandardScaler(with_mean=False, with_std=False), model),
        {"mlpclassifierx__alpha": [model.alpha]},
    ).fit(X, LABELS, mlpclassifierx__sample_weight=WEIGHTS)
    assert list(epochs_of(piped)[0, 0]["validation_loss"]) == curve


def test_groups_reach_the_splitter():
    groups = np.arange(len(X)) % 7
    search = small_search(GRID, network(MLPClassifierX), cv=GroupKFold(3))
    search.fit(X, LABELS, groups=groups)
    splits = list(GroupKFold(3).split(X, LABELS, groups))
    given = small_search(GRID, network(MLPClassifierX), cv=splits).fit(X, LABELS)
    assert_same_results(search, given)


def test_metadata_is_routed():
    groups = np.arange(len(X)) % 7
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight="heavy")
        model = network(MLPClassifierX).set_fit_request(sample_weight=True)
        search = whole_search(model, scoring=scorer, cv=GroupKFold(3))
        fit = {"sample_weight": WEIGHTS, "heavy": WEIGHTS[::-1], "groups": groups}
        search.fit(X, LABELS, **fit)
        assert_scores_of_grid_search(search, X, LABELS, **fit)
        unused = search.set_params(scoring=None)
        with pytest.raises(TypeError, match="unexpected argument"):
            unused.fit(X, LABELS, **fit)


def fails_at_first(y, predicted):
    """Fail for predictions like those of the first epochs."""
    if np.mean(y == predicted) < 0.8:
        raise ArithmeticError("not yet")
    return np.mean(y == predicted)


def test_a_score_that_fails_is_missing_in_its_epoch_only():
    scorer = make_scorer(fails_at_first)
    search = small_search(GRID, network(MLPClassifierX), scoring=scorer)
    search, messages = quietly(search.fit, X, LABELS)
    hits = small_search(GRID, network(MLPClassifierX)).fit(X, LABELS)
    every = pd.DataFrame(search.epoch_results_)["score"]
    of_hits = pd.DataFrame(hits.epoch_results_)["score"]
    assert every.isna().any()
    assert every.notna().any()
    if len(every) == len(of_hits):
        assert np.array_equal(every.dropna(), of_hits[of_hits >= 0.8])
    assert search.best_score_ == hits.best_score_
    assert any("Scoring failed" in m and "not yet" in m for m in messages)
    search.set_params(error_score="raise")
    with pytest.raises(ArithmeticError, match="not yet"):
        search.fit(X, LABELS)


def failing(when, several=False):
    """Return a function that scores networks, but fails for some."""

    def score(estimator, X, y):
        if when(estimator.random_state, estimator.n_iter_):
            raise ArithmeticError("not now")
        value = estimator.score(X, y)
        return {"a": value, "b": -value} if several else value

    return score


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    "when",
    [
        lambda seed, epoch: epoch in (1, 4),
        lambda seed, epoch: epoch <= 3 and seed == 1,
    ],
    ids=["in the first epochs of both rungs", "in a whole rung"],
)
def test_a_function_that_fails_before_it_has_told_its_names(when, several):
    search = EpochHalvingGridSearchCV(
        network(MLPClassifierX),
        {"random_state": [0, 1, 2, 3]},
        scoring=failing(when, several), cv=2, min_resources=3, error_score=-5.0,
        refit="b" if several else True, patience=None,
    )  # fmt: skip
    search, messages = quietly(search.fit, X, LABELS)
    assert any("Scoring failed" in text for text in messages)
    table = pd.DataFrame(search.epoch_results_)
    names = ["a", "b"] if several else ["score"]
    assert list(table)[6:] == names
    failed = table[names[0]] == -5
    if several:
        assert (table["b"] == np.where(failed, -5, -table["a"])).all()
    seeds = {i: params["random_state"] for i, params in params_of(search).items()}
    expected = [
        when(seeds[candidate], epoch)
        for candidate, epoch in zip(table["candidate"], table["epoch"], strict=True)
    ]
    assert failed.tolist() == expected
    assert any(expected)


def test_a_function_that_always_fails_scores_all_candidates_alike():
    def fails(estimator, X, y):
        raise ArithmeticError("never")

    search = EpochHalvingGridSearchCV(
        network(MLPClassifierX), {"alpha": [1, 2]}, scoring=fails, error_score=0, cv=2
    )
    search, messages = quietly(search.fit, X, LABELS)
    assert any("Scoring failed" in text for text in messages)
    assert (search.epoch_results_["score"] == 0).all()
    assert search.best_score_ == 0


def test_one_of_several_scores_that_fails():
    scoring = {"good": "accuracy", "bad": make_scorer(lambda y, p: 1 / 0)}
    search = small_search(
        GRID, network(MLPClassifierX), scoring=scoring, refit="good", error_score=-1.0
    )
    search, messages = quietly(search.fit, X, LABELS)
    assert (search.cv_results_["mean_test_bad"] == -1).all()
    assert search.best_score_ > 0.5
    assert any("ZeroDivisionError" in message for message in messages)


def test_scores_that_are_no_numbers_are_refused():
    search = small_search(
        GRID, network(MLPClassifierX), scoring=lambda *_: [1, 2], error_score="raise"
    )
    with pytest.raises(ValueError, match=r"scoring must return a number.*\[1, 2\]"):
        search.fit(X, LABELS)
