"""The network: gradients against numerical derivatives, layout, outputs in blocks."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csc_array, csr_array
from scipy.special import expit, huber, rel_entr, softmax
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import LOSSES, Huber, Pinball, RegressionLoss
from skoptnet.network import Network

M, D = 12, 4
MIXED = [("gelu", "tanh"), ("relu", "mish"), ("silu", "selu"), ("logistic", "elu")]
X = scale(load_diabetes().data)[:M, :D]


LEVELS = (0.1, 0.5, 0.8)

#: Every loss, and some with other parameters than the defaults.
RULES = {name: LOSSES[name]() for name in sorted(LOSSES)} | {
    "huber of 0.3": Huber(0.3),
    "quantile 0.2": Pinball((0.2,)),
    "quantiles": Pinball(LEVELS),
}
losses = pytest.mark.parametrize("loss", RULES)


def targets(loss, n_outputs, dtype=np.float64):
    rng = np.random.RandomState(1)
    shape = (M, 1 if loss == "quantiles" else n_outputs)
    if "multiclass" in loss:
        return rng.randint(0, n_outputs, M)
    if loss in ("poisson", "gamma"):
        y = rng.poisson(1, shape) if loss == "poisson" else rng.gamma(2, size=shape)
    elif isinstance(RULES[loss], RegressionLoss):
        y = rng.randn(*shape)
    else:
        y = rng.randint(0, 2, shape)
    return y.astype(dtype)


def make(activation, loss, n_outputs, l2=0.3, hidden=(5, 3), scaled=False):
    sizes = (D, *hidden, 3 if loss == "quantiles" else n_outputs)
    if isinstance(activation, str):
        activation = [activation] * max(1, len(hidden))
    sigmas = tuple(ACTIVATIONS[name]() for name in activation)
    return Network(sizes, sigmas, RULES[loss], l2=l2, input_scaling=scaled)


def some_theta(network, dtype=np.float64):
    rng = np.random.RandomState(0)
    theta = network.draw(rng, dtype) * 2
    if network.input_scaling:
        network.scales(theta)[...] = rng.uniform(-2, 2, D)
    return theta


def some_weights():
    w = np.random.RandomState(2).uniform(0, 3, M)
    w[3] = 0
    return w


def central_differences(f, theta, h=1e-6):
    steps = h * np.eye(len(theta))
    return np.array([(f(theta + e) - f(theta - e)) / (2 * h) for e in steps])


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
@losses
@pytest.mark.parametrize("activation", [*sorted(ACTIVATIONS), *MIXED])
@pytest.mark.each_pair
def test_gradient_is_the_derivative_of_the_objective(
    activation, loss, n_outputs, weighted, scaled, container
):
    network = make(activation, loss, n_outputs, scaled=scaled)
    theta, Y, rows = some_theta(network), targets(loss, n_outputs), container(X)
    w = some_weights() if weighted else None
    g = np.empty_like(theta)
    network.loss_and_gradient(theta, rows, Y, w, out=g)

    def objective(at):
        return network.loss_and_gradient(at, rows, Y, w, out=np.empty_like(at))

    numerical = central_differences(objective, theta)
    error = np.linalg.norm(g - numerical) / np.linalg.norm(numerical)
    assert error <= 1e-6


def labels_loss(z, y, s=0.0):
    p, y = expit(z), (1 - s) * y + s / 2
    return -sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def classes_loss(z, y, s=0.0):
    wanted = np.full(len(z), s / len(z))
    wanted[y] += 1 - s
    return -sum(wanted * np.log(softmax(z)))


def pinball(predicted, y, q):
    return q * (y - predicted) if y > predicted else (1 - q) * (predicted - y)


def quantiles(z):
    return [sum([z[0], *np.log1p(np.exp(z[1 : i + 1]))]) for i in range(len(z))]


#: The losses of a row as the tables have them.
FORMULAS = {
    "squared_error": lambda z, y: 0.5 * sum((z - y) ** 2),
    "absolute_error": lambda z, y: sum(abs(z - y)),
    "huber": lambda z, y: sum(huber(1.0, z - y)),
    "huber of 0.3": lambda z, y: sum(huber(0.3, z - y)),
    "poisson": lambda z, y: sum(rel_entr(y, np.exp(z)) - y + np.exp(z)),
    "gamma": lambda z, y: sum(np.log(np.exp(z) / y) + y / np.exp(z) - 1),
    "quantile": lambda z, y: sum(abs(z - y)) / 2,
    "quantile 0.2": lambda z, y: sum(map(pinball, z, y, [0.2] * len(z))),
    "quantiles": lambda z, y: sum(
        map(pinball, quantiles(z), [*y] * 3, RULES["quantiles"].quantiles)
    ),
    "binary": labels_loss,
    "multilabel": labels_loss,
    "multiclass": classes_loss,
    "smoothed_binary": lambda z, y: labels_loss(z, y, 0.1),
    "smoothed_multilabel": lambda z, y: labels_loss(z, y, 0.1),
    "smoothed_multiclass": lambda z, y: classes_loss(z, y, 0.1),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
@losses
def test_objective_is_the_formula(loss, n_outputs, weighted):
    """Against the table of losses, written with probabilities and loops."""
    network = make("tanh", loss, n_outputs)
    theta, Y = some_theta(network), targets(loss, n_outputs)
    w = some_weights() if weighted else None
    cost = network.loss_and_gradient(theta, X, Y, w, out=np.empty_like(theta))
    total = 0.0
    z = network.forward(theta, X)
    for i in range(M):
        total += FORMULAS[loss](z[i], Y[i]) * (1 if w is None else w[i])
    penalty = 0.15 * sum((W**2).sum() for W, _ in network.layers(theta))
    assert cost == pytest.approx(total / M + penalty, rel=1e-12)


#: Of each loss: targets of two rows whose outputs are 800, -800 and -800, 800, and
#: what the loss is there by the formulas, with what is lost to underflow left out.
ZEROS, LABELS = np.zeros((2, 2)), np.array([[0.0, 1.0], [0.0, 1.0]])
FAR = {
    "squared_error": (ZEROS, [640000.0, 640000.0]),
    "absolute_error": (ZEROS, [1600.0, 1600.0]),
    "huber": (ZEROS, [1599.0, 1599.0]),
    "huber of 0.3": (ZEROS, [479.91, 479.91]),
    "poisson": (LABELS, [np.inf, np.inf]),
    "gamma": (ZEROS + 2, [np.inf, np.inf]),
    "quantile": (ZEROS, [800.0, 800.0]),
    "quantile 0.2": (ZEROS, [800.0, 800.0]),
    "binary": (LABELS, [1600.0, 0.0]),
    "multilabel": (LABELS, [1600.0, 0.0]),
    "multiclass": (np.array([1, 1]), [1600.0, 0.0]),
    "smoothed_binary": (LABELS, [1520.0, 80.0]),
    "smoothed_multilabel": (LABELS, [1520.0, 80.0]),
    "smoothed_multiclass": (np.array([1, 1]), [1520.0, 80.0]),
}


@pytest.mark.parametrize("loss", FAR)
def test_losses_stay_exact_where_probabilities_underflow(loss):
    """Far from zero the loss grows linearly (or as a square), not to a clip."""
    rule, (Y, expected) = RULES[loss], FAR[loss]
    z = np.array([[800.0, -800.0], [-800.0, 800.0]])
    before = z.copy()
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(rule.value(z, Y, np), expected)
    np.testing.assert_array_equal(z, before)
    if np.isfinite(expected).all():
        at = approx_fprime(z[0], lambda at: rule.value(at[None], Y[:1], np)[0], 1e-4)
        np.testing.assert_allclose(rule.delta(z.copy(), Y, np)[0], at, rtol=1e-3)


def test_quantiles_far_away():
    rule, Y = RULES["quantiles"], np.zeros((2, 1))
    z = np.array([[-1600.0, 800.0, -800.0], [0.0, 0.0, 1600.0]])
    predicted = rule.link(z.copy(), np)
    softplus = np.log(2)
    expected = [[-1600, -800, -800], [0, softplus, softplus + 1600]]
    np.testing.assert_allclose(predicted, expected)
    np.testing.assert_allclose(
        rule.value(z, Y, np),
        [160 + 400 + 640, 0.5 * softplus + 0.2 * (softplus + 1600)],
    )


def test_every_loss_is_looked_at():
    assert FORMULAS.keys() == RULES.keys() == {*FAR, "quantiles"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@losses
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.each_value
def test_dtype_is_kept_and_float32_agrees(activation, loss, dtype):
    network = make(activation, loss, 3)
    theta, Y = some_theta(network).astype(dtype), targets(loss, 3, dtype)
    w, g = some_weights().astype(dtype), np.empty_like(theta)
    work = network.workspace(M, dtype)
    cost = network.loss_and_gradient(theta, X.astype(dtype), Y, w, out=g, work=work)
    kept = [z for z in work.saved if z is not None]
    assert {a.dtype for a in (*work.a, *work.delta, *kept, g)} == {np.dtype(dtype)}
    reference = np.empty(len(g))
    exact = network.loss_and_gradient(
        theta.astype(float), X, targets(loss, 3), some_weights(), out=reference
    )
    assert cost == pytest.approx(exact, rel=1e-5)
    np.testing.assert_allclose(g, reference, rtol=1e-3, atol=1e-5)


@losses
def test_sparse_rows_give_what_dense_rows_give(loss):
    network = make("relu", loss, 3)
    theta, Y = some_theta(network), targets(loss, 3)
    thin = np.where(np.abs(X) > 0.5, X, 0)
    dense, sparse = np.empty_like(theta), np.empty_like(theta)
    cost = network.loss_and_gradient(theta, thin, Y, None, out=dense)
    assert network.loss_and_gradient(
        theta, csr_array(thin), Y, None, out=sparse
    ) == pytest.approx(cost, rel=1e-14)
    np.testing.assert_allclose(sparse, dense, rtol=1e-12, atol=1e-15)


def test_theta_is_laid_out_layer_by_layer():
    network = make("relu", "squared_error", 2)
    theta = np.arange(float(network.n_parameters))
    (W1, b1), (W2, b2), (W3, b3) = network.layers(theta)
    shapes = [a.shape for a in (W1, b1, W2, b2, W3, b3)]
    assert shapes == [(4, 5), (5,), (5, 3), (3,), (3, 2), (2,)]
    joined = np.concatenate([a.ravel() for a in (W1, b1, W2, b2, W3, b3)])
    np.testing.assert_array_equal(joined, theta)
    W2[1, 2] = -1
    assert theta[25 + 5] == -1  # views, not copies


def test_the_scales_come_first():
    network = make("relu", "squared_error", 2, scaled=True)
    theta = np.arange(float(network.n_parameters))
    plain = make("relu", "squared_error", 2)
    assert network.n_parameters == plain.n_parameters + D
    s = network.scales(theta)
    np.testing.assert_array_equal(s, range(D))
    assert plain.scales(theta[D:]) is None
    for ours, others in zip(
        network.layers(theta), plain.layers(theta[D:]), strict=True
    ):
        for array, same in zip(ours, others, strict=True):
            np.testing.assert_array_equal(array, same)
    at = 0
    for block in network.layout:
        assert block.rows.start == at
        at = block.rows.stop
        assert block.decays == (len(block.shape) == 2)
    assert at == network.n_parameters
    s[1] = -1
    assert theta[1] == -1  # a view, not a copy


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
@pytest.mark.parametrize("container", [np.asarray, csr_array, csc_array])
def test_a_scaling_layer_multiplies_the_rows(hidden, container):
    network = make("gelu", "multiclass", 3, hidden=hidden, scaled=True)
    plain = make("gelu", "multiclass", 3, hidden=hidden)
    theta, room = some_theta(network), {"rtol": 1e-12, "atol": 1e-14}
    rows, s = container(X), network.scales(theta)
    scaled_rows, rest = X * s, theta[D:].copy()
    right = plain.outputs(rest, scaled_rows)
    np.testing.assert_allclose(network.outputs(theta, rows), right, **room)
    for layer in range(len(hidden)):
        z = network.up_to(layer).outputs(theta, rows)
        right = plain.up_to(layer).outputs(rest, scaled_rows)
        np.testing.assert_allclose(z, right, **room)
    gradients = plain.input_gradients(rest, scaled_rows) * s
    np.testing.assert_allclose(network.input_gradients(theta, rows), gradients, **room)
    layers = [part for pair in network.unscaled_layers(theta) for part in pair]
    without = np.concatenate([part.ravel() for part in layers])
    right = network.outputs(theta, rows)
    np.testing.assert_allclose(plain.outputs(without, X), right, **room)
    np.testing.assert_array_equal(theta[D:], rest)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
def test_gradient_under_masks_is_the_derivative(scaled, weighted, container):
    network = make(("gelu", "tanh"), "multiclass", 3, scaled=scaled)
    theta, Y, rows = some_theta(network), targets("multiclass", 3), container(X)
    w = some_weights() if weighted else None
    masks = [np.random.RandomState(k).randint(0, 2, (M, k)) / 0.5 for k in (5, 3)]
    g = np.empty_like(theta)
    network.loss_and_gradient(theta, rows, Y, w, out=g, masks=masks)

    def objective(at):
        other = np.empty_like(at)
        return network.loss_and_gradient(at, rows, Y, w, out=other, masks=masks)

    numerical = central_differences(objective, theta)
    assert np.linalg.norm(g - numerical) <= 1e-6 * np.linalg.norm(numerical)
    if scaled:
        assert np.linalg.norm(g[:D]) > 1e-3


def test_a_sparse_row_is_as_wide_as_it_has_elements(monkeypatch):
    """So that wide sparse rows do not come a few at a time."""
    network = Network((10_000, 5, 3), (ACTIVATIONS["relu"](),), LOSSES["multiclass"]())
    rows = csr_array((np.ones(80), np.arange(80), np.arange(0, 81, 8)), (10, 10_000))
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 40_000)
    assert network.block_rows(rows) == 40_000 // 8
    assert network.block_rows(csr_array(rows.shape)) == 40_000 // 5
    assert network.block_rows(csr_array((0, 10_000))) == 40_000 // 5
    assert network.block_rows(np.empty((3, 10_000))) == 4
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 7)
    assert network.block_rows(rows) == 1


def test_the_largest_product_is_that_of_dense_matrices():
    """By it BLAS gets its threads; it has no part in a product with sparse rows."""
    network = Network((10_000, 5, 3), (ACTIVATIONS["relu"](),), LOSSES["multiclass"]())
    assert network.largest_product(np.empty((1, 10_000))) == 50_000
    assert network.largest_product(csr_array((1, 10_000))) == 15
    linear = Network((10_000, 3), (ACTIVATIONS["relu"](),), LOSSES["multiclass"]())
    assert linear.largest_product(csr_array((1, 10_000))) == 0


@pytest.mark.parametrize("container", [np.asarray, csr_array, csc_array])
def test_outputs_in_blocks_equal_those_at_once(container, monkeypatch):
    network = make("tanh", "multiclass", 3)
    theta, rows = some_theta(network), container(np.tile(X, (5, 1)))
    at_once = network.forward(theta, rows).copy()
    np.testing.assert_allclose(network.outputs(theta, rows), at_once, rtol=1e-13)
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 7 * 5)
    assert network.block_rows(rows) == 7
    np.testing.assert_allclose(network.outputs(theta, rows), at_once, rtol=1e-13)
    single = network.outputs(theta.astype(np.float32), rows)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, at_once, rtol=1e-4, atol=1e-5)
