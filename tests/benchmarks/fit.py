"""CPU time per update of whole fits, beside other libraries and the floor.

    python tests/benchmarks/fit.py
    python tests/benchmarks/fit.py --shapes 0 2 --dtypes float32 --repeats 9
    python tests/benchmarks/fit.py --solvers adam momentum --activations relu tanh
    python tests/benchmarks/fit.py --peers scikit-learn floor --json fit.json

In turn, in one process and on one thread, everybody who is installed trains the same
network on the same rows; the least of the repeats counts. All warm up for an epoch
first, untimed, in which JAX compiles. "readable" is skoptnet without its compiled
kernels. The floor is the bare matrix products of an update of a full minibatch,
through the BLAS that SciPy brings. Absolute times depend on the machine; the ratios
are what this is for.

As on a processor that has no more than AVX2, with what OpenBLAS and the others have for
such processors:

    SKOPTNET_KERNELS=avx2 python tests/benchmarks/fit.py

Not a test: nothing is asserted. torch and jax take part where they are installed;
the floor needs Cython, setuptools and a C compiler.
"""

import argparse
import gc
import itertools
import time
from pathlib import Path
from typing import Any

import environment  # noqa: F401, before libraries are loaded
from common import Table, figure, loaded_kernels, ratio, setting, write_json
from contestants import CONTESTANTS, SHAPES, Contestant, Problem, Skoptnet, ready
from threadpoolctl import threadpool_limits

PEERS = [name for name in CONTESTANTS if name != Skoptnet.name]
RATIOS = [
    ("scikit-learn", "skoptnet"),
    ("skoptnet", "floor"),
    ("torch", "skoptnet"),
    ("jax", "skoptnet"),
]


def measure(
    problem: Problem, contestants: list[type[Contestant]], repeats: int
) -> dict[str, list[float]]:
    """Return CPU microseconds per update by contestant, one figure per repeat."""
    able = ready(contestants, problem)
    times: dict[str, list[float]] = {contestant.name: [] for contestant in able}
    for _ in range(repeats):
        for contestant in able:
            gc.collect()  # nobody pays for what another left behind
            started = time.process_time()
            updates = contestant.fit()
            seconds = time.process_time() - started
            times[contestant.name].append(1e6 * seconds / updates)
    return times


def present(names: list[str]) -> list[type[Contestant]]:
    """Return skoptnet and those of the named that can take part."""
    found: list[type[Contestant]] = [Skoptnet]
    for name in names:
        reason = CONTESTANTS[name].missing()
        if reason is None:
            found.append(CONTESTANTS[name])
        else:
            print(f"{name} is left out: {reason}")
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--shapes",
        type=int,
        nargs="+",
        default=range(len(SHAPES)),
        choices=range(len(SHAPES)),
        metavar="I",
        help="; ".join(f"{i}: {shape}" for i, shape in enumerate(SHAPES)),
    )
    parser.add_argument(
        "--dtypes",
        nargs="+",
        default=["float32", "float64"],
        choices=["float32", "float64"],
    )
    parser.add_argument("--solvers", nargs="+", default=["adam"], metavar="NAME")
    parser.add_argument("--activations", nargs="+", default=["relu"], metavar="NAME")
    parser.add_argument(
        "--tasks",
        nargs="+",
        default=["classification"],
        choices=["classification", "regression"],
    )
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    contestants = present(args.peers)
    if any(cls.name == "torch" for cls in contestants):
        import torch

        torch.set_num_threads(1)
    names = [cls.name for cls in contestants]
    ratios = [pair for pair in RATIOS if set(pair) <= set(names)]
    print(setting())
    print("CPU microseconds per update, then ratios")
    table = Table(
        ["rows x columns, hidden, batch", "dtype", "training"],
        [*names, *(f"{a} / {b}" for a, b in ratios)],
    )
    rows: list[dict[str, Any]] = []
    runs = itertools.product(
        args.solvers, args.activations, args.tasks, args.shapes, args.dtypes
    )
    for solver, activation, task, index, dtype in runs:
        shape = SHAPES[index]
        problem = Problem(shape, dtype, solver, activation, task)
        with threadpool_limits(1):
            times = measure(problem, contestants, args.repeats)
        least = {name: min(values) for name, values in times.items()}
        quotients = {f"{a} / {b}": ratio(least.get(a), least.get(b)) for a, b in ratios}
        table.add(
            [str(shape), dtype, f"{solver}, {activation}, {task}"],
            [
                *(figure(least.get(name)) for name in names),
                *(figure(value, "x") for value in quotients.values()),
            ],
        )
        rows.append(
            {
                "rows": shape.rows,
                "columns": shape.columns,
                "hidden": shape.hidden,
                "batch": problem.batch,
                "outputs": problem.sizes[-1],
                "dtype": dtype,
                "solver": solver,
                "activation": activation,
                "task": task,
                "epochs": {
                    name: problem.epochs(CONTESTANTS[name].share) for name in times
                },
                "cpu_us_per_update": least,
                "every_repeat": times,
                "ratios": quotients,
            }
        )
        write_json(args.json, rows)
    if not loaded_kernels():
        print("No compiled kernels are installed: skoptnet ran without, too.")


if __name__ == "__main__":
    main()
