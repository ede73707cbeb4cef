"""Networks with a scaling layer or in NTK parametrization, trained as torch does it.

``reference/parametrizations.json`` holds what torch computes in float64, with modules
and parameters of its own: a module that multiplies its inputs, and layers
a @ V / sqrt(k) + b whose parameter is V. ``reference/README.md`` says more.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from training import epochs_with

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import LOSSES, REGRESSION_LOSSES
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import Update
from skoptnet.parametrizations import PARAMETRIZATIONS
from skoptnet.training import Run, TrainingSet

RECORD = json.loads(
    (Path(__file__).parents[1] / "reference" / "parametrizations.json").read_text()
)
BATCH, KEPT = RECORD["batch_size"], RECORD["recorded_after"]
pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def name_of(run):
    scaling = "scaling" if run["input_scaling"] else "plain"
    names = ("solver", "loss", "activation", "parametrization")
    return "-".join([*(run[name] for name in names), scaling])


runs = pytest.mark.parametrize("run", RECORD["runs"], ids=name_of)
kernels = pytest.mark.parametrize("kernels", ["0", "1"])


def theta_of(weights):
    """Return theta of recorded weights: s, W_1, b_1, W_2, ..."""
    parts = [np.array(weights["scale"])] if weights["scale"] else []
    for W, b in zip(weights["coefs"], weights["intercepts"], strict=True):
        parts += [np.ravel(W), np.array(b)]
    return np.concatenate(parts)


def arrays_of(run):
    """Return rows, encoded targets and row weights of a recorded run."""
    X, Y, w = np.array(run["X"]), np.array(run["y"]), run["sample_weight"]
    return X, Y, None if w is None else np.array(w)


def network_of(run):
    W = run["first"]["coefs"]
    sizes = (len(W[0]), *(len(V[0]) for V in W))
    return Network(
        sizes,
        (ACTIVATIONS[run["activation"]](),) * (len(sizes) - 2),
        LOSSES[run["loss"]](),
        l2=run["alpha"] / len(run["X"]),
        input_scaling=run["input_scaling"],
        parametrization=PARAMETRIZATIONS[run["parametrization"]](),
    )


def solver_of(run):
    return OPTIMIZERS[run["solver"]](**run["hyperparameters"])


def test_everything_is_recorded():
    for name in ("parametrization", "input_scaling"):
        assert {run[name] for run in RECORD["runs"]} == {
            *({*PARAMETRIZATIONS} if name == "parametrization" else {False, True})
        }
    assert RECORD["recorded_after"][-1] == RECORD["epochs"] * 24 // BATCH


@runs
def test_the_layout_is_that_of_torchs_parameters(run):
    assert network_of(run).n_parameters == len(theta_of(run["first"]))


@runs
def test_updates_are_torchs(run):
    """Objective, gradient and update, by the formulas."""
    network, optimizer = network_of(run), solver_of(run)
    X, Y, w = arrays_of(run)
    theta = theta_of(run["first"])
    g, state = np.empty_like(theta), optimizer.start(theta, np)
    update, path = Update(optimizer, theta, g, state, np, network.layout), []
    for t, cost in enumerate(run["costs"]):
        start = t * BATCH % len(X)
        rows = slice(start, start + BATCH)
        found = network.loss_and_gradient(
            update.gradient_point(), X[rows], Y[rows], None if w is None else w[rows], g
        )
        assert found == pytest.approx(cost, rel=1e-11)
        update.step(run["rate"])
        path.append(theta.copy())
    for t, weights in zip(KEPT, run["after"], strict=True):
        np.testing.assert_allclose(
            path[t - 1], theta_of(weights), rtol=1e-11, atol=1e-12
        )


@runs
@kernels
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_epochs_are_torchs(run, kernels, container, monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    network, optimizer, (X, Y, w) = network_of(run), solver_of(run), arrays_of(run)
    training = Run.new(theta_of(run["first"]), optimizer, np.random.RandomState(0), np)
    epochs = epochs_with(
        network, optimizer, training, TrainingSet(container(X), Y, w),
        batch_size=BATCH, learning_rate=run["rate"],
    )  # fmt: skip
    for _ in range(RECORD["epochs"]):
        epochs.train_epochs(1)
    np.testing.assert_allclose(
        training.theta, theta_of(run["after"][-1]), rtol=1e-11, atol=1e-12
    )
    means = np.reshape(run["costs"], (RECORD["epochs"], -1)).mean(axis=1)
    np.testing.assert_allclose(training.metrics()["loss"], means, rtol=1e-11)


@runs
@kernels
def test_estimators_train_as_torch_does(run, kernels, monkeypatch):
    """From the recorded weights, which take the place of those drawn."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    first = theta_of(run["first"])
    monkeypatch.setattr(Network, "draw", lambda self, rng, dtype: first.astype(dtype))
    X, y, w = arrays_of(run)
    settings = {"loss": run["loss"], "normalize_y": False}
    Estimator = MLPRegressorX
    if run["loss"] not in REGRESSION_LOSSES:
        Estimator, settings = MLPClassifierX, {}
    model = Estimator(
        [len(W[0]) for W in run["first"]["coefs"][:-1]],
        run["activation"],
        input_scaling=run["input_scaling"],
        parametrization=run["parametrization"],
        solver=solver_of(run),
        learning_rate_init=run["rate"],
        alpha=run["alpha"],
        batch_size=BATCH,
        shuffle=False,
        tol=0,
        max_iter=RECORD["epochs"],
        **settings,
    )
    model.fit(X, y.ravel() if y.shape[1:] == (1,) else y, w)
    last = run["after"][-1]
    if run["input_scaling"]:
        np.testing.assert_allclose(model.input_scale_, last["scale"], rtol=1e-11)
    for W, right in zip(model.coefs_, last["coefs"], strict=True):
        np.testing.assert_allclose(W, right, rtol=1e-11, atol=1e-12)
    for b, right in zip(model.intercepts_, last["intercepts"], strict=True):
        np.testing.assert_allclose(b, right, rtol=1e-11, atol=1e-12)
    means = np.reshape(run["costs"], (RECORD["epochs"], -1)).mean(axis=1)
    np.testing.assert_allclose(model.loss_curve_, means, rtol=1e-11)
