"""The first page's table and pictures: scores beside scikit-learn's MLP, loss, paths.

    python docs/front_page.py               # everything: a CSV file, tables, pictures
    python docs/front_page.py --tables      # no fits: the tables from the CSV file
    python docs/front_page.py --pictures    # the pictures only

The table compares scikit-learn's multilayer perceptron with skoptnet's, with and
without early stopping. All other parameters have their defaults. In the row "scaled",
`TransformedTargetRegressor` standardises the targets for scikit-learn, as skoptnet does
by itself.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from measured import markdown, put, read_csv, versions, with_progress, write_csv
from sklearn.base import is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX

DOCS = Path(__file__).resolve().parent
CSV = Path(__file__).with_suffix(".csv")
PAGES = [DOCS / "index.md", DOCS.parent / "README.md"]
N_SPLITS = 20

DATA = {
    "digits": (load_digits, MLPClassifier, MLPClassifierX),
    "breast cancer": (load_breast_cancer, MLPClassifier, MLPClassifierX),
    "wine": (load_wine, MLPClassifier, MLPClassifierX),
    "iris": (load_iris, MLPClassifier, MLPClassifierX),
    "diabetes": (load_diabetes, MLPRegressor, MLPRegressorX),
    "diabetes, scaled": (load_diabetes, MLPRegressor, MLPRegressorX),
}
#: By the heading of the column: the package, and whether training stops early.
MODELS = {
    "scikit-learn": ("scikit-learn", False),
    "skoptnet": ("skoptnet", False),
    "scikit-learn, early stopping": ("scikit-learn", True),
    "skoptnet, early stopping": ("skoptnet", True),
}


def measure_all() -> list[dict]:
    """Fit every model on every split: score of the held-out quarter and CPU time."""
    cases = [(name, split) for name in DATA for split in range(N_SPLITS)]
    return [
        {"data": name, "model": model, "split": split, **measured(name, model, split)}
        for name, split in with_progress(cases, len(cases), "splits")
        for model in MODELS
    ]


def measured(name: str, model: str, split: int) -> dict:
    """Return the held-out score, and the CPU seconds of the fit."""
    load, theirs, ours = DATA[name]
    package, stops = MODELS[model]
    X, y = load(return_X_y=True)
    estimator = ours if package == "skoptnet" else theirs
    X, X_test, y, y_test = train_test_split(
        X, y, stratify=y if is_classifier(estimator()) else None, random_state=split
    )
    network = estimator(early_stopping=stops, random_state=split)
    if name.endswith("scaled") and package == "scikit-learn":
        network = TransformedTargetRegressor(network, transformer=StandardScaler())
    pipeline = make_pipeline(StandardScaler(), network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        begun = time.process_time()
        pipeline.fit(X, y)
        seconds = time.process_time() - begun
    return {"score": pipeline.score(X_test, y_test), "seconds": seconds}


def scores_table(rows: list[dict]) -> str:
    """Return mean held-out scores, and median CPU milliseconds per fit."""
    lines = []
    for name, (_, estimator, _) in DATA.items():
        cells = []
        for model in MODELS:
            of = [r for r in rows if (r["data"], r["model"]) == (name, model)]
            score = np.mean([row["score"] for row in of])
            ms = 1000 * np.median([row["seconds"] for row in of])
            cells.append(f"{score:.3f} ({ms:.0f} ms)")
        measure = "accuracy" if is_classifier(estimator()) else "R²"
        lines.append([f"{measure}, {name}", *cells])
    return markdown(["held-out score (CPU time)", *MODELS], lines)


def tables_from_csv() -> dict[str, str]:
    """Return the tables as they have to be in the pages, by name."""
    return {"scores": scores_table(read_csv(CSV, words=("data", "model")))}


def draw_loss_curve(path: Path) -> None:
    """Draw the training of the first block of the page."""
    from skoptnet.displays import LossCurveDisplay

    X, y = load_digits(return_X_y=True)
    X, _, y, _ = train_test_split(X, y, stratify=y, random_state=0)
    network = MLPClassifierX(early_stopping=True, random_state=0)
    make_pipeline(StandardScaler(), network).fit(X, y)
    display = LossCurveDisplay.from_estimator(network).plot()
    display.figure_.set_size_inches(7, 3.6)
    display.figure_.savefig(path, dpi=120)


def draw_race(path: Path) -> None:
    """Let four solvers race through a valley, each at the best rate of a grid."""
    from matplotlib.figure import Figure

    from skoptnet.displays import OptimizerPathDisplay

    ax = Figure(figsize=(6.4, 3.4), layout="constrained").subplots()
    display = OptimizerPathDisplay.from_solvers(
        "ravine", ["gd", "momentum", "adagrad", "adam"], n_updates=48
    )
    display.animate(path, ax=ax, frames=25, fps=6, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="no fits, use the CSV")
    parser.add_argument("--pictures", action="store_true", help="pictures only")
    args = parser.parse_args()
    if not args.tables:
        draw_loss_curve(DOCS / "loss_curve.png")
        draw_race(DOCS / "race.gif")
    if not (args.tables or args.pictures):
        write_csv(CSV, measure_all(), 4)
        print(versions())
    if not args.pictures:
        for name, text in tables_from_csv().items():
            print(text)
            for page in PAGES:
                put(page, name, text)


if __name__ == "__main__":
    main()
