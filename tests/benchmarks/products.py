"""CPU time of single matrix products: skoptnet's own, and those of BLAS.

    python tests/benchmarks/products.py
    SKOPTNET_KERNELS=avx2 python tests/benchmarks/products.py
    python tests/benchmarks/products.py --sizes 200x54x1024 200x1024x7

The three products of each layer of the shapes in contestants.py, in turn, on one
thread; the least of the repeats counts. Beside the times is the share of the peak: the
multiplications per second of a loop that does nothing but multiply and add vectors of
the instruction set. What multiplies by BLAS in training does so here, too. Needs
Cython, setuptools and a C compiler.

Not a test: nothing is asserted.
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import environment  # noqa: F401, before libraries are loaded
import numpy as np
from common import Table, figure, ratio, setting, write_json
from contestants import SHAPES, Shape, compiled

import skoptnet
from skoptnet import compiled as kernels
from skoptnet.losses import LOSSES
from skoptnet.network import Network

#: Seconds of one measurement, about.
SECONDS = 0.01


def least(call: Any, other: Any, repeats: int) -> tuple[float, float]:
    """Return the least CPU seconds of either call, measured in turn."""
    times: list[list[float]] = [[], []]
    for one in (call, other):
        one(1)
    begun = time.process_time()
    call(10)
    number = 1 + int(10 * SECONDS / max(time.process_time() - begun, 1e-9))
    for _ in range(repeats):
        for one, values in zip((call, other), times, strict=True):
            begun = time.process_time()
            one(number)
            values.append((time.process_time() - begun) / number)
    return min(times[0]), min(times[1])


def peak(dtype: str) -> float | None:
    """Return multiplications per second of the processor, where that is known."""
    level, best = (
        skoptnet._kernels.INSTRUCTION_SETS.index(skoptnet._kernels.chosen()),
        0.0,
    )
    for _ in range(10):
        begun = time.process_time()
        size = compiled("products").vectors(level, 10**6)
        seconds = time.process_time() - begun
        best = max(best, 12e6 * size / np.dtype(dtype).itemsize / seconds)
    return best or None


def aligned(*shape: int, dtype: str) -> np.ndarray:
    """Return an array that begins on a cache line, as the buffers of a fit do."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(n_bytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def products(m: int, k: int, n: int, dtype: str) -> dict[str, tuple[Any, Any]]:
    """Return the products of a layer, by name: skoptnet's and that of BLAS."""
    rng = np.random.default_rng(0)
    a, delta, W, *results = (
        aligned(*shape, dtype=dtype) for shape in 2 * [(m, k), (m, n), (k, n)]
    )
    for array in (a, delta, W):
        array[:] = rng.uniform(-0.5, 0.5, array.shape)
    out = {array.shape: array for array in results}
    network = Network((k, n), (), LOSSES["squared_error"](), 0.0)
    passes = kernels._passes(
        network, a, a.dtype, m, skoptnet._kernels.chosen(), n_threads=1
    )
    ours, blas = compiled("products"), compiled("floor")
    return {
        "a W": (
            lambda times: ours.product(passes, a, W, False, out[m, n], times),
            lambda times: blas.one_product(a, False, W, False, out[m, n], times),
        ),
        "delta W^T": (
            lambda times: ours.product(passes, delta, W, True, out[m, k], times),
            lambda times: blas.one_product(delta, False, W, True, out[m, k], times),
        ),
        "a^T delta": (
            lambda times: ours.gradient(passes, a, delta, out[k, n], times),
            lambda times: blas.one_product(a, True, delta, False, out[k, n], times),
        ),
    }


def layers(shapes: Iterable[Shape]) -> Iterator[tuple[int, int, int, bool]]:
    """Yield rows, columns and units of each layer, and whether it is the first one."""
    for shape in shapes:
        sizes = (shape.columns, *shape.hidden, shape.classes)
        for layer, (k, n) in enumerate(pairwise(sizes)):
            yield shape.batch, k, n, layer == 0


def size(text: str) -> tuple[int, int, int, bool]:
    """Return the layer of a size such as 200x54x1024."""
    m, k, n = map(int, text.split("x"))
    return m, k, n, False


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", type=int, default=range(len(SHAPES)))
    parser.add_argument(
        "--sizes", nargs="+", type=size, metavar="ROWSxCOLUMNSxUNITS",
        help="layers in place of those of the shapes",
    )  # fmt: skip
    parser.add_argument(
        "--dtypes", nargs="+", default=["float32", "float64"],
        choices=["float32", "float64"],
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=9, help="default 9")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    print(setting())
    titles = [
        "skoptnet, us",
        "BLAS, us",
        "skoptnet / BLAS",
        "share of the peak",
        "BLAS",
    ]
    table = Table(["product", "rows x columns x columns", "dtype"], titles)
    rows = []
    peaks = {dtype: peak(dtype) for dtype in args.dtypes}
    for m, k, n, is_first in args.sizes or layers(SHAPES[i] for i in args.shapes):
        for dtype, most in peaks.items():
            for name, pair in products(m, k, n, dtype).items():
                if name == "delta W^T" and is_first:
                    continue
                seconds = least(*pair, args.repeats)
                shares = [most and 100 * m * k * n / most / s for s in seconds]
                text = f"{m} x {k} x {n}"
                table.add(
                    [name, text, dtype],
                    [
                        *(figure(1e6 * s) for s in seconds),
                        figure(ratio(*seconds)),
                        *(figure(share, " %") for share in shares),
                    ],
                )
                rows.append(
                    {"product": name, "size": text, "dtype": dtype,
                     "us": 1e6 * seconds[0], "blas_us": 1e6 * seconds[1],
                     "share": shares[0], "blas_share": shares[1]}
                )  # fmt: skip
                write_json(args.json, rows)


if __name__ == "__main__":
    main()
