"""Labels of a classifier: their classes, and their encoding for the loss and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from .._types import Array
from .arrays import as_labels
from .base import MLP
from .fitting import Fit
from .label_kinds import (
    are_plain_labels,
    checked_kind,
    class_numbers,
    classes_of,
    dense,
    is_multilabel,
)


class LabelEncoding(MLP):
    """The base class of the classifier: labels to class numbers, and back.

    Two classes become a column of 0 and 1, more classes their numbers, multilabel
    targets a column of 0 and 1 for each label.
    """

    # Set by fitting.
    classes_: Array
    _multilabel: bool
    _sparse_y: bool

    def _encode(self, y, dtype, fit):
        classes = None if fit.continues else classes_of(y)
        multilabel = is_multilabel(self._kind(y, fit, classes))
        self._set_classes(y, multilabel, fit, classes)
        if self._multilabel:
            self._sparse_y = issparse(y)
            return np.ascontiguousarray(dense(y), dtype=dtype)
        return self._targets(self._codes(y, fit), dtype)

    def _set_classes(
        self, y: Any, multilabel: bool, fit: Fit, classes: Array | None = None
    ) -> None:
        """Set the classes of a new model; compare them with those of a fitted one.

        y holds each label at least once; ``classes`` are its labels, where known.
        """
        self._check_kind(multilabel, fit)
        if not fit.continues:
            self.classes_ = self._first_classes(y, fit, classes)
        elif fit.classes is not None and not self._same_classes(fit.classes):
            raise ValueError(
                f"classes={fit.classes!r} is not the same as on the first call to"
                f" partial_fit, which was {self.classes_!r}."
            )

    def _targets(self, codes: Array, dtype: Any) -> Array:
        """Return class numbers encoded for the loss."""
        return codes if len(self.classes_) > 2 else codes[:, None].astype(dtype)

    def _encode_further(self, y, dtype, name="y_val"):
        kind = "multiclass" if are_plain_labels(y) else checked_kind(y, name)
        columns = self.n_outputs_ if self._multilabel else 1
        came = y.shape[1] if y.ndim == 2 else 1
        if (kind == "multilabel-indicator") != self._multilabel or came != columns:
            meant = f"a 0/1 matrix of {columns} columns"
            raise ValueError(
                f"{name} must have the form of y:"
                f" {meant if self._multilabel else 'one label per row'}. Got {kind}"
                f" targets of shape {y.shape} instead."
            )
        if self._multilabel:
            return np.ascontiguousarray(dense(y), dtype=dtype)
        if y.dtype == self.classes_.dtype:  # sorting y would be slow
            codes = class_numbers(y, self.classes_)
            if (self._nearest(codes) == y).all():
                return self._targets(codes, dtype)
        known = set(self.classes_.tolist())
        unknown = [label for label in np.unique(y).tolist() if label not in known]
        if unknown:
            raise ValueError(
                f"{name} has classes that are not in y: {unknown}. y has"
                f" {self.classes_}."
            )
        return self._targets(np.searchsorted(self.classes_, y), dtype)

    def _nearest(self, codes: Array) -> Array:
        """Return the classes of these numbers, the last one for the number after it."""
        return self.classes_[np.minimum(codes, len(self.classes_) - 1)]

    def _decode(self, Y):
        codes = self._class_numbers(Y)
        if not self._multilabel:
            return self.classes_[codes[:, 0]]
        return csr_array(codes) if self._sparse_y else codes

    @staticmethod
    def _class_numbers(Y: Array) -> Array:
        """Return encoded targets as integers, one column per label."""
        return Y.reshape(len(Y), -1).astype(np.intp)

    def _codes(self, y: Array, fit: Fit) -> Array:
        """Return the class number of each row."""
        # Sorting y is slow. A warm start needs it, to see whether y lacks a class;
        # other calls need it only for the message about unknown classes.
        quick = fit.partial or fit.resumes or not fit.continues
        quick = quick and y.dtype == self.classes_.dtype
        if not quick:
            self._check_classes(np.unique(y), fit)
        codes = class_numbers(y, self.classes_)
        if quick and (self._nearest(codes) != y).any():
            self._check_classes(np.unique(y), fit)
        return codes

    def _kind(self, y: Array, fit: Fit, classes: Array | None) -> str:
        """Return scikit-learn's name of the type of target."""
        # type_of_target is slow.
        if classes is not None or (fit.continues and are_plain_labels(y)):
            return "multiclass"
        return checked_kind(y, "y")

    def _same_classes(self, classes: Any) -> bool:
        if self._multilabel:  # one for each column; their names are not stored
            return len(classes) == len(self.classes_)
        classes = np.unique(as_labels(classes, "classes"))
        return np.array_equal(classes, self.classes_)

    def _check_kind(self, multilabel: bool, fit: Fit) -> None:
        if fit.continues and multilabel != self._multilabel:
            names = {True: "multilabel", False: "one label per row"}
            raise ValueError(
                f"{fit.name} continues training a model for {names[self._multilabel]},"
                f" but y is now {names[multilabel]}."
            )
        self._multilabel = multilabel

    def _first_classes(self, y: Array, fit: Fit, classes: Array | None) -> Array:
        if fit.partial and fit.classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all the"
                " labels that will ever occur, e.g. classes=np.unique(y_all)."
            )
        if self._multilabel:
            if fit.partial and len(fit.classes) != y.shape[1]:
                raise ValueError(
                    f"classes must name each of the {y.shape[1]} columns of a"
                    f" multilabel y. Got {fit.classes!r} instead."
                )
            return np.arange(y.shape[1])
        if fit.partial:
            classes = np.unique(as_labels(fit.classes, "classes"))
        elif classes is None:
            classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes;"
                f" {'classes' if fit.partial else 'y'} has {len(classes)} class:"
                f" {classes}. Check the split, or use partial_fit with all classes."
            )
        return classes

    def _check_classes(self, present: Array, fit: Fit) -> None:
        if (
            fit.continues
            and not fit.partial
            and not np.array_equal(present, self.classes_)
        ):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the"
                f" previous call to fit. Previously got {self.classes_}, `y` has"
                f" {present}"
            )
        # To NumPy, the number 1 is in ["1", "2"].
        words = [labels.dtype.kind in "OU" for labels in (present, self.classes_)]
        if words[0] != words[1] or not np.isin(present, self.classes_).all():
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has"
                f" {self.classes_}. 'y' has {present}."
            )

    def _strata(self, Y):
        return None if self._multilabel else self._decode(Y)
