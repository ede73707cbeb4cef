"""Record the gradients of torch's networks with respect to their inputs.

Run it by hand; it writes ``input_gradients.json`` beside itself. README.md in this
folder says more. Every number is torch's own in float64, by its autograd.
"""

import json
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

SIZES = [4, 6, 5, 3]
ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
}


def record(sigma, X):
    """Return weights, biases and the gradients of all outputs at each row."""
    linear = [nn.Linear(k, m) for k, m in pairwise(SIZES)]
    network = nn.Sequential(linear[0], sigma(), linear[1], sigma(), linear[2])
    jacobian = torch.autograd.functional.jacobian
    return {
        "coefs": [layer.weight.detach().T.tolist() for layer in linear],
        "intercepts": [layer.bias.detach().tolist() for layer in linear],
        "gradients": [jacobian(network, x).tolist() for x in X],
    }


def main():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    X = 2 * torch.randn(7, SIZES[0])
    cases = {name: record(sigma, X) for name, sigma in ACTIVATIONS.items()}
    text = {"torch": torch.__version__, "X": X.tolist(), "cases": cases}
    path = Path(__file__).with_name("input_gradients.json")
    path.write_text(json.dumps(text) + "\n")


if __name__ == "__main__":
    main()
