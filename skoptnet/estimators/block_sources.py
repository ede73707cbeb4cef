"""Blocks of rows for `fit_blocks`, from arrays, memory maps and Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .._params import COUNT, check_value
from .._sklearn import n_rows_of, select_rows
from .._types import ArrayLike, Data, Int


class ArrayBlocks:
    """Blocks of consecutive rows of arrays, for ``fit_blocks``.

    The arrays may be memory maps (`numpy.memmap`, or ``numpy.load`` with
    ``mmap_mode="r"``), of which only the blocks in use are in memory.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows.
    n_rows : int > 0, default=65536
        Number of rows per block; the last one may have fewer.

    Raises
    ------
    ValueError
        If the arrays differ in their numbers of rows, or ``n_rows`` is not positive.

    See Also
    --------
    ParquetBlocks : Blocks of Parquet files.

    Examples
    --------
    >>> import numpy as np
    >>> from skoptnet import ArrayBlocks
    >>> blocks = ArrayBlocks(np.zeros((10, 3)), np.arange(10), n_rows=4)
    >>> [X.shape for X, y in blocks]
    [(4, 3), (4, 3), (2, 3)]
    >>> blocks[-1][1]
    array([8, 9])
    """

    def __init__(
        self,
        X: Data,
        y: Data,
        sample_weight: ArrayLike | None = None,
        *,
        n_rows: Int = 65536,
    ) -> None:
        check_value(self, "n_rows", n_rows, COUNT)
        self.arrays = [X, y] if sample_weight is None else [X, y, sample_weight]
        self.n_rows, self._n = int(n_rows), n_rows_of(X)
        lengths = list(map(n_rows_of, self.arrays))
        if len(set(lengths)) > 1:
            raise ValueError(
                "X, y and sample_weight must have the same number of rows. Got"
                f" {lengths}."
            )

    def __len__(self) -> int:
        return -(-self._n // self.n_rows)

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        """Return a block by its number: (X, y) or (X, y, sample_weight)."""
        start = range(0, self._n, self.n_rows)[number]
        rows = slice(start, min(start + self.n_rows, self._n))
        return tuple(select_rows(values, rows) for values in self.arrays)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (self[number] for number in range(len(self)))


class ParquetBlocks:
    """Row groups of Parquet files as blocks, for ``fit_blocks``.

    It needs pyarrow and pandas (``pip install "skoptnet[parquet]"``). A block is a row
    group, the unit in which Parquet files are written and read; the blocks come in the
    order of the files.

    Parameters
    ----------
    paths : str, path, or sequence of these
        One or several files with the same columns.
    target : str or sequence of str
        Name of the column with the targets; several for several targets.
    sample_weight : str, default=None
        Name of a column with non-negative weights of the rows.
    columns : str or sequence of str, default=None
        Names of the columns with the features, which must be numbers; by default all
        others, except the index of a data frame.

    Raises
    ------
    ImportError
        If pyarrow or pandas is not installed.
    ValueError
        If there is no file, no target or no feature, if a named column is not in all
        files, or if ``columns`` names a target or the weights.

    See Also
    --------
    ArrayBlocks : Blocks of arrays, such as memory maps.

    Examples
    --------
    >>> from skoptnet import ParquetBlocks
    >>> blocks = ParquetBlocks("rows.parquet", target="price")  # doctest: +SKIP
    >>> len(blocks)  # doctest: +SKIP
    12
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        target: str | Sequence[str],
        sample_weight: str | None = None,
        columns: str | Sequence[str] | None = None,
    ) -> None:
        parquet = _parquet()
        self.paths = _names(paths, "paths", "one file", (str, Path))
        targets = _names(target, "target", "one column", str)
        self.target, self.sample_weight = target, sample_weight
        self._groups: list[tuple[str | Path, int]] = []
        schemas: list[Any] = []
        for path in self.paths:
            with parquet.ParquetFile(path) as file:
                schemas.append(file.schema_arrow)
                self._groups += [(path, i) for i in range(file.num_row_groups)]
        others = {*targets, sample_weight, *_index_columns(schemas[0])}
        self.columns = [n for n in schemas[0].names if n not in others]
        if columns is not None:
            self.columns = _names(columns, "columns", "one column", str)
            self._refuse_targets_as_features({*targets, sample_weight})
        needed = [*self.columns, *targets]
        needed += [] if sample_weight is None else [sample_weight]
        for path, schema in zip(self.paths, schemas, strict=True):
            missing = [name for name in needed if name not in schema.names]
            if missing:
                raise ValueError(
                    "target, sample_weight and columns must name columns of all files."
                    f" Got {missing}, but the columns of {path} are {schema.names}."
                )
        self._needed, self._targets = needed, targets

    def _refuse_targets_as_features(self, others: set[str | None]) -> None:
        both = [name for name in self.columns if name in others]
        if both:
            raise ValueError(
                "The 'columns' parameter of ParquetBlocks must not name the target or"
                f" sample_weight, which are no features. Got {both} in both."
            )

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        """Return a block by its number: (X, y) or (X, y, sample_weight)."""
        path, group = self._groups[number]
        with _parquet().ParquetFile(path) as file:
            table = file.read_row_group(group, columns=self._needed)
        # The index of a data frame is a column as any other.
        frame = table.to_pandas(ignore_metadata=True)
        y = frame[self._targets if len(self._targets) > 1 else self._targets[0]]
        block = frame[self.columns], y.to_numpy()
        if self.sample_weight is None:
            return block
        return *block, frame[self.sample_weight].to_numpy()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (self[number] for number in range(len(self)))


def _names(given: Any, parameter: str, least: str, kind: Any) -> list[Any]:
    """Return one name or several as a list; refuse anything else, and none at all."""
    names = [given] if isinstance(given, kind) else given
    try:
        names = list(names)
    except TypeError:
        names = []
    if not names or not all(isinstance(name, kind) for name in names):
        raise ValueError(
            f"The {parameter!r} parameter of ParquetBlocks must name at least {least}."
            f" Got {given!r} instead."
        )
    return names


def _index_columns(schema: Any) -> list[str]:
    """Return the columns that were the index of a data frame of pandas."""
    stored = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in stored if isinstance(name, str)]  # others are ranges


def _parquet() -> Any:
    """Return pyarrow's module for Parquet files."""
    try:
        import_module("pandas")
        return import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportError(
            'ParquetBlocks needs pyarrow and pandas: pip install "skoptnet[parquet]"'
        ) from error
