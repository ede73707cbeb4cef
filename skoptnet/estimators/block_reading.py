"""Reading of blocks: any source that can be read again, checked block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from scipy.sparse import issparse

from .._sklearn import n_rows_of
from .._types import Array, Rows
from .inputs import check_range, read
from .sample_weights import weights_of_part

_ADVICE = (
    "Pass an object whose iter() starts again each time, such as a list or an object"
    " with the method __iter__, or a function that returns a new iterator."
)
_SAME_ROWS = "Every pass over the blocks must have the same numbers of rows."


class Block(NamedTuple):
    """A block with at least one row, as checked arrays.

    Attributes
    ----------
    number : int
        Its number, from 0; empty blocks count.
    X : array or CSR container of shape (n, d)
        The rows.
    y : array
        The targets, as the user passed them.
    w : array of shape (n,) or None
        The sample weights.
    """

    number: int
    X: Rows
    y: Array
    w: Array | None


class BlockReader:
    """Reads the blocks of a source, and checks each of them.

    Parameters
    ----------
    model : estimator
        Gets the number and names of the features from the first block, unless it is
        fitted already.
    source : iterable, or callable that returns an iterator
        The blocks: tuples (X, y) or (X, y, sample_weight).
    dtype : dtype or None
        That of a fitted model.

    Attributes
    ----------
    any_order : bool
        Whether blocks can be read by their numbers.
    sizes : list of int
        Number of rows of each block, found in the first pass.
    """

    def __init__(self, model: Any, source: Any, dtype: Any = None):
        self.model, self.source, self.dtype = model, source, dtype
        self.sizes: list[int] = []
        self.any_order = hasattr(source, "__len__") and hasattr(source, "__getitem__")
        self._is_new = dtype is None
        self._kinds: dict[str, bool] = {}
        _check_source(source)

    def first_pass(self) -> Iterator[Block]:
        """Yield the blocks, and count their rows."""
        for number, block in self._all():
            X, y, w = _parts_of(block, number)
            n_rows = n_rows_of(X)
            self.sizes.append(n_rows)
            if n_rows:
                yield self._checked(number, X, y, w)
            del block, X, y, w  # before the next one is read
        if not sum(self.sizes):
            raise ValueError(
                f"blocks must have at least one row. Got {len(self.sizes)} block(s)"
                " without any."
            )

    def next_pass(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        """Yield the blocks again, all in order or those of the given numbers.

        Raises
        ------
        ValueError
            If the numbers of rows are not those of the first pass.
        """
        last, known = -1, len(self.sizes)
        for number, block in self._all() if numbers is None else self._chosen(numbers):
            last = number
            if number >= known:
                raise ValueError(
                    f"Got block {number} (counted from 0), but the first pass over the"
                    f" blocks had only {known}. {_SAME_ROWS}"
                )
            X, y, w = _parts_of(block, number)
            n_rows, before = n_rows_of(X), self.sizes[number]
            if n_rows != before:
                raise ValueError(
                    f"Block {number} (counted from 0) has {n_rows} row(s) now, and had"
                    f" {before} in the first pass over the blocks. {_SAME_ROWS}"
                )
            if n_rows:
                yield self._checked(number, X, y, w)
            del block, X, y, w
        if numbers is None and last + 1 < known:
            raise ValueError(
                f"Got {last + 1} block(s) only, but the first pass over the blocks had"
                f" {known}. {_SAME_ROWS} {_ADVICE}"
            )

    def _all(self) -> Iterator[tuple[int, Any]]:
        source, numbers = self.source, count()
        # enumerate would keep a block until the next one is read.
        for block in iter(source) if _is_iterable(source) else source():
            yield next(numbers), block
            del block

    def _chosen(self, numbers: Sequence[int]) -> Iterator[tuple[int, Any]]:
        return ((number, self.source[number]) for number in numbers)

    def _checked(self, number: int, X: Any, y: Any, w: Any) -> Block:
        """Return a block as checked arrays; name its number in errors."""
        try:
            X, y = read(self.model, X, y, reset=self._is_new, order="C")
            if self.dtype is not None:
                check_range(X, self.dtype, "X")
            w = weights_of_part(w, X)
            self._check_kind("sparse rows", issparse(X))
            self._check_kind("sample weights", w is not None)
        except (TypeError, ValueError) as error:
            raise error_in_block(number, error) from error
        self._is_new = False
        return Block(number, X, y, w)

    def _check_kind(self, name: str, has: bool) -> None:
        """Refuse blocks of which only some have sparse rows, or sample weights."""
        if self._kinds.setdefault(name, has) != has:
            raise ValueError(
                f"all blocks must have {name}, or none of them. This block has"
                f" {'some' if has else 'none'}, unlike those before."
            )


def error_in_block(number: int, error: Exception) -> TypeError | ValueError:
    """Return an error that names the block in which it was found."""
    kind: Callable = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"Block {number} (counted from 0) cannot be used: {error}")


def _check_source(source: Any) -> None:
    """Refuse what is no source of blocks, and iterators, which cannot start again."""
    if _is_iterable(source):
        if iter(source) is source:
            raise TypeError(
                "blocks must not be an iterator or generator: every epoch reads the"
                f" blocks again, and that ends after one pass. Got {source!r}."
                f" {_ADVICE}"
            )
        return
    if not callable(source):
        raise TypeError(
            "blocks must be an iterable of tuples (X, y) or (X, y, sample_weight)."
            f" Got {source!r} instead. {_ADVICE}"
        )


def _is_iterable(source: Any) -> bool:
    return isinstance(source, Iterable) or hasattr(source, "__getitem__")


def _parts_of(block: Any, number: int) -> tuple[Any, Any, Any]:
    """Return rows, targets and weights of a block."""
    if not isinstance(block, (tuple, list)) or len(block) not in (2, 3):
        length = f" of length {len(block)}" if isinstance(block, (tuple, list)) else ""
        raise TypeError(
            "Each block must be a tuple (X, y) or (X, y, sample_weight). Got a"
            f" {type(block).__name__}{length} as block {number} (counted from 0)."
            " For a single block, pass [(X, y)]."
        )
    X, y, *w = block
    return X, y, w[0] if w else None
