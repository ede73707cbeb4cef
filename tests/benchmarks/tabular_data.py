"""The tables of the tabular benchmark, and how each is split.

Every set is a data frame whose categories have pandas' dtype "category", and whose
other columns are numbers. Group "small" are the development sets of the tabular
estimators: from each, 1000 rows are drawn once, so 750 train. "categories" are
generated tables with a category of many values, and real ones with categories, cut to
a few thousand rows. "full" are the larger tables at their full size.

scikit-learn's own sets and the generated ones need no files. The others are .npz files
in the folder given by --data.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn import datasets
from sklearn.model_selection import train_test_split

REGRESSION, CLASSIFICATION = "regression", "classification"

#: Rows and targets, then those of the given test part where the set has one.
Loaded = (
    tuple[pd.DataFrame, np.ndarray]
    | tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]
)

A9A, MNIST = "a9a.npz", "mnist.npz"
AIRFOIL, CALIFORNIA = "airfoil_self_noise.npz", "california_housing.npz"

DRAWN = 1000  # rows of a small set, drawn with RandomState(500)
POOL = 2000  # rows from which they are drawn, where the set is large
FEW = 8  # rows a class needs to stay in a set that was cut


@dataclass(frozen=True)
class Parts:
    """A training and a test part; `scale` is sd(y), by which an RMSE is divided."""

    X_train: pd.DataFrame
    y_train: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray
    scale: float


@dataclass(frozen=True)
class DataSet:
    """A table: `load` returns it, given the folder that has its file, if any."""

    name: str
    group: str
    task: str
    load: Callable[[Path], Loaded]
    file: str | None = None

    def present(self, folder: Path | None) -> bool:
        """Tell whether the set can be loaded."""
        return not self.file or bool(folder and (folder / self.file).exists())

    def parts(self, folder: Path, split: int) -> Parts:
        """Return the given test part, or a quarter of the rows drawn by the split."""
        loaded = self.load(folder)
        if len(loaded) == 4:
            X_train, y_train, X_test, y_test = loaded
            y = np.concatenate([y_train, y_test])
        else:
            X, y = loaded
            X_train, X_test, y_train, y_test = train_test_split(
                X,
                y,
                test_size=0.25,
                random_state=split,
                stratify=y if self.task == CLASSIFICATION else None,
            )
        scale = float(np.std(y)) if self.task == REGRESSION else 1.0
        return Parts(seen_only(X_train), y_train, seen_only(X_test), y_test, scale)


def seen_only(X: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, each category with only the values that occur in them.

    Otherwise the dtype would tell a model about the values of the test part.
    """
    X = X.reset_index(drop=True)
    for name in X.columns[X.dtypes == "category"]:
        X[name] = X[name].cat.remove_unused_categories()
    return X


def frame(X: np.ndarray, categories: Any = ()) -> pd.DataFrame:
    """Return a frame of numbers; the columns with these indices become categories."""
    columns = {f"x{j}": X[:, j] for j in range(X.shape[1])}
    for j in categories:
        columns[f"x{j}"] = pd.Categorical([f"v{value:g}" for value in X[:, j]])
    return pd.DataFrame(columns)


def drawn(X: Any, y: np.ndarray, rows: int = DRAWN) -> tuple[Any, np.ndarray]:
    """Return rows drawn with RandomState(500), or all where there are no more."""
    if len(y) <= rows:
        return X, y
    chosen = np.random.RandomState(500).permutation(len(y))[:rows]
    return (X.iloc[chosen] if isinstance(X, pd.DataFrame) else X[chosen]), y[chosen]


def pool(X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the first rows of RandomState(0)'s permutation."""
    chosen = np.random.RandomState(0).permutation(len(y))[:POOL]
    return X[chosen], y[chosen]


# The small sets


def small(make: Callable[[Path], tuple[np.ndarray, np.ndarray]]):
    """Return a loader that draws the rows of a small set."""

    def load(folder: Path) -> Loaded:
        X, y = drawn(*make(folder))
        return frame(np.asarray(X, float)), y

    return load


def airfoil(folder):
    """NASA's airfoil self-noise."""
    return arrays(folder / AIRFOIL)


def california(folder):
    """2000 rows of California housing."""
    return pool(*arrays(folder / CALIFORNIA))


def california_classes(folder):
    """The same, with the quintiles of the target as five classes."""
    X, y = california(folder)
    return X, np.searchsorted(np.quantile(y, [0.2, 0.4, 0.6, 0.8]), y)


def a9a_small(folder):
    """2000 of the training rows of a9a."""
    X, y, _, _ = a9a_arrays(folder)
    X, y = pool(X, y)
    return X.toarray(), y


def diabetes(_):
    """Diabetes, 442 rows."""
    return datasets.load_diabetes(return_X_y=True)


def friedman1(_):
    """Five of ten columns count, with noise of standard deviation 1."""
    return datasets.make_friedman1(1200, noise=1, random_state=0)


def friedman3(_):
    """The angle of an alternating current, with noise."""
    return datasets.make_friedman3(1200, noise=0.1, random_state=0)


def breast_cancer(_):
    """Breast cancer (Wisconsin), 569 rows."""
    return datasets.load_breast_cancer(return_X_y=True)


def digits(_):
    """Digits of 8 x 8 pixels."""
    return datasets.load_digits(return_X_y=True)


def lognormal(_):
    """Long tails in the columns and in the target, a bend and a product."""
    rng = np.random.RandomState(0)
    Z = rng.standard_normal((1200, 6))
    signal = 0.6 * Z[:, 0] + 0.5 * np.sin(2 * Z[:, 1]) + 0.4 * Z[:, 2] * Z[:, 3]
    return np.exp(Z), np.exp(signal + 0.2 * rng.standard_normal(1200))


def flipped(_):
    """A generated set in which 10 % of the labels are drawn at random."""
    return datasets.make_classification(
        1200, n_informative=6, n_clusters_per_class=3, flip_y=0.1, random_state=0
    )


def hastie(_):
    """Whether the sum of ten squares exceeds its median."""
    X, y = datasets.make_hastie_10_2(1500, random_state=0)
    return X, (y > 0).astype(int)


# Tables with a category of many values


@dataclass(frozen=True)
class Generated:
    """A table with categories of which some values are rare, or new at predict.

    The values' frequencies fall as a power of their rank (1.5 for up to 100 values, 1
    for more). A value shifts the target
    and changes the slope of one numeric column; it also belongs to one of five hidden
    kinds, which decide where another numeric column bends. The remaining numeric
    columns count for all values alike. Noise has a fifth of the signal's variance;
    for classes, there is a signal for each, and its triple is the logit.
    """

    rows: int
    values: tuple[int, ...]
    classes: int = 0

    def __call__(self, _: Path) -> Loaded:
        rng = np.random.default_rng([self.rows, *self.values, self.classes])
        X = rng.standard_normal((self.rows, 5))
        codes = np.column_stack([self.draw(rng, count) for count in self.values])
        signals = [self.signal(rng, X, codes) for _ in range(max(1, self.classes))]
        table = pd.DataFrame(X, columns=[f"x{j}" for j in range(5)])
        for j, column in enumerate(codes.T):
            table[f"c{j}"] = pd.Categorical([f"v{code}" for code in column])
        if not self.classes:
            noise = np.sqrt(0.2) * rng.standard_normal(self.rows)
            return table, signals[0] + noise
        gumbel = rng.gumbel(size=(self.rows, self.classes))
        return table, np.argmax(3 * np.column_stack(signals) + gumbel, axis=1)

    def draw(self, rng: np.random.Generator, values: int) -> np.ndarray:
        """Return the codes of a category, in no order."""
        frequency = np.arange(1.0, values + 1) ** (-1.5 if values <= 100 else -1.0)
        names = rng.permutation(values)
        chosen = rng.choice(values, self.rows, p=frequency / frequency.sum())
        return names[chosen]

    def signal(self, rng, X, codes):
        """Return what the target depends on, with mean 0 and variance 1."""
        signal = np.sin(1.5 * X[:, 0]) + 0.5 * X[:, 1] * X[:, 2] + 0.5 * X[:, 3]
        for j, values in enumerate(self.values):
            shift, slope = rng.standard_normal((2, values))
            bend = rng.choice(np.linspace(-1, 1, 5), values)
            code = codes[:, j]
            signal += shift[code] + 0.7 * slope[code] * X[:, 1]
            signal += np.abs(X[:, 4] - bend[code])
        return (signal - signal.mean()) / signal.std()


# Tables from files


def arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return X and y of an .npz file."""
    with np.load(path) as file:
        return file["X"], file["y"]


#: The columns that are categories, of each file in the folder `tabular` that has some.
CATEGORIES = {
    "mushroom": range(22),
    "nursery": range(8),
    "tic_tac_toe": range(9),
    "connect_4": range(42),
    # All but the age and the result of the alcohol test.
    "fars": [j for j in range(29) if j not in (1, 14)],
    "coil2000": [0, 4],
    "344_mv": [2, 6, 7],
}


def table(name: str, rows: int | None = None) -> Callable[[Path], Loaded]:
    """Return a loader of a file in the folder `tabular`, cut to some rows."""

    def load(folder: Path) -> Loaded:
        X, y = arrays(folder / in_tabular(name))
        X = frame(X, CATEGORIES.get(name, ()))
        if rows is None:
            return X, y
        X, y = drawn(X, y, rows)
        return without_rare_classes(X, y) if y.dtype.kind in "iu" else (X, y)

    return load


def without_rare_classes(X, y):
    """Leave out the classes that have too few rows to be in both parts."""
    classes, counts = np.unique(y, return_counts=True)
    kept = np.isin(y, classes[counts >= FEW])
    return X[kept], y[kept]


def california_full(folder: Path) -> Loaded:
    """All of California housing."""
    X, y = arrays(folder / CALIFORNIA)
    return frame(X), y


def a9a_arrays(folder):
    """Return the sparse rows and the targets of both parts of a9a."""
    with np.load(folder / A9A) as file:
        parts = []
        for part in ("train", "test"):
            data, indices, indptr, shape = (
                file[f"X_{part}_{name}"]
                for name in ("data", "indices", "indptr", "shape")
            )
            parts += [csr_array((data, indices, indptr), shape=tuple(shape))]
            parts += [(file[f"y_{part}"] > 0).astype(int)]
        return parts


def a9a_full(folder: Path) -> Loaded:
    """a9a with its given test part, dense."""
    X_train, y_train, X_test, y_test = a9a_arrays(folder)
    return frame(X_train.toarray()), y_train, frame(X_test.toarray()), y_test


def mnist(folder: Path) -> Loaded:
    """MNIST with its given test part: a column for each pixel."""
    with np.load(folder / MNIST) as file:
        return (
            frame(file["X_train"]),
            file["y_train"].astype(int),
            frame(file["X_test"]),
            file["y_test"].astype(int),
        )


# The registry


def small_sets() -> Iterator[DataSet]:
    """Yield the sets of which 1000 rows are drawn."""
    for name, make, file in [
        ("airfoil", airfoil, AIRFOIL),
        ("california", california, CALIFORNIA),
        ("diabetes", diabetes, None),
        ("friedman1", friedman1, None),
        ("friedman3", friedman3, None),
        ("lognormal", lognormal, None),
    ]:
        yield DataSet(name, "small", REGRESSION, small(make), file)
    for name, make, file in [
        ("california_classes", california_classes, CALIFORNIA),
        ("breast_cancer", breast_cancer, None),
        ("digits", digits, None),
        ("a9a", a9a_small, A9A),
        ("hastie", hastie, None),
        ("flipped", flipped, None),
    ]:
        yield DataSet(name, "small", CLASSIFICATION, small(make), file)


def sets_with_categories() -> Iterator[DataSet]:
    """Yield the generated sets, then parts of real ones."""
    for name, rows, values, classes in [
        ("values50", 2000, (50,), 2),
        ("values1000", 10_000, (1000,), 2),
        ("values50+1000", 5000, (50, 1000), 3),
    ]:
        numbers, labels = Generated(rows, values), Generated(rows, values, classes)
        yield DataSet(f"{name}_reg", "categories", REGRESSION, numbers)
        yield DataSet(f"{name}_class", "categories", CLASSIFICATION, labels)
    for name, rows, task in [
        ("tic_tac_toe", 958, CLASSIFICATION),
        ("mushroom", 1500, CLASSIFICATION),
        ("nursery", 1500, CLASSIFICATION),
        ("connect_4", 1500, CLASSIFICATION),
        ("connect_4", 5000, CLASSIFICATION),
        ("fars", 5000, CLASSIFICATION),
        ("coil2000", 5000, CLASSIFICATION),
        ("344_mv", 5000, REGRESSION),
    ]:
        load = table(name, rows)
        yield DataSet(f"{name}-{rows}", "categories", task, load, in_tabular(name))


def full_sets() -> Iterator[DataSet]:
    """Yield the sets at their full size."""
    for name, task, load, file in [
        ("california-full", REGRESSION, california_full, CALIFORNIA),
        ("a9a-full", CLASSIFICATION, a9a_full, A9A),
        ("mnist", CLASSIFICATION, mnist, MNIST),
    ]:
        yield DataSet(name, "full", task, load, file)
    for name, task in [
        ("covertype_kaggle15k", CLASSIFICATION),
        ("power-plant", REGRESSION),
        ("page_blocks", CLASSIFICATION),
        ("letter", CLASSIFICATION),
        ("mushroom", CLASSIFICATION),
        ("nursery", CLASSIFICATION),
        ("225_puma8NH", REGRESSION),
        ("201_pol", REGRESSION),
        ("coil2000", CLASSIFICATION),
        ("344_mv", REGRESSION),
        ("protein-tertiary-structure", REGRESSION),
        ("connect_4", CLASSIFICATION),
        ("fars", CLASSIFICATION),
    ]:
        yield DataSet(name, "full", task, table(name), in_tabular(name))


def in_tabular(name: str) -> str:
    """Return the file of a table in the folder `tabular`."""
    return f"tabular/{name}.npz"


SETS = {
    data_set.name: data_set
    for data_set in (*small_sets(), *sets_with_categories(), *full_sets())
}
GROUPS = tuple(dict.fromkeys(data_set.group for data_set in SETS.values()))
