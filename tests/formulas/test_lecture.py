"""The package against the lecture's pseudo-code, typed out in ``lecture.py``.

Fifty updates on real data from the same first weights: the largest relative
difference of the parameters is at most 1e-10, for every solver, schedule and task.
"""

from itertools import pairwise

import lecture
import numpy as np
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_linnerud,
    make_multilabel_classification,
)
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.optimizers import TEXTBOOK
from skoptnet.optimizers.update import Update
from skoptnet.schedules import SCHEDULES

N, BATCH, HIDDEN, RATE = 23, 5, (4, 3), 0.05
UPDATES = 50
PER_EPOCH = -(-N // BATCH)  # 5, the last one short
#: Of a parameter near zero; those of the others, near 1, over all updates.
ROUNDING = 1e-13

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs", "ignore:Training ended at a loss"
)


def _data(task):
    """Return rows, targets for the package, and targets for the lecture."""
    rows = np.random.RandomState(0).permutation(120)[:N]
    if task == "binary":
        X, y = load_breast_cancer(return_X_y=True)
        X = scale(X)[rows, :6]
        return X, y[rows], y[rows, None].astype(float)
    if task == "multiclass":
        X, y = load_iris(return_X_y=True)
        return scale(X)[rows], y[rows], np.eye(3)[y[rows]]
    if task == "multilabel":
        X, Y = make_multilabel_classification(120, 6, n_classes=3, random_state=0)
        return scale(X)[rows], Y[rows], Y[rows].astype(float)
    if task == "regression":
        X, y = load_diabetes(return_X_y=True)
        y = scale(y)[rows]
        return scale(X)[rows], y, y[:, None]
    X, Y = load_linnerud(return_X_y=True)  # 20 rows, three targets
    X, Y = np.vstack([X, X[:3]]), np.vstack([Y, Y[:3] + 1])
    X, Y = scale(X), scale(Y)
    return X, Y, Y


TASKS = ("binary", "multiclass", "multilabel", "regression", "multioutput")


def _compare(solver, schedule, task, activation="tanh", weights=None, alpha=0.5):
    X, y, Y = _data(task)
    regression = task in ("regression", "multioutput")
    Estimator = MLPRegressorX if regression else MLPClassifierX
    unit = {"normalize_y": False} if regression else {}
    full_batch = TEXTBOOK[solver].full_batch
    model = Estimator(
        HIDDEN,
        activation,
        solver=solver,
        lr_schedule=schedule,
        learning_rate_init=RATE,
        decay_rate=0.7,
        decay_epochs=3,
        alpha=alpha,
        batch_size=BATCH,
        shuffle=False,
        max_iter=UPDATES if full_batch else UPDATES // PER_EPOCH,
        n_iter_no_change=np.inf,
        random_state=0,
        **unit,
    )
    sizes = (X.shape[1], *HIDDEN, Y.shape[1])
    theta0 = _first_weights(sizes, activation)
    model.fit(X, y, sample_weight=weights)
    batches = [np.arange(a, min(a + BATCH, N)) for a in range(0, N, BATCH)]
    path = lecture.train(
        solver,
        schedule,
        "regression" if regression else task,
        activation,
        sizes,
        theta0,
        X,
        Y,
        batches * (UPDATES // PER_EPOCH),
        1 if full_batch else PER_EPOCH,
        RATE,
        alpha=alpha,
        sample_weight=weights,
        decay_rate=0.7,
        decay_epochs=3,
    )
    assert model.history_["update"][-1] == UPDATES
    np.testing.assert_allclose(_flat(model), path[-1], rtol=1e-10, atol=ROUNDING)


HE, LECUN = {"elu", "gelu", "silu", "mish", "softplus"}, {"selu"}


def _first_weights(sizes, activation):
    rng, parts = np.random.RandomState(0), []
    for level, (k_in, k_out) in enumerate(pairwise(sizes)):
        bound = np.sqrt((2 if activation == "logistic" else 6) / (k_in + k_out))
        if activation in HE | LECUN and level < len(sizes) - 2:
            bound = np.sqrt((3 if activation in LECUN else 6) / k_in)
        if activation == "leaky_relu" and level < len(sizes) - 2:
            bound = np.sqrt(6 / k_in / (1 + 0.01**2))
        parts += [rng.uniform(-bound, bound, k_in * k_out)]
        parts += [rng.uniform(-bound, bound, k_out)]
    return np.concatenate(parts)


def _flat(model):
    layers = zip(model.coefs_, model.intercepts_, strict=True)
    return np.concatenate([part.ravel() for layer in layers for part in layer])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("schedule", lecture.SCHEDULES)
@pytest.mark.parametrize("solver", sorted(TEXTBOOK))
@pytest.mark.each_pair
def test_fifty_updates_are_the_lectures(solver, schedule, task):
    _compare(solver, schedule, task)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.each_value
def test_fifty_updates_with_every_activation(activation, task):
    _compare("momentum", "exponential", task, activation)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", sorted(TEXTBOOK))
@pytest.mark.each_value
def test_fifty_updates_under_sample_weights(solver, task):
    """Weights with zeros, a whole minibatch of them among others."""
    weights = np.random.RandomState(3).uniform(0, 4, N)
    weights[BATCH : 2 * BATCH] = weights[-1] = 0
    _compare(solver, "step", task, weights=weights)


@pytest.mark.parametrize("size", [1.0, 1e-4])
@pytest.mark.parametrize("schedule", lecture.SCHEDULES)
@pytest.mark.parametrize("solver", sorted(TEXTBOOK))
def test_updates_on_gradients_of_either_size(solver, schedule, size):
    """Gradients near 1e-4 show where delta stands; near 1 it hardly matters."""
    rng = np.random.RandomState(0)
    A, c = rng.uniform(0.5, 2, (UPDATES, 9)), rng.randn(UPDATES, 9)

    def gradient(theta, t):
        return size * A[t] * (theta - c[t])

    factor = lecture.learning_rate
    rates = [factor(schedule, t, 10, 0.01, decay_epochs=2) for t in range(UPDATES)]
    start = rng.randn(9)
    path = lecture.update_rule(solver, gradient, start, rates)

    optimizer, theta, g = TEXTBOOK[solver](), start.copy(), np.empty(9)
    update = Update(optimizer, theta, g, optimizer.start(theta, np), np)
    for t, rate in enumerate(rates):
        g[...] = gradient(update.gradient_point(), t)
        update.step(rate)
        np.testing.assert_allclose(theta, path[t], rtol=1e-10, atol=ROUNDING)


def test_the_seven_solvers_and_three_schedules_are_the_lectures():
    assert set(TEXTBOOK) == set(lecture.SOLVERS)
    # The others are held to other libraries in test_schedules.py.
    assert set(lecture.SCHEDULES) <= set(SCHEDULES)
