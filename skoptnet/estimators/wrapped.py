"""The network inside a pipeline, a search or a TransformedTargetRegressor."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .._params import described
from .._sklearn import BaseSearchCV
from .base import MLP


def network_in(estimator: Any, purpose: str, *, fitted: bool = True) -> MLP:
    """Return the network that an estimator is, or ends with.

    Pipelines, searches and `TransformedTargetRegressor` are looked into, also inside
    each other; a `FrozenEstimator` only for a fitted network, since it does not train.
    In a search, it is the network of the ``best_estimator_``.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    purpose : str
        What needs the network, for the error messages.
    fitted : bool, default=True
        Whether to return the fitted network, or else the one that ``fit`` would clone.

    Raises
    ------
    TypeError
        If there is no network.
    ValueError
        If a search did not keep its best estimator. As `NotFittedError`: if a search is
        not fitted, or with ``fitted`` the network is not.
    """
    network = _layers(estimator, purpose, fitted)[-1]
    if fitted:
        check_is_fitted(network)
    return network


def prefix_of_network(estimator: Any, purpose: str) -> tuple[str, MLP]:
    """Return the prefix of the network's parameters in an estimator, and the network.

    The prefix is "mlp__" where ``set_params(mlp__alpha=...)`` sets the ``alpha`` of the
    network, and "" for a network itself. In a pipeline, the network is in the last
    step; any other estimator has a single network among its parameters.

    Raises
    ------
    TypeError
        If there is no network.
    ValueError
        If there are several.
    """
    from sklearn.pipeline import Pipeline

    prefix, inner = "", estimator
    while isinstance(inner, Pipeline):
        name, inner = inner.steps[-1]
        prefix += f"{name}__"
    if isinstance(inner, MLP):
        return prefix, inner
    found = {}
    if hasattr(inner, "get_params") and not isinstance(inner, type):
        parameters = inner.get_params()
        found = {n: v for n, v in parameters.items() if isinstance(v, MLP)}
    if len(found) == 1:
        name, network = found.popitem()
        return f"{prefix}{name}__", network
    if found:
        names = ", ".join(repr(f"{prefix}{name}__") for name in found)
        raise ValueError(
            f"{purpose} needs an estimator with one network. {described(inner)} has"
            f" several, with the prefixes {names}."
        )
    raise TypeError(
        f"{purpose} needs an MLPClassifierX or MLPRegressorX, or an estimator that"
        " contains one, such as a Pipeline that ends with it. Got"
        f" {described(inner)} instead."
    )


def inputs_of_network(estimator: Any, X: Any, y: Any, purpose: str) -> tuple[Any, Any]:
    """Return X and y as the network receives them in ``fit``.

    Copies of the other steps are fitted, each once. Network and errors are those of
    `network_in` with ``fitted=False``.
    """
    for outer in _layers(estimator, purpose, fitted=False)[:-1]:
        if not isinstance(outer, BaseSearchCV):
            X, y = _passed_on(outer, X, y)
    return X, y


def feature_names_of_network(estimator: Any, purpose: str) -> list[str] | None:
    """Return the names of a fitted network's features, None where they have none.

    They are those that it has seen in ``fit``; if it saw none, those of the outermost
    estimator, as the steps before the network transform them.
    """
    *around, network = _layers(estimator, purpose, fitted=True)
    if hasattr(network, "feature_names_in_"):
        return list(network.feature_names_in_)
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return None
    for pipeline in around:
        if len(getattr(pipeline, "steps", ())) > 1:
            try:
                names = pipeline[:-1].get_feature_names_out(names)
            except AttributeError:  # a step that has none
                return None
    return list(names)


def _layers(estimator: Any, purpose: str, fitted: bool) -> list[Any]:
    """Return the estimators inside each other, from the outermost to the network."""
    layers = [estimator]
    while not isinstance(layers[-1], MLP):
        layers.append(_inner(layers[-1], purpose, fitted))
    return layers


def _inner(outer: Any, purpose: str, fitted: bool) -> Any:
    """Return the estimator directly inside another."""
    # Imported only when needed: a bare network does without.
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.frozen import FrozenEstimator
    from sklearn.pipeline import Pipeline

    if isinstance(outer, Pipeline):
        return outer.steps[-1][1]
    if isinstance(outer, BaseSearchCV):
        return _best(outer, purpose)
    if isinstance(outer, TransformedTargetRegressor):
        # It fits a copy of the regressor, so only that copy has a fitted search.
        inside = outer.get_params().values()
        if not (fitted or any(isinstance(part, BaseSearchCV) for part in inside)):
            return outer.regressor
        check_is_fitted(outer)
        return outer.regressor_
    frozen = isinstance(outer, FrozenEstimator)
    if frozen and fitted:
        return outer.estimator
    hint = " A frozen estimator does not train; pass its .estimator." if frozen else ""
    raise TypeError(
        f"{purpose} needs {'a fitted' if fitted else 'an'} MLPClassifierX or"
        " MLPRegressorX, or a Pipeline, fitted search or TransformedTargetRegressor"
        f" that ends with one. Got {described(outer)} instead.{hint}"
    )


def _best(search: Any, purpose: str) -> Any:
    if hasattr(search, "best_estimator_"):
        return search.best_estimator_
    kind = ValueError if hasattr(search, "cv_results_") else NotFittedError
    raise kind(
        f"{purpose} needs the best estimator of a search. Got {described(search)} that"
        " has no best_estimator_; fit it with refit=True, or pass an estimator instead"
        " of the search."
    )


class Receiver(DummyRegressor):
    """Stands in for the last step of an estimator, to keep the arguments of its fit.

    Parameters
    ----------
    network : estimator or None
        The step; its requests of metadata are those of the receiver.

    Attributes
    ----------
    received_ : tuple
        X, y and a dict of metadata.
    """

    def __init__(self, network: Any = None):
        super().__init__()
        self.network = network

    def get_metadata_routing(self) -> Any:
        routed: Any = super() if self.network is None else self.network
        return routed.get_metadata_routing()

    def fit(self, X, y=None, **params):
        self.received_ = X, y, params
        return self


def _passed_on(outer: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """Return X and y as a copy of an estimator passes them to its last step."""
    is_pipeline = hasattr(outer, "steps")
    name = outer.steps[-1][0] if is_pipeline else "regressor"
    fitted = clone(outer).set_params(**{name: Receiver()}).fit(X, y)
    return (fitted[-1] if is_pipeline else fitted.regressor_).received_[:2]
