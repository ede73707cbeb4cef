"""Compare solvers, learning rates and schedules.

Fits every solver of `skoptnet.optimizers.OPTIMIZERS` and L-BFGS, and every schedule of
`skoptnet.schedules.SCHEDULES` with some of the solvers, on twelve data sets, with
several seeds, at every rate of a grid. Rates are tuned on validation rows; scores are
of held-out test rows. The page ``which_solver.md`` explains the method and has the
tables of the textbook's seven solvers and L-BFGS; ``family.md`` has those of all.
``which_solver_fits.py`` makes the fits, ``which_solver_tables.py`` the tables.

    python docs/which_solver.py             # all: which_solver.csv.gz, pages, picture
    python docs/which_solver.py --quick     # one data set, one seed, printed only
    python docs/which_solver.py --tables    # no fits: page and picture from the CSV

The picture needs matplotlib; with rich there is a progress bar. After a full run, check
the text around the tables.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from measured import put, read_csv, versions, write_csv
from which_solver_fits import (
    DATA,
    NOTHING,
    QUICK_DATA,
    QUICK_RATES,
    RATES,
    Way,
    default_rate,
    measure_all,
)
from which_solver_tables import TABLES, Results, scores

from skoptnet.optimizers import TEXTBOOK

CSV = Path(__file__).with_suffix(".csv.gz")
PAGE = Path(__file__).with_suffix(".md")
PICTURE = Path(__file__).with_suffix(".png")


def measurements() -> list[dict]:
    """Return the rows of the CSV."""
    words = ("data", *(name for name in Way._fields if name != "epochs"))
    return read_csv(CSV, words)


def of_the_seven(rows: list[dict]) -> Results:
    """Return the results of the textbook's seven solvers and L-BFGS."""
    names = {*TEXTBOOK, "lbfgs", NOTHING.solver}
    return Results([row for row in rows if row["solver"] in names])


def results_from_csv() -> Results:
    return of_the_seven(measurements())


def tables_from_csv() -> dict[str, str]:
    """Return the tables of the page, by name."""
    results = results_from_csv()
    return {name: table(results) for name, table in TABLES.items()}


def draw(results: Results, path: Path) -> None:
    """Draw the points behind the best solver at each rate, a panel per solver."""
    from matplotlib.figure import Figure

    names = results.solvers
    best = np.median(scores(results, names), axis=2).max(axis=0)
    n_columns = 4
    n_rows = -(-len(names) // n_columns)
    figure = Figure(figsize=(11, 1 + 2.4 * n_rows), dpi=90, layout="constrained")
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
    for panel, name in zip(panels.flat, names, strict=False):
        for way, color, line, label in (
            (Way(name), "#0072B2", "-", "last weights"),
            (Way(name, weights="best"), "#D55E00", "--", "early stopping"),
        ):
            behind = best[:, None] - np.median(results.test[way], axis=2)
            low, median, high = np.quantile(behind, (0.25, 0.5, 0.75), axis=0)
            rates = results.rates[way]
            panel.fill_between(rates, low, high, color=color, alpha=0.2, linewidth=0)
            panel.plot(rates, median, color=color, linestyle=line, label=label)
        for rate, line, label in zip(
            dict.fromkeys(default_rate(name, data) for data in results.data),
            (":", (0, (1, 4))),
            ("default rate", "default rate for regression, if different"),
            strict=False,
        ):
            panel.axvline(rate, color="0.3", linestyle=line, label=label)
        panel.set(title=name, xscale="log", ylim=(60, -4))
        panel.grid(color="0.9")
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels.flat[len(names) :]:
        panel.set_axis_off()
    for panel in panels.flat[max(0, len(names) - n_columns) : len(names)]:
        panel.xaxis.set_tick_params(labelbottom=True)
    figure.supxlabel("learning_rate_init")
    figure.supylabel("points behind the best solver")
    curves = {}
    for panel in panels.flat:
        handles, labels = panel.get_legend_handles_labels()
        curves |= dict(zip(labels, handles, strict=True))
    figure.legend(
        curves.values(),
        curves.keys(),
        loc="outside upper center",
        ncols=len(curves),
        frameon=False,
    )
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--seeds", type=int, default=5, help="seeds (default 5)")
    parser.add_argument("--quick", action="store_true", help="short run, only printed")
    parser.add_argument("--tables", action="store_true", help="no fits, use the CSV")
    args = parser.parse_args()
    if args.quick:
        results = of_the_seven(measure_all(QUICK_DATA, 1, args.jobs, QUICK_RATES))
        print("\n\n".join(table(results) for table in TABLES.values()))
        print("\nThis was a short run, with too few fits for conclusions.")
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
