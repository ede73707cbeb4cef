"""Conversion of a fitted estimator to scikit-learn's MLPClassifier or MLPRegressor.

A test compares the attributes set here with those that `fit` of the installed release
sets. Solvers, schedules and activations that scikit-learn has, too, are listed by exact
class, since a subclass may compute anything.
"""

from __future__ import annotations

from copy import deepcopy
from inspect import signature
from numbers import Real
from typing import Any

import numpy as np
import sklearn
from scipy.sparse import csr_array
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from .._sklearn import set_best_weights, set_label_binarizer
from ..activations import Activation, Identity, Logistic, ReLU, Tanh
from ..network import Network
from ..optimizers import SGD, Adam, GradientDescent, Momentum, Nesterov, Optimizer
from ..schedules import Adaptive, Constant, InverseScaling, Schedule
from ..training import LBFGS
from .parts import initial_rate

_ACTIVATIONS: dict[type[Activation], str] = {
    Identity: "identity",
    Logistic: "logistic",
    Tanh: "tanh",
    ReLU: "relu",
}
# Activations of the outputs that scikit-learn has. Predictions depend on nothing else
# of the loss.
_LINKS = {"identity", "logistic", "softmax", "exp"}

# Constructor parameters with the same name and meaning for every solver.
_SHARED = (
    "alpha",
    "batch_size",
    "power_t",
    "max_iter",
    "shuffle",
    "random_state",
    "tol",
    "verbose",
    "warm_start",
    "early_stopping",
    "validation_fraction",
    "n_iter_no_change",
)

_INSTEAD = (
    "Predict with the estimator itself (it can be pickled and used like"
    " scikit-learn's), or fit one with a loss and an activation that scikit-learn has."
)


def as_classifier(model: Any) -> MLPClassifier:
    """Return a fitted scikit-learn classifier with the predictions of ``model``."""
    twin = _twin(model, MLPClassifier)
    binarizer = _fitted_binarizer(model)
    set_label_binarizer(twin, binarizer)
    twin.classes_ = binarizer.classes_
    return twin


def as_regressor(model: Any) -> MLPRegressor:
    """Return a fitted scikit-learn regressor with the predictions of ``model``."""
    twin = _twin(model, MLPRegressor)
    _put_in_unit_of_y(twin, model)
    if model.out_activation_ == "exp":
        return twin.set_params(loss="poisson")
    # scikit-learn's squared error is the mean over the targets, ours is the sum.
    twin.loss_ /= model.n_outputs_
    twin.loss_curve_ = [loss / model.n_outputs_ for loss in twin.loss_curve_]
    if twin.best_loss_ is not None:
        twin.best_loss_ /= model.n_outputs_
    return twin


def _put_in_unit_of_y(twin: Any, model: Any) -> None:
    """Make the last layer predict in the unit of y, which is that of its targets."""
    mean, scale = model.y_mean_, model.y_scale_
    W, b = twin.coefs_[-1], twin.intercepts_[-1]
    if model.out_activation_ == "exp":
        b[...] = b + np.log(scale)
    else:
        W[...], b[...] = W * scale, b * scale + mean
    set_best_weights(twin, twin.coefs_, twin.intercepts_)


def _twin(model: Any, Estimator: type) -> Any:
    """Return scikit-learn's estimator without the attributes for its targets."""
    check_is_fitted(model)
    network = model._network
    if network.loss.out_activation not in _LINKS:
        raise ValueError(
            f"scikit-learn's MLP has no loss like {type(network.loss).__name__}."
            f" {_INSTEAD}"
        )
    if network.loss.out_activation == "exp" and not _has_log_link(Estimator):
        raise ValueError(
            "Predictions exp(z) need loss='poisson' of scikit-learn's MLPRegressor,"
            " which it has from version 1.7 on. The installed version is"
            f" {sklearn.__version__}. Update scikit-learn. {_INSTEAD}"
        )
    twin = Estimator(
        hidden_layer_sizes=network.layer_sizes[1:-1],
        activation=_activation(network),
        **_parameters(model),
    )
    for name in (
        "n_features_in_",
        "feature_names_in_",
        "n_layers_",
        "n_outputs_",
        "out_activation_",
        "coefs_",
        "intercepts_",
        "loss_",
        "loss_curve_",
        "best_loss_",
        "validation_scores_",
        "best_validation_score_",
        "n_iter_",
        "t_",
    ):
        if hasattr(model, name):
            setattr(twin, name, deepcopy(getattr(model, name)))
    scales = network.scales(model._run.theta)
    if scales is not None:  # scikit-learn has no scaling layer
        twin.coefs_[0] = model.input_scale_[:, None] * model.coefs_[0]
    # A warm start or partial_fit continues from these. scikit-learn begins with new
    # solver memory, which is missing here.
    set_best_weights(twin, twin.coefs_, twin.intercepts_)
    return twin


def _has_log_link(Estimator: type) -> bool:
    """Tell whether the installed release has the loss with predictions exp(z)."""
    return "loss" in signature(Estimator).parameters


def _activation(network: Network) -> str:
    """Return scikit-learn's name of the activation of the hidden layers."""
    kinds = {type(sigma) for sigma in network.activations}
    if len(network.layer_sizes) == 2:
        return "identity"
    if len(kinds) > 1:
        raise ValueError(
            "scikit-learn's MLP has one activation for all hidden layers, not"
            f" {', '.join(type(sigma).__name__ for sigma in network.activations)}."
            f" {_INSTEAD}"
        )
    (kind,) = kinds
    if kind not in _ACTIVATIONS:
        raise ValueError(
            f"scikit-learn's MLP has no activation like {kind.__name__}; it has"
            f" {', '.join(_ACTIVATIONS.values())}. {_INSTEAD}"
        )
    return _ACTIVATIONS[kind]


def _parameters(model: Any) -> dict[str, Any]:
    """Return those constructor parameters that scikit-learn has, too."""
    *_, optimizer, schedule = model._check_parameters()
    parameters = {name: deepcopy(getattr(model, name)) for name in _SHARED}
    if not isinstance(model.validation_fraction, Real):  # scikit-learn has no splitter
        del parameters["validation_fraction"]
    if model.l1_ratio:  # scikit-learn's penalty is L2
        parameters["alpha"] *= 1 - model.l1_ratio
    if isinstance(optimizer, LBFGS):
        return {**parameters, "solver": "lbfgs", "max_fun": optimizer.max_fun}
    solver = _solver(optimizer)
    if solver:
        parameters.update(solver, learning_rate_init=initial_rate(model, optimizer))
    if type(optimizer) is GradientDescent:
        # scikit-learn has no name for "all rows", so pass their number.
        parameters["batch_size"] = model._run.samples // model._run.epoch
    return {**parameters, **_schedule(schedule)}


def _schedule(schedule: Schedule) -> dict[str, Any]:
    """Return scikit-learn's parameters for the same learning rates, {} for none."""
    if type(schedule) is InverseScaling:
        return {"learning_rate": "invscaling", "power_t": schedule.power_t}
    if type(schedule) is Adaptive and schedule.get_params() == Adaptive().get_params():
        return {"learning_rate": "adaptive"}
    return {"learning_rate": "constant"} if type(schedule) is Constant else {}


def _solver(optimizer: Optimizer) -> dict[str, Any]:
    """Return scikit-learn's parameters for the same updates, {} for none."""
    kind = type(optimizer)
    if optimizer.weight_decay or optimizer.average:
        return {}
    if kind in (GradientDescent, SGD):
        return {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}
    if isinstance(optimizer, Momentum) and kind in (Momentum, Nesterov):
        return {
            "solver": "sgd",
            "momentum": optimizer.momentum,
            "nesterovs_momentum": kind is Nesterov,
        }
    if kind is Adam:
        return {
            "solver": "adam",
            **{name: getattr(optimizer, name) for name in optimizer.reads},
        }
    return {}


def _fitted_binarizer(model: Any) -> LabelBinarizer:
    """Return the encoder that scikit-learn's classifier would have fitted."""
    labels = model.classes_
    if model._multilabel:
        labels = np.vstack([np.zeros(len(labels), int), np.ones(len(labels), int)])
        labels = csr_array(labels) if model._sparse_y else labels
    binarizer = LabelBinarizer().fit(labels)
    # LabelBinarizer may change the dtype of labels that are objects.
    binarizer.classes_ = model.classes_.copy()
    return binarizer
