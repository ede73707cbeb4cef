"""Weights that users may set: `coefs_`, `intercepts_` and `input_scale_`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, SupportsIndex
from weakref import WeakValueDictionary, ref

import numpy as np
from scipy.sparse import issparse

from .._types import Array
from ..network import Network


class Weights:
    """The weights of a fitted network, one array for each W_l, b_l, and for s.

    They are views into theta. An array that the user assigns replaces such a view, as
    in scikit-learn: arrays that were returned before keep their values, and those of
    the other layers stay in use. `theta` joins all arrays.

    Parameters
    ----------
    network : Network
        Has the layout of theta.
    theta : array of shape (P,)
        The parameters. If it is read-only, nothing can be set.
    in_training : bool
        Whether theta is being trained. An assigned array is then copied into it.

    Attributes
    ----------
    coefs, intercepts : Layers
        The arrays.
    scales : Scales
        A list with the array s of the scaling layer; empty without one.
    estimators : mapping
        The estimators that have returned these weights.
    are_assigned : bool
        Whether an array is no view into theta.
    """

    def __init__(self, network: Network, theta: Array, in_training: bool = False):
        self.network, self._theta, self.in_training = network, theta, in_training
        self.estimators: WeakValueDictionary = WeakValueDictionary()
        self.are_assigned = False
        layers = network.layers(theta)
        self.coefs = Layers("coefs_", [W for W, _ in layers], self)
        self.intercepts = Layers("intercepts_", [b for _, b in layers], self)
        s = network.scales(theta)
        self.scales = Scales("input_scale_", [] if s is None else [s], self)

    @property
    def theta(self) -> Array:
        """The parameters: theta itself, or a new array if arrays are assigned."""
        if not self.are_assigned:
            return self._theta
        theta = np.empty_like(self._theta)
        views = self.network.layers(theta)
        for (W, b), *new in zip(views, self.coefs, self.intercepts, strict=True):
            W[...], b[...] = new
        s = self.network.scales(theta)
        if s is not None:
            s[...] = self.scales[0]
        return theta

    def assign(self, name: str, values: Iterable[Any]) -> None:
        """Set ``coefs_`` or ``intercepts_`` to another list of arrays.

        The old list keeps its arrays and is detached from the estimator.
        """
        attribute = name.rstrip("_")
        before = getattr(self, attribute)
        after = before if self.in_training else Layers(name, before, self)
        after[:] = values
        if after is not before:
            before.release()
            setattr(self, attribute, after)


class Layers(list):
    """A list with an array for each layer: ``coefs_`` or ``intercepts_``.

    An item can be set to an array of the same shape. Nothing can be added or removed.

    Parameters
    ----------
    name : str
        The attribute of the estimator.
    arrays : iterable of arrays
        One for each layer.
    weights : Weights
        The weights of which they are a part, by a weak reference.
    """

    def __init__(self, name: str, arrays: Iterable[Array], weights: Weights):
        super().__init__(arrays)
        self._name, self._weights = name, ref(weights)
        self._estimators: Any = weights.estimators

    def release(self) -> None:
        """Detach the list from its estimator."""
        self._estimators = {}

    def _owner(self) -> Weights | None:
        """Return the weights of an estimator to which this list belongs, if any.

        Raises
        ------
        ValueError
            If the estimator has other weights by now, which a change would not reach.
        """
        weights, estimators = self._weights(), list(self._estimators.values())
        if weights and any(e._weights is weights for e in estimators):
            return weights
        if estimators:
            raise ValueError(
                f"This list is the {self._name} from before the last fit or"
                " partial_fit. The estimator has new weights, which a change here would"
                f" not reach. Set estimator.{self._name}[...], and read"
                f" estimator.{self._name} again after each call."
            )
        return None

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        """Set the array of a layer, or those of several, to a copy of other values."""
        weights = self._owner()
        places = list(range(len(self)))[index]
        if not isinstance(places, list):
            places, value = [places], [value]
        if not isinstance(value, Iterable):
            self._refuse(f"be set to a list of arrays. Got {value!r} instead")
        values = list(value)
        if len(values) != len(places):
            self._refuse(
                f"be set to as many arrays as layers, {len(places)} here. Got"
                f" {len(values)} instead"
            )
        arrays = [
            self._checked(place, new) for place, new in zip(places, values, strict=True)
        ]
        for place, array in zip(places, arrays, strict=True):
            if array is self[place]:  # after model.coefs_[k] *= c
                continue
            if weights and weights.in_training:
                self[place][...] = array
                continue
            super().__setitem__(place, array)
            if weights:
                weights.are_assigned = True

    def _checked(self, place: int, value: Any) -> Array:
        """Return a copy of a value for a layer, in the layer's dtype."""
        layer = self[place]
        what = self._label(place)
        if not layer.flags.writeable:
            raise ValueError(
                f"{what} cannot be set while solver='lbfgs' trains, nor by a scorer."
                " Use a callback and another solver, or set it after fit."
            )
        if issparse(value):
            raise TypeError(
                f"{what} must be a dense array. Got a sparse container instead; pass"
                " its toarray()."
            )
        given = np.asarray(value)
        if given.shape != layer.shape:
            raise ValueError(
                f"{what} must be an array of shape {layer.shape}. Got an array of shape"
                f" {given.shape} instead. The shapes of the weights follow from"
                " hidden_layer_sizes and the data: for others, fit a new network."
            )
        if given.dtype.kind not in "fiub":
            raise TypeError(
                f"{what} must be an array of real numbers. Got dtype {given.dtype}"
                " instead; convert it with astype(float)."
            )
        with np.errstate(over="ignore"):
            array = layer if value is layer else np.array(given, layer.dtype, order="C")
        if not np.isfinite(array).all():
            raise ValueError(
                f"{what} must be finite in the dtype of the network, {layer.dtype}."
                " Got values that are infinite or NaN, or beyond its range."
            )
        return array

    def _label(self, place: int) -> str:
        """Return the name of an array in messages."""
        return f"{self._name}[{place}]"

    def _refuse(self, demand: str) -> NoReturn:
        raise ValueError(
            f"{self._name} must {demand}. The layers of a fitted network cannot change:"
            " for others, set hidden_layer_sizes and fit a new one. For a list that you"
            f" can change, use list(estimator.{self._name})."
        )

    def _refuse_change(self, *_: Any, **__: Any) -> NoReturn:
        self._refuse("keep its length and order")

    __delitem__ = __iadd__ = __imul__ = _refuse_change
    append = extend = insert = pop = remove = _refuse_change
    clear = reverse = sort = _refuse_change

    def __reduce_ex__(self, protocol: Any) -> tuple:
        """Pickle and copy as a plain list: it belongs to no estimator then."""
        return list, (list(self),)

    def __copy__(self) -> list:
        """Return a plain list of the same arrays."""
        return list(self)


class Scales(Layers):
    """A list with the only array of the scaling layer: ``input_scale_``."""

    def _label(self, place: int) -> str:
        return self._name
