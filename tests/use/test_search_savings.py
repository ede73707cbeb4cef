"""Searches over epochs save trainings that do not differ, or are past their best."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.utils import shuffle

from skoptnet import MLPClassifierX, StepDecay
from skoptnet.callbacks import Callback
from skoptnet.estimators.stages import Stage, fit_stage
from skoptnet.model_selection import EpochHalvingGridSearchCV
from skoptnet.model_selection.alike import Course
from skoptnet.model_selection.results import last_best_epoch
from skoptnet.model_selection.rungs import FIRST_CHECK, checkpoints
from skoptnet.model_selection.trials import Trial
from skoptnet.model_selection.workers import Workers, batch_sizes
from skoptnet.schedules import SCHEDULES

X, y = shuffle(*load_iris(return_X_y=True), random_state=0)
X, y = X[:60], y[:60]
N_EPOCHS = 12


def network(**params):
    defaults = {"max_iter": N_EPOCHS, "n_iter_no_change": 99, "batch_size": 16}
    return MLPClassifierX((4,), random_state=0, **defaults | params)


def weights_at(model, epoch):
    model = fit_stage(clone(model), X, y, Stage(epoch))
    return np.concatenate([w.ravel() for w in model.coefs_ + model.intercepts_])


@pytest.mark.parametrize("epoch", [1, 4, 8])
def test_networks_of_the_same_course_have_the_same_weights(epoch):
    networks = [
        network(lr_schedule=name, decay_epochs=decay_epochs)
        for name, schedule in SCHEDULES.items()
        if not schedule().needs_validation
        for decay_epochs in (4, 8)
    ]
    keys = [Course(n, "", i).until(epoch, len(X)) for i, n in enumerate(networks)]
    weights = [weights_at(n, epoch) for n in networks]
    shared = {
        (networks[i].lr_schedule, networks[j].lr_schedule)
        for i, j in combinations(range(len(networks)), 2)
        if keys[i] == keys[j] and np.array_equal(weights[i], weights[j])
    }
    for i, j in combinations(range(len(networks)), 2):
        if keys[i] == keys[j]:
            np.testing.assert_array_equal(weights[i], weights[j])
    assert (("constant", "step") in shared) == (epoch <= 8)
    assert ("constant", "inverse_scaling") not in shared


@pytest.mark.parametrize(
    ("solver", "params", "are_alike"),
    [
        ("adam", {"momentum": 0.5}, True),
        ("momentum", {"momentum": 0.5}, False),
        ("adam", {"beta_2": 0.9}, False),
        ("gd", {"batch_size": 3}, True),
        ("sgd", {"batch_size": 3}, False),
        ("sgd", {"decay_rate": 0.1}, True),  # no schedule reads it
        ("lbfgs", {"lr_schedule": "step"}, True),
        ("sgd", {"lr_schedule": StepDecay(decay_epochs=50)}, True),
        ("sgd", {"random_state": 1}, False),
    ],
)
def test_parameters_without_effect_make_no_difference(solver, params, are_alike):
    one, other = network(solver=solver), network(solver=solver)
    other.set_params(**params)
    keys = [Course(n, "", i).until(5, len(X)) for i, n in enumerate((one, other))]
    assert (keys[0] == keys[1]) == are_alike
    assert np.array_equal(weights_at(one, 5), weights_at(other, 5)) == are_alike


@pytest.mark.parametrize(
    "model",
    [
        network().set_params(random_state=None),
        network(lr_schedule=lambda clock: 1.0),
        network(momentum=-1),
        pytest.param(
            network(),
            marks=pytest.mark.skipif(
                not hasattr(MLPClassifierX, "set_callbacks"), reason="no callbacks"
            ),
            id="callbacks",
        ),
    ],
)
def test_a_network_that_may_differ_is_alone(model, request):
    if "callbacks" in request.node.name:
        model = model.set_callbacks(Callback())
    assert Course(model, "", 0).until(2, 9) != Course(clone(model), "", 1).until(2, 9)


class CountingScore:
    """A score that counts how often it is called."""

    def __init__(self):
        self.n_calls = 0

    def __call__(self, estimator, X, y):
        self.n_calls += 1
        return estimator.score(X, y)


def test_candidates_share_a_training_until_they_differ():
    grid = {
        "lr_schedule": ["constant", "step"],
        "decay_epochs": [8],
        "momentum": [0.1, 0.2, 0.3],  # adam reads none of them
    }
    scoring = CountingScore()
    search = EpochHalvingGridSearchCV(
        network(), grid, cv=2, scoring=scoring, patience=None, refit=False
    ).fit(X, y)
    assert search.n_candidates_ == [6, 2]
    assert search.n_resources_ == [4, 12]
    # Four epochs for all; then the survivors, which differ by momentum only.
    assert scoring.n_calls == 2 * 12
    table = search.epoch_results_
    assert len(table["epoch"]) == 2 * (6 * 4 + 2 * 8)
    for candidate in range(6):
        alone = EpochHalvingGridSearchCV(
            network(),
            {k: [v] for k, v in search.cv_results_["params"][candidate].items()},
            cv=2, patience=None, refit=False, max_resources=12,
        ).fit(X, y).epoch_results_  # fmt: skip
        rows = table["candidate"] == candidate
        for fold in (0, 1):
            mine = rows & (table["fold"] == fold)
            there = alone["fold"] == fold
            for name in ("loss", "validation_loss", "score", "learning_rate"):
                n = np.count_nonzero(mine)
                np.testing.assert_array_equal(table[name][mine], alone[name][there][:n])


def test_shared_trainings_continue_apart():
    """Their generators and states are their own after the schedules differ."""
    grid = {"lr_schedule": ["constant", "step"], "decay_epochs": [4, 6]}
    options = {"cv": 2, "patience": None, "min_resources": 4, "factor": 2}
    search = EpochHalvingGridSearchCV(network(solver="sgd"), grid, **options)
    search.fit(X, y)
    table = search.epoch_results_
    for candidate, params in enumerate(search.cv_results_["params"][:4]):
        model = network(solver="sgd").set_params(**params)
        for fold, (train, _) in enumerate(search_folds(search)):
            rows = (table["candidate"] == candidate) & (table["fold"] == fold)
            losses = table["loss"][rows]
            whole = clone(model).fit(X[train], y[train]).loss_curve_
            assert losses.tolist() == whole[: len(losses)]


def search_folds(search):
    from sklearn.model_selection import check_cv

    return check_cv(search.cv, y, classifier=True).split(X, y)


def test_checkpoints_grow_to_the_end_of_the_rung():
    assert checkpoints(0, 200, None) == [200]
    assert checkpoints(0, 7, 2) == [7]
    found = checkpoints(0, 200, 2)
    assert found[0] == FIRST_CHECK
    assert found[-1] == 200
    assert all(b >= 1.5 * a for a, b in pairwise(found))


def best_at(epoch):
    def score(estimator, X, y):
        return -abs(estimator.n_iter_ - epoch)

    return score


def overfitting():
    """Return a network, rows and labels by chance; the loss is soon at its best."""
    rng = np.random.RandomState(0)
    rows, labels = rng.normal(size=(60, 20)), rng.randint(3, size=60)
    return network(max_iter=80, learning_rate_init=0.05), rows, labels


@pytest.mark.parametrize(
    ("best", "patience", "last"),
    [(5, 2, 20), (15, 2, 30), (15, 3, 45), (40, 2, 80), (5, None, 80), (13, 1.5, 20)],
)
def test_a_candidate_past_its_best_ends(best, patience, last):
    model, rows, labels = overfitting()
    search = EpochHalvingGridSearchCV(
        model, {"alpha": [0.1]}, scoring=best_at(best), patience=patience, cv=2
    ).fit(rows, labels)
    losses = search.epoch_results_["validation_loss"].reshape(2, -1).mean(axis=0)
    assert np.argmin(losses) < 5
    assert search.epoch_results_["epoch"].max() == last
    assert search.best_epoch_ == best == search.best_estimator_.n_iter_
    reason = "max_iter" if last == 80 else "past_best"
    assert search.cv_results_["split0_stop_reason"].tolist() == [reason]
    assert search.n_resources_ == [80]


def test_a_candidate_goes_on_while_its_loss_falls():
    """A score may be at its best by chance before the network has begun to learn."""
    model = network(max_iter=80, learning_rate_init=0.003)
    search = EpochHalvingGridSearchCV(
        model, {"alpha": [0.1]}, scoring=best_at(2), cv=2
    ).fit(X, y)
    losses = search.epoch_results_["validation_loss"].reshape(2, -1).mean(axis=0)
    assert np.argmin(losses) == 79
    assert search.best_epoch_ == 2


def test_a_search_waits_for_a_network_that_learns_late():
    """Two spirals: for more than twenty epochs, accuracy is that of guessing."""
    rng = np.random.RandomState(0)
    labels = rng.randint(2, size=300)
    angle = 3 * np.pi * np.sqrt(rng.uniform(size=300))
    turn = angle + np.pi * labels
    rows = np.column_stack([angle * np.cos(turn), angle * np.sin(turn)])
    rows += rng.normal(0, 0.2, rows.shape)
    model = MLPClassifierX((50,), max_iter=200, random_state=0, batch_size=25)
    grid = {"learning_rate_init": [0.01], "alpha": [0, 0.01]}
    search = EpochHalvingGridSearchCV(model, grid, cv=3).fit(rows, labels)
    curve = search.epoch_results_["score"][search.epoch_results_["epoch"] == 20]
    assert curve.mean() < 0.65
    assert search.best_score_ > 0.9


@pytest.mark.parametrize(
    ("scores", "losses", "epoch"),
    [
        ([1, 3, 2, 2], [4, 3, 2, 3], 3),
        ([1, 2, 4, 3], [4, 1, 2, 3], 3),
        ([1, 4, 2, 3], [np.nan, np.nan, 2, 3], 3),
        ([1, 4, 2, 3], [np.nan] * 4, 2),
    ],
)
def test_the_last_best_epoch_is_that_of_score_or_loss(scores, losses, epoch):
    def trial(fold, change):
        curves = {"score": np.add(scores, change), "validation_loss": losses}
        curves["epoch"] = [1, 2, 3, 4]
        return Trial(0, fold, None, curves={n: list(v) for n, v in curves.items()})

    assert last_best_epoch([trial(0, 0.5), trial(1, -0.5)], "score") == epoch


# ---------------------------------------------------------------------------- batches


@pytest.mark.parametrize("n_workers", [1, 2, 3, 16])
@pytest.mark.parametrize("n_tasks", [0, 1, 5, 180])
def test_batches_become_smaller(n_tasks, n_workers):
    sizes = list(batch_sizes(n_tasks, n_workers))
    assert sum(sizes) == n_tasks
    assert sizes == sorted(sizes, reverse=True)
    # The last ones, of a task each, are enough for all workers.
    assert sizes[-n_workers:] == [1] * min(n_tasks, n_workers)
    assert max(sizes, default=1) <= max(1, n_tasks / n_workers / 4)


def test_joblib_joins_no_batches():
    with Workers(2) as workers:
        assert workers.parallel.batch_size == 1
