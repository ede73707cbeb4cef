"""Which solver, which learning rate, which schedule? Measure it.

Every solver of `skoptnet.optimizers.OPTIMIZERS` and L-BFGS, and every schedule of
`skoptnet.schedules.SCHEDULES` for some of the solvers, on twelve data sets, from
several seeds, at every rate of a grid. The rate is chosen on validation rows; what
counts is the loss of test rows. The page ``which_solver.md`` explains the method;
``which_solver_fits.py`` is its exact form, ``which_solver_tables.py`` that of the
tables.

    python docs/which_solver.py             # all: which_solver.csv, page and picture
    python docs/which_solver.py --quick     # one data set, one seed, printed only
    python docs/which_solver.py --tables    # no fits: page and picture from the CSV

The picture needs matplotlib; with rich there is a progress bar. After a full run, read
the words around the tables again.
"""

import argparse
import time
from pathlib import Path

from measured import put, read_csv, versions, write_csv
from which_solver_fits import DATA, QUICK_DATA, QUICK_RATES, RATES, Way, measure_all
from which_solver_tables import TABLES, Results, draw

CSV = Path(__file__).with_suffix(".csv")
PAGE = Path(__file__).with_suffix(".md")
PICTURE = Path(__file__).with_suffix(".png")


def results_from_csv() -> Results:
    words = ("data", *(name for name in Way._fields if name != "epochs"))
    return Results(read_csv(CSV, words))


def tables_from_csv() -> dict[str, str]:
    """Return the tables as they have to be in the page, by name."""
    results = results_from_csv()
    return {name: table(results) for name, table in TABLES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--seeds", type=int, default=5, help="seeds (default 5)")
    parser.add_argument("--quick", action="store_true", help="short run, only printed")
    parser.add_argument("--tables", action="store_true", help="no fits, use the CSV")
    args = parser.parse_args()
    if args.quick:
        results = Results(measure_all(QUICK_DATA, 1, args.jobs, QUICK_RATES))
        print("\n\n".join(table(results) for table in TABLES.values()))
        print("\nThis was a short run: too few fits for a choice.")
        return
    if not args.tables:
        begun = time.perf_counter()
        write_csv(CSV, measure_all(list(DATA), args.seeds, args.jobs, RATES), 4)
        minutes = (time.perf_counter() - begun) / 60
        took = f"in {minutes:.0f} minutes, {args.jobs} process(es)"
        put(PAGE, "run", f"{versions()}, {took}.")
    for name, text in tables_from_csv().items():
        put(PAGE, name, text)
    draw(results_from_csv(), PICTURE)


if __name__ == "__main__":
    main()
