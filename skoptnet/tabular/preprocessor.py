"""From a table with numbers, categories and missing values to a matrix of floats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from scipy.sparse import csr_array, hstack, issparse
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .._names import Parametrized
from .._params import FACTOR, Interval, Options, StrOptions, check_params
from .._sklearn import TransformerMixin
from .._types import Array, ArrayLike, Bool, Data, Float, Int, RandomState, Rows
from ..estimators.convergence_warnings import warn
from ..estimators.sample_weights import usable_weights
from .categorical import Categories
from .columns import Table, category_mask, read_table
from .folds import Fold
from .mean_targets import Targets
from .numeric import Numbers

_TargetType: TypeAlias = Literal["continuous", "binary", "multiclass"]

# The least and the greatest number of bins of ``n_bins="auto"``.
_FEWEST_BINS, _MOST_BINS = 4, 48


class TabularPreprocessor(TransformerMixin, Parametrized):
    """Turn a table into a matrix of numbers that a neural network learns well from.

    - Numbers are centred at the median, divided by the interquartile range, and
      outliers are clipped smoothly to at most 3 in absolute value [1]_. In a column of
      two different numbers, they become -0.95 and 0.95. Missing numbers become 0;
      columns with missing numbers in the training data get a further column of 0 and 1
      that marks them.
    - Categories of two values become a column of -1 and 1, others a column of 0 and 1
      per value. The rare values of many share one column. Values that are missing or
      were not in the training data are zeros; in the columns of ``target_encoding``,
      they have the mean target of the training rows without a value, or of all rows if
      there are none.
    - Columns of one value are left out; of those with missing values, a column of 0 and
      1 stays.

    Data frames of pandas and polars, arrays and lists are read, and sparse matrices,
    which have numbers only; these are not centred and stay sparse.

    Parameters
    ----------
    categorical_features : "from_dtype", None, or array-like of bool, int or str, \
default="from_dtype"
        Which columns are categories.

        - "from_dtype": in a data frame those of strings, booleans and of a categorical
          dtype. Columns of objects are categories if these are strings or booleans,
          also in arrays of objects. Numeric arrays have none.
        - None: no column.
        - Array-like of bool: a mask with an item per column.
        - Array-like of int: their positions.
        - Array-like of str: their names.
    n_bins : int, 'auto' or None, default=None
        Number of bins between quantiles of a column of numbers, for a piecewise-linear
        encoding in further columns (`Gorishniy et al., 2022
        <https://arxiv.org/abs/2203.05556>`__). ``'auto'`` is 0.3 times the square root
        of the number of rows with a weight, but from 4 to 48. None means no such
        columns, and sparse matrices never have them.
    max_categories : int or None, default=100
        The most columns that a category of more than two values becomes, the one for
        rare values included. None means no limit.
    min_frequency : int, float or None, default=None
        Values of fewer training rows are rare: a number of rows, or a share of them in
        (0, 1). A single rare value keeps its column. None means no limit.
    target_encoding : bool, "continuous", "binary" or "multiclass", default=False
        Whether categories of more values than ``max_categories`` also become the mean
        target of each value (the share of each class), smoothed. For the training rows,
        `fit_transform` computes it from other rows, in five folds, so that it differs
        from ``fit(X, y).transform(X)``. A str says what kind the targets are; True
        infers it from the targets; integers then count as classes.
    dtype : "float32", "float64", or the types of NumPy, default="float32"
        The dtype of the result.
    random_state : int, RandomState instance or None, default=None
        Draws the folds of ``target_encoding``.

    Attributes
    ----------
    is_categorical_ : bool array of shape (n_features,)
        Which columns are categories.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : array of str of shape (n_features,)
        Names of the columns; only if X had names, all strings. Frames to transform may
        have them in another order.

    See Also
    --------
    sklearn.compose.ColumnTransformer : Any transformers for any columns.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart, "Better by default: Strong
       pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from skoptnet.tabular import TabularPreprocessor
    >>> X = [[1.0, "red", "yes"], [np.nan, "blue", "no"], [3.0, "green", None]]
    >>> preprocessor = TabularPreprocessor().fit(X)
    >>> preprocessor.get_feature_names_out().tolist()
    ['x0', 'missingindicator_x0', 'x2_yes', 'x1_blue', 'x1_green', 'x1_red']
    >>> print(preprocessor.transform(X).round(2))
    [[-0.95  0.    1.    0.    0.    1.  ]
     [ 0.    1.   -1.    1.    0.    0.  ]
     [ 0.95  0.    0.    0.    1.    0.  ]]
    """

    _parameter_constraints: ClassVar[dict] = {
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "n_bins": [
            Interval(Integral, 2, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
        "max_categories": [Interval(Integral, 2, None, closed="left"), None],
        "min_frequency": [
            Interval(Integral, 1, None, closed="left"),
            *FACTOR,
            None,
        ],
        "target_encoding": [
            "boolean",
            StrOptions({"continuous", "binary", "multiclass"}),
        ],
        "dtype": [
            StrOptions({"float32", "float64"}),
            Options(type, {np.float32, np.float64}),
        ],
        "random_state": ["random_state"],
    }

    # Set by scikit-learn's check of the table.
    n_features_in_: int

    def __init__(
        self,
        *,
        categorical_features: Literal["from_dtype"] | ArrayLike | None = "from_dtype",
        n_bins: Int | Literal["auto"] | None = None,
        max_categories: Int | None = 100,
        min_frequency: Int | Float | None = None,
        target_encoding: Bool | _TargetType = False,
        dtype: Literal["float32", "float64"] | type = "float32",
        random_state: RandomState = None,
    ):
        self.categorical_features = categorical_features
        self.n_bins = n_bins
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.target_encoding = target_encoding
        self.dtype = dtype
        self.random_state = random_state

    def fit(
        self,
        X: Data,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn the columns of a table.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,), default=None
            The targets; used by ``target_encoding`` only.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: a row of weight 2 counts as two rows. In target
            encoding, all rows of positive weight count alike.

        Returns
        -------
        self : TabularPreprocessor
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter is out of range; if a column has values of different types,
            dates, durations, complex or infinite numbers; if two columns have the same
            name; or if all columns are constant.
        """
        self._fit_transform(X, y, sample_weight)
        return self

    def fit_transform(  # type: ignore[override]
        self,
        X: Data,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Rows:
        """Learn the columns of a table, and return it as a matrix.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,), default=None
            The targets; used by ``target_encoding`` only.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, as for `fit`.

        Returns
        -------
        Z : array of shape (n_samples, n_features_out), or CSR container
            As of `transform`, except for ``target_encoding``.
        """
        return self._fit_transform(X, y, sample_weight)

    def _fit_transform(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        check_params(self)
        parameters = self.get_params(deep=False)
        twin = object.__new__(type(self))  # a failed fit leaves this one as it was
        vars(twin).update(parameters)
        table = read_table(twin, X, reset=True)
        Z = twin._learn(table, y, usable_weights(sample_weight, table))
        kept = {k: v for k, v in vars(self).items() if not k.endswith("_")}
        # In one assignment, which Ctrl-C cannot cut in two.
        self.__dict__ = kept | vars(twin) | parameters
        return Z

    def transform(self, X: Data) -> Rows:
        """Return a table as a matrix of numbers.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table, with the columns of `fit`; those of a data frame in any order.

        Returns
        -------
        Z : array of shape (n_samples, n_features_out), or CSR container
            The matrix, sparse if the X of `fit` was.

        Raises
        ------
        ValueError
            If X lacks columns or has others, or values of another type than in `fit`.
        """
        check_is_fitted(self)
        return self._matrix(read_table(self, X, reset=False))

    def _matrix(self, table: Table) -> Rows:
        """Return a table that has been read as `transform` does.

        Parameters
        ----------
        table : Table
            The table, with the columns of `fit`.

        Returns
        -------
        Z : array of shape (n_samples, n_features_out), or CSR container
            The matrix.
        """
        categories = self.is_categorical_
        if issparse(table.block) and categories.any():
            raise ValueError(
                "X must be a data frame or a dense array, since the model was fitted to"
                f" {categories.sum()} categorical column(s). Got a sparse matrix"
                " instead."
            )
        self._check_types(table)
        numbers = table.numbers(~categories, self._empty)
        # What is centred depends on the training data, not on the container.
        if self._is_sparse and not issparse(numbers):
            numbers = csr_array(numbers)
        elif issparse(numbers) and not self._is_sparse:
            numbers = numbers.toarray()
        blocks = self._numbers.transform(numbers)
        if self._categories is not None:
            values = table.categories(categories, self._empty)
            blocks += self._categories.transform(values)
        return self._joined(blocks)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Return the names of the columns of the matrix.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the columns of the table, which must be those of `fit` if it
            had names. None means those of `fit`, or x0, x1 and so on.

        Returns
        -------
        names : array of str objects
            Such as ``age``, ``missingindicator_age``, ``city_Rome`` and
            ``city_infrequent``.

        Raises
        ------
        ValueError
            If ``input_features`` do not fit.
        """
        check_is_fitted(self)
        names = self._names_in(input_features)
        found = self._numbers.names(names[~self.is_categorical_])
        if self._categories is not None:
            found += self._categories.names(names[self.is_categorical_])
        return np.array(_all_different(found), dtype=object)

    def _learn(
        self, table: Table, y: Any, w: Array | None, folds: list[Fold] | None = None
    ) -> Rows:
        """Fit to a table that has been read; return its matrix.

        Parameters
        ----------
        table : Table
            The table.
        y : array or None
            The targets; used by ``target_encoding`` only.
        w : array of shape (n_samples,) or None
            Weights of the rows.
        folds : list of Fold or None
            For ``target_encoding``; None draws five.

        Returns
        -------
        Z : array of shape (n_samples, n_features_out), or CSR container
            The matrix of the training rows.
        """
        if self.target_encoding and y is None:
            raise ValueError(
                f"target_encoding={self.target_encoding!r} of {type(self).__name__}"
                " requires y to be passed, but the target y is None. Pass y to fit, or"
                " set target_encoding=False."
            )
        targets = self._targets(y, table.n_rows, folds)
        categories = category_mask(table, self.categorical_features)
        numbers = table.numbers(~categories)
        self.is_categorical_ = categories
        w = np.ones(table.n_rows) if w is None else w
        self._numbers = Numbers(self._n_bins(int(np.count_nonzero(w))))
        blocks = self._numbers.fit_transform(numbers, w)
        empty = np.zeros(table.n_columns, dtype=bool)
        empty[~categories] = self._numbers.empty
        self._types, self._categories = {}, None
        if categories.any():
            values = table.categories(categories)
            self._types = {
                at: table.columns[at].type_name()
                for at in np.flatnonzero(categories).tolist()
            }
            self._categories = Categories(self.max_categories, self.min_frequency)
            blocks += self._categories.fit_transform(values, w, targets)
            empty[categories] = self._categories.empty
        self._empty, self._is_sparse = empty, issparse(table.block)
        _check_left(blocks, table)
        self._warn_of_empty(empty)
        return self._joined(blocks)

    def _n_bins(self, n_rows: int) -> int:
        """Return the number of bins for the rows, 0 for none."""
        if isinstance(self.n_bins, str):
            return int(np.clip(0.3 * n_rows**0.5, _FEWEST_BINS, _MOST_BINS))
        return int(self.n_bins or 0)

    def _targets(self, y: Any, n_rows: int, folds: list[Fold] | None) -> Targets | None:
        """Return what encodes categories by the target, None if that is off."""
        given = self.target_encoding
        if not given:
            return None
        y = np.asarray(y)
        check_consistent_length(range(n_rows), y)
        if folds is None:
            rng = check_random_state(self.random_state)
            splitter = KFold(min(5, n_rows), shuffle=True, random_state=rng)
            folds = [Fold(*split) for split in splitter.split(y)]
        return Targets.of(y, given if isinstance(given, str) else None, folds)

    def _check_types(self, table: Table) -> None:
        """Refuse numbers in place of the strings of the fit, and the reverse."""
        for at, kind in self._types.items():
            column = table.columns[at]
            found = column.type_name()
            if found and kind and found != kind:
                raise ValueError(
                    f"{column.label} must have values of the type of the training"
                    f" data, {kind}. Got {found} instead. Convert them."
                )

    def _warn_of_empty(self, empty: Array) -> None:
        if empty.any():
            names = self._names_in(None)[empty].tolist()
            warn(
                f"Columns without any value in the training data are left out: {names}."
                " Fill them in, or remove them.",
                UserWarning,
            )

    def _names_in(self, given: Any) -> Array:
        """Return the names of the columns of the table."""
        own = getattr(self, "feature_names_in_", None)
        if given is None:
            if own is None:
                own = [f"x{i}" for i in range(self.n_features_in_)]
            return np.asarray(own, dtype=object)
        names = np.asarray(given, dtype=object)
        if own is not None and not np.array_equal(own, names):
            raise ValueError("input_features is not equal to feature_names_in_")
        if len(names) != self.n_features_in_:
            raise ValueError(
                "input_features should have length equal to number of features"
                f" ({self.n_features_in_}), got {len(names)}"
            )
        return names

    def _joined(self, blocks: list[Rows]) -> Rows:
        """Return blocks of columns side by side, in the dtype of the result."""
        if any(map(issparse, blocks)):
            return hstack(blocks, format="csr", dtype=self.dtype)
        widths = np.cumsum([0, *(block.shape[1] for block in blocks)])
        Z = np.empty((blocks[0].shape[0], widths[-1]), dtype=self.dtype)
        for start, block in zip(widths, blocks, strict=False):
            Z[:, start : start + block.shape[1]] = block
        return Z

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.target_tags.required = bool(self.target_encoding)
        tags.transformer_tags.preserves_dtype = []
        return tags


def _check_left(blocks: Sequence[Rows], table: Table) -> None:
    """Refuse a table of which no column is left."""
    if not sum(block.shape[1] for block in blocks):
        hint = " (X contains only one sample)" if table.n_rows == 1 else ""
        raise ValueError(
            f"No column of X has two different values{hint}, so that there is nothing"
            " to learn from. Pass other rows or columns."
        )


def _all_different(names: list[str]) -> list[str]:
    """Return names, those that occur again with a number."""
    seen: Counter[str] = Counter()
    taken, found = set(names), []
    for name in names:
        seen[name] += 1
        new = name
        while seen[name] > 1 and new in taken:
            new = f"{name}_{seen[name]}"
            seen[name] += new in taken
        taken.add(new)
        found.append(new)
    return found
