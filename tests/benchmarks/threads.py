"""Wall time per update of whole fits on one thread and on two, beside PyTorch.

    python tests/benchmarks/threads.py
    python tests/benchmarks/threads.py --all --dtypes float32 --json threads.json

The two largest shapes, or every shape with --all; Adam, relu, several classes. First
with the other cores free, then with each of them kept busy by a process that does
nothing else. skoptnet uses as many threads as the BLAS is allowed to, which
threadpoolctl sets. Medians of the repeats, since what another process takes away is
part of the question. Needs at least two cores; torch is left out where it is not
installed.

Not a test: nothing is asserted.
"""

import argparse
import gc
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from common import Table, cores, figure, ratio, setting, write_json
from contestants import SHAPES, Contestant, Problem, Skoptnet, Torch, ready
from threadpoolctl import threadpool_limits

#: Title and value of each column, from the medians by situation, name and threads.
COLUMNS = {
    "one thread": ("free", "skoptnet", 1),
    "two threads": ("free", "skoptnet", 2),
    "speed-up": (("free", "skoptnet", 1), ("free", "skoptnet", 2)),
    "busy: one thread": ("busy", "skoptnet", 1),
    "busy: two threads": ("busy", "skoptnet", 2),
    "busy: two / one": (("busy", "skoptnet", 2), ("busy", "skoptnet", 1)),
    "torch, one thread": ("free", "torch", 1),
    "torch, two threads": ("free", "torch", 2),
    "torch, busy: two threads": ("busy", "torch", 2),
}


def spin(started: Any, parent: int) -> None:
    """Keep a core busy until ended, or until the parent is gone."""
    started.set()
    while os.getppid() == parent:
        sum(range(100_000))


@contextmanager
def busy_cores(number: int) -> Iterator[None]:
    """Keep that many cores busy with other processes."""
    # A forked copy of a process with BLAS threads may hang; a new one does not.
    context = multiprocessing.get_context("spawn")
    children = []
    try:
        for _ in range(number):
            started = context.Event()
            child = context.Process(
                target=spin, args=(started, os.getpid()), daemon=True
            )
            children.append(child)
            child.start()
            started.wait(60)
        yield
    finally:
        for child in children:
            if child.pid is not None:
                child.terminate()
                child.join()


def limit(threads: int) -> threadpool_limits:
    """Set the number of threads of every library, until the result is left."""
    if Torch.missing() is None:
        import torch

        torch.set_num_threads(threads)
    return threadpool_limits(threads)


def measure(contestants: list[Contestant], repeats: int) -> dict[str, dict[int, list]]:
    """Return wall microseconds per update by name and number of threads."""
    times: dict[str, dict[int, list]] = {c.name: {1: [], 2: []} for c in contestants}
    for _ in range(repeats):
        for contestant in contestants:
            for threads, values in times[contestant.name].items():
                with limit(threads):
                    gc.collect()
                    started = time.perf_counter()
                    updates = contestant.fit()
                    values.append(1e6 * (time.perf_counter() - started) / updates)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--all", action="store_true", help="every shape")
    parser.add_argument(
        "--dtypes",
        nargs="+",
        default=["float32", "float64"],
        choices=["float32", "float64"],
    )
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if cores() < 2:
        parser.exit(1, "This process may use one core only; there is nothing to see.\n")
    taking_part: list[type[Contestant]] = [Skoptnet]
    if (reason := Torch.missing()) is None:
        taking_part.append(Torch)
    else:
        print(f"torch is left out: {reason}")

    print(setting())
    print("Wall microseconds per update; busy: the other cores do other work")
    table = Table(["rows x columns, hidden, batch", "dtype"], COLUMNS)
    rows: list[dict[str, Any]] = []
    for shape in SHAPES if args.all else SHAPES[-2:]:
        for dtype in args.dtypes:
            problem = Problem(shape, dtype)
            contestants = ready(taking_part, problem)
            times = {"free": measure(contestants, args.repeats)}
            with busy_cores(cores() - 1):
                times["busy"] = measure(contestants, args.repeats)
            medians = {
                (situation, name, threads): median(values)
                for situation, by_name in times.items()
                for name, by_threads in by_name.items()
                for threads, values in by_threads.items()
            }
            cells = []
            for wanted in COLUMNS.values():
                if wanted[0] in times:
                    cells.append(figure(medians.get(wanted)))
                else:
                    above, below = (medians.get(key) for key in wanted)
                    cells.append(figure(ratio(above, below), "x"))
            table.add([str(shape), dtype], cells)
            rows.append(
                {
                    "rows": shape.rows,
                    "columns": shape.columns,
                    "hidden": shape.hidden,
                    "batch": shape.batch,
                    "outputs": shape.classes,
                    "dtype": dtype,
                    "wall_us_per_update": {
                        f"{situation}, {name}, {threads}": value
                        for (situation, name, threads), value in medians.items()
                    },
                    "every_repeat": times,
                }
            )
            write_json(args.json, rows)


if __name__ == "__main__":
    main()
