"""Record what the authors' programs and other libraries do with the recent solvers.

Run it by hand; it writes ``recent.json`` beside itself. README.md in this folder says
what has to be installed. As in make_trajectories.py, whose problem this takes: the
suite reads only the file, this script does not know the package under test, and what
it records is what a library returned in float64. For Muon, no library computes in
float64 with the authors' small constant; its updates are made here from singular
values, which says the same in another way, and torch's own, in float64, are recorded
beside them.

The gradients of case "tiny" are near 1e-9. The rates are lr0 times factors that
stand in the file: constant, halved every 20 updates, and rising to fall later.
"""

import json
import math
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import schedulefree
import torch
from make_trajectories import text
from optax.transforms import add_decayed_weights
from pytorch_optimizer import Adan

HERE = Path(__file__).parent
N_UPDATES = 50
KEPT = [1, 2, 5, 20, 50]
SCALES = {"unit": 1.0, "small": 1e-4, "tiny": 1e-9}
FACTORS = {
    "constant": [1.0] * N_UPDATES,
    "falling": [0.5 ** (t / 20) for t in range(N_UPDATES)],
    "hill": [min((t + 1) / 10, 1.0, (N_UPDATES - t) / 25) for t in range(N_UPDATES)],
}
# Where the layers of Muon's network lie: rows and columns of W_l, or length of b_l.
SHAPES = [(2, 3), (3,), (3, 1)]
LR0 = {
    "yogi": 0.05,
    "adabelief": 0.05,
    "lion": 0.02,
    "adan": 0.05,
    "schedule_free_adamw": 0.05,
    "muon": 0.05,
}


def problem():
    record = json.loads((HERE / "trajectories.json").read_text())["problem"]
    return [np.array(record[name]) for name in ("A", "c", "theta0")]


def with_optax(transform, gradient, theta0, rates, decay=0.0):
    """theta - rate * (update + decay theta), update being a transformation's."""
    optimizer = optax.chain(transform, add_decayed_weights(decay))
    theta = jnp.asarray(theta0)
    state = optimizer.init(theta)
    for t, rate in enumerate(rates):
        g = jnp.asarray(gradient(np.asarray(theta), t))
        update, state = optimizer.update(g, state, theta)
        theta = optax.apply_updates(theta, -rate * update)
        yield np.asarray(theta)


def yogi(*arguments):
    """Optax's, but that its first moment begins at zero, as the second one does not."""
    theirs = optax.scale_by_yogi(0.9, 0.999, 1e-3, initial_accumulator_value=1e-6)

    def begin(theta):
        state = theirs.init(theta)
        return state._replace(mu=jnp.zeros_like(theta))

    yield from with_optax(
        optax.GradientTransformation(begin, theirs.update), *arguments
    )


def adabelief(*arguments):
    yield from with_optax(optax.scale_by_belief(0.9, 0.999, 1e-16, 1e-16), *arguments)


def lion(*arguments, **decay):
    yield from with_optax(optax.scale_by_lion(0.9, 0.99), *arguments, **decay)


def with_torch(make, gradient, theta0, rates):
    """Yield parameters and optimizer after each update."""
    p = torch.nn.Parameter(torch.tensor(theta0))
    optimizer = make([p])
    for t, rate in enumerate(rates):
        optimizer.param_groups[0]["lr"] = rate
        p.grad = torch.from_numpy(gradient(p.detach().numpy(), t))
        optimizer.step()
        yield p.detach(), optimizer


def adan(gradient, theta0, rates, decay=0.0):
    """After the authors' program; a decay that is not "decoupled" is proximal."""

    def make(p):
        return Adan(p, betas=(0.98, 0.92, 0.99), eps=1e-8, weight_decay=decay)

    for p, _ in with_torch(make, gradient, theta0, rates):
        yield p.numpy().copy()


def schedule_free_adamw(gradient, theta0, rates, decay=0.0, warmup_steps=0):
    """The authors' program; what is recorded is the average, its evaluation mode."""

    def make(p):
        optimizer = schedulefree.AdamWScheduleFree(
            p, weight_decay=decay, warmup_steps=warmup_steps
        )
        optimizer.train()
        return optimizer

    for p, optimizer in with_torch(make, gradient, theta0, rates):
        y = p.clone()
        optimizer.eval()
        yield p.numpy().copy()
        optimizer.train()
        np.testing.assert_allclose(p, y, rtol=1e-9, atol=1e-12)
        p.copy_(y)


def layers(theta):
    """Views of the W_l and b_l in theta."""
    parts, at = [], 0
    for shape in SHAPES:
        size = math.prod(shape)
        parts.append(theta[at : at + size].reshape(shape))
        at += size
    return parts


class Biases:
    """torch's Adam of b_1, for both of Muon's paths."""

    def __init__(self, theta0):
        self.b = torch.nn.Parameter(torch.tensor(layers(theta0)[1]))
        self.adam = torch.optim.Adam([self.b], betas=(0.9, 0.95), eps=1e-10)

    def step(self, g, rate):
        self.b.grad = torch.tensor(layers(g)[1])
        self.adam.param_groups[0]["lr"] = rate
        self.adam.step()
        return self.b.detach().numpy()


def muon(gradient, theta0, rates):
    """The authors' program, as what its five steps do to singular values."""
    theta, biases = theta0.copy(), Biases(theta0)
    weights = layers(theta)[::2]
    sums = [np.zeros_like(W) for W in weights]
    for t, rate in enumerate(rates):
        g = gradient(theta, t)
        for W, dW, total in zip(weights, layers(g)[::2], sums, strict=True):
            total += 0.05 * (dW - total)
            U, sigma, Vt = np.linalg.svd(dW + 0.95 * (total - dW), full_matrices=False)
            sigma /= math.sqrt(np.sum(sigma**2)) + 1e-7
            for _ in range(5):
                sigma *= np.polyval([2.0315, -4.7750, 3.4445], sigma**2)
            rows, columns = W.T.shape  # in torch, the outputs are the rows
            W -= rate * max(1, rows / columns) ** 0.5 * (U * sigma) @ Vt
        layers(theta)[1][...] = biases.step(g, rate)
        yield theta.copy()


def muon_of_torch(gradient, theta0, rates):
    """torch's Muon of the W_l, in float64: the conversion to bfloat16 is left out."""
    theta, biases = theta0.copy(), Biases(theta0)
    weights = [torch.nn.Parameter(torch.tensor(W.T.copy())) for W in layers(theta)[::2]]
    optimizer = torch.optim.Muon(weights, weight_decay=0, momentum=0.95)
    with mock.patch.object(torch.Tensor, "bfloat16", lambda g: g.clone()):
        for t, rate in enumerate(rates):
            g = gradient(theta, t)
            for p, dW in zip(weights, layers(g)[::2], strict=True):
                p.grad = torch.tensor(dW.T.copy())
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            for p, W in zip(weights, layers(theta)[::2], strict=True):
                W[...] = p.detach().numpy().T
            layers(theta)[1][...] = biases.step(g, rate)
            yield theta.copy()


# Solver, what makes its path, from what, further arguments there and of the class here.
RUNS = [
    ("yogi", yogi, "optax.scale_by_yogi, mu from 0", {}, {}),
    ("adabelief", adabelief, "optax.scale_by_belief", {}, {}),
    ("lion", lion, "optax.scale_by_lion", {}, {"weight_decay": 0.0}),
    ("lion", lion, "optax.scale_by_lion", {"decay": 1e-3}, {}),
    ("adan", adan, "pytorch_optimizer.Adan", {}, {}),
    ("adan", adan, "pytorch_optimizer.Adan", {"decay": 0.3}, {"weight_decay": 0.3}),
    ("schedule_free_adamw", schedule_free_adamw, "schedulefree", {}, {}),
    (
        "schedule_free_adamw",
        schedule_free_adamw,
        "schedulefree",
        {"decay": 0.3, "warmup_steps": 12},
        {"weight_decay": 0.3, "warmup_steps": 12},
    ),
    ("muon", muon, "numpy.linalg.svd", {}, {}),
    ("muon", muon_of_torch, "torch.optim.Muon", {}, {}),
]


def main():
    jax.config.update("jax_enable_x64", True)
    A, c, theta0 = problem()
    runs = []
    for solver, make, source, arguments, hyperparameters in RUNS:
        for case, scale in SCALES.items():
            if source == "torch.optim.Muon" and case != "unit":
                continue  # its small constant is used in another way

            def gradient(theta, t, scale=scale):
                return scale * A[t % len(A)] @ (theta - c[t % len(c)])

            for schedule, factors in FACTORS.items():
                rates = [LR0[solver] * factor for factor in factors]
                path = np.array(list(make(gradient, theta0, rates, **arguments)))
                assert path.dtype == np.float64
                runs.append(
                    {
                        "solver": solver,
                        "source": source,
                        "hyperparameters": hyperparameters,
                        "case": case,
                        "schedule": schedule,
                        "lr0": LR0[solver],
                        "iterates": path[np.array(KEPT) - 1].tolist(),
                    }
                )
    names = ("numpy", "torch", "jax", "optax", "pytorch_optimizer", "schedulefree")
    record = {
        "about": "Written by make_recent.py; see README.md. Do not edit.",
        "versions": {name: version(name) for name in names},
        "problem": "that of trajectories.json, with these scales",
        "scale": SCALES,
        "factors": FACTORS,
        "recorded_after": KEPT,
        "shapes": [list(shape) for shape in SHAPES],
        "runs": runs,
    }
    (HERE / "recent.json").write_text(text(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
