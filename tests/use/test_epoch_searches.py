"""Searches over epochs: survivors continue, and the best epoch is that of all folds."""

import pickle
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import pytest
from problems import ESTIMATORS, LABELS, X, assert_same_state, target
from quick_schedules import QUICK, quick
from searches import (
    CV,
    EPOCHS,
    SEARCHES,
    assert_same_results,
    epochs_of,
    network,
    params_of,
    small_search,
)
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, KFold, check_cv, cross_val_score
from sklearn.utils.validation import check_is_fitted

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.displays import LossCurveDisplay, SolverGridDisplay
from skoptnet.model_selection import EpochHalvingGridSearchCV
from skoptnet.schedules import SCHEDULES

pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of (epochs|iterations)"),
    pytest.mark.filterwarnings("ignore:Training ended at a loss"),
]

kinds = pytest.mark.parametrize("kind", SEARCHES)
estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)

#: Schedules that follow the plan of a whole training.
PLANNED = [n for n in SCHEDULES if "epochs" in QUICK.get(n, {}) and n != "warmup"]


def planned(name, epochs=None):
    """Return a schedule: its plan is that of the network, or has a number of epochs."""
    if name not in PLANNED:
        return quick(name)
    return name if epochs is None else SCHEDULES[name](epochs=epochs)


def assert_same_score(score, other):
    """Check an accuracy exactly; R2 is computed in the unit of the network here."""
    assert score == (pytest.approx(other, rel=1e-12) if other % (1 / 50) else other)


@kinds
@estimators
@pytest.mark.parametrize("lr_schedule", sorted(SCHEDULES))
@pytest.mark.each_value
def test_trainings_continue_as_if_uninterrupted(kind, Estimator, lr_schedule):
    """Curves are those of a fit on the rows of the fold, by the plan of the whole."""
    y = target(Estimator)
    model = network(Estimator, lr_schedule=planned(lr_schedule))
    search = small_search(kind, model).fit(X, y)
    assert search.max_resources_ == EPOCHS
    splits = list(CV.split(X))
    lengths = set()
    for (candidate, fold), rows in epochs_of(search).items():
        n = len(rows)
        lengths.add(n)
        if fold != candidate % CV.n_splits:  # one of the folds is enough
            continue
        training, test = splits[fold]
        whole = clone(model).set_params(**params_of(search)[candidate])
        whole.fit(X[training], y[training], X_val=X[test], y_val=y[test])
        for name in ("epoch", "learning_rate", "loss", "validation_loss"):
            assert list(rows[name]) == whole.history_[name][:n], name
        # The score of its last epoch, by a model that never was in a search.
        ended = clone(model).set_params(**params_of(search)[candidate], max_iter=n)
        ended.set_params(lr_schedule=planned(lr_schedule, EPOCHS))
        ended.fit(X[training], y[training])
        assert_same_score(rows["score"].iloc[-1], ended.score(X[test], y[test]))
    assert len(lengths) > 1
    assert max(lengths) == EPOCHS


@estimators
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.each_value
def test_candidates_that_share_epochs_part_where_they_differ(Estimator, n_jobs):
    """Rates of many schedules are equal at first; some solvers read no momentum."""
    y = target(Estimator)
    model = network(Estimator, n_iter_no_change=2, tol=0.01, lr_schedule="step")
    schedules = [planned(name) for name in SCHEDULES]
    grid = [
        {"lr_schedule": schedules, "solver": ["sgd", "adam"]},
        {"decay_epochs": [2, 4, 8], "decay_rate": [0.5, 0.1]},
        {"solver": ["sgd", "momentum"], "momentum": [0.5, 0.9]},
        {"early_stopping": [True], "validation_fraction": [0.2, 0.3]},
        {"dropout": [0.0, 0.1], "verbose": [0, False], "max_fun": [10, 20]},
    ]
    search = EpochHalvingGridSearchCV(
        model, grid, cv=2, factor=1.5, min_resources=2, refit=False, n_jobs=n_jobs
    )
    search.fit(X, y)
    is_last = search.cv_results_["iter"] == search.n_iterations_ - 1
    whole = set(search.cv_results_["candidate"][is_last])
    training, _ = next(check_cv(2, y, classifier=is_classifier(model)).split(X, y))
    for (candidate, fold), rows in epochs_of(search).items():
        if fold == 0:
            alone = clone(model).set_params(**params_of(search)[candidate])
            alone.fit(X[training], y[training])
            for name in ("loss", "learning_rate"):
                assert list(rows[name]) == alone.history_[name][: len(rows)]
            if candidate in whole:
                assert len(rows) == alone.n_iter_


@kinds
@estimators
@pytest.mark.parametrize("lr_schedule", ["constant", "adaptive", *PLANNED])
@pytest.mark.each_value
def test_the_best_estimator_ends_at_the_best_epoch(kind, Estimator, lr_schedule):
    """Its learning rates are those of a whole training."""
    y = target(Estimator)
    model = network(Estimator, lr_schedule=planned(lr_schedule))
    search = small_search(kind, model).fit(X, y)
    best = search.best_estimator_
    assert best.n_iter_ == search.best_epoch_
    alone = clone(model).set_params(
        **search.best_params_, max_iter=search.best_epoch_,
        lr_schedule=planned(lr_schedule, EPOCHS),
    ).fit(X, y)  # fmt: skip
    assert_same_state(best, alone)
    assert np.array_equal(search.predict(X), alone.predict(X))
    assert best.stop_reason_ == (
        "best_epoch" if search.best_epoch_ < EPOCHS else "max_iter"
    )
    assert search.refit_time_ > 0


@pytest.mark.parametrize("solver", ["sgd", "muon", "schedule_free_adamw", "lbfgs"])
@estimators
@pytest.mark.each_value
def test_whole_trainings_score_as_in_a_grid_search(solver, Estimator):
    y = target(Estimator)
    model = network(Estimator, solver=solver, n_iter_no_change=EPOCHS, tol=1e-9)
    grid = {"alpha": [0.0, 0.1, 1.0]}
    cv = KFold(2, shuffle=True, random_state=0)
    search = EpochHalvingGridSearchCV(model, grid, cv=cv, factor=2, refit=False)
    search.fit(X, y)
    peer = GridSearchCV(model, grid, cv=cv, refit=False).fit(X, y)
    n_whole = 0
    for (candidate, fold), rows in epochs_of(search).items():
        if rows["epoch"].iloc[-1] == EPOCHS:
            n_whole += 1
            scores = peer.cv_results_[f"split{fold}_test_score"]
            assert_same_score(rows["score"].iloc[-1], scores[candidate])
    assert n_whole == 2 * search.n_candidates_[-1] == 4


class Standings:
    """The standings of the candidates of a search, from its epochs."""

    def __init__(self, search):
        self.folds = {}
        for (candidate, _), rows in epochs_of(search).items():
            columns = rows.set_index("epoch")[["score", "validation_loss"]]
            self.folds.setdefault(candidate, []).append(columns)

    def after(self, candidate, n):
        """Return the key of a candidate after n epochs, and its best epoch.

        A training that has ended before keeps its last values.
        """
        folds = [rows.loc[:n] for rows in self.folds[candidate]]
        epochs = range(1, max(map(len, folds)) + 1)
        curves = sum(rows.reindex(epochs).ffill() for rows in folds) / len(folds)
        top = curves["score"].max()
        loss = curves.loc[curves["score"] == top, "validation_loss"]
        return (-top, loss.min()), loss.idxmin()


@kinds
@estimators
@pytest.mark.parametrize("patience", [2, np.inf])
@pytest.mark.parametrize("aggressive", [False, True])
@pytest.mark.each_pair
def test_the_best_candidates_so_far_are_promoted(kind, Estimator, patience, aggressive):
    """Recomputed from the epochs; with little patience, some trainings end early."""
    model = network(Estimator, n_iter_no_change=patience, tol=0.02, batch_size=20)
    options = {"max_resources": 12, "factor": 2}
    if "Halving" in kind:
        options |= {"min_resources": 3, "aggressive_elimination": aggressive}
    search = small_search(kind, model, **options).fit(X, target(Estimator))
    rows, standings = pd.DataFrame(search.cv_results_), Standings(search)
    counts, ends = search.n_candidates_, search.n_resources_
    if "Halving" in kind:
        counts, ends = [counts], [ends]
    assert sum(map(sum, counts)) == len(rows)
    for bracket, of_bracket in rows.groupby("bracket"):
        rungs = [rung for _, rung in of_bracket.groupby("iter")]
        assert [len(rung) for rung in rungs] == counts[bracket]
        assert [set(rung["n_resources"]) for rung in rungs] == [
            {n} for n in ends[bracket]
        ]
        for before, after in pairwise(rungs):
            n = before["n_resources"].iloc[0]
            ranked = sorted(
                before["candidate"], key=lambda number: standings.after(number, n)[0]
            )
            assert sorted(ranked[: len(after)]) == list(after["candidate"])
    for _, row in rows.iterrows():
        (negative, _), epoch = standings.after(row["candidate"], row["n_resources"])
        assert row["best_epoch"] == epoch
        assert row["mean_test_score"] == pytest.approx(-negative, rel=1e-12)
    if patience == 2:
        reasons = np.array([rows[f"split{k}_stop_reason"] for k in range(3)])
        assert "converged" in reasons
    assert_best_is_best(search, rows, standings)


def assert_best_is_best(search, rows, standings):
    last = rows.groupby("candidate").tail(1)
    keys = {i: standings.after(row["candidate"], row["n_resources"])[0]
            for i, row in last.iterrows()}  # fmt: skip
    assert keys[search.best_index_] == min(keys.values())
    row = rows.loc[search.best_index_]
    assert search.best_params_ == row["params"]
    assert search.best_score_ == row["mean_test_score"]
    assert search.best_epoch_ == row["best_epoch"]


@estimators
@pytest.mark.parametrize("refit_all", [False, True])
def test_networks_with_early_stopping_keep_an_epoch_of_each_fold(Estimator, refit_all):
    y = target(Estimator)
    model = network(
        Estimator, early_stopping=True, n_iter_no_change=2, tol=0.02,
        refit_all=refit_all,
    ).set_params(max_iter=27)  # fmt: skip
    search = small_search("EpochHalvingGridSearchCV", model).fit(X, y)
    splits = list(CV.split(X))
    results = search.cv_results_
    for row, params in enumerate(results["params"]):
        if results["n_resources"][row] < 27:
            continue
        kept = []
        for fold, (training, test) in enumerate(splits):
            alone = clone(model).set_params(**params, refit_all=False)
            alone.fit(X[training], y[training])
            kept.append(alone.best_epoch_)
            score = alone.score(X[test], y[test])
            assert_same_score(results[f"split{fold}_test_score"][row], score)
            assert results[f"split{fold}_stop_reason"][row] == alone.stop_reason_
        assert results["best_epoch"][row] == round(np.mean(kept))
    alone = clone(model).set_params(**search.best_params_).fit(X, y)
    assert_same_state(search.best_estimator_, alone)


@kinds
def test_two_processes_find_the_same(kind):
    model = network(MLPClassifierX, lr_schedule="one_cycle", dropout=0.1)
    one, two = (
        small_search(kind, model, n_jobs=n_jobs, return_train_score=True).fit(X, LABELS)
        for n_jobs in (1, 2)
    )
    assert_same_results(one, two)
    assert_same_state(one.best_estimator_, two.best_estimator_)


def test_threads_find_the_same():
    """Trainings in threads of this process share nothing that they change."""
    one, two = (
        small_search(
            "EpochHalvingGridSearchCV", network(MLPClassifierX), n_jobs=n_jobs,
            further={"solver": ["adam", "lbfgs"]},
        )
        for n_jobs in (1, 2)
    )  # fmt: skip
    with joblib.parallel_config("threading"):
        two.fit(X, LABELS)
    assert_same_results(one.fit(X, LABELS), two)


@kinds
def test_nothing_that_was_passed_is_changed(kind):
    search = small_search(kind, network(MLPClassifierX, solver="adam"))
    before = joblib.hash((search.get_params(), X, LABELS))
    search.fit(X, LABELS)
    assert joblib.hash((search.get_params(), X, LABELS)) == before
    assert not hasattr(search.estimator, "coefs_")


@kinds
def test_a_fitted_search_is_cloned_pickled_and_fitted_again(kind):
    search = small_search(kind, network(MLPRegressorX)).fit(X, X[:, 0])
    copied = pickle.loads(pickle.dumps(search))
    assert_same_results(copied, search)
    assert np.array_equal(copied.predict(X), search.predict(X))
    twin = clone(search)
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(twin)
    assert_same_results(twin.fit(X, X[:, 0]), search)
    twin.set_params(factor=2, estimator__alpha=0.5)
    assert (twin.factor, twin.estimator.alpha) == (2, 0.5)
    again = search.set_params(refit=False).fit(X, X[:, 0])
    assert again.cv_results_["candidate"].tolist() == list(
        twin.set_params(factor=3, estimator__alpha=0.0001)
        .fit(X, X[:, 0])
        .cv_results_["candidate"]
    )


@kinds
def test_a_search_is_cross_validated(kind):
    search = small_search(kind, network(MLPClassifierX), cv=2)
    scores = cross_val_score(search, X, LABELS, cv=CV)
    training, test = next(CV.split(X))
    alone = clone(search).fit(X[training], LABELS[training])
    assert scores[0] == alone.score(X[test], LABELS[test])


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_unseeded_networks_continue_too(solver):
    """Each training draws its own numbers, and its epochs are those of one training."""
    model = network(MLPClassifierX, solver=solver).set_params(random_state=None)
    search = small_search("EpochHalvingGridSearchCV", model).fit(X, LABELS)
    for rows in epochs_of(search).values():
        assert list(rows["epoch"]) == list(range(1, len(rows) + 1))
    assert search.best_estimator_.random_state is None


def test_a_random_state_is_copied_for_each_training():
    model = network(MLPClassifierX).set_params(random_state=np.random.RandomState(3))
    before = model.random_state.get_state()[1].copy()
    search = small_search("EpochHalvingGridSearchCV", model).fit(X, LABELS)
    assert np.array_equal(model.random_state.get_state()[1], before)
    training, _ = next(CV.split(X))
    alone = clone(model).set_params(**search.best_params_)
    alone.fit(X[training], LABELS[training])
    best = search.cv_results_["candidate"][search.best_index_]
    assert list(epochs_of(search)[best, 0]["loss"]) == alone.loss_curve_


def test_lbfgs_starts_again_in_each_rung_among_others():
    grid = [{"solver": ["lbfgs"], "alpha": [0.1, 1.0, 10.0]}, {"solver": ["sgd"]}]
    model = network(MLPClassifierX)
    search = EpochHalvingGridSearchCV(model, grid, cv=CV, factor=2).fit(X, LABELS)
    training, test = next(CV.split(X))
    for (candidate, fold), rows in epochs_of(search).items():
        if fold == 0:
            alone = clone(model).set_params(**params_of(search)[candidate])
            alone.set_params(max_iter=len(rows)).fit(X[training], LABELS[training])
            assert list(rows["loss"]) == alone.loss_curve_
            assert rows["score"].iloc[-1] == alone.score(X[test], LABELS[test])
    assert search.best_params_["solver"] == "lbfgs"
    alone = clone(model).set_params(**search.best_params_, max_iter=search.best_epoch_)
    assert np.array_equal(search.predict(X), alone.fit(X, LABELS).predict(X))


@pytest.mark.parametrize(
    ("options", "counts", "epochs"),
    [
        ({}, [5, 2], [3, 9]),
        ({"max_resources": 1}, [5], [1]),
        ({"factor": 1.5}, [5, 4, 3, 2], [2, 3, 4, 9]),
        ({"min_resources": 1}, [5, 2], [1, 9]),
        ({"min_resources": "smallest", "factor": 2}, [5, 3, 2], [1, 2, 9]),
        ({"min_resources": 9}, [5], [9]),
        ({"max_resources": 21, "min_resources": 7}, [5, 2], [7, 21]),
        ({"max_resources": 20, "min_resources": 7}, [5], [20]),
        (
            {"min_resources": 9, "aggressive_elimination": True},
            [5, 2],
            [9, 9],
        ),
    ],
)
def test_rungs(options, counts, epochs):
    search = small_search(
        "EpochHalvingGridSearchCV", network(MLPClassifierX), **options
    ).fit(X, LABELS)
    assert (search.n_candidates_, search.n_resources_) == (counts, epochs)
    assert search.n_iterations_ == len(counts)
    assert search.min_resources_ == epochs[0]
    assert search.max_resources_ == epochs[-1]
    n_epochs = {key: len(rows) for key, rows in epochs_of(search).items()}
    assert max(n_epochs.values()) == epochs[-1]
    assert sum(n == epochs[-1] for n in n_epochs.values()) >= 3 * counts[-1]


@pytest.mark.parametrize("values", [[0.01], [0.01] * 4])
def test_one_candidate_and_equal_ones(values):
    grid = {"learning_rate_init": values}
    search = EpochHalvingGridSearchCV(network(MLPClassifierX), grid, cv=CV)
    search.fit(X, LABELS)
    assert search.n_candidates_[0] == len(values)
    curves = [list(rows["loss"]) for rows in epochs_of(search).values()]
    assert len(curves) == 3 * len(values)
    longest = [curve for curve in curves if len(curve) == EPOCHS]
    assert len(longest) == 3 * search.n_candidates_[-1]
    # Of equal candidates, those that come first continue.
    last = search.cv_results_["iter"] == search.n_iterations_ - 1
    assert list(search.cv_results_["candidate"][last]) == list(range(last.sum()))


def test_random_candidates_follow_the_random_state():
    kind, model = "EpochHalvingRandomSearchCV", network(MLPClassifierX)
    draws = [
        small_search(kind, model, random_state=seed, n_candidates=4).fit(X, LABELS)
        for seed in (0, 0, 1)
    ]
    rates = [search.cv_results_["param_learning_rate_init"] for search in draws]
    assert list(rates[0]) == list(rates[1])
    assert list(rates[0]) != list(rates[2])


def test_a_space_with_few_candidates():
    """The numbers of candidates are those that there are."""
    space = {"alpha": [0.1, 1.0]}
    for kind, counts in (
        ("EpochHalvingRandomSearchCV", [2]),
        ("EpochHyperbandSearchCV", [[2, 2, 1], [2, 1], [2]]),
    ):
        search = SEARCHES[kind](network(MLPClassifierX), space, cv=CV, random_state=0)
        with pytest.warns(UserWarning, match="total space of parameters 2 is smaller"):
            search.fit(X, LABELS)
        assert search.n_candidates_ == counts
        rungs = pd.DataFrame(search.cv_results_).groupby(["bracket", "iter"]).size()
        assert list(rungs) == list(np.hstack(counts))


def test_output_says_the_rungs_and_the_trainings(capsys):
    for verbose in (0, 1, 2):
        small_search(
            "EpochHalvingGridSearchCV", network(MLPClassifierX), verbose=verbose
        ).fit(X, LABELS)
        lines = capsys.readouterr().out.splitlines()
        rungs = [line for line in lines if "candidates up to epoch" in line]
        assert len(rungs) == (2 if verbose else 0)
        assert len(lines) - len(rungs) == (3 * (5 + 2) if verbose == 2 else 0)
    assert "5 candidates up to epoch 3, 3 folds" in rungs[0]
    assert "[candidate 4, fold 2] epoch 3: score=" in "\n".join(lines)
    assert all("learning_rate_init=" in line for line in lines if line[0] == "[")


def test_output_names_the_brackets_if_there_are_several(capsys):
    small_search("EpochHyperbandSearchCV", network(MLPClassifierX), verbose=1).fit(
        X, LABELS
    )
    rungs = capsys.readouterr().out.splitlines()
    assert all(rung.startswith("bracket ") for rung in rungs)
    assert any(": 1 candidate up to" in rung for rung in rungs)


@kinds
def test_displays_draw_a_fitted_search(kind):
    plt = pytest.importorskip("matplotlib.pyplot")
    model = network(MLPClassifierX)
    search = small_search(kind, model, further={"solver": ["sgd", "adam"]})
    search.fit(X, LABELS)
    grid = SolverGridDisplay.from_cv_results(search).plot()
    assert grid.ax_ is not None
    curves = LossCurveDisplay.from_cv_results(search).plot()
    assert set(curves.curves) <= {"sgd", "adam"}
    plt.close("all")


def test_the_columns_of_both_tables():
    search = small_search("EpochHyperbandSearchCV", network(MLPRegressorX))
    search.fit(X, X[:, 0])
    rows, epochs = map(pd.DataFrame, (search.cv_results_, search.epoch_results_))
    assert list(epochs) == [
        "candidate", "fold", "epoch", "learning_rate", "loss", "validation_loss",
        "score",
    ]  # fmt: skip
    assert not epochs.duplicated(["candidate", "fold", "epoch"]).any()
    expected = {"iter", "n_resources", "candidate", "best_epoch", "bracket", "params"}
    expected |= {f"split{k}_{name}" for k in range(3)
                 for name in ("test_score", "stop_reason", "error")}  # fmt: skip
    expected |= {"mean_test_score", "std_test_score", "rank_test_score"}
    expected |= {"mean_fit_time", "mean_score_time", "param_learning_rate_init"}
    assert expected <= set(rows)
    assert (rows["mean_fit_time"] > 0).all()
    assert (rows["mean_score_time"] > 0).all()
    assert (rows.filter(like="_error") == "").all(axis=None)
