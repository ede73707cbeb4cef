"""Transformer: features from the activations of a hidden layer."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from .._names import Parametrized
from .._params import HasMethods, check_params
from .._sklearn import (
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
)
from .._types import Array, ArrayLike, Data, Request
from .inputs import hidden_layer, layer_tuple


class HiddenActivations(
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    Parametrized,
):
    """Features learnt by a network: the activations of one of its hidden layers.

    Fits a copy of the estimator to the targets, then transforms rows to the
    activations :math:`a_l` of a hidden layer, as features for another model.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        The network. Wrap a fitted one in `sklearn.frozen.FrozenEstimator` to use it
        without fitting it again.
    layer : int, default=-1
        The hidden layer, counted as in ``hidden_layer_sizes``: from 0 at the input,
        or from -1 at the output.

    Attributes
    ----------
    estimator_ : estimator
        The fitted network.
    layer_ : int
        The hidden layer, counted from 0 at the input.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    MLPClassifierX.hidden_activations : The same activations from a method.

    Examples
    --------
    Nearest neighbours in the space of the last hidden layer:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skoptnet import HiddenActivations, MLPClassifierX
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifierX(
    ...     (20, 5), learning_rate_init=0.01, max_iter=500, random_state=0
    ... )
    >>> model = make_pipeline(
    ...     StandardScaler(), HiddenActivations(network), KNeighborsClassifier()
    ... )
    >>> bool(model.fit(X, y).score(X, y) > 0.95)
    True
    >>> model[:-1].get_feature_names_out()[:2]
    array(['mlpclassifierx_layer1_unit0', 'mlpclassifierx_layer1_unit1'],
          dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "hidden_activations"])],
        "layer": [Integral],
    }

    # Set by fitting.
    estimator_: Any
    layer_: int

    if TYPE_CHECKING:  # scikit-learn makes this one from the signature

        def set_fit_request(self, *, sample_weight: Request = ...) -> Self: ...

    def __init__(self, estimator: Any, *, layer: int = -1) -> None:
        self.estimator = estimator
        self.layer = layer

    def fit(
        self, X: Data, y: Data = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit a copy of the estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets; a frozen estimator does not need them.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If the network will have no such hidden layer, and whenever ``fit`` of the
            estimator raises it.
        """
        check_params(self)
        estimator = clone(self.estimator)  # a frozen one is still fitted
        n_hidden = getattr(estimator, "n_layers_", len(layer_tuple(estimator)) + 2) - 2
        layer = hidden_layer(self.layer, n_hidden)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = estimator.fit(X, y, **weights)
        self.layer_ = layer
        return self

    def transform(self, X: Data) -> Array:
        """Return the activations of the hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_units)
            The activations, in the dtype of the network.
        """
        check_is_fitted(self)
        return self.estimator_.hidden_activations(X, self.layer_)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Return a name for each unit, ``mlpclassifierx_layer1_unit0`` and so on.

        Parameters
        ----------
        input_features : array-like of str, default=None
            If given, they must be the names seen in `fit`.

        Returns
        -------
        ndarray of str objects
            Class of the network, hidden layer and unit, both counted from 0.
        """
        units = super().get_feature_names_out(input_features)
        # The network's class, also where the estimator is a wrapper of it.
        network = type(self.estimator_.hidden_activations.__self__).__name__.lower()
        names = [f"{network}_layer{self.layer_}_unit{i}" for i in range(len(units))]
        return np.array(names, dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.estimator_.intercepts_[self.layer_])

    @property
    def n_features_in_(self) -> int:
        """Number of features seen in `fit`."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the features, if all are strings."""
        return self.estimator_.feature_names_in_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        of_network = get_tags(self.estimator)
        tags.input_tags = of_network.input_tags
        tags.target_tags = of_network.target_tags
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
