"""The data sets of the scripts that measure: scikit-learn's own and generated ones."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
    make_friedman1,
    make_moons,
    make_multilabel_classification,
    make_regression,
)

from skoptnet import MLPClassifierX, MLPRegressorX


def make_long_tails(
    n_samples: int = 10_000, classes: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return features with long tails: Student's t with 1.5 degrees of freedom.

    Standardised, the largest values lie tens of standard deviations out. Real tables
    look like this (the census data on Californian housing, say), and it is what makes
    training diverge.
    """
    rng = np.random.RandomState(0)
    X = rng.standard_t(1.5, size=(n_samples, 8))
    y = np.arcsinh(X[:, :5]).sum(axis=1) + rng.normal(size=len(X))
    return X, (y > 0).astype(int) if classes else y


def make_lognormal() -> tuple[np.ndarray, np.ndarray]:
    """Return features with long tails, such as amounts and incomes have."""
    rng = np.random.RandomState(0)
    X = rng.lognormal(size=(2000, 8))
    y = np.log(X[:, :5]).sum(axis=1) + rng.normal(size=len(X))
    return X, y


def make_waves(n_samples: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a target that is curved and has interactions, as in physics."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(n_samples, 6))
    y = np.sin(4 * X[:, 0] * X[:, 1]) + np.sin(5 * X[:, 2]) * X[:, 3] + abs(X[:, 4])
    return X, y + noise * rng.normal(size=n_samples)


def make_categories() -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return sparse indicators of ten categorical columns, and two classes.

    Each category has an effect on the logit, and so has each pair of the first two
    columns; one row in four or so is of the second class.
    """
    rng = np.random.RandomState(0)
    n_samples, sizes = 6000, [16, 12, 10, 8, 8, 6, 6, 5, 4, 3]
    codes = [
        np.minimum(rng.geometric(2 / size, n_samples) - 1, size - 1) for size in sizes
    ]
    logit = rng.normal(size=(sizes[0], sizes[1]))[codes[0], codes[1]] - 1.5
    for code, size in zip(codes, sizes, strict=True):
        logit += 0.7 * rng.normal(size=size)[code]
    y = (rng.uniform(size=n_samples) < 1 / (1 + np.exp(-logit))).astype(int)
    starts = np.cumsum([0, *sizes[:-1]])
    columns = np.stack(codes, axis=1) + starts
    indptr = np.arange(0, columns.size + 1, len(sizes))
    shape = n_samples, sum(sizes)
    ones = np.ones(columns.size)
    return sparse.csr_matrix((ones, columns.ravel(), indptr), shape), y


def _bundled(estimator: type, load: Callable) -> tuple:
    """Return a data set that scikit-learn brings."""
    return estimator, partial(load, return_X_y=True)


def _generated(estimator: type, make: Callable, n_samples: int, **settings) -> tuple:
    """Return a data set that scikit-learn generates."""
    return estimator, partial(make, n_samples, random_state=0, **settings)


#: Name of each data set, the estimator for it and where it comes from.
DATA = {
    "iris": _bundled(MLPClassifierX, load_iris),
    "wine": _bundled(MLPClassifierX, load_wine),
    "breast_cancer": _bundled(MLPClassifierX, load_breast_cancer),
    "digits": _bundled(MLPClassifierX, load_digits),
    "noisy_classes": _generated(
        MLPClassifierX,
        make_classification,
        4000,
        n_informative=10,
        n_classes=3,
        flip_y=0.1,
    ),
    "diabetes": _bundled(MLPRegressorX, load_diabetes),
    "friedman1": _generated(MLPRegressorX, make_friedman1, 1000, noise=1.0),
    "two_targets": _generated(
        MLPRegressorX, make_regression, 2000, n_features=20, n_targets=2, noise=30.0
    ),
    "lognormal": (MLPRegressorX, make_lognormal),
    "moons": _generated(MLPClassifierX, make_moons, 1000, noise=0.3),
    "imbalanced": _generated(
        MLPClassifierX,
        make_classification,
        3000,
        n_informative=6,
        weights=[0.95],
        class_sep=0.7,
    ),
    # Counts of 300 words in short texts, each with some of five topics.
    "topics": _generated(
        MLPClassifierX,
        make_multilabel_classification,
        1500,
        n_features=300,
        length=40,
        sparse=True,
    ),
    "categories": (MLPClassifierX, make_categories),
    "many_rows": _generated(
        MLPClassifierX,
        make_classification,
        20_000,
        n_features=10,
        n_informative=8,
        n_clusters_per_class=4,
        flip_y=0.05,
    ),
    "waves": (MLPRegressorX, partial(make_waves, 3000, 0.05)),
    "noisy_waves": (MLPRegressorX, partial(make_waves, 3000, 0.5)),
    "many_waves": (MLPRegressorX, partial(make_waves, 20_000, 0.1)),
    "long_tails": (MLPRegressorX, make_long_tails),
    "long_tails_classes": (MLPClassifierX, partial(make_long_tails, classes=True)),
}
