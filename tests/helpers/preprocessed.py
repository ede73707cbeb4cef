"""A table of all kinds of columns, its containers, and the formula of scaling."""

import numpy as np
import pytest

from skoptnet.tabular import TabularPreprocessor

NAN = np.nan
N = 60
#: Columns of a table as lists, None for missing values.
TABLE = {
    "age": [None if i % 7 == 0 else 20.5 + i for i in range(N)],
    "count": [int(i**2 % 11) for i in range(N)],
    "city": [["Rome", "Oslo", "Bonn", None][i % 4] for i in range(N)],
    "smokes": [i % 3 == 0 for i in range(N)],
    "answer": [["no", "yes", None][i % 3] for i in range(N)],
    "same": [1.5] * N,
    "one word": ["x"] * N,
}
QUANTILES = "averaged_inverted_cdf"


def clipped(z, limit=3):
    return z / np.sqrt(1 + (z / limit) ** 2)


def scaled(column):
    """The formula in the simplest words, NaN as the centre."""
    x = np.array(column, dtype=float)
    low, high = np.nanmin(x), np.nanmax(x)
    if set(x[~np.isnan(x)]) == {low, high}:
        return np.nan_to_num(clipped(np.sign(x - low / 2 - high / 2)))
    q25, median, q75 = np.nanpercentile(x, [25, 50, 75], method=QUANTILES)
    width = q75 - q25 if q75 > q25 else (high - low) / 2
    return np.nan_to_num(clipped((x - median) / width))


def pandas_frame(table=TABLE, **dtypes):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame(table).astype(dtypes)


def polars_frame(table=TABLE):
    return pytest.importorskip("polars").DataFrame(table)


def object_array(table=TABLE):
    array = np.empty((len(next(iter(table.values()))), len(table)), dtype=object)
    for j, column in enumerate(table.values()):
        array[:, j] = column
    return array


def fitted(X, y=None, **parameters):
    return TabularPreprocessor(**parameters).fit(X, y)


def column(values, **parameters):
    """Return a column of categories as a matrix, and the names."""
    preprocessor = fitted(object_array({"a": values}), **parameters)
    names = preprocessor.get_feature_names_out().tolist()
    return preprocessor.transform(object_array({"a": values})), names
