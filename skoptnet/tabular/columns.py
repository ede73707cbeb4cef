"""The columns of data frames and arrays: which are categories, and their values.

Neither pandas nor polars is imported: their frames are told by their methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from .._types import Array, Data, Rows
from ..estimators.convergence_warnings import warn
from ..estimators.inputs import check_indices

# What a dtype says of a column; OBJECT says nothing, so its values are looked at.
NUMBER, BOOLEAN, CATEGORY, OBJECT = "number", "boolean", "category", "object"
DATE, DURATION, COMPLEX = "dates", "durations", "complex numbers"

_KINDS = {"b": BOOLEAN, "M": DATE, "m": DURATION, "c": COMPLEX}
_KINDS |= dict.fromkeys("iuf", NUMBER)

_DURATIONS = (timedelta, np.timedelta64)
_DATES = (date, time, np.datetime64)
_BOOLEANS = (bool, np.bool_)
_NEVER_MISSING = {str, int, bool}
_NUMBERS = (Real, Decimal, np.bool_)

# How scikit-learn words what no model can take.
_INFINITE = "Input X contains infinity or a value too large for dtype('float64')"


class Column(ABC):
    """One column of a table.

    Parameters
    ----------
    label : str
        What messages call it, such as ``Column 'age' of X``.
    data : Any
        A series, or an array.
    """

    def __init__(self, label: str, data: Any):
        self.label = label
        self.data = data

    @property
    @abstractmethod
    def kind(self) -> str:
        """What the dtype says of the column."""

    @abstractmethod
    def floats(self) -> Array:
        """Return a NUMBER or BOOLEAN column as float64, missing values as NaN."""

    @abstractmethod
    def objects(self) -> Array:
        """Return the values of any column as objects."""

    @cached_property
    def values(self) -> Array:
        """The values as objects; the missing ones are all ``np.nan``."""
        values = self.objects()
        if set(map(type, values)) <= _NEVER_MISSING:
            return values
        missing = np.fromiter(map(_is_missing, values), bool, len(values))
        if missing.any():
            values = values.copy()
            values[missing] = np.nan
        return values

    @cached_property
    def types(self) -> set[type]:
        """The types of all values that are not missing."""
        types = set(map(type, self.values))
        if float in types and all(v is np.nan for v in self.values if type(v) is float):
            types.remove(float)
        return types

    def type_name(self) -> str:
        """Return what the values are: numbers, str or another type; "" for no values.

        Categories of different types never match, but numbers and booleans do.
        """
        if self.types and _are(self.types, _NUMBERS):
            return "numbers"
        names = {"str" if issubclass(t, str) else t.__name__ for t in self.types}
        return " and ".join(sorted(names))

    def is_category(self) -> bool:
        """Tell whether its dtype, or for objects its values, make it a category."""
        if self.kind == OBJECT:
            numeric = _are(self.types, _NUMBERS)
            return bool(self.types) and (_are(self.types, _BOOLEANS) or not numeric)
        return self.kind in (BOOLEAN, CATEGORY)

    def numbers(self) -> Array:
        """Return the values as float64 numbers; NaN for missing ones.

        Raises
        ------
        ValueError
            If there are other values than numbers.
        """
        self.check()
        if self.kind in (NUMBER, BOOLEAN):
            return self.floats()
        if not _are(self.types, _NUMBERS):
            raise ValueError(
                f"{self.label} must have numbers. Got values of type"
                f" {_listed(self.types)} instead. Convert them to numbers, or name the"
                " column in 'categorical_features' when fitting."
            )
        try:
            return np.fromiter(map(float, self.values), np.float64, len(self.values))
        except OverflowError:
            raise ValueError(f"{_INFINITE}: see {self.label}.") from None

    def categories(self) -> Array:
        """Return the values as objects of one type; ``np.nan`` for missing ones.

        Raises
        ------
        ValueError
            If they differ in type, or are of a type that is no category.
        """
        self.check()
        if " and " in self.type_name():
            raise ValueError(
                f"{self.label} must have values of one type. Got {_listed(self.types)}"
                " instead. Make them all strings, or all numbers."
            )
        return self.values

    def check(self) -> None:
        """Refuse dates, durations, complex numbers, and objects such as lists."""
        kind, found = self.kind, str(getattr(self.data, "dtype", ""))
        if kind == OBJECT:
            found = _listed(self.types)
            if _some(self.types, _DURATIONS):
                kind = DURATION
            elif _some(self.types, _DATES):
                kind = DATE
            elif _some(self.types, (complex, np.complexfloating)):
                kind = COMPLEX
            elif not _are(self.types, (str, bytes, *_NUMBERS)):
                raise ValueError(
                    f"{self.label} must have numbers or strings. Got values of type"
                    f" {found} instead. Make strings or numbers of them, or leave the"
                    " column out."
                )
        if kind in _ADVICE:
            hint = " Complex data not supported." if kind == COMPLEX else ""
            raise ValueError(
                f"{self.label} must have numbers or categories. Got {kind} ({found})"
                f" instead.{hint} {_ADVICE[kind]}"
            )


_ADVICE = {
    DATE: "Convert them to numbers, such as days since a day of your choice, or to"
    " columns of their own for year, month and weekday.",
    DURATION: "Divide them by a unit of your choice, such as"
    " np.timedelta64(1, 'D') for days.",
    COMPLEX: "Make a column of the real parts and one of the imaginary ones.",
}


class ArrayColumn(Column):
    """A column of a NumPy array."""

    @property
    def kind(self) -> str:
        return _KINDS.get(self.data.dtype.kind, OBJECT)

    def floats(self) -> Array:
        return self.data.astype(np.float64)

    def objects(self) -> Array:
        return self.data.astype(object)


class PandasColumn(Column):
    """A column of a pandas data frame."""

    @cached_property
    def kind(self) -> str:
        dtype = self.data.dtype
        if hasattr(dtype, "categories"):
            return CATEGORY
        return _KINDS.get(dtype.kind, OBJECT)

    def floats(self) -> Array:
        if isinstance(self.data.dtype, np.dtype):
            return self.data.to_numpy().astype(np.float64)
        return self.data.to_numpy(dtype=np.float64, na_value=np.nan)

    def objects(self) -> Array:
        if self.kind != CATEGORY:
            return np.asarray(self.data, dtype=object)
        values = np.full(len(self.data), np.nan, dtype=object)
        codes = self.data.cat.codes.to_numpy()
        known, names = codes >= 0, self.data.cat.categories
        codes = codes[known]
        if len(codes) < len(names):  # a few rows need a few names only
            names, codes = names.take(codes), slice(None)
        values[known] = np.asarray(names, dtype=object)[codes]
        return values


class PolarsColumn(Column):
    """A column of a polars data frame."""

    @cached_property
    def kind(self) -> str:
        dtype = self.data.dtype
        name = str(dtype).partition("(")[0]
        if dtype.is_temporal():
            return DURATION if name == "Duration" else DATE
        if dtype.is_numeric():
            return NUMBER
        return {"Boolean": BOOLEAN, "Categorical": CATEGORY, "Enum": CATEGORY}.get(
            name, OBJECT
        )

    def floats(self) -> Array:
        return self.data.cast(float).to_numpy().astype(np.float64)

    def objects(self) -> Array:
        return np.fromiter(self.data.to_list(), object, len(self.data))


@dataclass(frozen=True)
class Table:
    """A table that has been read.

    Attributes
    ----------
    columns : sequence of Column
        The columns, none of them for a sparse matrix.
    block : array or CSR container or None
        All columns at once, if all have numbers of one dtype.
    names : list or None
        The names of the columns of a data frame.
    n_rows, n_columns : int
        The shape.
    """

    columns: Sequence[Column]
    block: Rows
    names: list | None
    n_rows: int
    n_columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.n_rows, self.n_columns

    def numbers(self, where: Array, ignored: Array | None = None) -> Rows:
        """Return some of the columns as a matrix of float64 numbers.

        Parameters
        ----------
        where : bool array of shape (n_columns,)
            Which columns.
        ignored : bool array of shape (n_columns,), optional
            Which of them are not read, but missing throughout.

        Raises
        ------
        ValueError
            If there are other values than numbers, or infinite ones.
        """
        if issparse(self.block):
            return self.block.astype(np.float64)
        if self.block is not None:
            with np.errstate(over="ignore"):  # numbers of a wider type
                X = self.block[:, where].astype(np.float64)
        else:
            X = np.empty((self.n_rows, int(where.sum())))
            for j, at in enumerate(np.flatnonzero(where).tolist()):
                skips = ignored is not None and ignored[at]
                X[:, j] = np.nan if skips else self.columns[at].numbers()
        infinite = np.isinf(X).any(axis=0)
        if infinite.any():
            at = np.flatnonzero(where)[infinite.argmax()]
            raise ValueError(f"{_INFINITE}: see {self.columns[int(at)].label}.")
        return X

    def categories(self, where: Array, ignored: Array | None = None) -> Array:
        """Return some of the columns as a matrix of objects.

        Parameters
        ----------
        where : bool array of shape (n_columns,)
            Which columns.
        ignored : bool array of shape (n_columns,), optional
            Which of them are not read, but missing throughout.

        Raises
        ------
        ValueError
            If the values of a column differ in type.
        """
        X = np.empty((self.n_rows, int(where.sum())), dtype=object, order="F")
        for j, at in enumerate(np.flatnonzero(where).tolist()):
            skips = ignored is not None and ignored[at]
            X[:, j] = np.nan if skips else self.columns[at].categories()
        return X


def read_table(model: Any, X: Data, *, reset: bool) -> Table:
    """Read a data frame, array or sparse matrix, as scikit-learn checks them.

    Parameters
    ----------
    model : estimator
        Stores the number and the names of the columns, or has them.
    X : data frame, array-like or sparse matrix
        The table.
    reset : bool
        Whether to store them rather than to compare them.

    Raises
    ------
    ValueError
        If X is no table, or not one like that which the model was fitted to.
    """
    frame = _as_frame(X)
    if frame is None:
        return _read_array(model, X, reset)
    _check_frame(model, frame)
    if not reset and hasattr(model, "feature_names_in_"):
        frame = _in_order(frame, list(model.feature_names_in_))
    names = list(frame.columns)
    if hasattr(frame, "iloc"):
        validate_data(model, frame, skip_check_array=True, reset=reset)
        series = [frame.iloc[:, i] for i in range(len(names))]
        kind: type[Column] = PandasColumn
    else:
        _set_or_check_names(model, names, reset)
        series, kind = frame.get_columns(), PolarsColumn
    columns = [
        kind(f"Column {name!r} of X", s) for name, s in zip(names, series, strict=True)
    ]
    return Table(columns, None, names, *frame.shape)


def _set_or_check_names(model: Any, names: list[str], reset: bool) -> None:
    """Do for polars what `validate_data` does for pandas.

    Old releases of scikit-learn do not see the names of new releases of polars.
    """
    if reset:
        model.n_features_in_ = len(names)
        model.feature_names_in_ = np.asarray(names, dtype=object)
    elif len(names) != model.n_features_in_:
        raise ValueError(
            f"X has {len(names)} features, but {type(model).__name__} is expecting"
            f" {model.n_features_in_} features as input."
        )
    elif not hasattr(model, "feature_names_in_"):
        warn(
            f"X has feature names, but {type(model).__name__} was fitted without"
            " feature names",
            UserWarning,
        )


def _as_frame(X: Data) -> Any:
    """Return a pandas or polars data frame, None for other data."""
    if isinstance(X, np.ndarray) or issparse(X):
        return None
    if hasattr(type(X), "collect") and hasattr(type(X), "collect_schema"):
        raise TypeError(
            "X must be a data frame or array. Got a lazy frame instead: pass"
            " X.collect()."
        )
    if len(getattr(X, "shape", ())) == 2:
        if hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "get_columns")):
            return X
        if hasattr(X, "to_pandas"):
            return X.to_pandas()
    return None


def _check_frame(model: Any, frame: Any) -> None:
    """Refuse a frame that is empty or has two columns of one name."""
    for size, thing in zip(frame.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(
                f"Found array with 0 {thing}(s) (shape={frame.shape}) while a minimum"
                f" of 1 is required by {type(model).__name__}."
            )
    names = list(frame.columns)
    if len(set(names)) < len(names):
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        raise ValueError(
            f"The columns of X must have different names. Got {_enumerated(twice)} more"
            " than once. Rename the columns, or leave the duplicates out."
        )


def _in_order(frame: Any, names: list) -> Any:
    """Return a frame with the columns of the fit in their order, if it has names."""
    given = list(frame.columns)
    if given == names or not all(isinstance(name, str) for name in given):
        return frame
    message = ""
    for title, listed in (
        ("unseen at fit time", set(given) - set(names)),
        ("seen at fit time, yet now missing", set(names) - set(given)),
    ):
        if listed:
            lines = "".join(f"- {name}\n" for name in sorted(listed))
            message += f"Feature names {title}:\n{lines}"
    if message:
        raise ValueError(
            "The feature names should match those that were passed during fit.\n"
            + message
        )
    return frame[names]


def _read_array(model: Any, X: Data, reset: bool) -> Table:
    """Read an array, a sparse matrix, or nested lists."""
    check_indices(X, "X")
    given = X
    X = validate_data(
        model,
        _with_own_types(X),
        accept_sparse="csr",
        dtype=None,
        ensure_all_finite="allow-nan",
        reset=reset,
    )
    if issparse(X):
        if X is not given:
            check_indices(X, "X")
        return Table((), X, None, *X.shape)
    columns = [ArrayColumn(f"Column {i} of X", X[:, i]) for i in range(X.shape[1])]
    block = X if X.dtype.kind in "biuf" else None
    return Table(columns, block, None, *X.shape)


def _with_own_types(X: Data) -> Data:
    """Return lists as an array in which numbers beside strings stay numbers."""
    if isinstance(X, np.ndarray):
        return X.astype(object) if X.dtype.kind == "T" else X
    if not isinstance(X, (list, tuple)):
        return X
    try:
        array = np.asarray(X)
    except ValueError:  # rows of different lengths
        return X
    return np.array(X, dtype=object) if array.dtype.kind in "USO" else array


def category_mask(table: Table, categorical_features: Any) -> Array:
    """Return which columns are categories, as a bool array.

    Parameters
    ----------
    table : Table
        What was read.
    categorical_features : "from_dtype", None or array-like of bool, int or str
        The parameter of the estimator.

    Raises
    ------
    ValueError
        If the parameter does not fit the table.
    """
    n = table.n_columns
    if categorical_features is None:
        return np.zeros(n, dtype=bool)
    if isinstance(categorical_features, str) and categorical_features == "from_dtype":
        if table.block is not None:
            return np.zeros(n, dtype=bool)
        return np.array([column.is_category() for column in table.columns])
    mask = _given_mask(np.asarray(categorical_features), table)
    if mask.any() and issparse(table.block):
        raise ValueError(
            "categorical_features must be None or 'from_dtype' for a sparse X, which"
            f" has numbers only. Got {categorical_features!r} instead. Pass X as a"
            " dense array or a data frame."
        )
    return mask


def _given_mask(given: Array, table: Table) -> Array:
    """Return the mask for a list of bools, indices or names."""
    n, types = table.n_columns, {type(item) for item in given.ravel()}
    if given.size and not (
        given.ndim == 1
        and (given.dtype.kind in "bU" or _is_integer(given) or types == {str})
    ):
        found = given.dtype.name if given.dtype.kind != "O" else _listed(types)
        raise ValueError(
            "categorical_features must be 'from_dtype', None, or an array-like of bool,"
            f" int or str of one dimension, got: {found}."
        )
    mask = np.zeros(n, dtype=bool)
    if given.size == 0:
        return mask
    if given.dtype.kind == "b":
        if len(given) != n:
            raise ValueError(
                "categorical_features set as a boolean mask must have shape"
                f" (n_features,), which is ({n},), got: {given.shape}."
            )
        return given.copy()
    if _is_integer(given):
        if given.min() < 0 or given.max() >= n:
            raise ValueError(
                "categorical_features set as integer indices must be in"
                f" [0, n_features - 1], which is [0, {n - 1}], got: {given.tolist()}."
            )
        mask[given] = True
        return mask
    if table.names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a"
            " boolean mask when the model is fitted on data without feature names."
            f" Got {given.tolist()} instead."
        )
    for name in given.tolist():
        if name not in table.names:
            raise ValueError(
                f"categorical_features has an item value {name!r} which is not a valid"
                " feature name of the training data. Observed feature names:"
                f" {table.names}"
            )
        mask[table.names.index(name)] = True
    return mask


def _is_integer(array: Array) -> bool:
    return array.dtype.kind in "iu"


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (str, int)):
        return False
    try:
        return bool(value != value)
    except TypeError:  # pandas.NA is neither equal to itself nor different
        return True
    except ValueError:  # an array
        return False


def _are(types: set[type], kinds: tuple[type, ...]) -> bool:
    return all(issubclass(t, kinds) for t in types)


def _some(types: set[type], kinds: tuple[type, ...]) -> bool:
    return any(issubclass(t, kinds) for t in types)


def _listed(types: set[type]) -> str:
    return " and ".join(sorted(t.__name__ for t in types))


def _enumerated(names: list) -> str:
    return ", ".join(map(repr, names))
