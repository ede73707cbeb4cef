"""Where scikit-learn's MLP goes wrong (seen in 1.9), and ours does the right thing.

One test, or a few, for each fault. How an update is made is watched from outside: by a
solver object that notes what it is given, or at the door of the training loop.
"""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import peak_of, rate_for
from quick_schedules import QUICK, quick
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule
from skoptnet.estimators import fitting
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.schedules import SCHEDULES, Clock

all_solvers = pytest.mark.parametrize("solver", OPTIMIZERS)
minibatch_solvers = pytest.mark.parametrize(
    "solver", [name for name in OPTIMIZERS if not OPTIMIZERS[name].full_batch]
)
# Of the others, a recording would show layers instead of updates.
whole_solvers = pytest.mark.parametrize(
    "solver", [name for name in OPTIMIZERS if not OPTIMIZERS[name].layerwise]
)
whole_minibatch_solvers = pytest.mark.parametrize(
    "solver",
    [
        name
        for name, Solver in OPTIMIZERS.items()
        if not (Solver.full_batch or Solver.layerwise)
    ],
)
may_use_up_its_epochs = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def recording(name):
    """Return a solver of that name, and the list of its updates: g, rate, move."""
    updates = []

    class Recording(OPTIMIZERS[name]):
        def step(self, theta, g, state, rate, xp):
            before = theta.copy()
            super().step(theta, g, state, rate, xp)
            updates.append({"g": g.copy(), "rate": rate, "move": theta - before})

    return Recording(), updates


@pytest.fixture
def training_sets(monkeypatch):
    """The rows that each fit of the test hands to the training loop, in turn."""
    seen = []

    def watched(network, optimizer, schedule, run, data, *args, **kwargs):
        seen.append(data)
        return train(network, optimizer, schedule, run, data, *args, **kwargs)

    train = fitting.train
    monkeypatch.setattr(fitting, "train", watched)
    return seen


def theta_of(model):
    """All parameters in one vector, in the order of theta."""
    layers = zip(model.coefs_, model.intercepts_, strict=True)
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


# --------------------------------------------- losses, gradients, weights, penalty


@pytest.mark.parametrize("weighted", [False, True])
@may_use_up_its_epochs
def test_gradient_of_several_squared_errors_is_that_of_the_reported_loss(weighted):
    """A step of gradient descent against differences of ``loss_curve_``.

    scikit-learn reports the mean over the outputs and goes down their sum.
    """
    rng = np.random.RandomState(0)
    X, Y = rng.randn(7, 3), rng.randn(7, 3)
    w = rng.rand(7) if weighted else None
    model = MLPRegressorX(
        4,
        activation="tanh",
        solver="gd",
        alpha=0.1,
        learning_rate_init=1e-300,
        max_iter=1,
        warm_start=True,
        random_state=0,
    ).fit(X, Y, w)

    def parameters():
        layers = zip(model.coefs_, model.intercepts_, strict=True)
        return [parameter for layer in layers for parameter in layer]

    slopes = []
    for number, parameter in enumerate(parameters()):
        for place, at in np.ndenumerate(parameter):
            losses = []
            for value in (at + 1e-5, at - 1e-5):
                parameters()[number][place] = value
                losses.append(model.fit(X, Y, w).loss_curve_[-1])
            parameters()[number][place] = at
            slopes.append((losses[0] - losses[1]) / 2e-5)

    before = theta_of(model)
    model.set_params(learning_rate_init=1.0).fit(X, Y, w)
    assert_allclose(before - theta_of(model), slopes, rtol=1e-6, atol=1e-9)


@whole_minibatch_solvers
@may_use_up_its_epochs
def test_minibatch_of_zero_weights_moves_nothing(solver):
    """The first minibatch, before a solver remembers anything (alpha = 0)."""
    X, y = iris()
    w = np.repeat([0.0, 1.0, 2.0], 50)
    optimizer, updates = recording(solver)
    model = MLPClassifierX(
        5,
        solver=optimizer,
        alpha=0,
        batch_size=50,
        shuffle=False,
        learning_rate_init=0.01,
        max_iter=1,
        random_state=0,
    ).fit(X, y, sample_weight=w)
    assert [update["g"].any() for update in updates] == [False, True, True]
    assert [update["move"].any() for update in updates] == [False, True, True]
    assert np.isfinite(theta_of(model)).all()
    assert np.isfinite(model.loss_)


@pytest.mark.parametrize("solver", sorted(TEXTBOOK.keys() - {"gd"}))
@may_use_up_its_epochs
def test_later_minibatch_of_zero_weights_moves_by_memory_alone(solver):
    """A velocity or mean gradient goes on coasting; without one, nothing moves."""
    X, y = iris()
    w = np.repeat([1.0, 0.0, 2.0], 50)
    optimizer, updates = recording(solver)
    MLPClassifierX(
        5,
        solver=optimizer,
        alpha=0,
        learning_rate_init=0.01,
        batch_size=50,
        shuffle=False,
        max_iter=1,
        random_state=0,
    ).fit(X, y, sample_weight=w)
    first, second, _ = updates
    assert not second["g"].any()
    if "v" in optimizer.memory:
        assert_allclose(second["move"], optimizer.momentum * first["move"], rtol=1e-9)
    elif "s" in optimizer.memory:
        # Both means shrink by their own factor; epsilon is far below the gradients.
        b1, b2 = optimizer.beta_1, optimizer.beta_2
        mean = b1 * (1 - b1) / (1 - b1**2)
        square = b2 * (1 - b2) / (1 - b2**2)
        expected = -0.01 * mean / np.sqrt(square) * np.sign(first["g"])
        large = np.abs(first["g"]) > 1e-3
        assert large.mean() > 0.5
        assert_allclose(second["move"][large], expected[large], rtol=1e-4)
    else:
        assert not second["move"].any()


@pytest.mark.parametrize("weight", [None, 1.0, 2.5])
@whole_minibatch_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_strength_of_alpha_does_not_depend_on_the_batch_size(solver, weight):
    """The penalty's part of every minibatch gradient is alpha / n times the weights.

    It is the difference of the gradients with and without alpha, at weights that a
    rate of 1e-300 leaves where they are; n is the weight sum of all rows.
    """
    X, y = iris()
    w = None if weight is None else np.full(len(X), weight)
    n, alpha = len(X) * (weight or 1.0), 30.0
    for batch_size in (1, 64, 150):
        gradients = []
        for strength in (alpha, 0.0):
            optimizer, updates = recording(solver)
            model = MLPClassifierX(
                3,
                solver=optimizer,
                alpha=strength,
                batch_size=batch_size,
                learning_rate_init=1e-300,
                max_iter=1,
                random_state=0,
            ).fit(X, y, sample_weight=w)
            gradients.append([update["g"] for update in updates])
        model.intercepts_ = [0 * b for b in model.intercepts_]  # not penalised
        expected = alpha / n * theta_of(model)
        assert len(gradients[0]) == -(-150 // batch_size)
        for penalised, plain in zip(*gradients, strict=True):
            assert_allclose(penalised - plain, expected, atol=1e-14)


# ----------------------------------------------------- warm starts and partial fits


@all_solvers
def test_warm_start_after_convergence_learns_new_data(solver):
    """scikit-learn's second fit stops after one epoch, whatever it is given."""
    X, y = iris()
    X, y = X[:100], y[:100]
    model = MLPClassifierX(
        10,
        solver=solver,
        learning_rate_init=rate_for(solver, 0.1 if solver in TEXTBOOK else 0.01),
        warm_start=True,
        tol=1e-3,
        max_iter=1000,
        random_state=0,
    ).fit(X, y)
    assert model.stop_reason_ == "converged"
    least = 1 if solver in TEXTBOOK else 0.95  # of Lion, a row may swing
    assert model.score(X, y) >= least
    model.fit(X, 1 - y)
    assert model.stop_reason_ == "converged"
    assert model.n_iter_ > 10
    assert model.score(X, 1 - y) >= least


@all_solvers
def test_warm_start_after_early_stopping_learns_new_data(solver):
    """Its best score on the old data is none to beat on the new."""
    X, y = iris()
    X, y = X[:100], y[:100]
    model = MLPClassifierX(
        10,
        solver=solver,
        learning_rate_init=rate_for(solver, 0.1),
        warm_start=True,
        early_stopping=True,
        scoring=None,
        validation_fraction=0.5,
        n_iter_no_change=50,
        max_iter=1000,
        random_state=0,
    ).fit(X, y)
    assert model.best_validation_score_ == 1
    model.fit(X, 1 - y)
    assert model.stop_reason_ == "early_stopping"
    assert model.n_iter_ > 50
    assert model.best_validation_score_ == 1
    assert model.score(X, 1 - y) > 0.9


@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
@pytest.mark.parametrize("seed", [lambda: 0, lambda: None, np.random.RandomState])
@may_use_up_its_epochs
def test_warm_start_with_early_stopping_holds_out_the_same_rows(
    Estimator, seed, training_sets
):
    """So that no validation row has been trained on before.

    scikit-learn draws another split, from another place in the random numbers.
    """
    X, y = iris()
    model = Estimator(
        3,
        warm_start=True,
        early_stopping=True,
        validation_fraction=0.3,
        learning_rate_init=1e-3,
        max_iter=3,
        random_state=seed(),
    )
    for _ in range(3):
        model.fit(X, y)
    first, second, third = training_sets
    assert len(first) == 105
    assert_array_equal(first.X, second.X)
    assert_array_equal(first.X, third.X)
    assert_array_equal(first.Y, third.Y)


@whole_minibatch_solvers
def test_partial_fit_with_a_seed_draws_new_orders(solver):
    """The rows are unit vectors, so each gradient tells which row it comes from."""
    orders = []
    for _ in range(2):
        optimizer, updates = recording(solver)
        model = MLPRegressorX((), solver=optimizer, alpha=0, batch_size=1)
        model.set_params(learning_rate_init=1e-6, random_state=0)
        for _ in range(3):
            model.partial_fit(np.eye(12), np.full(12, 100.0))
        order = [int(np.flatnonzero(update["g"][:12])[0]) for update in updates]
        orders.append(np.reshape(order, (3, 12)))
    assert_array_equal(*orders)
    first, second, third = orders[0]
    assert_array_equal(np.sort(orders[0], axis=1), [range(12)] * 3)
    assert list(first) != list(second)
    assert list(second) != list(third)
    assert list(first) != list(third)


@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
@may_use_up_its_epochs
def test_partial_fit_with_lbfgs_does_not_exist(Estimator):
    """Nor does it run a full fit: the message says why, and what to do."""
    X, y = iris()
    model = Estimator(3, solver="lbfgs", alpha=1.0, max_iter=500, random_state=0)
    for _ in range(2):  # unfitted, and fitted
        assert not hasattr(model, "partial_fit")
        with pytest.raises(ValueError, match=r"solver='lbfgs'.*Use another solver"):
            model.partial_fit(X, y)
        model.fit(X, y)
    before = theta_of(model)
    model.set_params(solver="sgd", learning_rate_init=1e-9).partial_fit(X, y)
    assert_allclose(theta_of(model), before, atol=1e-6)
    assert hasattr(Estimator, "partial_fit")


@all_solvers
def test_partial_fit_on_some_of_the_classes_with_warm_start(solver):
    X, y = iris()
    some = y < 2
    model = MLPClassifierX(
        10,
        solver=solver,
        learning_rate_init=rate_for(solver, 0.05),
        warm_start=True,
        random_state=0,
    )
    model.partial_fit(X[some], y[some], classes=[0, 1, 2])
    for _ in range(30):
        model.partial_fit(X[some], y[some])
    assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X).shape == (150, 3)
    assert model.score(X[some], y[some]) > 0.9
    for _ in range(60):
        model.partial_fit(X[~some], y[~some])
    assert model.score(X[~some], y[~some]) > 0.9


@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("sizes", [7, (5, 5), ()])
@may_use_up_its_epochs
def test_changed_hidden_layer_sizes_are_refused(Estimator, method, sizes):
    """Before any work: with the sizes set back, training goes on."""
    X, y = iris()
    model = Estimator(
        5, learning_rate_init=1e-3, warm_start=True, max_iter=2, random_state=0
    ).fit(X, y)
    before = theta_of(model).copy()
    model.set_params(hidden_layer_sizes=sizes)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.*warm_start=False"):
        getattr(model, method)(X, y)
    assert_array_equal(theta_of(model), before)
    model.set_params(hidden_layer_sizes=(5,))
    getattr(model, method)(X, y)
    assert (theta_of(model) != before).any()


@may_use_up_its_epochs
def test_changed_hidden_layer_sizes_start_anew_without_warm_start():
    X, y = iris()
    model = MLPClassifierX(5, learning_rate_init=1e-3, max_iter=2, random_state=0)
    model.fit(X, y)
    model.set_params(hidden_layer_sizes=(7, 3)).fit(X, y)
    assert [W.shape for W in model.coefs_] == [(4, 7), (7, 3), (3, 3)]


# ------------------------------------------------------------------------ schedules


@pytest.mark.parametrize("schedule", SCHEDULES)
@whole_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_every_solver_obeys_every_schedule(solver, schedule):
    """The rate of each update is the schedule's, and the history shows the last."""
    X, y = iris()
    (optimizer, updates), rate = recording(solver), rate_for(solver, 0.02)
    # For "adaptive", each epoch but the first is a plateau.
    adaptive = schedule == "adaptive"
    patience = {"tol": 100, "n_iter_no_change": 1} if adaptive else {}
    rule = SCHEDULES[schedule](**QUICK.get(schedule, {}))
    model = MLPClassifierX(
        3,
        solver=optimizer,
        lr_schedule=quick(schedule),
        learning_rate_init=rate,
        decay_rate=0.25,
        decay_epochs=2,
        batch_size=64,
        max_iter=7,
        random_state=0,
        **patience,
    ).fit(X, y)
    if "decay_rate" in rule.get_params():
        rule.set_params(decay_rate=0.25, decay_epochs=2)
    per_epoch = 1 if optimizer.full_batch else 3
    clocks = [
        Clock(
            update=e * per_epoch + step,
            epoch=e,
            updates_per_epoch=per_epoch,
            step=step,
            samples=len(X) * e,
            plateaus=max(0, e - 1),
            losses=model.loss_curve_[:e],
        )
        for e in range(7)
        for step in range(per_epoch)
    ]
    expected = [rate * rule(clock) for clock in clocks]
    assert_allclose([update["rate"] for update in updates], expected, rtol=1e-12)
    assert_allclose(
        model.history_["learning_rate"], expected[per_epoch - 1 :: per_epoch]
    )
    constant = schedule == "constant"
    assert (len(set(model.history_["learning_rate"])) == 1) == constant


@pytest.mark.parametrize("schedule", sorted(set(SCHEDULES) - {"constant"}))
@may_use_up_its_epochs
def test_adam_is_not_deaf_to_schedules(schedule):
    """scikit-learn's Adam is: ``learning_rate="invscaling"`` changes nothing there."""
    X, y = iris()
    adaptive = schedule == "adaptive"
    model = MLPClassifierX(
        3,
        max_iter=7,
        decay_epochs=2,
        tol=100 if adaptive else 0,
        n_iter_no_change=1 if adaptive else np.inf,
        random_state=0,
    )
    slower = model.set_params(lr_schedule=quick(schedule)).fit(X, y)
    slower = slower.loss_curve_, theta_of(slower)
    model.set_params(lr_schedule="constant", tol=0, n_iter_no_change=np.inf).fit(X, y)
    assert slower[0][0] == model.loss_curve_[0]
    assert slower[0][-1] > model.loss_curve_[-1]
    assert not np.allclose(slower[1], theta_of(model))


class Share(Schedule):
    """The same share of the initial rate throughout."""

    def __init__(self, share=1.0):
        self.share = share

    def __call__(self, clock):
        return self.share


@all_solvers
@may_use_up_its_epochs
def test_the_rate_of_the_schedule_is_what_a_solver_moves_by(solver):
    """A share of nothing moves nothing; half of a rate is half that rate."""
    X, y = iris()

    def trained(share, rate):
        model = MLPClassifierX(
            3,
            solver=solver,
            lr_schedule=Share(share),
            learning_rate_init=rate,
            batch_size=64,
            max_iter=4,
            random_state=0,
        )
        return theta_of(model.fit(X, y))

    assert_array_equal(trained(0.0, 0.02), trained(1.0, 1e-300))
    assert_array_equal(trained(0.5, 0.02), trained(1.0, 0.01))
    assert (trained(1.0, 0.02) != trained(0.5, 0.02)).all()


# -------------------------------------------------------------- when training ends


class Bursts(Schedule):
    """The initial rate for so many epochs, then one that no network bears."""

    def __init__(self, epochs=3):
        self.epochs = epochs

    def __call__(self, clock):
        return 1.0 if clock.epoch < self.epochs else 1e200


@pytest.mark.parametrize("early_stopping", [False, True])
@all_solvers
@pytest.mark.each_value
def test_diverged_fit_stops_at_once_and_keeps_a_finite_model(solver, early_stopping):
    """The rate bursts in the fourth of fifty epochs; full batches show it in the next.

    What is kept must be one of the good epochs before, not merely finite.
    """
    X, y = diabetes()
    settings = {
        "hidden_layer_sizes": 5,
        "solver": solver,
        "learning_rate_init": 0.01,
        "batch_size": 100,
        "early_stopping": early_stopping,
        "n_iter_no_change": np.inf,
        "random_state": 0,
    }
    model = MLPRegressorX(**settings, lr_schedule=Bursts(3), max_iter=50)
    with pytest.warns(
        ConvergenceWarning, match=r"diverged in epoch [45].*learning rate 1e\+198"
    ):
        model.fit(X, y)
    assert model.stop_reason_ == "diverged"
    assert model.n_iter_ == 3
    assert np.isfinite(theta_of(model)).all()
    assert np.isfinite(model.loss_)

    first = MLPRegressorX(**settings, max_iter=1).fit(X, y)
    assert model.score(X, y) >= first.score(X, y)


@all_solvers
def test_diverging_in_the_first_epochs_raises_and_leaves_nothing(solver):
    """With no good epoch before, there is nothing to keep."""
    X, y = diabetes()
    model = MLPRegressorX(
        5,
        solver=solver,
        lr_schedule=Bursts(0),
        learning_rate_init=0.01,
        batch_size=100,
        max_iter=50,
        random_state=0,
    )
    with pytest.raises(ValueError, match="Solver produced non-finite parameter"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")
    assert not hasattr(model, "n_iter_")


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("patience", [1, 2, 5])
@all_solvers
@pytest.mark.each_value
def test_n_iter_no_change_is_exact(solver, patience, early_stopping):
    """The first epoch is good, the others are not by this tol: 1 + patience epochs."""
    X, y = iris()
    model = MLPClassifierX(
        3,
        solver=solver,
        tol=1e9,
        n_iter_no_change=patience,
        early_stopping=early_stopping,
        learning_rate_init=1e-3,
        random_state=0,
    ).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 1 + patience
    assert model.stop_reason_ == ("early_stopping" if early_stopping else "converged")


def test_ending_far_above_the_best_loss_warns():
    """The rate is raised near the end, to where the loss jumps but stays finite."""
    X, y = diabetes()

    class Raised(Schedule):
        def __call__(self, clock):
            return 1.0 if clock.epoch < 28 else 30.0

    model = MLPRegressorX(
        10, lr_schedule=Raised(), learning_rate_init=0.05, max_iter=30, random_state=0
    )
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    assert model.loss_ > 10 * model.best_loss_
    # It predicts no better than a constant, too, and both are said at once.
    (message,) = [str(w.message) for w in caught if "has risen" in str(w.message)]
    for said in (f"{model.loss_:.4g}", f"{model.best_loss_:.4g}", "learning_rate_init"):
        assert said in message

    # A descent whose last step but one, across a valley, ends below a constant.
    leap = MLPRegressorX((), solver="gd", learning_rate_init=0.05, max_iter=30)
    rates = {28: 102.0, 29: 1e-9}
    leap.set_params(lr_schedule=lambda clock: rates.get(clock.epoch, 1.0))
    with pytest.warns(ConvergenceWarning) as caught:
        model = leap.set_params(random_state=0).fit(X, X[:, 2])
    (message,) = [str(w.message) for w in caught if "far above" in str(w.message)]
    for said in (f"{model.loss_:g}", f"{model.best_loss_:g}", "learning_rate_init"):
        assert said in message

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.set_params(lr_schedule="constant").fit(X, X[:, 2])
    assert ["far above" in str(w.message) for w in caught] == [False]


@all_solvers
@may_use_up_its_epochs
def test_warm_start_on_harder_data_does_not_warn_of_the_best_loss(solver):
    """That another data set was easy says nothing about how this training went."""
    X, _ = diabetes()
    noise = scale(np.random.RandomState(0).randn(len(X)))
    model = MLPRegressorX(
        (),
        solver=solver,
        learning_rate_init=rate_for(solver, 0.02),
        warm_start=True,
        random_state=0,
    )
    model.fit(X, X[:, 2])
    easy = model.loss_
    model.fit(X, noise)
    assert model.loss_ < 1.05 * min(model.loss_curve_[-model.n_iter_ :])
    assert model.loss_ > 10 * easy


def test_early_stopping_keeps_the_best_and_has_nothing_to_warn_of():
    X, y = diabetes()

    class Raised(Schedule):
        def __call__(self, clock):
            return 1.0 if clock.epoch < 28 else 30.0

    model = MLPRegressorX(
        10,
        lr_schedule=Raised(),
        learning_rate_init=0.05,
        early_stopping=True,
        n_iter_no_change=29,
        max_iter=30,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    assert model.validation_scores_[-1] < model.best_validation_score_ - 1
    assert model.score(X, y) > 0.3
    assert ["max_iter" in str(w.message) for w in caught] == [True]


@pytest.mark.parametrize("n_classes", [2, 3])
@may_use_up_its_epochs
def test_early_stopping_split_is_stratified(n_classes, training_sets):
    """Of 60, 30 and 10 rows, and 20 % held out: 48, 24 and 8 remain to train on."""
    counts = np.array([60, 30, 10][:n_classes])
    y = np.repeat(["a", "b", "c"][:n_classes], counts)
    X = np.random.RandomState(0).randn(len(y), 2)
    for seed in range(5):
        MLPClassifierX(
            3,
            early_stopping=True,
            validation_fraction=0.2,
            learning_rate_init=1e-3,
            max_iter=1,
            random_state=seed,
        ).fit(X, y)
        data = training_sets[-1]
        codes = data.select(data.Y).astype(int).ravel()
        assert_array_equal(np.bincount(codes), counts * 8 // 10)


# ------------------------------------------------------------------------ predicting


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
@may_use_up_its_epochs
def test_predict_log_proba_is_finite_where_probabilities_underflow(task):
    X, y = iris()
    if task == "binary":
        X, y = X[:100], y[:100]
    if task == "multilabel":
        y = np.column_stack([y == 0, y == 2]).astype(int)
    model = MLPClassifierX(5, learning_rate_init=0.01, max_iter=20, random_state=0)
    model.fit(X, y)
    model.coefs_[-1][...] *= 1e4
    proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
    assert (proba == 0).any()
    assert np.isfinite(log_proba).all()
    assert log_proba.min() < -1000
    assert_allclose(np.exp(log_proba), proba, atol=1e-12)
    raw = model.decision_function(X)
    if task == "binary":
        assert_allclose(log_proba[:, 1] - log_proba[:, 0], raw, atol=1e-9)
    elif task == "multiclass":
        differences = np.diff(log_proba, axis=1)
        assert_allclose(differences, np.diff(raw, axis=1), atol=1e-9)
    else:
        assert_allclose(log_proba[raw < -50], raw[raw < -50])


@may_use_up_its_epochs
@pytest.mark.filterwarnings("ignore:Training ended at a loss")
def test_loss_stays_finite_and_true_where_probabilities_underflow():
    """One row of the wrong class at a raw output of a thousand costs a thousand."""
    X, y = np.array([[1.0], [-1.0]]), np.array([0, 1])
    model = MLPClassifierX(
        (),
        solver="gd",
        alpha=0,
        learning_rate_init=0.1,
        warm_start=True,
        max_iter=1,
        random_state=0,
    ).fit(X, y)
    model.coefs_, model.intercepts_ = [[[1000.0]]], [[0.0]]
    assert model.fit(X, y).loss_curve_[-1] == pytest.approx(1000)


@pytest.mark.parametrize("make_rows", [np.asarray, csr_array])
@may_use_up_its_epochs
def test_predict_uses_bounded_memory(make_rows):
    """Far below what the hidden activations of all rows would take, 256 MB."""
    X, y = load_digits(n_class=3, return_X_y=True)
    n_rows, width = 16_000, 2_000
    rows = make_rows(np.resize(X, (n_rows, X.shape[1])))
    models = [
        Estimator(width, max_iter=1, random_state=0).fit(X[:50], y[:50])
        for Estimator in (MLPClassifierX, MLPRegressorX)
    ]
    calls = [models[0].predict, models[0].predict_log_proba, models[1].predict]
    for call in calls:
        assert peak_of(call, rows) < n_rows * width * 8 / 8
        answer = call(rows)
        assert len(answer) == n_rows
    # The blocks make up the whole, but for the order in which a product is summed.
    assert_allclose(answer[-100:], models[1].predict(rows[-100:]), 1e-11, 1e-11)


@may_use_up_its_epochs
def test_memory_of_predict_does_not_grow_with_the_rows():
    X, y = load_digits(n_class=3, return_X_y=True)
    model = MLPRegressorX(1000, max_iter=1, random_state=0).fit(X[:50], y[:50])
    peaks = []
    for n_rows in (4_000, 8_000, 16_000):
        rows = np.resize(X, (n_rows, X.shape[1]))
        peaks.append(peak_of(model.predict, rows))
    # Of each further row nothing but its prediction is kept, and what checks it.
    assert all(b - a < 4_000 * 1000 for a, b in pairwise(peaks))
