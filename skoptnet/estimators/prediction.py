"""What an estimator has once it is fitted: its weights, and outputs for rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from .._types import Array, Rows
from ..compiled import hidden_activations, outputs
from ..network import Network
from ..training import Run
from .inputs import are_plain_rows, hidden_layer


class Fitted(BaseEstimator):
    """The fitted side of an estimator."""

    # Set by fitting: the network, and what training changed.
    _network: Network
    _run: Run

    # Rows and their outputs, where these are known before a scorer asks.
    _known_outputs: tuple[Rows, Array] | None = None

    def _hold(self, network: Network, run: Run) -> None:
        """Set what predicting needs."""
        self._network, self._run = network, run
        self.n_layers_ = len(network.layer_sizes)
        self.out_activation_ = network.loss.out_activation

    def hidden_activations(self, X, layer=-1):
        """Return the activations of a hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        layer : int, default=-1
            The hidden layer, counted as in ``hidden_layer_sizes``: from 0 at the
            input, or from -1 at the output.

        Returns
        -------
        ndarray of shape (n_samples, hidden_layer_sizes[layer])
            The activations, in the dtype of the network.

        Raises
        ------
        ValueError
            If there is no such hidden layer.
        """
        check_is_fitted(self)
        layer = hidden_layer(layer, len(self._network.layer_sizes) - 2)
        X = self._rows(X)
        return hidden_activations(self._network, self._run.theta, X, layer)

    def _raw_outputs(self, X) -> Array:
        check_is_fitted(self)
        if self._known_outputs and X is self._known_outputs[0]:
            return self._known_outputs[1].copy()
        return outputs(self._network, self._run.theta, self._rows(X))

    def _rows(self, X) -> Rows:
        """Check rows to predict for."""
        if are_plain_rows(X, self):
            return X
        return validate_data(
            self,
            X,
            accept_sparse=("csr", "csc"),
            dtype=(np.float64, np.float32),
            reset=False,
        )

    @property
    def coefs_(self) -> list[Array]:
        """Weight matrices W_1, ..., W_L, as views into one vector."""
        return [W for W, _ in self._fitted_layers("coefs_")]

    @coefs_.setter
    def coefs_(self, values: Iterable[Array]) -> None:
        _assign("coefs_", self.coefs_, values)

    @property
    def intercepts_(self) -> list[Array]:
        """Bias vectors b_1, ..., b_L, as views into one vector."""
        return [b for _, b in self._fitted_layers("intercepts_")]

    @intercepts_.setter
    def intercepts_(self, values: Iterable[Array]) -> None:
        _assign("intercepts_", self.intercepts_, values)

    def _fitted_layers(self, name: str) -> list[tuple[Array, Array]]:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} before it is fitted."
            )
        return self._network.layers(self._run.theta)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_run")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _assign(name: str, views: list[Array], values: Iterable[Array]) -> None:
    values = list(values)
    shapes = [view.shape for view in views]
    if [np.shape(value) for value in values] != shapes:
        raise ValueError(
            f"{name} must be arrays of the shapes {shapes}."
            f" Got {[np.shape(value) for value in values]} instead."
        )
    for view, value in zip(views, values, strict=True):
        view[...] = value
