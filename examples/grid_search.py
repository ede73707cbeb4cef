"""Grid search of solver, learning rate and schedule in a pipeline.

Searches the textbook's seven solvers, four rates and five schedules on scikit-learn's
breast cancer data, and scores the winner on held-out rows.

    python examples/grid_search.py

A progress bar needs rich: pip install "skoptnet[progress]"
"""

import os
import sys
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.model_selection import GridSearchCV, ParameterGrid, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from skoptnet import MLPClassifierX
from skoptnet.optimizers import TEXTBOOK

GRID = {
    "mlp__solver": list(TEXTBOOK),
    "mlp__learning_rate_init": ["auto", 0.003, 0.03, 0.3],
    "mlp__lr_schedule": ["constant", "exponential", "adaptive", "cosine", "one_cycle"],
}
N_FOLDS = 3
PER_STEP = 6


class ProgressGridSearchCV(GridSearchCV):
    """A grid search that reports its progress on stderr.

    It evaluates its candidates in small groups instead of all at once. The results are
    those of `GridSearchCV`.
    """

    def _run_search(self, evaluate_candidates):
        candidates = list(ParameterGrid(self.param_grid))
        groups = list(gen_batches(len(candidates), PER_STEP))
        for group in with_progress(groups, len(candidates)):
            evaluate_candidates(candidates[group])


def with_progress(groups: list[slice], total: int):
    """Yield the groups and show progress: a bar with rich on a terminal, else lines."""
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        bar = False
    else:
        bar = sys.stderr.isatty()
    if bar:
        yield from track(groups, "Searching", console=Console(stderr=True))
    else:
        for group in groups:
            print(f"candidate {group.start + 1} of {total}", file=sys.stderr)
            yield group


def accuracy(pipeline, X, y) -> float:
    return pipeline.score(X, y)


def converged(pipeline, X, y) -> float:
    """Return 1 if the training loss levelled off before max_iter, else 0."""
    return float(pipeline["mlp"].stop_reason_ == "converged")


def search(X, y) -> GridSearchCV:
    """Return the finished search."""
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("mlp", MLPClassifierX(max_iter=60, random_state=0)),
        ]
    )
    grid_search = ProgressGridSearchCV(
        pipeline,
        GRID,
        scoring={"accuracy": accuracy, "converged": converged},
        refit="accuracy",
        cv=N_FOLDS,
        n_jobs=2,
    )
    with warnings.catch_warnings():
        # The tables say which fits did not converge and how many failed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.filterwarnings("ignore", "One or more of the test scores are non-fin")
        # scikit-learn 1.7 and later passes these filters to the worker processes.
        # Before, workers read the environment variable only, which matches texts.
        texts = ["Maximum number of epochs", "Training ended at", "Training diverged"]
        os.environ["PYTHONWARNINGS"] = ",".join(f"ignore:{text}" for text in texts)
        return grid_search.fit(X, y)


def print_top(results: dict, n_rows: int = 10) -> None:
    """Print the candidates with the best accuracy."""
    print(
        f"\n{'':>4}  {'solver':<9} {'rate':>6}  {'schedule':<12} {'accuracy':>13}"
        f" {'fit time':>9} {'converged':>10}"
    )
    mean, spread = results["mean_test_accuracy"], results["std_test_accuracy"]
    order = np.argsort(results["rank_test_accuracy"], kind="stable")[:n_rows]
    for place, i in enumerate(order, 1):
        params = results["params"][i]
        print(
            f"{place:>3}.  {params['mlp__solver']:<9}"
            f" {params['mlp__learning_rate_init']:>6}"
            f"  {params['mlp__lr_schedule']:<12} {mean[i]:.3f} ± {spread[i]:.3f}"
            f" {1000 * results['mean_fit_time'][i]:>6.0f} ms"
            f" {N_FOLDS * results['mean_test_converged'][i]:>5.0f} of {N_FOLDS}"
        )
    failed = int(np.isnan(mean).sum())
    print(
        f"\n{len(mean)} candidates, {N_FOLDS} folds; accuracy as mean ± standard"
        " deviation over the\nfolds. Smaller differences are noise. auto is the default"
        f" rate of the solver.\nCandidates that diverged and have no score: {failed}."
    )


def main() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    started = time.perf_counter()
    best = search(X, y)
    seconds = time.perf_counter() - started
    print_top(best.cv_results_)
    print(f"\nBest candidate after {seconds:.0f} s of search:")
    for name, value in best.best_params_.items():
        print(f"  {name} = {value!r}")
    print(
        f"  accuracy {best.best_score_:.3f} in cross-validation,"
        f" {best.best_estimator_.score(X_test, y_test):.3f} on the"
        f" {len(y_test)} held-out rows"
    )


if __name__ == "__main__":
    main()
