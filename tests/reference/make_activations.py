"""Record the activations of torch and their derivatives, for the test suite.

Run it by hand; it writes ``activations.json`` beside itself. README.md in this folder
says more. Every number is torch's own in float64, the derivatives by its autograd.
"""

import json
from pathlib import Path

import torch
from torch.nn import functional

POINTS = [x / 4 for x in range(-24, 25)]
POINTS += [s * x for x in (1e-30, 1e-12, 1e-3, 15.0, 40.0, 1000.0) for s in (-1, 1)]
POINTS.sort()

# The name of the activation, its parameters, and torch's function.
CASES = [
    ("identity", {}, lambda z: z * 1),
    ("logistic", {}, torch.sigmoid),
    ("tanh", {}, torch.tanh),
    ("relu", {}, functional.relu),
    ("leaky_relu", {}, functional.leaky_relu),
    ("leaky_relu", {"slope": 0.3}, lambda z: functional.leaky_relu(z, 0.3)),
    ("elu", {}, functional.elu),
    ("elu", {"alpha": 0.4}, lambda z: functional.elu(z, alpha=0.4)),
    ("selu", {}, functional.selu),
    ("gelu", {}, functional.gelu),
    ("silu", {}, functional.silu),
    ("mish", {}, functional.mish),
    # torch's own goes over to the identity above the threshold.
    ("softplus", {}, lambda z: functional.softplus(z, threshold=500)),
]


def record(function):
    """Return values and derivatives at the points."""
    z = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
    a = function(z)
    a.sum().backward()
    return a.tolist(), z.grad.tolist()


def main():
    cases = []
    for name, parameters, function in CASES:
        values, slopes = record(function)
        case = {"activation": name, "parameters": parameters}
        cases.append({**case, "values": values, "slopes": slopes})
    text = {"torch": torch.__version__, "z": POINTS, "cases": cases}
    Path(__file__).with_name("activations.json").write_text(json.dumps(text) + "\n")


if __name__ == "__main__":
    main()
