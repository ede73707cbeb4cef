"""A network that learnt nothing says so, and why; one that learnt does not."""

import pickle
import re
import warnings

import numpy as np
import pytest
from problems import DIABETES, IRIS, has_callbacks
from scipy import sparse
from scipy.optimize import minimize
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule, Warmup
from skoptnet.callbacks import TimeBudget
from skoptnet.estimators import baseline
from skoptnet.losses import LOSSES, REGRESSION_LOSSES, Pinball
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES, Cosine
from skoptnet.training import TrainingSet

pytestmark = pytest.mark.filterwarnings("error:The network predicts its training rows")

NOTHING = "predicts its training rows no better than the best constant"
WINE = load_wine(as_frame=True)
ROWS, LABELS = scale(WINE.data), WINE.target
X, Y = scale(DIABETES.data), DIABETES.target


def warnings_of(model, rows, y, **keywords):
    """Fit, and return the messages of all warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(rows, y, **keywords)
    return [str(warning.message) for warning in caught]


def complaint(model, rows, y, **keywords):
    """Fit, and return the message of the only warning."""
    (message,) = warnings_of(model, rows, y, **keywords)
    return message


# ------------------------------------------------------------------ the best constant


RULES = {name: Rule() for name, Rule in LOSSES.items()}
RULES["quantiles"] = Pinball((0.1, 0.5, 0.8))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_no_constant_has_a_lower_loss(name, weighted):
    """Beside a minimiser that knows nothing but the loss."""
    rng = np.random.RandomState(0)
    rule, k, n = RULES[name], 3, 60
    y = rng.gamma(2.0, size=(n, 1 if name == "quantiles" else k))
    if "multiclass" in name:
        y = rng.choice(k, n, p=[0.1, 0.2, 0.7])
    elif name not in REGRESSION_LOSSES and name != "quantiles":
        y = (y > 2).astype(float)
    w = rng.uniform(0, 2, n) if weighted else None
    data = TrainingSet(np.zeros((n, 2)), y, w)
    network = Network((2, k), (None,), rule, 0.0)

    def loss_of(z):
        return np.average(rule.value(np.tile(z, (n, 1)), y, np), weights=w)

    found = min(
        minimize(loss_of, start, method="Nelder-Mead", tol=1e-10).fun
        for start in (np.zeros(k), rng.randn(k))
    )
    # The minimiser gets less close to the kinks of quantiles.
    precision = 0.01 if name == "quantiles" else 1e-5
    assert baseline.constant_loss(network, data) == pytest.approx(found, rel=precision)
    assert baseline.constant_loss(network, data) <= found + 1e-9


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_that_all_rows_have(dtype):
    """Their weighted mean may be rounded to a number above 1."""
    rng = np.random.RandomState(0)
    for _ in range(50):
        w = rng.uniform(0, 2, 100)
        y = np.column_stack([np.ones(100), np.arange(100) < 50]).astype(dtype)
        p = np.average(y[:, 1], weights=w)
        network = Network((2, 2), (None,), RULES["multilabel"], 0.0)
        data = TrainingSet(np.zeros((100, 2), dtype), y, w)
        entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
        found = baseline.constant_loss(network, data)
        assert found == pytest.approx(entropy, rel=1e-5)


def test_the_loss_of_the_constant_is_the_entropy_of_the_classes():
    y = np.repeat([0, 1, 2], [10, 30, 60])
    expected = log_loss(y, np.tile([0.1, 0.3, 0.6], (100, 1)))
    network = Network((2, 3), (None,), RULES["multiclass"], 0.0)
    data = TrainingSet(np.zeros((100, 2)), y)
    assert baseline.constant_loss(network, data) == pytest.approx(expected)


# --------------------------------------------------------------------- when it warns


@pytest.mark.parametrize("solver", ["gd", "sgd", "momentum", "nesterov"])
def test_features_of_other_scales_are_named(solver):
    model = MLPClassifierX(solver=solver, random_state=0)
    message = complaint(model, WINE.data, LABELS)
    assert NOTHING in message
    assert "differ, from 'nonflavanoid_phenols' (about 0.4) to 'proline'" in message
    assert "StandardScaler" in message


@pytest.mark.parametrize("factor", [1e-5, 1e6])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_features_far_from_one_are_named(factor, form):
    model = MLPRegressorX((20,), random_state=0, max_iter=12, alpha=1e5)
    rows = factor * np.column_stack([0.1 * X, 0 * Y])
    rows[:, 3] *= 10
    message = complaint(model, form(rows), Y)
    assert NOTHING in message
    assert "The scales of the features are far from 1: feature 3 (about" in message


@pytest.mark.parametrize(("factor", "named"), [(900, False), (1100, True)])
def test_features_are_named_from_a_thousand_on(factor, named):
    rows = np.sign(X[:, :2]) * [1, factor]
    model = MLPRegressorX((), learning_rate_init=1e-9, random_state=0)
    message = complaint(model, rows, Y)
    assert ("The scales of the features differ" in message) == named
    assert ("StandardScaler" in message) == named


@pytest.mark.parametrize(("mean", "named"), [(90, False), (110, True)])
def test_targets_are_named_from_a_hundred_on(mean, named):
    model = MLPRegressorX((), learning_rate_init=1e-9, normalize_y=False)
    message = complaint(model.set_params(random_state=0), X, scale(Y) + mean)
    assert ("The values of y are far from 1" in message) == named


def test_sparse_rows_with_entries_twice_are_left_as_they_are():
    """Most methods of SciPy's containers would add them up in place."""
    rows = sparse.csr_array(([1.0, 2.0, 3.0] * 20, ([0, 0, 2] * 20), range(0, 61, 3)))
    assert not rows.has_canonical_format
    before = pickle.dumps(rows)
    model = MLPRegressorX((5,), learning_rate_init=1e-9, max_iter=2, random_state=0)
    assert NOTHING in complaint(model, rows, np.arange(20.0))
    assert pickle.dumps(rows) == before


def test_features_that_are_all_zero():
    message = complaint(MLPClassifierX(random_state=0), 0 * ROWS, LABELS == 0)
    assert NOTHING in message
    assert "All features are zero." in message


@pytest.mark.parametrize(
    ("scale", "shift", "says"),
    [
        (1, 1e4, "The values of y are far from 1: the size of their mean is 1e+04"),
        (1e-3, 0, "their deviation 0.001. Set normalize_y=True."),
        (1e-5, 0, "their deviation 1e-05. Set normalize_y=True."),
        (1e-3, 5, "the size of their mean is 5, their deviation 0.001"),
        ([1, 1e-6], 0, "column 1 of y are far from 1"),
    ],
)
def test_targets_in_a_unit_that_does_not_suit(scale, shift, says):
    y = np.multiply.outer((Y - Y.mean()) / Y.std(), scale) + shift
    model = MLPRegressorX((8,), random_state=0, max_iter=20, normalize_y=False)
    rate = 1e-9 if np.ndim(scale) else "auto"
    message = complaint(model.set_params(learning_rate_init=rate), X, y)
    assert NOTHING in message
    assert says in message
    assert "Raise" not in message.partition("Likely reason")[2]
    assert not [
        m for m in warnings_of(model.set_params(normalize_y=True), X, y) if says in m
    ]


def test_counts_in_a_unit_that_does_not_suit():
    """Their deviation is not of interest."""
    counts = np.random.RandomState(0).poisson(0.003, len(X))
    counts[0] = 1
    settings = {"loss": "poisson", "normalize_y": False, "random_state": 0}
    model = MLPRegressorX((8,), max_iter=1, learning_rate_init=1e-9, **settings)
    assert "the size of their mean is 0.00" in complaint(model, X, counts)
    assert "far from 1" not in complaint(model, X, counts + 1)


def test_dead_units():
    """Features that are all positive let a long update kill every ReLU."""
    model = MLPClassifierX((5,), solver="gd", random_state=0)
    message = complaint(model, 1e3 * np.abs(ROWS), LABELS)
    assert "All units of hidden layer 0 are dead" in message


def test_saturated_units():
    model = MLPClassifierX((5,), "tanh", solver="gd", random_state=0, max_iter=20)
    rows = np.sign(ROWS) * 1e8 + ROWS
    message = complaint(model, np.abs(rows), LABELS)
    assert "All units of hidden layer 0 are saturated" in message


@pytest.mark.parametrize("solver", ["gd", "sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("rows", [ROWS, scale(IRIS.data)], ids=["wine", "iris"])
def test_a_flat_start(rows, solver):
    """By chance, the untrained network of some seeds is better than a constant."""
    labels, messages = LABELS if rows is ROWS else IRIS.target, []
    for seed in range(6):
        model = MLPClassifierX(solver=solver, learning_rate_init=1e-7)
        messages.append(complaint(model.set_params(random_state=seed), rows, labels))
        assert model.stop_reason_ == "converged"
        assert (
            f"The learning rate 1e-07 is too low for solver='{solver}'" in messages[-1]
        )
    others = ["best constant" in message for message in messages]
    for message, other in zip(messages, others, strict=True):
        assert other or "no better than the untrained network did" in message
    assert rows is ROWS or set(others) == {True, False}


@pytest.mark.parametrize("solver", ["adam", "nadam"])
def test_adam_is_no_advice_to_those_who_have_it(solver):
    model = MLPClassifierX(solver=solver, learning_rate_init=1e-9, random_state=0)
    message = complaint(model, ROWS, LABELS)
    assert message.endswith("Raise learning_rate_init or lower tol.")


def test_what_converged_at_once_has_not_always_stood_still():
    """In many rows, the first epoch may be enough."""
    rng = np.random.RandomState(0)
    rows = rng.randn(60_000, 3)
    y = rows @ [1.0, -2.0, 0.5] + 0.01 * rng.randn(60_000)
    model = MLPRegressorX((), solver="sgd", random_state=0, batch_size=20)
    model.fit(rows, y)
    assert model.stop_reason_ == "converged"
    assert model.n_iter_ <= 12
    # A warm start from a good model stands still with good reason.
    model.set_params(warm_start=True).fit(rows, y)


def test_a_small_part_that_is_learnt_at_once_is_no_flat_start():
    rng = np.random.RandomState(0)
    rows = rng.randn(60_000, 3)
    y = rows @ [1.0, -2.0, 0.5] + 7 * rng.randn(60_000)
    model = MLPRegressorX((), solver="sgd", random_state=0, batch_size=20, tol=0.01)
    model.fit(rows, y)
    assert model.stop_reason_ == "converged"
    assert model.n_iter_ <= 11
    assert 0.05 < model.score(rows, y) < 0.2


def test_lbfgs_that_ends_where_it_begins_has_converged():
    """Its gradient is below tol."""
    n_silent = 0
    for seed in range(6):
        model = MLPClassifierX(solver="lbfgs", tol=1e3, random_state=seed)
        messages = warnings_of(model, scale(IRIS.data), IRIS.target)
        assert model.stop_reason_ == "converged"
        assert not any("untrained" in message for message in messages)
        n_silent += not messages
    assert n_silent


def test_a_strong_penalty_leaves_units_without_use():
    """L-BFGS has no learning rate to lower."""
    noise = np.random.RandomState(0).randn(len(X))
    model = MLPRegressorX((10,), solver="lbfgs", alpha=1e5, random_state=0)
    message = complaint(model, X, noise)
    assert "All units of hidden layer 0 are" in message
    assert "Standardise the features, or lower alpha." in message
    assert "learning_rate" not in message


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize(("factor", "shift"), [(1e-6, 0), (1, 1e6), (0, 1e6)])
def test_targets_far_from_one(factor, shift, loss):
    """No bound on the best constant, and none on how small its loss may be."""
    settings = {"normalize_y": False, "random_state": 0, "max_iter": 30}
    y = factor * scale(Y) + shift
    message = complaint(MLPRegressorX((20,), loss=loss, **settings), X, y)
    assert NOTHING in message
    assert "The values of y are far from 1: the size of their mean is" in message
    assert f"{y.std():.3g}. Set normalize_y=True." in message


def test_a_rate_that_is_too_high():
    model = MLPClassifierX((5,), solver="sgd", learning_rate_init=30, random_state=0)
    message = complaint(model, ROWS, LABELS)
    assert "The learning rate 30 is too high: the loss has risen to" in message


@pytest.mark.parametrize("rate", [1e3, 1e10, 1e30])
@pytest.mark.parametrize("solver", ["adam", "rmsprop"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_rate_so_high_that_the_first_epoch_is_the_worst(solver, rate, early_stopping):
    """The loss falls in training, from far above that of the untrained network."""
    model = MLPRegressorX(
        (20,), solver=solver, learning_rate_init=rate, random_state=0, max_iter=20,
        early_stopping=early_stopping,
    )  # fmt: skip
    message = complaint(model, X, scale(Y))
    assert f"The learning rate {rate:g} is too high: the loss has risen to" in message
    assert "Lower learning_rate_init" in message
    assert "Raise" not in message
    assert "Increase" not in message


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_features_that_are_constant(solver):
    model = MLPClassifierX((10,), solver=solver, random_state=0)
    message = complaint(model, np.ones((len(LABELS), 2)), LABELS)
    assert message.endswith("Likely reason: All features are constant.")


def test_too_few_epochs():
    settings = {"learning_rate_init": 1e-5, "random_state": 0, "tol": 0}
    message = complaint(MLPClassifierX(max_iter=12, **settings), ROWS, LABELS)
    assert message.startswith("Maximum number of epochs (max_iter=12) reached")
    assert NOTHING in message
    assert "There were too few epochs, 12. Raise max_iter or learning_rate_init." in (
        message
    )
    planned = MLPClassifierX(max_iter=12, lr_schedule="cosine", **settings)
    assert complaint(planned, ROWS, LABELS).startswith("The network predicts")


@has_callbacks
def test_a_callback_that_ends_training_too_early():
    model = MLPClassifierX(learning_rate_init=1e-6, random_state=0)
    message = complaint(model.set_callbacks(TimeBudget(1e-9)), ROWS, LABELS)
    assert model.stop_reason_ == "callback"
    assert "A callback ended training after 1 epoch, perhaps too early." in message


def test_early_stopping_at_a_flat_start():
    settings = {"solver": "sgd", "learning_rate_init": 1e-7, "early_stopping": True}
    message = complaint(MLPClassifierX(random_state=0, **settings), ROWS, LABELS)
    assert NOTHING in message


# ----------------------------------------------------------------- when it does not


@pytest.mark.parametrize("solver", [*OPTIMIZERS, "lbfgs"])
@pytest.mark.filterwarnings("ignore:Maximum number of")
def test_who_learns_is_not_asked_again(solver, monkeypatch):
    """The training losses answer: no pass over the rows."""
    monkeypatch.setattr(baseline, "mean_loss", None)
    settings = {"batch_size": 30, "random_state": 0, "tol": 0}
    if solver == "adadelta":
        settings["learning_rate_init"] = 1.0
    MLPClassifierX((20,), solver=solver, **settings).fit(ROWS, LABELS)


def test_a_doubtful_case_takes_one_pass(monkeypatch):
    calls = []

    def counted(*args):
        calls.append(args)
        return original(*args)

    original = baseline.mean_loss
    monkeypatch.setattr(baseline, "mean_loss", counted)
    noise = np.random.RandomState(0).randn(len(X))
    model = MLPRegressorX((), solver="lbfgs", random_state=0).fit(X, noise)
    assert 0.002 < model.score(X, noise) < 0.1
    assert len(calls) == 1


def test_of_many_rows_a_sample_decides(monkeypatch):
    """At equal distances, so that sorted rows are represented."""
    rng = np.random.RandomState(0)
    rows, y = rng.randn(23_000, 3), np.sort(rng.randn(23_000))
    seen = []

    def noted(network, theta, data):
        seen.append((len(data), data.select(data.Y).mean()))
        return original(network, theta, data)

    original = baseline.mean_loss
    monkeypatch.setattr(baseline, "mean_loss", noted)
    settings = {"solver": "sgd", "random_state": 0, "max_iter": 1}
    far = MLPRegressorX((5,), learning_rate_init=1e-9, **settings)
    assert NOTHING in complaint(far, rows, y)
    n, mean = seen[0]
    assert 1500 < n <= 2000
    assert abs(mean) < 0.01
    seen.clear()
    near = MLPRegressorX((), alpha=1e9, lr_schedule="linear", **settings)
    warnings_of(near.set_params(learning_rate_init=1e-5, max_iter=20), rows, y)
    assert [n for n, _ in seen][1] == 23_000
    weights = np.zeros(len(y))
    weights[1] = 1  # not in the sample
    warnings_of(MLPRegressorX((5,), max_iter=1), rows, y, sample_weight=weights)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_constant_target_leaves_nothing_to_learn(value):
    MLPRegressorX(random_state=0).fit(X, np.full(len(X), value))


def test_the_network_that_is_kept_is_judged():
    """Not the one of the training on all rows, if that ends early."""

    class Late:
        """A rate that explodes in the training on all rows."""

        calls = 0

        def __call__(self, clock):
            Late.calls += clock.epoch == 0
            return 0.5 if Late.calls < 2 else 1e200

    y = X[:, 2] + 3 * np.random.RandomState(0).randn(len(X))
    settings = {"early_stopping": True, "refit_all": True, "max_iter": 40}
    settings |= {"n_iter_no_change": 40, "solver": "sgd", "batch_size": 500}
    model = MLPRegressorX((), lr_schedule=Late(), random_state=0, **settings)
    assert "all rows ended early (diverged)" in complaint(model, X, y)
    assert 0.01 < model.score(X, y) < 0.1


def test_partial_fit_does_not_judge():
    model = MLPRegressorX(learning_rate_init=1e-9, random_state=0)
    assert model.partial_fit(X, Y).score(X, Y) < 0


# ------------------------------------------------------- reaching max_iter as planned


PLANNED = ["cosine", "linear", "polynomial", "one_cycle", "coslog"]


class Falling(Schedule):
    """A schedule of the user's."""

    def __call__(self, clock):
        return 1 - 0.9 * clock.share()


class Planned(Falling):
    def ends_as_planned(self, epochs):
        return True


class SubclassOfPlanned(Planned):
    def __call__(self, clock):
        return super().__call__(clock) ** 2


def test_the_schedules_that_follow_a_plan():
    assert sorted(PLANNED) == sorted(
        n for n in SCHEDULES if SCHEDULES[n]().ends_as_planned(1)
    )


@pytest.mark.parametrize(
    "parameters",
    [
        *({"lr_schedule": name} for name in PLANNED),
        {"lr_schedule": Warmup("cosine", epochs=2)},
        {"lr_schedule": Cosine(epochs=25)},
        {"lr_schedule": Planned()},
        {"lr_schedule": SubclassOfPlanned()},
        {"lr_schedule": Warmup(Planned(), epochs=2)},
        {"n_iter_no_change": np.inf},
        {"n_iter_no_change": 25},
    ],
    ids=str,
)
def test_a_planned_end_is_no_failure(parameters):
    model = MLPClassifierX(random_state=0, max_iter=25, tol=0, **parameters)
    assert warnings_of(model, ROWS, LABELS) == []
    assert model.stop_reason_ == "max_iter"


@pytest.mark.parametrize(
    "parameters",
    [{}, {"lr_schedule": "step"}, {"lr_schedule": Warmup("constant", epochs=2)},
     {"lr_schedule": Falling()}, {"lr_schedule": Warmup(Falling(), epochs=2)},
     {"lr_schedule": Cosine(epochs=26)},
     {"lr_schedule": Warmup(Cosine(epochs=500), epochs=2)},
     {"solver": "lbfgs", "max_iter": 3}],
    ids=str,
)  # fmt: skip
def test_an_end_before_the_plan_is_one(parameters):
    settings = {"max_iter": 25, "tol": 0, "random_state": 0}
    message = complaint(MLPClassifierX(**settings | parameters), ROWS, LABELS)
    assert message.startswith("Maximum number of")


def test_a_plan_may_end_in_a_later_call():
    model = MLPClassifierX(
        lr_schedule=Cosine(epochs=50), max_iter=25, tol=0, warm_start=True
    )
    message = complaint(model, ROWS, LABELS)
    assert message.startswith("Maximum number of")
    assert warnings_of(model, ROWS, LABELS) == []


# ------------------------------------------------- what a divergence leaves behind


def fit_or_refuse(model, rows, y, **own):
    """Fit, and return whether there is a model; else the error was the divergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(rows, y, **own)
        except ValueError as error:
            if not re.search("diverged in epoch .* better than the unt", str(error)):
                raise
            return False
    return True


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson", "gamma"])
@pytest.mark.parametrize("solver", ["gd", "sgd", "momentum", "nesterov", "adam"])
@pytest.mark.each_pair
def test_it_is_never_worse_than_the_untrained_network(solver, loss, early_stopping):
    """Or there is none, and the error that a search counts as a failed fit."""
    settings = {"loss": loss, "solver": solver, "early_stopping": early_stopping}
    settings |= {"normalize_y": False, "random_state": 0, "max_iter": 60, "alpha": 0}
    refused, top = 0, 1e300 if solver == "adam" else 1e6
    for y in (Y / 100, Y, 1e4 * Y):
        own = {"X_val": X[:50], "y_val": y[:50]} if early_stopping else {}
        untrained = MLPRegressorX((8,), **settings, learning_rate_init=1e-300)
        assert fit_or_refuse(untrained.set_params(max_iter=1), X, y, **own)
        data = TrainingSet(X, y[:, np.newaxis])
        before = baseline.mean_loss(untrained._network, untrained._run.theta, data)
        for rate in np.geomspace(1e-3, top, 12):
            model = MLPRegressorX((8,), **settings, learning_rate_init=rate)
            if not fit_or_refuse(model, X, y, **own):
                refused += 1
            elif model.stop_reason_ == "diverged":
                after = baseline.mean_loss(model._network, model._run.theta, data)
                assert after < before
    assert refused > 0 or loss == "huber"


def test_a_search_counts_it_as_failed():
    model = MLPRegressorX((8,), solver="sgd", normalize_y=False, random_state=0)
    grid = {"learning_rate_init": [1e-9, 10.0]}
    search = GridSearchCV(model.set_params(max_iter=5), grid, cv=3, refit=False)
    messages = warnings_of(search, X, 1e3 * Y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist() == [False, True]
    assert any("fits failed" in m and "diverged in epoch" in m for m in messages)


@pytest.mark.filterwarnings(
    "ignore:Training diverged:sklearn.exceptions.ConvergenceWarning"
)
def test_a_warm_start_keeps_what_it_came_from():
    model = MLPRegressorX((8,), solver="sgd", random_state=0, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        before = model.fit(X, Y).score(X, Y)
    model.set_params(learning_rate_init=1e3).fit(X, Y)
    assert model.stop_reason_ == "diverged"
    assert model.score(X, Y) == pytest.approx(before)


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_warm_start_that_diverges_at_once(call):
    """There is not a single loss to look at."""
    settings = {"solver": "gd", "warm_start": True, "random_state": 0, "max_iter": 3}
    model = MLPRegressorX((3,), learning_rate_init=1e-9, **settings)
    warnings_of(model, X, Y)
    before = model.predict(X)
    model.set_params(learning_rate_init=1e300, n_iter_no_change=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(model, call)(X, Y)
    (warning,) = caught
    assert str(warning.message).startswith("Training diverged in epoch 4")
    assert "Training diverged before it could learn." in str(warning.message)
    assert model.stop_reason_ == "diverged"
    np.testing.assert_array_equal(model.predict(X), before)
