"""Prediction: fitted attributes of an estimator, and raw outputs of its network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._sklearn import BaseEstimator
from .._types import Array, ArrayLike, Data, History, Int, Rows
from ..compiled import hidden_activations, outputs
from ..network import Network
from ..threads import blas_threads
from ..training import Curves, Run
from .inputs import check_range, hidden_layer, read_rows
from .weights import Scales, Weights

_Value = TypeVar("_Value")


class computed(Generic[_Value]):  # noqa: N801, used as a decorator
    """A property that can be set; its value is then an ordinary attribute."""

    def __init__(self, function: Callable[[Any], _Value]):
        self.function, self.__doc__ = function, function.__doc__

    @overload
    def __get__(self, estimator: None, owner: type) -> Self: ...

    @overload
    def __get__(self, estimator: object, owner: type) -> _Value: ...

    def __get__(self, estimator: Any, owner: type) -> Any:
        """Return the value for an estimator; of the class, the property itself."""
        return self if estimator is None else self.function(estimator)


#: Attributes that are computed from the history when they are asked for.
CURVES = ("history_", "loss_curve_", "best_loss_", "validation_scores_")


#: The attribute that an estimator has while its callbacks are called.
IN_TRAINING = "_weights_in_training"


class Fitted(BaseEstimator):
    """Base class with the fitted attributes of an estimator, and its raw outputs."""

    # Set by fitting. Weights and curves are properties, see below.
    loss_: float
    best_validation_score_: float | None
    best_epoch_: int | None
    learning_rate_: float | None
    n_iter_: int
    t_: int
    stop_reason_: str
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    n_features_in_: int
    feature_names_in_: Array

    # The network, the state of its training, and the history with the number of its
    # epochs if it is that of another training.
    _network: Network
    _run: Run
    _history: tuple[Curves, int] | None

    # Whether early stopping has kept the weights of the best epoch.
    _kept_best: bool = False

    # The parameters of the fit, for the summary.
    _settings: dict[str, Any]

    # The weights that are being trained, while callbacks are called.
    _weights_in_training: Weights | None = None

    # Validation rows and their raw outputs, so that scorers do not compute them again.
    _known_outputs: tuple[Rows, Array] | None = None

    def hidden_activations(self, X: Data, layer: Int = -1) -> Array:
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
        return hidden_activations(self._network, self._theta, X, layer)

    def input_gradients(self, X: Data) -> Array:
        r"""Return the gradients of the raw outputs with respect to the inputs.

        They show how each output responds to a small change of each feature:

        .. math::
            G_{ijk} = \frac{\partial z_j(x_i)}{\partial x_{ik}}

        The raw outputs z are:

        - of a classifier, those of `decision_function`: log-odds, or scores before the
          softmax;
        - of a regressor, the predictions in the unit of y; with ``loss='poisson'`` and
          ``'gamma'``, their logarithms;
        - for several quantiles, the lowest quantile, and then ``y_scale_`` times values
          whose softplus, times ``y_scale_``, is the distance to the next quantile.

        At a kink of an activation, such as that of relu at 0, the derivative is that of
        one side.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_features)
            The gradients, in the dtype of the network. They are computed in blocks of
            rows, so little memory is needed besides the result.

        Examples
        --------
        The gradients of a linear model are its weights:

        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from skoptnet import MLPClassifierX
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifierX((), solver="lbfgs", random_state=0).fit(X, y)
        >>> gradients = model.input_gradients(X)
        >>> gradients.shape
        (150, 3, 4)
        >>> bool(np.allclose(gradients, model.coefs_[0].T))
        True
        """
        check_is_fitted(self)
        X, network = self._rows(X), self._network
        n_products = network.gradient_block_rows * network.layer_sizes[-1]
        with blas_threads(n_products * network.largest_product(X)):
            gradients = network.input_gradients(self._theta, X)
        gradients *= self._output_unit()[:, None]
        return gradients

    def _output_unit(self) -> Array:
        """Return the factors from the raw outputs of training to those of the user."""
        return np.ones(1)

    def _raw_outputs(self, X) -> Array:
        check_is_fitted(self)
        if self._known_outputs and X is self._known_outputs[0]:
            return self._known_outputs[1].copy()
        return outputs(self._network, self._theta, self._rows(X))

    @property
    def _theta(self) -> Array:
        """The parameters that predictions use."""
        in_training = self._weights_in_training
        return self._run.theta if in_training is None else in_training.theta

    def _rows(self, X) -> Rows:
        """Check the rows of a prediction."""
        X = read_rows(self, X)
        check_range(X, self._theta.dtype, "X")
        return X

    @property
    def coefs_(self) -> list[Array]:
        """Weight matrices W_1, ..., W_L."""
        return self._weights_for("coefs_").coefs

    @coefs_.setter
    def coefs_(self, values: Iterable[ArrayLike]) -> None:
        self._weights_for("coefs_").assign("coefs_", values)

    @property
    def intercepts_(self) -> list[Array]:
        """Bias vectors b_1, ..., b_L."""
        return self._weights_for("intercepts_").intercepts

    @intercepts_.setter
    def intercepts_(self, values: Iterable[ArrayLike]) -> None:
        self._weights_for("intercepts_").assign("intercepts_", values)

    @property
    def input_scale_(self) -> Array:
        """Factors s of the features, with ``input_scaling``."""
        return self._scales[0]

    @input_scale_.setter
    def input_scale_(self, value: ArrayLike) -> None:
        self._scales[0] = value

    @property
    def _scales(self) -> Scales:
        scales = self._weights_for("input_scale_").scales
        if not scales:
            raise AttributeError(
                f"This {type(self).__name__} has no attribute 'input_scale_': it was"
                " fitted with input_scaling=False."
            )
        return scales

    def _weights_for(self, name: str) -> Weights:
        """Return the weights to hand out."""
        if self._weights_in_training is None:
            self._require_fit(name)
        weights = self._weights
        if weights is None:
            weights = Weights(self._network, self._run.theta)
            self._run.weights = weights
        weights.estimators[id(self)] = self
        return weights

    @property
    def _weights(self) -> Any:
        """The `Weights` in use, None if they were never handed out."""
        run = vars(self).get("_run")
        return self._weights_in_training or (run and run.weights)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for a pickle or a copy."""
        state = dict(super().__getstate__())  # type: ignore[call-overload]
        state.pop(IN_TRAINING, None)
        return state

    @computed
    def history_(self) -> History:
        """Metrics of each epoch, in lists of equal length."""
        self._require_fit("history_")
        history, n_epochs = self._curves
        return history.metrics(n_epochs)

    @computed
    def loss_curve_(self) -> list[float]:
        """Training loss of each epoch."""
        self._require_fit("loss_curve_")
        return self._metric("loss")

    @computed
    def best_loss_(self) -> float | None:
        """Minimum of the training loss; None with early stopping."""
        self._require_fit("best_loss_")
        if self._kept_best:
            return None
        return min(self._metric("loss"))

    @computed
    def validation_scores_(self) -> list[float] | None:
        """Validation score of each epoch; None without validation rows."""
        self._require_fit("validation_scores_")
        if self.best_validation_score_ is None:
            return None
        return self._metric("validation_score")

    def _metric(self, name: str) -> list[float]:
        history, n_epochs = self._curves
        missing = [math.nan] * (n_epochs - history.n_before)
        return history.values(name, n_epochs) or missing

    def _last_metrics(self) -> dict[str, Any]:
        """Return the metrics of the last epoch, without those of earlier calls only."""
        history, n_epochs = self._curves
        return {name: history.value(name, n_epochs) for name in history.latest}

    @property
    def _curves(self) -> tuple[Curves, int]:
        """The history, and the number of epochs that had ended."""
        return self._history or (self._run.history, self._run.epoch)

    def _require_fit(self, name: str) -> None:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} before it is fitted."
            )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_run")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def network_attributes(network: Network, run: Run) -> dict[str, Any]:
    """Return the attributes that predictions use."""
    return {
        "_network": network,
        "_run": run,
        "n_layers_": len(network.layer_sizes),
        "out_activation_": network.loss.out_activation,
    }
