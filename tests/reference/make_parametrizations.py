"""Record how torch trains networks with a scaling layer and in NTK parametrization.

Run it by hand; it writes ``parametrizations.json`` beside itself. README.md in this
folder says more. Every number is torch's own in float64, by its autograd and its
optimizers.

The scaling layer is a module of its own that multiplies its inputs. A layer in NTK
parametrization is the one of the paper, a @ V / sqrt(k) + b: its parameter is V, with
the plain rate, and what is recorded is V / sqrt(k). Plain descent sees the scale of the
gradient, so there the layers are the usual ones, in parameter groups of their own
rates.
"""

import json
import math
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent
N_ROWS, BATCH, EPOCHS = 24, 8, 8
KEPT = [1, 2, 7, 24]
HIDDEN = [6, 3]
D = 5
SCALE_RATE, BIAS_RATE = 6.0, 0.1
ACTIVATIONS = {"tanh": nn.Tanh, "silu": nn.SiLU, "gelu": nn.GELU, "relu": nn.ReLU}


class Scaling(nn.Module):
    """Multiplies each input by a factor of its own."""

    def __init__(self, s):
        super().__init__()
        self.s = nn.Parameter(s.clone())

    def forward(self, x):
        return x * self.s


class NTKLinear(nn.Module):
    """a @ V / sqrt(k) + b"""

    def __init__(self, W, b):
        super().__init__()
        self.root = math.sqrt(len(W))
        self.V = nn.Parameter(W * self.root)
        self.b = nn.Parameter(b.clone())

    def forward(self, a):
        return a @ self.V / self.root + self.b

    def weight(self):
        return self.V / self.root


class Linear(nn.Module):
    def __init__(self, W, b):
        super().__init__()
        self.V = nn.Parameter(W.clone())
        self.b = nn.Parameter(b.clone())

    def forward(self, a):
        return a @ self.V + self.b

    def weight(self):
        return self.V


LOSSES = {
    "squared_error": lambda z, y: ((z - y) ** 2).sum(1) / 2,
    "huber": lambda z, y: nn.functional.huber_loss(z, y, reduction="none").sum(1),
    "poisson": lambda z, y: (  # the deviance: 0 where the target is met
        nn.functional.poisson_nll_loss(z, y, reduction="none")
        + torch.special.xlogy(y, y)
        - y
    ).sum(1),
    "binary": lambda z, y: nn.functional.binary_cross_entropy_with_logits(
        z, y, reduction="none"
    ).sum(1),
    "multiclass": lambda z, y: nn.functional.cross_entropy(z, y, reduction="none"),
}
ADAM = {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-30}
MOMENTUM = {"momentum": 0.8}


def targets(loss, X):
    linear = X @ torch.tensor(
        [[1.0, -2, 0.5], [0, 1, 1], [2, 0, -1], [0, 0, 0], [1] * 3]
    )
    if loss == "squared_error":
        return linear[:, :2].sin()
    if loss == "huber":
        return linear[:, :1]
    if loss == "poisson":
        return torch.round(linear[:, :1].abs())
    if loss == "binary":
        return (linear[:, :1] > 0).double()
    return linear.argmax(1)


def layers_of(n_outputs):
    """Draw weights and biases, the output layer's not zero."""
    sizes = [D, *HIDDEN, n_outputs]
    return [
        (torch.randn(k, m) / math.sqrt(k), 0.3 * torch.randn(m))
        for k, m in pairwise(sizes)
    ]


def optimizer_of(solver, hyperparameters, groups):
    if solver == "adam":
        options = {
            "betas": (hyperparameters["beta_1"], hyperparameters["beta_2"]),
            "eps": hyperparameters["epsilon"],
        }
        return torch.optim.Adam(groups, **options)
    if solver == "adamw":
        return torch.optim.AdamW(
            groups,
            betas=(hyperparameters["beta_1"], hyperparameters["beta_2"]),
            eps=hyperparameters["epsilon"],
            weight_decay=0,
        )
    return torch.optim.SGD(groups, momentum=hyperparameters["momentum"])


def run(
    solver, loss, activation, scaling, parametrization, rate, alpha=0.0, decay=0.0,
    weighted=False,
):  # fmt: skip
    X = 1.5 * torch.randn(N_ROWS, D)
    Y = targets(loss, X)
    w = torch.rand(N_ROWS) + 0.5 if weighted else torch.ones(N_ROWS)
    w = w / w.mean()
    first = layers_of(3 if loss == "multiclass" else Y.shape[1])
    ntk = parametrization == "ntk"
    by_rates = ntk and solver == "momentum"
    Layer = NTKLinear if ntk and not by_rates else Linear
    dense = [Layer(W, b) for W, b in first]
    scale = Scaling(torch.rand(D) + 0.5) if scaling else nn.Identity()
    sigma = ACTIVATIONS[activation]()
    network = nn.Sequential(scale, dense[0], sigma, dense[1], sigma, dense[2])
    groups = [{"params": [scale.s], "lr": SCALE_RATE * rate}] if scaling else []
    for layer in dense:
        k = len(layer.V)
        # AdamW's decay is by the rate of the group. By 1 - rate * decay, whatever that
        # is: of V it is the same as of W, and V has the plain rate.
        weights = {"params": [layer.V], "lr": rate / math.sqrt(k) if by_rates else rate}
        if solver == "adamw":
            weights["weight_decay"] = decay
        groups += [
            weights,
            {"params": [layer.b], "lr": BIAS_RATE * rate if ntk else rate},
        ]
    hyperparameters = MOMENTUM if solver == "momentum" else ADAM
    optimizer = optimizer_of(solver, hyperparameters, groups)

    def state():
        return {
            "scale": scale.s.tolist() if scaling else None,
            "coefs": [layer.weight().tolist() for layer in dense],
            "intercepts": [layer.b.tolist() for layer in dense],
        }

    begun, kept, losses = state(), [], []
    updates = 0
    for _ in range(EPOCHS):
        for start in range(0, N_ROWS, BATCH):
            rows = slice(start, start + BATCH)
            optimizer.zero_grad()
            cost = (w[rows] * LOSSES[loss](network(X[rows]), Y[rows])).mean()
            penalty = sum((layer.weight() ** 2).sum() for layer in dense)
            cost = cost + alpha / (2 * N_ROWS) * penalty
            cost.backward()
            optimizer.step()
            losses.append(cost.item())
            updates += 1
            if updates in KEPT:
                kept.append(state())
    return {
        "solver": solver,
        "hyperparameters": hyperparameters
        | ({"weight_decay": decay} if solver == "adamw" else {}),
        "loss": loss,
        "activation": activation,
        "input_scaling": scaling,
        "parametrization": parametrization,
        "rate": rate,
        "alpha": alpha,
        "X": X.tolist(),
        "y": Y.tolist(),
        "sample_weight": w.tolist() if weighted else None,
        "first": begun,
        "after": kept,
        "costs": losses,
    }


def main():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    runs = [
        run("adam", "squared_error", "tanh", True, "standard", 0.01),
        run("adam", "multiclass", "relu", True, "standard", 0.01, alpha=2.0),
        run("momentum", "huber", "gelu", True, "standard", 0.01, weighted=True),
        run("adamw", "binary", "silu", True, "standard", 0.02, decay=0.3),
        run("adam", "binary", "silu", False, "ntk", 0.03),
        run("adam", "squared_error", "gelu", False, "ntk", 0.03, alpha=1.0),
        run("adam", "multiclass", "tanh", True, "ntk", 0.03, weighted=True),
        run("adamw", "squared_error", "tanh", True, "ntk", 0.03, decay=0.3),
        run("adam", "poisson", "tanh", True, "ntk", 0.01, alpha=3.0, weighted=True),
        run("momentum", "multiclass", "silu", True, "ntk", 0.05, alpha=1.0),
    ]  # fmt: skip
    record = {
        "about": "Written by make_parametrizations.py; see README.md. Do not edit.",
        "torch": torch.__version__,
        "batch_size": BATCH,
        "epochs": EPOCHS,
        "recorded_after": KEPT,
        "runs": runs,
    }
    path = HERE / "parametrizations.json"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
