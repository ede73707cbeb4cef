"""Whole fits beside scikit-learn's own MLP: the same random numbers, the same path.

Both are given the same data, parameters and ``random_state``, shuffle, and train for
dozens of epochs of several minibatches, the last one short. What must come out the
same is compared to nine digits, after hundreds of updates.

The names differ: scikit-learn's ``solver="sgd"`` is Nesterov's momentum unless told
otherwise. Where its formula differs from the documented one (penalty and sample
weights of a minibatch) the settings below are those under which both agree;
``test_sklearn_faults.py`` has the rest.
"""

from functools import cache
from inspect import signature

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    make_multilabel_classification,
)
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network import _multilayer_perceptron as sklearn_mlp
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS

pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations"),
]

#: Our solvers that scikit-learn has too, and what it calls them.
COUNTERPARTS = {
    "sgd": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "adam": {"solver": "adam"},
}
#: Solvers whose stored weights are the same, not just those of their gradients.
SAME_WEIGHTS = ["sgd", "momentum", "adam"]
RATES = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "adam": 0.005}

TASKS = ["multiclass", "binary", "multilabel", "regression"]
SAME_SPLIT = ["binary", "multilabel", "regression"]

needs_sklearn_weights = pytest.mark.skipif(
    "sample_weight" not in signature(MLPClassifier.fit).parameters,
    reason="this scikit-learn's MLP takes no sample_weight",
)


@cache
def data_of(task):
    """X and y; the number of rows is no multiple of the batch size, 64."""
    if task == "multiclass":
        X, y = load_digits(return_X_y=True)
        return X[:420] / 16, y[:420]
    if task == "binary":
        X, y = load_breast_cancer(return_X_y=True)
        return scale(X), y
    if task == "multilabel":
        X, y = make_multilabel_classification(
            n_samples=300, n_features=12, n_classes=4, random_state=3
        )
        return scale(X), y
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def pair(task, solver, **params):
    """The two estimators of a task, unfitted, ours first."""
    params = {
        "hidden_layer_sizes": (17, 9),
        "alpha": 0.0,
        "batch_size": 64,
        "learning_rate_init": RATES[solver],
        "max_iter": 30,
        "n_iter_no_change": np.inf,
        "random_state": 5,
    } | params
    if solver == "adam":
        # scikit-learn adds epsilon before the bias correction, we after it. This one
        # is far below every gradient but those of dead units and of pixels that are
        # always black, which are exactly zero: there 0 / (0 + epsilon) stays 0.
        params = {"epsilon": 1e-30} | params
    theirs = params | COUNTERPARTS[solver]
    if "lr_schedule" in theirs:
        theirs["learning_rate"] = theirs.pop("lr_schedule")
    if np.isfinite(params["n_iter_no_change"]):
        # scikit-learn waits for one epoch more than it was told.
        theirs["n_iter_no_change"] -= 1
    ours = params | {"solver": solver}
    if params.get("early_stopping"):
        ours["scoring"] = None  # scikit-learn's score; our default is the loss
    if task == "regression":
        return MLPRegressorX(**ours, normalize_y=False), MLPRegressor(**theirs)
    return MLPClassifierX(**ours), MLPClassifier(**theirs)


def assert_same_weights(ours, theirs, rtol=1e-9):
    """Compare layer by layer, to ``rtol`` of the layer's largest weight."""
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_,
        theirs.coefs_ + theirs.intercepts_,
        strict=True,
    ):
        assert mine.dtype == other.dtype
        assert_allclose(mine, other, rtol=rtol, atol=rtol * np.abs(other).max())


def assert_same_fit(ours, theirs):
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    assert_same_weights(ours, theirs)


# ----------------------------------------------------------------- the first weights


@pytest.mark.parametrize(
    "activation", sorted(set(ACTIVATIONS) & set(sklearn_mlp.ACTIVATIONS))
)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", [int, np.random.RandomState])
@pytest.mark.each_value
def test_first_weights_are_bit_equal(task, activation, dtype, seed):
    """A rate of 1e-300 leaves them as drawn."""
    X, y = data_of(task)
    ours, theirs = pair(
        task, "sgd", activation=activation, max_iter=1, learning_rate_init=1e-300
    )
    for estimator in (ours, theirs):
        estimator.set_params(random_state=seed(11)).fit(X.astype(dtype), y)
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_,
        theirs.coefs_ + theirs.intercepts_,
        strict=True,
    ):
        assert mine.dtype == other.dtype == dtype
        assert_array_equal(mine, other)


# ------------------------------------------------------------------- the whole path


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_whole_fit_is_the_same(task, solver):
    X, y = data_of(task)
    assert len(X) % 64 != 0
    ours, theirs = pair(task, solver)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))
    assert len(ours.loss_curve_) == 30
    assert ours.loss_ < 0.9 * ours.loss_curve_[0]
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_whole_fit_is_the_same_with_other_activations(activation, solver):
    X, y = data_of("binary")
    ours, theirs = pair("binary", solver, activation=activation)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))
    assert_allclose(
        ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-7, atol=1e-12
    )


@pytest.mark.parametrize("task", TASKS)
def test_nesterov_has_the_same_losses_and_stores_the_other_point(task):
    """scikit-learn stores theta + momentum v, where the next gradient is taken."""
    X, y = data_of(task)
    ours, theirs = pair(task, "nesterov", momentum=0.8)
    ours.fit(X, y)
    theirs.fit(X, y)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    with pytest.raises(AssertionError):
        assert_same_weights(ours, theirs, rtol=1e-6)
    run = ours._run
    run.theta[...] += 0.8 * run.state.v
    assert_same_fit(ours, theirs)


@pytest.mark.parametrize("task", TASKS)
def test_gd_is_sgd_on_one_batch(task):
    X, y = data_of(task)
    ours, theirs = pair(task, "sgd", batch_size=len(X), learning_rate_init=0.1)
    ours.set_params(solver="gd", batch_size=7)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_without_shuffling(task, solver):
    X, y = data_of(task)
    ours, theirs = pair(task, solver, shuffle=False)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))


@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_with_a_random_state_instance(solver):
    X, y = data_of("multiclass")
    ours, theirs = pair("multiclass", solver)
    ours.random_state = np.random.RandomState(21)
    theirs.random_state = np.random.RandomState(21)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))


@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_sparse_rows(solver):
    """Digits are half black: both take CSR rows, and dense ones end as sparse ones."""
    X, y = data_of("multiclass")
    ours, theirs = pair("multiclass", solver)
    assert_same_fit(ours.fit(csr_array(X), y), theirs.fit(csr_array(X), y))
    assert_same_weights(ours, pair("multiclass", solver)[0].fit(X, y))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_with_a_penalty_on_one_batch(task, solver):
    """With alpha both agree where the minibatch is the whole set."""
    X, y = data_of(task)
    ours, theirs = pair(task, solver, alpha=3.0, batch_size=len(X))
    plain, _ = pair(task, solver, batch_size=len(X))
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))
    assert ours.loss_curve_[0] > 1.001 * plain.fit(X, y).loss_curve_[0]


@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_several_outputs_end_at_the_same_weights(solver):
    """We sum the squared error over the outputs, scikit-learn reports its mean."""
    X, y = data_of("regression")
    Y = np.column_stack([y, X[:, 2], -y])
    ours, theirs = pair("regression", solver)
    ours.fit(X, Y)
    theirs.fit(X, Y)
    assert_same_weights(ours, theirs)
    assert_allclose(ours.loss_curve_, 3 * np.array(theirs.loss_curve_), rtol=1e-9)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
def test_stops_in_the_same_epoch(task, solver):
    """The training loss is watched; scikit-learn's count is shifted in `pair`."""
    X, y = data_of(task)
    ours, theirs = pair(task, solver, n_iter_no_change=3, tol=0.01, max_iter=200)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))
    assert ours.stop_reason_ == "converged"
    assert 3 < ours.n_iter_ < 200
    assert ours.best_loss_ == pytest.approx(theirs.best_loss_, rel=1e-9)


def test_going_on_with_a_warm_start():
    """The second fit of an unconverged model goes on alike, where nothing is drawn.

    (scikit-learn starts the random numbers anew with an int seed, we go on.)
    """
    X, y = data_of("binary")
    ours, theirs = pair("binary", "sgd", warm_start=True, shuffle=False, max_iter=12)
    ours.fit(X, y).fit(X, y)
    theirs.fit(X, y).fit(X, y)
    assert len(ours.loss_curve_) == 24
    assert_same_fit(ours, theirs)


# ------------------------------------------------------------------- the schedules
#
# scikit-learn's Adam obeys none of its schedules.


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
@pytest.mark.parametrize("power_t", [0.1, 0.5])
def test_inverse_scaling(task, solver, power_t):
    X, y = data_of(task)
    settings = {"power_t": power_t, "lr_schedule": "invscaling"}
    ours, theirs = pair(task, solver, **settings)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))
    ended_at = ours.learning_rate_ / (29 * len(X) + 1) ** power_t
    assert ours.history_["learning_rate"][-1] == pytest.approx(ended_at, rel=1e-12)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
def test_adaptive(task, solver):
    """Until the rate is too small: six plateaus, and the seventh ends the training."""
    X, y = data_of(task)
    settings = {"n_iter_no_change": 3, "tol": 0.02, "max_iter": 400}
    ours, theirs = pair(task, solver, lr_schedule="adaptive", **settings)
    ours.set_params(learning_rate_init=0.0077)
    theirs.set_params(learning_rate_init=0.0077)
    assert_same_fit(ours.fit(X, y), theirs.fit(X, y))
    assert len(set(ours.history_["learning_rate"])) == 7
    assert ours.history_["learning_rate"][-1] == pytest.approx(
        theirs._optimizer.learning_rate, rel=1e-12
    )
    assert ours.stop_reason_ == "converged"


@pytest.mark.parametrize("schedule", ["invscaling", "adaptive"])
@pytest.mark.parametrize("task", TASKS)
def test_schedules_have_the_same_losses_with_nesterov(task, schedule):
    X, y = data_of(task)
    settings = {"n_iter_no_change": 3, "tol": 0.02, "max_iter": 400}
    ours, theirs = pair(task, "nesterov", lr_schedule=schedule, **settings)
    assert_allclose(ours.fit(X, y).loss_curve_, theirs.fit(X, y).loss_curve_, rtol=1e-9)
    assert len(set(ours.history_["learning_rate"])) > 2


@pytest.mark.usefixtures("by_score_alone")
@pytest.mark.parametrize("task", SAME_SPLIT)
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
def test_adaptive_with_early_stopping(task, solver):
    X, y = data_of(task)
    settings = {"n_iter_no_change": 3, "tol": 0.003, "max_iter": 400}
    ours, theirs = pair(
        task, solver, lr_schedule="adaptive", early_stopping=True, **settings
    )
    assert_same_early_stopping(ours.fit(X, y), theirs.fit(X, y))
    assert len(set(ours.history_["learning_rate"])) > 4


@pytest.mark.parametrize("solver", ["sgd", "momentum"])
@pytest.mark.parametrize("schedule", ["invscaling", "adaptive"])
def test_schedules_over_calls_of_partial_fit(solver, schedule):
    """(scikit-learn draws the same order in every call, so none is drawn here.)"""
    X, y = data_of("binary")
    settings = {"n_iter_no_change": 3, "tol": 0.02, "shuffle": False}
    ours, theirs = pair("binary", solver, lr_schedule=schedule, **settings)
    for _ in range(40):
        ours.partial_fit(X, y, classes=[0, 1])
        theirs.partial_fit(X, y, classes=[0, 1])
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    assert_same_weights(ours, theirs)
    assert len(set(ours.history_["learning_rate"])) > 3


# ------------------------------------------------------------------- sample weights


@needs_sklearn_weights
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_sample_weights_on_one_batch(task, solver):
    X, y = data_of(task)
    w = np.random.RandomState(1).gamma(1.0, 2.0, len(X))
    w[::7] = 0
    ours, theirs = pair(task, solver, alpha=2.0, batch_size=len(X))
    assert_same_fit(ours.fit(X, y, sample_weight=w), theirs.fit(X, y, sample_weight=w))
    unweighted, _ = pair(task, solver, alpha=2.0, batch_size=len(X))
    assert abs(unweighted.fit(X, y).loss_ - ours.loss_) > 1e-4


@needs_sklearn_weights
@pytest.mark.parametrize("task", TASKS)
def test_inverse_scaling_counts_rows_whatever_their_weight(task):
    X, y = data_of(task)
    w = np.random.RandomState(1).gamma(1.0, 2.0, len(X))
    w[::7] = 0
    ours, theirs = pair(
        task, "momentum", lr_schedule="invscaling", power_t=0.2, batch_size=len(X)
    )
    assert_same_fit(ours.fit(X, y, sample_weight=w), theirs.fit(X, y, sample_weight=w))


@needs_sklearn_weights
@pytest.mark.parametrize("solver", SAME_WEIGHTS)
def test_sample_weights_in_minibatches_of_equal_weight(solver):
    """Each minibatch weighs as many as it has rows: then both formulas agree."""
    X, y = data_of("multiclass")
    w = np.random.RandomState(2).gamma(1.0, 2.0, len(X))
    for start in range(0, len(X), 64):
        w[start : start + 64] /= w[start : start + 64].mean()
    ours, theirs = pair("multiclass", solver, shuffle=False)
    assert_same_fit(ours.fit(X, y, sample_weight=w), theirs.fit(X, y, sample_weight=w))


@needs_sklearn_weights
@pytest.mark.parametrize("task", TASKS)
def test_equal_sample_weights_in_shuffled_minibatches(task):
    X, y = data_of(task)
    w = np.full(len(X), 2.5)
    ours, theirs = pair(task, "momentum")
    assert_same_fit(ours.fit(X, y, sample_weight=w), theirs.fit(X, y, sample_weight=w))


# ------------------------------------------------------------------- early stopping


def assert_same_early_stopping(ours, theirs):
    assert_same_fit(ours, theirs)
    assert_allclose(
        ours.validation_scores_, theirs.validation_scores_, rtol=1e-9, atol=1e-12
    )
    assert ours.best_validation_score_ == pytest.approx(
        theirs.best_validation_score_, rel=1e-9
    )
    assert ours.best_loss_ is theirs.best_loss_ is None
    # Otherwise the test would not see which epoch's weights were kept.
    assert len(set(ours.validation_scores_)) > 3


@pytest.mark.usefixtures("by_score_alone")
@pytest.mark.parametrize("task", SAME_SPLIT)
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
def test_early_stopping_until_max_iter(task, solver):
    X, y = data_of(task)
    ours, theirs = pair(task, solver, early_stopping=True, validation_fraction=0.2)
    assert_same_early_stopping(ours.fit(X, y), theirs.fit(X, y))
    assert ours.stop_reason_ == "max_iter"


@pytest.mark.usefixtures("by_score_alone")
@pytest.mark.parametrize("task", SAME_SPLIT)
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
def test_early_stopping_stops_in_the_same_epoch(task, solver):
    X, y = data_of(task)
    ours, theirs = pair(
        task,
        solver,
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=4,
        tol=0.003,
        max_iter=200,
    )
    assert_same_early_stopping(ours.fit(X, y), theirs.fit(X, y))
    assert ours.stop_reason_ == "early_stopping"


@pytest.mark.parametrize("task", SAME_SPLIT)
def test_early_stopping_holds_out_the_same_rows(task, monkeypatch):
    """The training rows of both, caught on their way."""
    X, y = data_of(task)
    splits = []

    def caught(*arrays, **kwargs):
        parts = train_test_split(*arrays, **kwargs)
        splits.append(parts[:2])
        return parts

    monkeypatch.setattr(sklearn_mlp, "train_test_split", caught)
    monkeypatch.setattr("skoptnet.estimators.validation_split.train_test_split", caught)
    for estimator in pair(task, "sgd", early_stopping=True, max_iter=2):
        estimator.fit(X, y)
    ours, theirs = splits
    for rows, X_part in zip(ours, theirs, strict=True):
        assert_array_equal(X[rows], X_part)


@pytest.mark.usefixtures("by_score_alone")
@pytest.mark.parametrize("solver", ["sgd", "momentum"])
def test_multiclass_early_stopping_differs_in_the_split_alone(solver, monkeypatch):
    """Ours is stratified; once scikit-learn's is too, the rest is the same."""
    X, y = data_of("multiclass")
    settings = {"early_stopping": True, "validation_fraction": 0.2}
    ours, theirs = pair("multiclass", solver, **settings)
    ours.fit(X, y)
    assert not np.allclose(ours.loss_curve_, theirs.fit(X, y).loss_curve_)

    def stratified(X, Y, *w, stratify, **kwargs):
        assert stratify is None
        return train_test_split(X, Y, *w, stratify=Y.argmax(axis=1), **kwargs)

    monkeypatch.setattr(sklearn_mlp, "train_test_split", stratified)
    assert_same_early_stopping(ours, theirs.fit(X, y))


@pytest.mark.usefixtures("by_score_alone")
@needs_sklearn_weights
@pytest.mark.parametrize("task", SAME_SPLIT)
def test_early_stopping_with_sample_weights(task):
    """Weights divide with the rows and count in the validation score."""
    X, y = data_of(task)
    w = np.random.RandomState(1).gamma(1.0, 2.0, len(X))
    settings = {"early_stopping": True, "validation_fraction": 0.2}
    n_training = len(train_test_split(X, test_size=0.2)[0])
    ours, theirs = pair(task, "momentum", alpha=1.0, batch_size=n_training, **settings)
    assert_same_early_stopping(
        ours.fit(X, y, sample_weight=w), theirs.fit(X, y, sample_weight=w)
    )


@pytest.mark.usefixtures("by_score_alone")
@pytest.mark.parametrize(("tol", "ends"), [(0.0, False), (1e-9, True)])
def test_a_score_as_good_as_the_best_is_good_enough_for_no_tolerance(tol, ends):
    """All rows are right after an epoch or two; scikit-learn's patience is one more."""
    X = np.repeat([[-5.0], [5.0]], 50, axis=0)
    y = np.repeat([0, 1], 50)
    settings = {"early_stopping": True, "tol": tol, "max_iter": 20, "random_state": 0}
    ours = MLPClassifierX((), scoring=None, n_iter_no_change=5, **settings)
    theirs = MLPClassifier((), n_iter_no_change=4, **settings)
    for model in (ours, theirs):
        model.set_params(learning_rate_init=0.1).fit(X, y)
        scores = list(model.validation_scores_)
        assert set(scores[1:]) == {1.0}
        assert model.n_iter_ == (scores.index(1.0) + 6 if ends else 20)


def test_of_equal_scores_the_lowest_loss_is_kept_and_patience_starts_again():
    """Accuracy ties for dozens of epochs in which the network still learns.

    scikit-learn gives up within them, and keeps the first.
    """
    X, y = data_of("binary")
    settings = {"early_stopping": True, "n_iter_no_change": 10, "tol": 1e-4}
    ours, theirs = pair(
        "binary", "sgd", max_iter=300, learning_rate_init=0.01, **settings
    )
    ours.fit(X, y)
    theirs.fit(X, y)
    scores, losses = ours.validation_scores_, ours.history_["validation_loss"]
    assert ours.stop_reason_ == "early_stopping"
    assert ours.n_iter_ > 2 * theirs.n_iter_
    assert_allclose(scores[: theirs.n_iter_], theirs.validation_scores_, rtol=1e-12)
    ranks = list(zip(scores, [-loss for loss in losses], strict=True))
    best = ranks.index(max(ranks))
    assert ours.best_epoch_ == best + 1
    first = int(np.argmax(scores))
    assert scores.count(max(scores)) > 20
    assert losses[best] < 0.8 * losses[first]
    # Patience, epoch by epoch: this one's rank against that of the best before it.
    idle, waited = 0, []
    for i in range(1, len(ranks)):
        score, loss = max(ranks[:i])
        higher, lower = ranks[i][0] - score, ranks[i][1] - loss
        improved = higher >= 1e-4 or (higher == 0 and lower >= 1e-4)
        idle = 0 if improved else idle + 1
        waited.append(idle)
    assert waited.index(10) == len(waited) - 1


# -------------------------------------------------------------------------- float32


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", list(COUNTERPARTS))
def test_float32_losses_agree_to_its_rounding(task, solver):
    X, y = data_of(task)
    X = X.astype(np.float32)
    ours, theirs = pair(task, solver, max_iter=12)
    if solver == "adam":
        # 1e-30 squared is not a float32; gradients of dead units are still zero.
        ours.epsilon = theirs.epsilon = 1e-12
    ours.fit(X, y)
    theirs.fit(X, y)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert mine.dtype == other.dtype == np.float32
