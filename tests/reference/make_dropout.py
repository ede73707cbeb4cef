"""Record torch's loss and gradient of networks with given dropout masks.

Run it by hand; it writes ``dropout.json`` beside itself: rows, classes, theta (W_1,
b_1, W_2, ... each raveled in C order), the mask of each hidden layer, and what torch
makes of them in float64. The suite reads only the file. This script must not know the
package under test.

torch draws its masks itself, so they are drawn by ``torch.nn.functional.dropout`` of
ones, and then multiply the activations, as it does.
"""

import json
from itertools import pairwise
from pathlib import Path

SIZES = (4, 5, 4, 3)
RATES = (0.5, 0.3)
M = 8


def main():
    import torch
    from torch.nn.functional import cross_entropy, dropout, gelu, silu

    activations = {
        "identity": lambda z: z,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "logistic": torch.sigmoid,
        "gelu": gelu,
        "silu": silu,
    }
    torch.manual_seed(20240517)
    X = torch.randn(M, SIZES[0], dtype=torch.float64)
    y = torch.randint(0, SIZES[-1], (M,))
    theta = torch.randn(
        sum((k + 1) * j for k, j in pairwise(SIZES)),
        dtype=torch.float64,
    )
    masks = [
        dropout(torch.ones(M, k, dtype=torch.float64), p)
        for k, p in zip(SIZES[1:-1], RATES, strict=True)
    ]
    runs = []
    for name, sigma in activations.items():
        at = theta.clone().requires_grad_()
        a, start = X, 0
        for layer, (k, j) in enumerate(pairwise(SIZES)):
            W = at[start : start + k * j].reshape(k, j)
            b = at[start + k * j : start + (k + 1) * j]
            a, start = a @ W + b, start + (k + 1) * j
            if layer < len(masks):
                a = sigma(a) * masks[layer]
        loss = cross_entropy(a, y)
        loss.backward()
        runs.append(
            {"activation": name, "loss": loss.item(), "gradient": at.grad.tolist()}
        )
    record = {
        "torch": torch.__version__,
        "X": X.tolist(),
        "y": y.tolist(),
        "theta": theta.tolist(),
        "masks": [mask.tolist() for mask in masks],
        "runs": runs,
    }
    path = Path(__file__).parent / "dropout.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
