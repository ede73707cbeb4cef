"""CPU time per update of whole fits, beside scikit-learn's MLP, in one run.

    python tests/benchmarks/fit.py
    python tests/benchmarks/fit.py --shapes 2 --repeats 9

Both train the same network on the same rows with Adam and relu, in turn, on one BLAS
thread; the least of the repeats counts. Absolute times depend on the machine; the
ratio in the last column is what this is for. Not a test: nothing is asserted.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skoptnet import MLPClassifierX

#: Rows, columns, hidden layers, batch size, classes, epochs.
SHAPES = [
    (150, 4, (100,), 50, 3, 100),
    (1797, 64, (100,), 200, 10, 20),
    (20_000, 100, (100, 50), 200, 5, 2),
    (60_000, 784, (256,), 200, 10, 1),
]
ESTIMATORS = {"scikit-learn": MLPClassifier, "skoptnet": MLPClassifierX}


def measure(shape: tuple, dtype: type, repeats: int) -> dict[str, float]:
    """Return CPU microseconds per update by library."""
    n, d, hidden, batch, n_classes, epochs = shape
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    y = rng.randint(0, n_classes, n)
    updates = epochs * -(-n // batch)
    times: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    for _ in range(repeats):
        for name, estimator in ESTIMATORS.items():
            model = estimator(
                hidden,
                batch_size=batch,
                learning_rate_init=0.001,
                max_iter=epochs,
                n_iter_no_change=epochs,
                random_state=0,
            )
            started = time.process_time()
            model.fit(X, y)
            times[name].append(time.process_time() - started)
    return {name: 1e6 * min(values) / updates for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument(
        "--shapes", type=int, nargs="+", default=range(len(SHAPES)), metavar="I"
    )
    args = parser.parse_args()
    print(
        "| rows x columns, hidden, batch | dtype | scikit-learn | skoptnet | faster |"
    )
    print("|---|---|---:|---:|---:|")
    for index in args.shapes:
        n, d, hidden, batch, *_ = SHAPES[index]
        for dtype in (np.float32, np.float64):
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                us = measure(SHAPES[index], dtype, args.repeats)
            peer, ours = us["scikit-learn"], us["skoptnet"]
            print(
                f"| {n} x {d}, {hidden}, {batch} | {dtype.__name__} | {peer:.0f} µs"
                f" | {ours:.0f} µs | {peer / ours:.2f}x |",
                flush=True,
            )


if __name__ == "__main__":
    main()
