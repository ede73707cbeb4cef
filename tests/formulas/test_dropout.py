"""Dropout: its random numbers, its gradients, and what it does to a training."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    DIABETES,
    DIGITS,
    ESTIMATORS,
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_same_state,
    batched,
    rate_for,
    target,
)
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from skoptnet import SGD, MLPClassifierX, MLPRegressorX, Schedule
from skoptnet.activations import ACTIVATIONS
from skoptnet.dropout import Dropout, numbers
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")

solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
SEED, FULL = 0xFEDCBA9876543210, 2**64 - 1
RECORD = json.loads(
    (Path(__file__).parents[1] / "reference" / "dropout.json").read_text()
)


# ------------------------------------------------------------ the random numbers


def test_numbers_are_the_published_ones():
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert numbers(1234567, range(1, 6)).tolist() == published
    assert numbers(1234567, range(3, 5)).tolist() == published[2:4]


def split_mix(key, index):
    """Number ``index`` of a stream, in Python's integers."""
    z = (key + index * 0x9E3779B97F4A7C15) & FULL
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & FULL
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & FULL
    return z ^ (z >> 31)


def stays(seed, update, layer, row, unit, k, p):
    """Whether a unit stays, one unit at a time."""
    key = split_mix(split_mix(seed, update + 1), layer + 1)
    word = split_mix(key, row * ((k + 3) // 4) + unit // 4 + 1)
    return (word >> (16 * (unit % 4))) % 65536 >= p * 65536


@pytest.mark.parametrize("k", [1, 3, 4, 5, 8, 17])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_are_those_of_the_definition(k, dtype):
    p = 0.25
    dropout = Dropout((p, p), SEED)
    for update, layer in ((0, 0), (0, 1), (7, 0), (10**9, 1)):
        mask = dropout.mask(update, layer, range(3, 9), k, dtype)
        expected = [
            [stays(SEED, update, layer, r, j, k, p) / (1 - p) for j in range(k)]
            for r in range(3, 9)
        ]
        assert mask.dtype == dtype
        assert_array_equal(mask, np.array(expected, dtype))


def test_rows_are_the_same_in_whatever_pieces():
    dropout = Dropout((0.5,), SEED)
    whole = dropout.mask(3, 0, range(100), 13, np.float64)
    parts = [
        dropout.mask(3, 0, range(a, min(a + 7, 100)), 13, np.float64)
        for a in range(0, 100, 7)
    ]
    assert_array_equal(np.vstack(parts), whole)


def test_thresholds_stay_within_16_bits():
    rates = (0.0, 1e-12, 0.5, 0.2, 1 - 1e-12)
    dropout = Dropout(rates, SEED)
    found = [dropout.threshold(layer) for layer in range(len(rates))]
    assert found == [0, 1, 32768, 13107, 65535]


@pytest.mark.parametrize("p", [1e-3, 0.1, 0.5, 0.9])
def test_as_many_units_are_dropped_as_asked_for(p):
    dropout, n = Dropout((p, p), SEED), 0
    dropped, per_unit = 0, 0
    for update in range(20):
        for layer in (0, 1):
            out = dropout.mask(update, layer, range(200), 101, np.float64) == 0
            dropped, n = dropped + out.sum(), n + out.size
            per_unit = per_unit + out.sum(axis=0)
    share = dropout.threshold(0) / 2**16
    assert abs(dropped - n * share) < 5 * np.sqrt(n * share * (1 - share))
    m = n / 101
    assert (abs(per_unit - m * share) < 5 * np.sqrt(m * share * (1 - share)) + 1).all()


def test_masks_have_nothing_to_do_with_each_other():
    """Correlations of neighbours of every kind are those of chance, 5 sigma."""

    def mask(seed=SEED, update=0, layer=0):
        kept = Dropout((0.5, 0.5), seed).mask(update, layer, range(1000), 64, float)
        return kept - 1

    first = mask()
    pairs = {
        "layers": (first, mask(layer=1)),
        "updates": (first, mask(update=1)),
        "far updates": (first, mask(update=2**32)),
        "seeds": (first, mask(seed=SEED + 1)),
        "update of one, layer of the other": (mask(update=1), mask(layer=1)),
        "rows": (first[1:], first[:-1]),
        **{f"units {d} apart": (first[:, d:], first[:, :-d]) for d in range(1, 9)},
    }
    for name, (one, other) in pairs.items():
        assert abs((one * other).sum()) < 5 * np.sqrt(one.size), name


# -------------------------------------------------------------------- the gradient

KINDS_OF_LAYERS = [*sorted(ACTIVATIONS), ("gelu", "tanh"), ("relu", "mish")]


def network_of(activation, loss, n_outputs=3, hidden=(5, 4)):
    names = [activation] * 2 if isinstance(activation, str) else activation
    sigmas = tuple(ACTIVATIONS[name]() for name in names)
    return Network((4, *hidden, n_outputs), sigmas, LOSSES[loss](), l2=0.3)


def gradient(network, theta, rows, Y, masks, w=None):
    g = np.empty_like(theta)
    return network.loss_and_gradient(theta, rows, Y, w, g, masks=masks), g


@pytest.mark.parametrize("rates", [(0.5, 0.3), (0.0, 0.5), (0.4, 0.0)])
@pytest.mark.parametrize("loss", ["squared_error", "multiclass"])
@pytest.mark.parametrize("activation", KINDS_OF_LAYERS)
@pytest.mark.each_pair
def test_gradient_is_the_derivative_with_the_masks_held(activation, loss, rates):
    network, rows = network_of(activation, loss), X[:12]
    Y = np.arange(12) % 3 if loss == "multiclass" else X[12:24, :3]
    theta = network.draw(np.random.RandomState(0), float) * 2
    w = np.random.RandomState(2).uniform(0, 2, 12)
    masks = Dropout(rates, SEED).masks(4, range(12), (5, 4), float)
    assert [mask is None for mask in masks] == [p == 0 for p in rates]
    _, g = gradient(network, theta, rows, Y, masks, w)
    numerical = [
        (
            gradient(network, theta + e, rows, Y, masks, w)[0]
            - gradient(network, theta - e, rows, Y, masks, w)[0]
        )
        / 2e-6
        for e in 1e-6 * np.eye(len(theta))
    ]
    assert_allclose(g, numerical, atol=1e-6 * np.linalg.norm(numerical))
    assert not np.allclose(g, gradient(network, theta, rows, Y, None, w)[1])


@pytest.mark.parametrize("run", RECORD["runs"], ids=lambda run: run["activation"])
def test_gradient_is_torchs(run):
    """With the same masks; ``reference/make_dropout.py`` recorded it."""
    network = network_of([run["activation"]] * 2, "multiclass")
    rows, Y, theta = (np.array(RECORD[name]) for name in ("X", "y", "theta"))
    masks = [np.array(mask) for mask in RECORD["masks"]]
    loss, g = gradient(network, theta, rows, Y, masks)
    penalty = 0.15 * sum((W**2).sum() for W, _ in network.layers(theta))
    assert loss - penalty == pytest.approx(run["loss"], rel=1e-12)
    for (W, _), (dW, _) in zip(network.layers(theta), network.layers(g), strict=True):
        dW -= 0.3 * W
    assert_allclose(g, run["gradient"], rtol=1e-9, atol=1e-13)


def test_the_mean_over_masks_is_what_theory_says():
    """A linear network: the mean output is that without dropout, and the mean loss
    has a penalty more, p / (1 - p) / 2 sum_j a_j^2 ||W_j||^2 of each row
    (Srivastava et al., 2014, section 9.1, for one layer)."""
    p, k = 0.3, 6
    network = Network(
        (4, k, 2), (ACTIVATIONS["identity"](),), LOSSES["squared_error"]()
    )
    theta = network.draw(np.random.RandomState(0), float)
    rows, Y = X[:5], X[5:10, :2]
    (W1, b1), (W2, b2) = network.layers(theta)
    a = rows @ W1 + b1
    errors = a @ W2 + b2 - Y
    extra = p / (1 - p) * (a**2 @ (W2**2).sum(axis=1))
    expected = 0.5 * ((errors**2).sum(axis=1) + extra).mean()
    dropout, z, losses = Dropout((p,), SEED), [], []
    for update in range(4000):
        masks = dropout.masks(update, range(5), (k,), float)
        losses.append(gradient(network, theta, rows, Y, masks)[0])
        z.append(network.forward(theta, rows, masks=masks))
    for values, mean in ((losses, expected), (z, network.forward(theta, rows))):
        sigma = np.std(values, axis=0) / np.sqrt(len(values))
        assert (abs(np.mean(values, axis=0) - mean) < 5 * sigma).all()
    without = gradient(network, theta, rows, Y, None)[0]
    assert abs(np.mean(losses) - without) > 20 * np.std(losses) / np.sqrt(4000)


# -------------------------------------------------------------------- the training


def dropped(Estimator, **parameters):
    settings = {"dropout": [0.5, 0.2], "hidden_layer_sizes": (9, 6), "tol": 0}
    return batched(Estimator).set_params(**settings | parameters)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_update_is_that_of_the_formulas(dtype):
    """A whole update of the estimator, beside one written out here, unit by unit."""
    model = MLPRegressorX(
        (6,), "tanh", solver="sgd", dropout=0.25, alpha=0, batch_size=7, shuffle=False,
        random_state=3, max_iter=1, normalize_y=False,
    )  # fmt: skip
    rows, y = X[:14].astype(dtype), NUMBERS[:14].astype(dtype)
    # A vanishing rate leaves the first weights in place: two updates from there.
    still = clone(model).set_params(learning_rate_init=1e-300).fit(rows, y)
    (W1, W2), (b1, b2) = still.coefs_, still.intercepts_
    losses, gradients = [], []
    for update in (0, 1):
        part = slice(7 * update, 7 * update + 7)
        mask = np.array(
            [
                [
                    stays(still._run.dropout_seed, update, 0, i, j, 6, 0.25) / 0.75
                    for j in range(6)
                ]
                for i in range(7)
            ]
        )
        a = np.tanh(rows[part] @ W1 + b1)
        error = (a * mask) @ W2 + b2 - y[part, None]
        losses.append(0.5 * (error**2).mean())
        back = (error @ W2.T) * mask * (1 - a**2)
        gradients.append(rows[part].T @ back / 7)
    room = {np.float32: 1e-4, np.float64: 1e-10}[dtype]
    assert still.loss_ == pytest.approx(np.mean(losses), rel=room)
    moved = model.set_params(learning_rate_init=0.5, batch_size=14)
    moved.fit(rows[:7], y[:7])
    assert moved._run.dropout_seed == still._run.dropout_seed
    assert_allclose(moved.coefs_[0], W1 - 0.5 * gradients[0], rtol=0, atol=room)
    assert moved.coefs_[0].dtype == dtype


@estimators
@solvers
@pytest.mark.each_value
def test_every_solver_learns_and_can_be_repeated(Estimator, solver):
    y = target(Estimator)
    model = dropped(Estimator, solver=solver, max_iter=60)
    model.set_params(
        learning_rate_init=0.1 if solver == "gd" else rate_for(solver, 0.01)
    )
    once, again = clone(model).fit(X, y), clone(model).fit(X, y)
    assert_same_state(once, again)
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert once.loss_curve_ != other.loss_curve_
    assert np.mean(once.loss_curve_[-5:]) < 0.9 * once.loss_curve_[0]
    assert_array_equal(once.predict(X), once.predict(X))


@estimators
@pytest.mark.parametrize("none", [0, 0.0, [0, 0.0], (0.0, 0)])
def test_without_dropout_nothing_changes(Estimator, none):
    y = target(Estimator)
    plain = batched(Estimator).set_params(hidden_layer_sizes=(9, 6)).fit(X, y)
    model = dropped(Estimator, dropout=none, tol=1e-4).fit(X, y)
    assert_same_state(plain, model)
    assert model._run.dropout_seed is None


@estimators
def test_the_other_random_numbers_stay_what_they_were(Estimator):
    """First weights, split and order of the rows."""
    y = target(Estimator)
    options = {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 4}
    plain = dropped(Estimator, dropout=0, **options).fit(X, y)
    model = dropped(Estimator, **options).fit(X, y)
    for mine, theirs in zip(
        model._run.rng.get_state(), plain._run.rng.get_state(), strict=True
    ):
        assert_array_equal(mine, theirs)
    assert_array_equal(model._run.shuffles.origin[1], plain._run.shuffles.origin[1])


@pytest.mark.parametrize("solver", ["gd", "adam"])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_pieces_of_a_minibatch_do_not_matter(solver, container, monkeypatch):
    model = dropped(MLPClassifierX, solver=solver, class_weight="balanced")
    w = np.random.RandomState(0).uniform(0, 2, len(X))
    whole = clone(model).fit(X, LABELS, w)
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 7 * 9)
    pieces = clone(model).fit(container(X), LABELS, w)
    assert pieces._network.block_rows(container(X)) < 20
    assert_allclose(pieces._run.theta, whole._run.theta, rtol=1e-7, atol=1e-12)
    assert_allclose(pieces.loss_curve_, whole.loss_curve_, rtol=1e-10)


def test_figures_of_validation_are_those_of_all_units():
    """And so is what early stopping goes by."""
    model = dropped(MLPClassifierX, early_stopping=True, scoring=None, max_iter=8)
    model.fit(X[::2], LABELS[::2], X_val=X[1::2], y_val=LABELS[1::2])
    assert model.score(X[1::2], LABELS[1::2]) == model.best_validation_score_
    assert model.history_["validation_loss"][model.best_epoch_ - 1] == pytest.approx(
        log_loss(LABELS[1::2], model.predict_proba(X[1::2]))
    )


class Leap(Schedule):
    """Far too high a rate, from the fourth epoch on."""

    def __call__(self, clock):
        return 1.0 if clock.epoch < 3 else 1e300


def test_what_is_kept_after_a_divergence_is_chosen_by_all_units(monkeypatch):
    masked = []
    monkeypatch.setenv("SKOPTNET_KERNELS", "0")
    original = Network.loss_and_gradient

    def seen(self, theta, X, Y, w, out, work=None, masks=None):
        masked.append(masks is not None)
        return original(self, theta, X, Y, w, out, work, masks)

    monkeypatch.setattr(Network, "loss_and_gradient", seen)
    model = dropped(MLPRegressorX, solver="sgd", lr_schedule=Leap())
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 4"):
        model.fit(X, NUMBERS)
    n_updates = 4  # per epoch: 150 rows in minibatches of 40
    trained = 3 * n_updates + masked[3 * n_updates :].index(False)
    assert all(masked[:trained])
    assert not any(masked[trained:])
    assert (len(masked) - trained) % n_updates == 0


@estimators
def test_without_hidden_layers_there_is_nothing_to_drop(Estimator):
    y = target(Estimator)
    plain = dropped(Estimator, hidden_layer_sizes=(), dropout=0).fit(X, y)
    for dropout in (0.5, []):
        model = dropped(Estimator, hidden_layer_sizes=(), dropout=dropout)
        assert_same_state(model.fit(X, y), plain)


def gaps(model, rows, y, n_rows, loss):
    """Return the loss on rows that were not trained on, and the gap to the others."""
    order = np.random.RandomState(0).permutation(len(y))
    train, test = order[:n_rows], order[n_rows:]
    figures = []
    for seed in range(4):
        fitted = clone(model).set_params(random_state=seed).fit(rows[train], y[train])
        figures.append([loss(fitted, rows[part], y[part]) for part in (train, test)])
    trained, held_out = np.mean(figures, axis=0)
    return held_out, held_out - trained


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.once
def test_it_narrows_the_gap_between_training_and_test(Estimator):
    """Few rows and a wide network: that is what dropout is for."""
    settings = {"alpha": 0, "max_iter": 150, "n_iter_no_change": np.inf}
    settings |= {"batch_size": 50, "learning_rate_init": 3e-3}
    plain = Estimator((300,), **settings)
    if Estimator is MLPClassifierX:
        problem = DIGITS.data / 16, DIGITS.target, 150
        problem += (lambda model, X, y: log_loss(y, model.predict_proba(X)),)
        room = 0.95
    else:
        problem = scale(DIABETES.data), scale(DIABETES.target), 200
        problem += (lambda model, X, y: np.mean((y - model.predict(X)) ** 2),)
        room = 0.8
    without = gaps(plain, *problem)
    with_dropout = gaps(clone(plain).set_params(dropout=0.5), *problem)
    assert with_dropout[0] < 0.95 * without[0]
    assert with_dropout[1] < room * without[1]


# ------------------------------------------------------------------------ going on


@estimators
def test_switched_on_between_calls(Estimator):
    """The seed is drawn then, and the order of the rows goes on undisturbed."""
    y = target(Estimator)

    def going_on(*epochs):
        model = dropped(Estimator, dropout=0, warm_start=True, max_iter=2).fit(X, y)
        assert model._run.dropout_seed is None
        model.set_params(dropout=[0.5, 0.2], n_iter_no_change=np.inf)
        for k in epochs:
            model = pickle.loads(pickle.dumps(model.set_params(max_iter=k).fit(X, y)))
        return model

    whole, parts = going_on(6), going_on(1, 3, 2)
    assert whole._run.dropout_seed is not None
    assert_same_state(whole, parts)
    off = going_on(6).set_params(dropout=0, max_iter=1).fit(X, y)
    seed = off._run.dropout_seed
    assert off.set_params(dropout=0.1).fit(X, y)._run.dropout_seed == seed


def test_switched_on_between_partial_fits():
    model = dropped(MLPRegressorX, dropout=0)
    twin = clone(model)
    for part in (model, twin):
        part.partial_fit(X, NUMBERS)
    model.set_params(dropout=0.5).partial_fit(X, NUMBERS)
    twin = pickle.loads(pickle.dumps(twin)).set_params(dropout=0.5)
    assert_same_state(twin.partial_fit(X, NUMBERS), model)
    assert model.loss_curve_[1] != clone(model).fit(X, NUMBERS).loss_curve_[1]


class Interrupted(SGD):
    """Presses Ctrl-C in an update, if there is one to do so in."""

    at = None

    def step(self, theta, g, state, rate, xp):
        super().step(theta, g, state, rate, xp)
        if state.t == Interrupted.at:
            raise KeyboardInterrupt


def test_an_interrupted_epoch_is_done_again_with_the_same_masks(monkeypatch):
    options = {"solver": Interrupted(), "warm_start": True, "n_iter_no_change": np.inf}
    whole = dropped(MLPClassifierX, **options, max_iter=6).fit(X, LABELS)
    monkeypatch.setattr(Interrupted, "at", 11)  # of the third epoch
    model = dropped(MLPClassifierX, **options, max_iter=6)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, LABELS)
    monkeypatch.setattr(Interrupted, "at", None)
    assert model._run.epoch == 2
    assert_same_state(model.set_params(max_iter=4).fit(X, LABELS), whole)


@estimators
def test_a_refit_is_a_training_of_its_own(Estimator):
    y = target(Estimator)
    model = dropped(Estimator, early_stopping=True, refit_all=True, max_iter=9)
    model.fit(X, y)
    expected = dropped(
        Estimator, max_iter=model.best_epoch_, n_iter_no_change=np.inf
    ).fit(X, y)
    assert_array_equal(model._run.theta, expected._run.theta)
    assert model._run.dropout_seed is not None


# ----------------------------------------------------------------- what is refused


@estimators
@pytest.mark.parametrize("dropout", [[0.5], (0.5, 0.5, 0.5), []])
def test_one_number_per_hidden_layer(Estimator, dropout):
    message = assert_fit_refused(
        f"The 'dropout' parameter of {Estimator.__name__} must be",
        dropped(Estimator, dropout=dropout),
        X,
        target(Estimator),
    )
    assert "hidden_layer_sizes=(9, 6) has 2" in message
    assert f"Got {dropout!r} instead." in message


@pytest.mark.parametrize("item", [1, -0.1, np.nan, "0.5", None, [0.5]])
def test_items_that_are_no_shares_are_refused(item):
    assert_fit_refused(
        "The 'dropout[1]' parameter of MLPRegressorX must be a float in the range"
        " [0.0, 1.0).",
        dropped(MLPRegressorX, dropout=[0.5, item]),
        X,
        NUMBERS,
    )


@estimators
@pytest.mark.parametrize("dropout", [0.5, [0, 0.5]])
def test_lbfgs_refuses(Estimator, dropout):
    message = assert_fit_refused(
        "solver='lbfgs' cannot train with dropout",
        dropped(Estimator, solver="lbfgs", dropout=dropout),
        X,
        target(Estimator),
    )
    assert repr(dropout) in message
    dropped(Estimator, solver="lbfgs", dropout=[0, 0], tol=0.1, max_iter=500).fit(
        X, target(Estimator)
    )


@estimators
def test_the_twin_of_scikit_learn_predicts_equally(Estimator):
    model = dropped(Estimator).fit(X, target(Estimator))
    twin = model.to_sklearn()
    if Estimator is MLPClassifierX:
        assert_allclose(twin.predict_proba(X), model.predict_proba(X), rtol=1e-12)
    else:
        assert_allclose(twin.predict(X), model.predict(X), rtol=1e-12)
