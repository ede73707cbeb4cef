"""Sparse rows for the benchmarks, as texts and categories give them."""

import numpy as np
from scipy.sparse import coo_array


def text(rng: np.random.Generator, n: int, columns: int, per_row: int) -> coo_array:
    """Return rows whose columns are as frequent as words (Zipf's law)."""
    frequency = 1 / np.arange(1, columns + 1)
    column = rng.choice(columns, n * per_row, p=frequency / frequency.sum())
    column = rng.permutation(columns)[column]
    row = np.repeat(np.arange(n), per_row)
    X = coo_array((rng.random(n * per_row), (row, column)), shape=(n, columns))
    X.sum_duplicates()
    return X


def one_hot(rng: np.random.Generator, n: int, features: int, levels: int) -> coo_array:
    """Return rows with one element for each of several features."""
    column = rng.integers(0, levels, (n, features)) + levels * np.arange(features)
    row = np.repeat(np.arange(n), features)
    return coo_array(
        (np.ones(n * features), (row, column.ravel())), shape=(n, features * levels)
    )


DATA = {
    "text": lambda rng: text(rng, 5000, 20000, 50),
    "one-hot": lambda rng: one_hot(rng, 20000, 10, 20),
}
