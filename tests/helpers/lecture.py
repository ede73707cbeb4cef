"""The lecture's pseudo-code typed out in float64: a second opinion for the tests.

Everything here is written from the lecture alone (loss/output table, BP1-BP4,
Algorithms 1, 8.1-8.5 and 8.7, step and exponential decay): one sample at a time,
slow and literal. It knows numpy and nothing else; it must never import the
package it judges, nor scikit-learn, nor share a helper with either. Only activations
that the lecture does not have are from their papers, as functions of z.

Samples are rows. Layer sizes are ``k_0 = d, k_1, ..., k_L``; ``W[l]`` has shape
``(k_{l-1}, k_l)``, ``b[l]`` has shape ``(k_l,)``. The flat vector ``theta`` is
``W_1, b_1, W_2, b_2, ...``, each raveled in C order. ``Y`` is always a 2-D float
array: one-hot rows for "multiclass", one 0/1 column for "binary", k columns for
"multilabel" and "regression".

The table is taken literally, so keep ``z_L`` moderate (``|z_L| < 30``, say): an
output that rounds to exactly 0 or 1 makes ``y log yhat`` undefined. Gradients do
not suffer from this.
"""

from itertools import pairwise
from math import erf as erf_of_one

import numpy as np

TASKS = ("binary", "multiclass", "multilabel", "regression")
SOLVERS = ("gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
SCHEDULES = ("constant", "step", "exponential")

DELTA = {"adagrad": 1e-7, "rmsprop": 1e-6, "adam": 1e-8}


# ------------------------------------------------------------ activations, from z


erf = np.vectorize(erf_of_one)
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # of selu


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


SIGMA = {
    "identity": lambda z: z,
    "logistic": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    # beyond the lecture
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "selu": lambda z: SCALE * np.where(z > 0, z, ALPHA * (np.exp(z) - 1)),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * np.tanh(np.log(1 + np.exp(z))),
    "softplus": lambda z: np.log(1 + np.exp(z)),
}

SIGMA_PRIME = {
    "identity": lambda z: np.ones_like(z),
    "logistic": lambda z: sigmoid(z) * (1 - sigmoid(z)),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "relu": lambda z: np.where(z > 0, 1.0, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, 1.0, 0.01),
    "elu": lambda z: np.where(z > 0, 1.0, np.exp(z)),
    "selu": lambda z: SCALE * np.where(z > 0, 1.0, ALPHA * np.exp(z)),
    "gelu": lambda z: (
        (1 + erf(z / np.sqrt(2))) / 2 + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    ),
    "silu": lambda z: sigmoid(z) + z * sigmoid(z) * (1 - sigmoid(z)),
    "mish": lambda z: (
        np.tanh(np.log(1 + np.exp(z)))
        + z * sigmoid(z) / np.cosh(np.log(1 + np.exp(z))) ** 2
    ),
    "softplus": sigmoid,
}


# ------------------------------------------- the table: output activation and loss


def output(task, z):
    """yhat of one sample from its raw outputs z_L."""
    if task in ("binary", "multilabel"):
        return 1 / (1 + np.exp(-z))
    if task == "multiclass":
        return np.exp(z) / np.sum(np.exp(z))
    if task == "regression":
        return z
    raise ValueError(f"unknown task {task!r}")


def sample_loss(task, y, yhat):
    """L(y, yhat) of one sample, summed over its outputs."""
    if task in ("binary", "multilabel"):
        return np.sum(-y * np.log(yhat) - (1 - y) * np.log(1 - yhat))
    if task == "multiclass":
        return -np.sum(y * np.log(yhat))
    if task == "regression":
        return np.sum((yhat - y) ** 2) / 2
    raise ValueError(f"unknown task {task!r}")


# ---------------------------------------------------------------------- the network


def unpack(theta, sizes):
    """theta as the lists W and b, both indexed from 1 as in the lecture."""
    W, b = [None], [None]
    start = 0
    for k_in, k_out in pairwise(sizes):
        W.append(theta[start : start + k_in * k_out].reshape(k_in, k_out))
        start += k_in * k_out
        b.append(theta[start : start + k_out])
        start += k_out
    if start != len(theta):
        raise ValueError(f"theta has {len(theta)} entries, sizes ask for {start}")
    return W, b


def pack(W, b):
    """The flat vector of the lists W and b (both indexed from 1)."""
    pieces = []
    for W_l, b_l in zip(W[1:], b[1:], strict=True):
        pieces += [W_l.ravel(), b_l.ravel()]
    return np.concatenate(pieces)


def feedforward(activation, W, b, x):
    """All z_l and a_l of one sample; the last layer is left raw."""
    L = len(W) - 1
    a, z = [x], [None]
    for l in range(1, L + 1):  # noqa: E741
        z.append(a[l - 1] @ W[l] + b[l])
        a.append(SIGMA[activation](z[l]) if l < L else z[l])
    return z, a


def backpropagate(task, activation, W, b, x, y, weight=1.0):
    """dL/dW and dL/db of one sample, its delta_L multiplied by weight."""
    L = len(W) - 1
    z, a = feedforward(activation, W, b, x)
    sigma_prime = SIGMA_PRIME[activation]
    delta = [None] * (L + 1)
    delta[L] = weight * (output(task, z[L]) - y)  # BP1
    for l in range(L - 1, 0, -1):  # noqa: E741
        delta[l] = (W[l + 1] @ delta[l + 1]) * sigma_prime(z[l])  # BP2
    dW, db = [None], [None]
    for l in range(1, L + 1):  # noqa: E741
        db.append(delta[l])  # BP3
        dW.append(np.outer(a[l - 1], delta[l]))  # BP4
    return dW, db


def loss(task, activation, sizes, theta, X, Y, sample_weight=None, alpha=0.0):
    """The objective C(theta) over the whole set X, Y.

    ``(sum_i w_i L_i) / (sum_i w_i) + alpha / (2 n) * sum_l ||W_l||^2`` with
    ``n = sum_i w_i``; the biases are not penalised.
    """
    W, b = unpack(theta, sizes)
    w = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
    total = 0.0
    for x_i, y_i, w_i in zip(X, Y, w, strict=True):
        z, _ = feedforward(activation, W, b, x_i)
        total += w_i * sample_loss(task, y_i, output(task, z[-1]))
    n = np.sum(w)
    penalty = sum(np.sum(W_l**2) for W_l in W[1:])
    return total / n + alpha / (2 * n) * penalty


def gradient(
    task, activation, sizes, theta, X, Y, rows=None, sample_weight=None, alpha=0.0
):
    """g of the minibatch X[rows], Y[rows]; X and Y are the whole training set.

    Average over the m rows of the minibatch, each row's delta multiplied by
    ``w_i / mean(w)``; plus ``alpha / n * W_l``, where the mean of w and n (the sum
    of w) belong to the whole training set. ``rows=None`` means all rows, and
    then this is the gradient of ``loss``.
    """
    W, b = unpack(theta, sizes)
    w = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
    rows = np.arange(len(X)) if rows is None else rows
    gW = [None] + [np.zeros_like(W_l) for W_l in W[1:]]
    gb = [None] + [np.zeros_like(b_l) for b_l in b[1:]]
    m = len(rows)
    for i in rows:
        weight = w[i] / np.mean(w)
        dW, db = backpropagate(task, activation, W, b, X[i], Y[i], weight)
        for l in range(1, len(W)):  # noqa: E741
            gW[l] += dW[l] / m
            gb[l] += db[l] / m
    n = np.sum(w)
    for l in range(1, len(W)):  # noqa: E741
        gW[l] += alpha / n * W[l]
    return pack(gW, gb)


# -------------------------------------------------------------------- the schedules


def learning_rate(
    schedule, t, updates_per_epoch, lr0, *, decay_rate=0.5, decay_epochs=10
):
    """epsilon_t; updates t and epochs e are both counted from 0."""
    e = t // updates_per_epoch
    if schedule == "constant":
        return lr0
    if schedule == "step":
        return lr0 * decay_rate ** np.floor(e / decay_epochs)
    if schedule == "exponential":
        return lr0 * decay_rate ** (t / (decay_epochs * updates_per_epoch))
    raise ValueError(f"unknown schedule {schedule!r}")


# ------------------------------------------------------------- the seven algorithms


def update_rule(
    solver,
    gradient,
    theta0,
    rates,
    *,
    momentum=0.9,
    rho=0.9,
    beta_1=0.9,
    beta_2=0.999,
    delta=None,
):
    """theta after every update, shape (len(rates), P).

    ``gradient(theta, t)`` gives g at theta for update t = 0, 1, ...; ``rates[t]``
    is epsilon_t. The lecture's momentum parameter alpha is ``momentum`` here, its
    rho_1 and rho_2 are ``beta_1`` and ``beta_2``. ``delta=None`` is the lecture's
    own value for the algorithm.
    """
    theta = np.array(theta0, dtype=np.float64)
    v = np.zeros_like(theta)
    r = np.zeros_like(theta)
    s = np.zeros_like(theta)
    if delta is None:
        delta = DELTA.get(solver)
    path = []
    for t, epsilon in enumerate(rates):
        if solver == "gd":
            # Algorithm 1, batch gradient descent
            g = gradient(theta, t)
            theta = theta - epsilon * g

        elif solver == "sgd":
            # Algorithm 8.1, stochastic gradient descent
            g = gradient(theta, t)
            theta = theta - epsilon * g

        elif solver == "momentum":
            # Algorithm 8.2, SGD with momentum
            g = gradient(theta, t)
            v = momentum * v - epsilon * g
            theta = theta + v

        elif solver == "nesterov":
            # Algorithm 8.3, SGD with Nesterov momentum
            theta_tilde = theta + momentum * v
            g = gradient(theta_tilde, t)
            v = momentum * v - epsilon * g
            theta = theta + v

        elif solver == "adagrad":
            # Algorithm 8.4, AdaGrad
            g = gradient(theta, t)
            r = r + g * g
            theta = theta - epsilon / (delta + np.sqrt(r)) * g

        elif solver == "rmsprop":
            # Algorithm 8.5, RMSProp
            g = gradient(theta, t)
            r = rho * r + (1 - rho) * g * g
            theta = theta - epsilon / np.sqrt(delta + r) * g

        elif solver == "adam":
            # Algorithm 8.7, Adam; its own t counts from 1
            g = gradient(theta, t)
            s = beta_1 * s + (1 - beta_1) * g
            r = beta_2 * r + (1 - beta_2) * g * g
            s_hat = s / (1 - beta_1 ** (t + 1))
            r_hat = r / (1 - beta_2 ** (t + 1))
            theta = theta - epsilon * s_hat / (np.sqrt(r_hat) + delta)

        else:
            raise ValueError(f"unknown solver {solver!r}")
        path.append(theta)
    return np.array(path).reshape(len(path), len(theta))


# ----------------------------------------------------------------- all of it at once


def train(
    solver,
    schedule,
    task,
    activation,
    sizes,
    theta0,
    X,
    Y,
    batches,
    updates_per_epoch,
    lr0,
    *,
    alpha=0.0,
    sample_weight=None,
    momentum=0.9,
    rho=0.9,
    beta_1=0.9,
    beta_2=0.999,
    delta=None,
    decay_rate=0.5,
    decay_epochs=10,
):
    """theta after every update, shape (n_updates, P).

    Update t uses the rows ``batches[t]`` of X and Y and belongs to epoch
    ``t // updates_per_epoch``. With ``solver="gd"`` every update uses all rows,
    whatever ``batches`` holds; its length still gives the number of updates.
    """

    def minibatch_gradient(theta, t):
        rows = None if solver == "gd" else batches[t]
        return gradient(
            task, activation, sizes, theta, X, Y, rows, sample_weight, alpha
        )

    rates = [
        learning_rate(
            schedule,
            t,
            updates_per_epoch,
            lr0,
            decay_rate=decay_rate,
            decay_epochs=decay_epochs,
        )
        for t in range(len(batches))
    ]
    return update_rule(
        solver,
        minibatch_gradient,
        theta0,
        rates,
        momentum=momentum,
        rho=rho,
        beta_1=beta_1,
        beta_2=beta_2,
        delta=delta,
    )
