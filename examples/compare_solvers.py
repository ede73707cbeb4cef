"""Compare solvers and learning-rate schedules by cross-validation.

Cross-validates the textbook's seven solvers, or others, with three learning-rate
schedules, each at its default rate. Prints a table and draws the loss curves.

    python examples/compare_solvers.py
    python examples/compare_solvers.py --data diabetes --epochs 60 --out curves.png
    python examples/compare_solvers.py --solvers adam adamw nadam radam

The picture needs matplotlib: pip install "skoptnet[plot]"
A progress bar needs rich: pip install "skoptnet[progress]"
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK

DATA = {
    "digits": (MLPClassifierX, load_digits),
    "breast_cancer": (MLPClassifierX, load_breast_cancer),
    "diabetes": (MLPRegressorX, load_diabetes),
}
SCHEDULES = ["constant", "step", "exponential"]
N_FOLDS = 5

# Okabe and Ito's colours for the colour-blind, without the yellow.
COLORS = ["#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"]
LINES = ["-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (8, 2))]


def compare(data: str, epochs: int, solvers: list[str]) -> list[dict]:
    """Cross-validate every solver with each of the schedules."""
    estimator, load = DATA[data]
    X, y = load(return_X_y=True)
    pairs = [(solver, schedule) for schedule in SCHEDULES for solver in solvers]
    rows = []
    for solver, schedule in with_progress(pairs):
        model = estimator(
            solver=solver, lr_schedule=schedule, max_iter=epochs, random_state=0
        )
        rows.append(
            {"solver": solver, "schedule": schedule, **cross_validated(model, X, y)}
        )
    return rows


def cross_validated(model, X, y) -> dict:
    """Return the results of one solver and schedule for the table and the picture."""
    folds = StratifiedKFold if is_classifier(model) else KFold
    with warnings.catch_warnings():
        # Whether training converged is a column of the table.
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = cross_validate(
            make_pipeline(StandardScaler(), model),
            X,
            y,
            cv=folds(N_FOLDS, shuffle=True, random_state=0),
            return_estimator=True,
            error_score="raise",
        )
    fitted = [pipeline[-1] for pipeline in result["estimator"]]
    return {
        "rate": fitted[0].learning_rate_,
        "score": result["test_score"].mean(),
        "spread": result["test_score"].std(ddof=1),
        "loss": np.median([m.loss_curve_[-1] for m in fitted]),
        "ms": 1000 * np.median(result["fit_time"]),
        "epochs": int(np.median([m.n_iter_ for m in fitted])),
        "converged": sum(m.stop_reason_ == "converged" for m in fitted),
        "curve": fitted[0].loss_curve_,
    }


def with_progress(pairs: list):
    """Yield the pairs and show progress: a bar with rich on a terminal, else lines."""
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        bar = False
    else:
        bar = sys.stderr.isatty()
    if bar:
        yield from track(pairs, "Cross-validating", console=Console(stderr=True))
    else:
        for number, (solver, schedule) in enumerate(pairs, 1):
            print(f"{number} of {len(pairs)}: {solver}, {schedule}", file=sys.stderr)
            yield solver, schedule


def print_table(rows: list[dict], data: str, epochs: int) -> None:
    measure = "R2" if DATA[data][0] is MLPRegressorX else "accuracy"
    print(f"\n{data}: {N_FOLDS}-fold cross-validation, at most {epochs} epochs\n")
    print(
        f"{'schedule':<12} {'solver':<16} {'rate':>6} {measure:>15} {'final loss':>11}"
        f" {'fit time':>9} {'epochs':>7} {'converged':>10}"
    )
    previous = None
    for row in rows:
        if previous not in (None, row["schedule"]):
            print()
        previous = row["schedule"]
        score = f"{row['score']:.3f} ± {row['spread']:.3f}"
        print(
            f"{row['schedule']:<12} {row['solver']:<16} {row['rate']:>6g} {score:>15}"
            f" {row['loss']:>11.5f} {row['ms']:>6.0f} ms {row['epochs']:>7}"
            f" {row['converged']:>6} of {N_FOLDS}"
        )
    print(
        f"\n{measure}: mean ± standard deviation over the folds. Loss, time and epochs:"
        "\nmedian over the folds. If folds have not converged, more epochs (--epochs)"
        "\nor a higher rate may help."
    )


def draw(rows: list[dict], data: str, epochs: int, path: Path) -> None:
    """Draw the loss curves, one panel per schedule."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator, NullFormatter
    except ImportError:
        print(
            'No picture: matplotlib is missing. Run: pip install "skoptnet[plot]"',
            file=sys.stderr,
        )
        return

    figure = Figure(figsize=(11, 4.8), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(SCHEDULES), sharex=True, sharey=True, squeeze=False)
    names = list(dict.fromkeys(row["solver"] for row in rows))
    for panel, schedule in zip(panels[0], SCHEDULES, strict=True):
        for row in rows:
            if row["schedule"] != schedule:
                continue
            number = names.index(row["solver"])
            color = COLORS[number % len(COLORS)]
            curve = row["curve"]
            panel.plot(
                range(1, len(curve) + 1),
                curve,
                color=color,
                linestyle=LINES[(number + number // len(COLORS)) % len(LINES)],
                linewidth=1.8,
                label=f"{row['solver']} ({row['rate']:g})",
            )
            panel.plot(len(curve), curve[-1], "o", color=color, markersize=4)
        panel.set(title=schedule, xlabel="epoch", yscale="log", xlim=(0, epochs + 1))
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.grid(color="0.9")
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    unit = "half squared error" if DATA[data][0] is MLPRegressorX else "cross-entropy"
    panels[0][0].set_ylabel(f"training loss ({unit})")
    figure.suptitle(
        f"{data}: training loss by schedule (first fold; dot: end of training)"
    )
    figure.legend(
        *panels[0][0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=min(len(names), 7),
        title="solver (initial learning rate)",
        frameon=False,
        fontsize="small",
        handlelength=3.2,
        columnspacing=1.5,
    )
    figure.savefig(path)
    print(f"\nLoss curves: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="digits")
    parser.add_argument("--epochs", type=int, default=30, help="at most (default 30)")
    parser.add_argument("--out", type=Path, default=Path("solvers.png"), metavar="PATH")
    parser.add_argument(
        "--solvers", nargs="+", choices=OPTIMIZERS, default=list(TEXTBOOK)
    )
    args = parser.parse_args()
    if not args.out.absolute().parent.is_dir():
        parser.error(f"--out {args.out}: the folder does not exist")
    rows = compare(args.data, args.epochs, args.solvers)
    print_table(rows, args.data, args.epochs)
    draw(rows, args.data, args.epochs, args.out)


if __name__ == "__main__":
    main()
