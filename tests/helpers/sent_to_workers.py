"""Classes that tests send to workers, which find the modules of this folder."""

from pathlib import Path

from problems import X as ALL_ROWS
from searches import CV
from sklearn.base import BaseEstimator, TransformerMixin

from skoptnet.callbacks import Callback


class Noting:
    """Notes tasks in a file, also from other processes; is passed to the network."""

    max_propagation_depth = None

    def __init__(self, path):
        self.path = path

    def note(self, event, context):
        names = []
        while context is not None:
            names.append(f"{context.task_name} {context.task_id}")
            context = context.parent
        with open(self.path, "a") as file:
            file.write(f"{event}: {' / '.join(reversed(names))}\n")

    def setup(self, estimator, context):
        self.note("setup", context)

    def teardown(self, estimator, context):
        self.note("teardown", context)

    def on_fit_task_begin(self, estimator, context):
        self.note("begin", context)

    def on_fit_task_end(self, estimator, context):
        self.note("end", context)


class StopsAt(Callback):
    """Ends a training after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        return fitted_estimator.n_iter_ >= self.epoch


class FailsIn(TransformerMixin, BaseEstimator):
    """A step whose fit fails in a fold, in none (-1) or in all (None)."""

    def __init__(self, fold=-1):
        self.fold = fold

    def fit(self, X, y=None):
        sums = [ALL_ROWS[training].sum() for training, _ in CV.split(ALL_ROWS)]
        if self.fold is None or (self.fold >= 0 and X.sum() == sums[self.fold]):
            raise RuntimeError("no such step")
        return self

    def transform(self, X):
        return X


class Counting(TransformerMixin, BaseEstimator):
    """Notes each of its fits in a file, also from other processes."""

    def __init__(self, folder=None, factor=1.0):
        self.folder, self.factor = folder, factor

    def fit(self, X, y=None):
        with open(Path(self.folder) / "fits", "a") as file:
            file.write(f"{self.factor} {len(X)} {X[:, 0].sum():.6f}\n")
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return (X - self.mean_) * self.factor
