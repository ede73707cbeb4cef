"""The activations: derivatives, reference values, extremes, draws, and in use.

``reference/activations.json`` holds values and derivatives recorded from torch.
"""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from problems import DIGITS, ESTIMATORS, NUMBERS, X, assert_fit_refused, small, target
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import ELU, Activation, LeakyReLU, MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.testing import check_activation

RECORD = json.loads(
    (Path(__file__).parents[1] / "reference" / "activations.json").read_text()
)
activations = pytest.mark.parametrize("name", sorted(ACTIVATIONS))
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


class Softsign(Activation):
    """A user's own, with a parameter, whose derivative is read off a."""

    def __init__(self, width=1.0):
        self.width = width

    def forward(self, z, xp):
        z /= self.width + xp.abs(z)

    def backward(self, a, delta, xp):
        delta *= (1 - xp.abs(a)) ** 2 / self.width


class Sine(Activation):
    """A user's own, whose derivative needs z."""

    needs_z = True

    def forward(self, z, xp):
        xp.sin(z, out=z)

    def backward(self, z, delta, xp):
        delta *= xp.cos(z)


def values(sigma, z):
    a = np.array(z)
    sigma.forward(a, np)
    return a


def slopes(sigma, z):
    delta = np.ones_like(z)
    read_off = np.array(z) if sigma.needs_z else values(sigma, z)
    sigma.backward(read_off, delta, np)
    return delta


# -------------------------------------------------------------------- the functions


@activations
def test_backward_is_the_derivative_of_forward(name):
    """By central differences of fourth order, at 2000 points."""
    sigma, h = ACTIVATIONS[name](), 1e-3
    z = np.random.RandomState(0).uniform(-12, 12, 2000)
    z = z[np.abs(z) > 3 * h]  # away from the kinks, which are all at zero
    near = values(sigma, z + h) - values(sigma, z - h)
    far = values(sigma, z + 2 * h) - values(sigma, z - 2 * h)
    numerical = (8 * near - far) / (12 * h)
    np.testing.assert_allclose(slopes(sigma, z), numerical, rtol=1e-9, atol=1e-11)


@activations
def test_backward_multiplies_what_comes(name):
    sigma, z = ACTIVATIONS[name](), np.linspace(-3, 3, 20).reshape(5, 4)
    came = np.random.RandomState(0).randn(5, 4)
    delta = came.copy()
    sigma.backward(z.copy() if sigma.needs_z else values(sigma, z), delta, np)
    np.testing.assert_allclose(delta, came * slopes(sigma, z), rtol=1e-15)


@dtypes
@pytest.mark.parametrize(
    "case",
    RECORD["cases"],
    ids=lambda case: f"{case['activation']}{case['parameters']}",
)
def test_values_and_derivatives_are_those_of_torch(case, dtype):
    sigma = ACTIVATIONS[case["activation"]](**case["parameters"])
    z = np.array(RECORD["z"]).astype(dtype)
    rtol, atol = (1e-13, 1e-14) if dtype == np.float64 else (1e-5, 1e-6)
    np.testing.assert_allclose(values(sigma, z), case["values"], rtol, atol)
    np.testing.assert_allclose(slopes(sigma, z), case["slopes"], rtol, atol)


def test_every_activation_is_recorded():
    assert {case["activation"] for case in RECORD["cases"]} == set(ACTIVATIONS)


@activations
@dtypes
def test_dtype_is_kept(name, dtype):
    z = np.linspace(-3, 3, 12, dtype=dtype).reshape(3, 4)
    sigma = ACTIVATIONS[name]()
    assert values(sigma, z).dtype == slopes(sigma, z).dtype == dtype


@activations
@dtypes
def test_extreme_values_are_as_exact_as_others(name, dtype):
    """Far out, each is a constant or a straight line through zero."""
    z, sigma = np.array([-1000, -200, 200, 1000], dtype=dtype), ACTIVATIONS[name]()
    a, slope = values(sigma, z), slopes(sigma, z)
    assert np.isfinite([a, slope]).all()
    assert slope[0] == pytest.approx(slope[1], rel=1e-6)
    assert slope[2] == pytest.approx(slope[3], rel=1e-6)
    for low, high in ((0, 1), (2, 3)):
        rise = slope[low] * (z[high] - z[low])
        assert a[high] - a[low] == pytest.approx(rise, rel=1e-6, abs=1e-6)
    with np.errstate(all="ignore"):
        end = np.array([-1, 1], dtype=dtype) * np.finfo(dtype).max / 2
        assert np.isfinite([values(sigma, end), slopes(sigma, end)]).all()


@activations
@dtypes
def test_nan_passes_through(name, dtype):
    with np.errstate(invalid="ignore"):
        a = values(ACTIVATIONS[name](), np.array([1, np.nan, -1], dtype=dtype))
    np.testing.assert_array_equal(np.isnan(a), [False, True, False])


@activations
def test_monotone_but_for_three_with_one_dip(name):
    z = np.linspace(-30, 30, 6001)
    rises = np.diff(values(ACTIVATIONS[name](), z))
    if name not in ("gelu", "silu", "mish"):
        assert (rises >= 0).all()
        return
    falls = rises < -1e-17
    assert falls[:2800].any()
    bottom = np.argmin(values(ACTIVATIONS[name](), z))
    assert (rises[bottom:] > 0).all()
    assert (rises[:bottom] <= 1e-17).all()


@pytest.mark.parametrize(
    ("name", "low"),
    [
        ("logistic", 0),
        ("tanh", -1),
        ("relu", 0),
        ("elu", -1),
        ("selu", -1.7580993408473766),
        ("gelu", 0),
        ("silu", 0),
        ("mish", 0),
        ("softplus", 0),
    ],
)
def test_limit_far_below_zero(name, low):
    assert values(ACTIVATIONS[name](), [-800.0]) == pytest.approx(low, abs=1e-15)


def test_relations_between_them():
    z = np.linspace(-8, 8, 101)
    sigma = {name: values(A(), z) for name, A in ACTIVATIONS.items()}
    np.testing.assert_allclose(sigma["silu"], z * sigma["logistic"], rtol=1e-14)
    np.testing.assert_allclose(
        sigma["mish"], z * np.tanh(sigma["softplus"]), rtol=1e-14
    )
    mirrored = values(ACTIVATIONS["softplus"](), -z)
    np.testing.assert_allclose(sigma["softplus"] - mirrored, z, atol=1e-14)
    mirrored = values(ACTIVATIONS["gelu"](), -z)
    np.testing.assert_allclose(sigma["gelu"] - mirrored, z, atol=1e-14)
    np.testing.assert_array_equal(values(LeakyReLU(0), z), sigma["relu"])
    np.testing.assert_array_equal(values(LeakyReLU(1), z), z)
    np.testing.assert_array_equal(values(ELU(0), z), sigma["relu"])
    assert (slopes(ELU(0), z) == (z > 0)).all()


def test_selu_keeps_mean_and_variance():
    """The fixed point that its constants are made for (Klambauer et al., 2017)."""
    z = np.linspace(-10, 10, 200_001)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    a = values(ACTIVATIONS["selu"](), z)
    assert weights @ a == pytest.approx(0, abs=1e-8)
    assert weights @ a**2 == pytest.approx(1, abs=1e-8)


# ------------------------------------------------------------------- the first draw


def drawn(names, sizes, seed=0):
    sigmas = tuple(ACTIVATIONS[name]() for name in names)
    network = Network(sizes, sigmas, LOSSES["squared_error"]())
    return network.layers(network.draw(np.random.RandomState(seed), np.float64))


VARIANCE = {
    "logistic": lambda k_in, k_out: 2 / 3 / (k_in + k_out),
    "leaky_relu": lambda k_in, k_out: 2 / (1 + 0.01**2) / k_in,
    "selu": lambda k_in, k_out: 1 / k_in,
    **dict.fromkeys(["identity", "tanh", "relu"], lambda *k: 2 / sum(k)),
}


@activations
def test_first_weights_have_the_variance_of_the_rule(name):
    """Of every layer by its own activation, the output's by Glorot's rule."""
    layers = drawn((name, "tanh", name), (300, 200, 100, 400, 50))
    rule = VARIANCE.get(name, lambda k_in, k_out: 2 / k_in)
    last = VARIANCE["logistic" if name == "logistic" else "tanh"]
    for (W, b), variance in zip(
        layers, (rule, VARIANCE["tanh"], rule, last), strict=True
    ):
        expected = variance(*W.shape)
        assert W.var() == pytest.approx(expected, rel=0.03)
        bound = np.sqrt(3 * expected)
        assert 0.99 * bound < np.abs(W).max() <= bound
        assert 0.8 * bound < np.abs(b).max() <= bound


@activations
def test_first_weights_of_one_layer_do_not_depend_on_the_next(name):
    one, other = (drawn(("elu", last), (6, 5, 4, 3)) for last in (name, "relu"))
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_unhidden_network_is_drawn_as_before():
    for name, factor in (("relu", 6), ("logistic", 2), ("gelu", 6)):
        ((W, _),) = drawn((name,), (300, 40))
        assert np.abs(W).max() == pytest.approx(np.sqrt(factor / 340), rel=1e-3)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "selu", "gelu", "mish"])
def test_signals_neither_fade_nor_grow_through_ten_layers(name):
    network = Network(
        (100,) * 11, (ACTIVATIONS[name](),) * 9, LOSSES["squared_error"]()
    )
    rows = np.random.RandomState(1).randn(500, 100)
    work = network.workspace(500, np.float64)
    network.forward(network.draw(np.random.RandomState(0), np.float64), rows, work)
    squares = [np.mean(a**2) for a in work.a[:-1]]
    assert max(squares) < 20 * squares[0]
    assert min(squares) > squares[0] / 20


# --------------------------------------------------------------------------- in use


@activations
def test_digits_are_learnt(name):
    rows, held_out, y, y_held_out = train_test_split(
        DIGITS.data / 16, DIGITS.target, random_state=0
    )
    model = MLPClassifierX(
        (40, 20), name, learning_rate_init=0.01, tol=1e-3, random_state=0
    ).fit(rows, y)
    assert model.score(held_out, y_held_out) > 0.95
    assert model.out_activation_ == "softmax"


@activations
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_float32_stays_and_agrees(Estimator, name):
    double = small(Estimator, activation=name).fit(X, target(Estimator))
    single = small(Estimator, activation=name)
    single.fit(X.astype(np.float32), target(Estimator))
    assert {W.dtype for W in single.coefs_} == {np.dtype(np.float32)}
    for W, exact in zip(single.coefs_, double.coefs_, strict=True):
        np.testing.assert_allclose(W, exact, rtol=0, atol=1e-3)


@activations
def test_a_name_an_object_and_a_list_are_the_same(name):
    models = [
        MLPRegressorX((6, 5), given, max_iter=3, random_state=0).fit(X, NUMBERS)
        for given in (name, ACTIVATIONS[name](), [name, ACTIVATIONS[name]()])
    ]
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict(X), models[0].predict(X))


def test_layers_are_in_the_order_of_the_list():
    model = MLPRegressorX((6, 5), ("tanh", ELU(0.5)), max_iter=3, random_state=0)
    model.fit(X, NUMBERS)
    (W1, W2, W3), (b1, b2, b3) = model.coefs_, model.intercepts_
    z2 = np.tanh(X @ W1 + b1) @ W2 + b2
    a2 = np.where(z2 > 0, z2, 0.5 * (np.exp(z2) - 1))
    np.testing.assert_allclose(model.predict(X), (a2 @ W3 + b3).ravel(), rtol=1e-12)


def test_short_batches_pieces_and_sparse_rows_use_the_kept_z(monkeypatch):
    """149 rows: minibatches of 40 and one of 29; then 7 rows at a time."""
    settings = {"solver": "momentum", "learning_rate_init": 0.1, "random_state": 0}
    model = MLPRegressorX((6, 5), ["gelu", "silu"], max_iter=4, batch_size=40)
    model.set_params(**settings).fit(X[:149], NUMBERS[:149])
    sparse = clone(model).fit(csr_array(X[:149]), NUMBERS[:149])
    np.testing.assert_allclose(sparse._run.theta, model._run.theta, rtol=1e-9)
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 7 * 6)
    pieces = clone(model).fit(X[:149], NUMBERS[:149])
    np.testing.assert_allclose(pieces._run.theta, model._run.theta, rtol=1e-9)


def test_z_is_kept_only_where_it_is_needed():
    names = ("relu", "gelu", "tanh", "mish", "softplus")
    sigmas = tuple(ACTIVATIONS[name]() for name in names)
    network = Network((4, 5, 6, 7, 8, 9, 1), sigmas, LOSSES["squared_error"]())
    kept = [z is not None for z in network.workspace(3, np.float64).saved]
    assert kept == [sigma.needs_z for sigma in sigmas]
    only_forward = network.workspace(3, np.float64, backward=False)
    assert only_forward.saved == [None] * 5


# ---------------------------------------------------------- objects and grid search


OWN = [Softsign(), Softsign(width=0.5), Sine()]
GIVEN = [A() for A in ACTIVATIONS.values()] + [LeakyReLU(0.3), ELU(2.5), *OWN]


@pytest.mark.parametrize("sigma", GIVEN, ids=repr)
def test_contract_is_kept(sigma):
    check_activation(sigma)


@pytest.mark.parametrize("sigma", [*OWN, [Softsign(), Sine()]], ids=repr)
def test_activations_of_a_users_own(sigma):
    """In a pipeline, cloned and pickled; the object given stays the user's."""
    rows, y = make_regression(80, 4, noise=1, random_state=0)
    y /= y.std()
    network = MLPRegressorX((20, 10), sigma, tol=0, max_iter=400, random_state=0)
    model = make_pipeline(StandardScaler(), network).fit(rows, y)
    assert model.score(rows, y) > 0.9
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))
    twin = clone(model).fit(rows, y)
    np.testing.assert_array_equal(twin.predict(rows), model.predict(rows))
    if not isinstance(sigma, list):
        assert clone(network).activation is not sigma
    assert network.activation is sigma


def test_numpy_parameters_do_not_widen_float32():
    for sigma in (
        ELU(np.float64(0.5)),
        LeakyReLU(np.float64(0.2)),
        Softsign(np.int64(2)),
    ):
        given = dict(vars(sigma))
        model = MLPRegressorX((5, 4), [sigma, "gelu"], max_iter=3, random_state=0)
        model.fit(X.astype(np.float32), NUMBERS)
        assert model.predict(X.astype(np.float32)).dtype == np.float32
        assert vars(sigma) == given
        assert type(next(iter(vars(sigma).values()))) is type(
            next(iter(given.values()))
        )


def test_grid_search_over_names_objects_and_lists():
    candidates = ["relu", "gelu", ELU(0.5), Sine(), ["tanh", Softsign(2.0)]]
    candidates += [("selu", "selu"), ["relu", "mish"]]
    search = GridSearchCV(
        MLPClassifierX((8, 6), max_iter=5, random_state=0),
        {"activation": candidates},
        cv=2,
        error_score="raise",
    ).fit(X, target(MLPClassifierX))
    tried = [params["activation"] for params in search.cv_results_["params"]]
    assert tried == candidates
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = clone(search.best_estimator_).fit(X, target(MLPClassifierX))
    np.testing.assert_array_equal(best.predict(X), search.predict(X))


def test_grid_search_over_lists_only():
    grid = {"activation": [["relu", "tanh"], ["tanh", "relu"], ["elu", "elu"]]}
    model = MLPRegressorX((8, 6), max_iter=5, random_state=0)
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, NUMBERS)
    assert search.best_params_["activation"] in grid["activation"]


def test_grid_search_over_parameters_of_an_activation():
    model = MLPRegressorX((8,), ELU(), max_iter=5, random_state=0)
    grid = {"activation__alpha": np.array([0.2, 1.0, 3.0])}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, NUMBERS)
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    assert model.activation.alpha == 1.0
    assert repr(model.set_params(activation__alpha=0.5)).count("ELU(alpha=0.5)") == 1


# ------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "given", [["relu"], ("relu",) * 3, [], [ELU(), "relu", Softsign()]], ids=repr
)
def test_lists_of_another_length_are_refused(Estimator, given):
    message = assert_fit_refused(
        f"The 'activation' parameter of {Estimator.__name__} must be",
        Estimator((5, 4), given),
        X,
        target(Estimator),
    )
    assert "one item per hidden layer, of which hidden_layer_sizes has 2" in message
    assert f"Got {given!r} instead." in message


@pytest.mark.parametrize(
    ("item", "hint"),
    [
        ("gleu", "Did you mean 'gelu'?"),
        ("Leaky_ReLU", "Did you mean 'leaky_relu'?"),
        ("step", None),
        (None, None),
        (3, None),
        (["relu"], None),
        (ELU, "Did you mean an object, ELU()?"),
        (np.tanh, None),
    ],
)
def test_items_that_are_none_are_refused(item, hint):
    message = assert_fit_refused(
        "The 'activation[1]' parameter of MLPRegressorX must be",
        MLPRegressorX((5, 4), ["relu", item]),
        X,
        NUMBERS,
    )
    assert f"Got {item!r} instead." in message
    assert message.startswith(hint or "The 'activation[1]' parameter")
    for name in ACTIVATIONS:
        assert repr(name) in message


@pytest.mark.parametrize("given", [3, None, np.tanh, {"relu"}, b"relu"], ids=repr)
def test_other_things_are_refused(given):
    message = assert_fit_refused(
        "The 'activation' parameter of MLPRegressorX must be",
        MLPRegressorX((5, 4), given),
        X,
        NUMBERS,
    )
    assert f"Got {given!r} instead." in message


@pytest.mark.parametrize("given", ["elu", ["elu", "relu"]], ids=repr)
def test_nested_parameters_need_an_object(given):
    """``alpha`` of the estimator is another one, so it is not offered instead."""
    model = MLPRegressorX((5, 4), given)
    with pytest.raises(ValueError, match="'activation__alpha' is a parameter of an"):
        model.set_params(activation__alpha=2.0)
    model.set_params(activation=ELU(), activation__alpha=2.0)
    assert model.activation.alpha == 2.0


def test_the_penalty_is_not_the_alpha_of_elu():
    named, given = (
        small(MLPRegressorX, activation=sigma, alpha=0.3).fit(X, NUMBERS)
        for sigma in ("elu", ELU(alpha=1.0))
    )
    np.testing.assert_array_equal(named.predict(X), given.predict(X))


def test_numbers_of_parts_in_a_list_are_checked():
    assert_fit_refused(
        "The 'slope' parameter of LeakyReLU must be",
        MLPRegressorX((5, 4), ["relu", LeakyReLU(-0.1)]),
        X,
        NUMBERS,
    )
