"""Record torch's cross-entropy with label smoothing, for the test suite.

Run it by hand; it writes ``label_smoothing.json`` beside itself: raw outputs, classes
and labels, and what torch makes of them in float64: the loss of each row and its
gradient. The suite reads only the file. This script must not know the package under
test.

torch smooths classes itself (``label_smoothing=s``). It has nothing of the kind for
binary labels, so these are handed to it as (1 - s) y + s / 2.
"""

import json
from pathlib import Path

import numpy as np

SMOOTHING = [0.0, 0.1, 0.35, 0.9]
M, K = 6, 4


def main():
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

    rng = np.random.RandomState(20240301)
    z = rng.randn(M, K) * 4
    classes, labels = rng.randint(0, K, M), rng.randint(0, 2, (M, K))
    runs = []
    for s in SMOOTHING:
        for task in ("multiclass", "multilabel"):
            raw = torch.tensor(z, dtype=torch.float64, requires_grad=True)
            if task == "multiclass":
                losses = cross_entropy(
                    raw, torch.tensor(classes), label_smoothing=s, reduction="none"
                )
            else:
                y = torch.tensor((1 - s) * labels + s / 2)
                losses = binary_cross_entropy_with_logits(raw, y, reduction="none")
                losses = losses.sum(dim=1)
            losses.sum().backward()
            runs.append(
                {
                    "task": task,
                    "smoothing": s,
                    "losses": losses.tolist(),
                    "gradient": raw.grad.tolist(),
                }
            )
    record = {
        "torch": torch.__version__,
        "z": z.tolist(),
        "classes": classes.tolist(),
        "labels": labels.tolist(),
        "runs": runs,
    }
    path = Path(__file__).parent / "label_smoothing.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
