"""Rows of a fold as the network receives them: the other steps are fitted once."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from .._params import described
from .._sklearn import SearchData
from ..estimators.base import MLP
from ..estimators.wrapped import Receiver, prefix_of_network


class Wrapping:
    """The estimators around the network of an estimator, fitted or not.

    Parameters
    ----------
    estimator : estimator
        An MLPClassifierX or MLPRegressorX, or a `Pipeline` or
        `TransformedTargetRegressor` that ends with one, also inside each other.
    purpose : str
        What needs the network, for error messages.

    Attributes
    ----------
    prefix : str
        The prefix of the network's parameters, such as "mlp__".
    network : MLPClassifierX or MLPRegressorX
        The network.
    fitted : estimator or None
        The estimator after `fit`, with a `Receiver` in place of the network; None if
        the estimator is the network itself.
    """

    def __init__(self, estimator: Any, purpose: str):
        self.estimator, self.fitted = estimator, None
        self.prefix, self.network = prefix_of_network(estimator, purpose)
        for outer in _outer(estimator):
            if not isinstance(outer, (Pipeline, TransformedTargetRegressor)):
                raise TypeError(
                    f"{purpose} needs an MLPClassifierX or MLPRegressorX, or a Pipeline"
                    " or TransformedTargetRegressor that ends with one. Got"
                    f" {described(outer)} instead."
                )

    @property
    def transforms_targets(self) -> bool:
        """Whether the network is trained on transformed targets."""
        return any(
            isinstance(outer, TransformedTargetRegressor)
            for outer in _outer(self.estimator)
        )

    def fit(self, X: Any, y: Any, params: dict[str, Any]) -> tuple[Any, Any, dict]:
        """Fit all but the network; return the arguments of its ``fit``."""
        if not self.prefix:
            return X, y, params
        path = self.prefix.removesuffix("__")
        outer = clone(self.estimator).set_params(**{path: Receiver(self.network)})
        self.fitted = outer.fit(X, y, **params)
        return _innermost(self.fitted).received_

    def transform(self, X: Any) -> Any:
        """Return rows as the network receives them for predictions."""
        outer = self.fitted
        while isinstance(outer, (Pipeline, TransformedTargetRegressor)):
            if isinstance(outer, Pipeline):
                for _, step in outer.steps[:-1]:
                    if step not in (None, "passthrough"):
                        X = step.transform(X)
            outer = _inner(outer)
        return X

    def transform_targets(self, y: Any) -> Any:
        """Return targets as the network receives them."""
        outer = self.fitted
        while isinstance(outer, (Pipeline, TransformedTargetRegressor)):
            if isinstance(outer, TransformedTargetRegressor):
                y = check_array(y, ensure_2d=False, input_name="y")
                y = outer.transformer_.transform(y.reshape(len(y), -1))
                y = y.squeeze(axis=1) if y.ndim == 2 and y.shape[1] == 1 else y
            outer = _inner(outer)
        return y

    def holding(self, network: Any) -> Any:
        """Return the fitted estimator with a fitted network."""
        if self.fitted is None:
            return network
        return _holding(self.fitted, self.estimator, network)


def _outer(estimator: Any) -> list[Any]:
    """Return the estimators around the network, from the outermost."""
    found = []
    while not isinstance(estimator, MLP):
        found.append(estimator)
        estimator = _inner(estimator, fitted=False)
        if estimator is None:
            break
    return found


def _inner(outer: Any, fitted: bool = True) -> Any:
    if isinstance(outer, Pipeline):
        return outer.steps[-1][1]
    return getattr(outer, "regressor_" if fitted else "regressor", None)


def _innermost(outer: Any) -> Any:
    while isinstance(outer, (Pipeline, TransformedTargetRegressor)):
        outer = _inner(outer)
    return outer


def _holding(fitted: Any, unfitted: Any, network: Any) -> Any:
    if isinstance(fitted, Receiver):
        return network
    inner = _holding(_inner(fitted), _inner(unfitted, fitted=False), network)
    twin = copy(fitted)
    if isinstance(fitted, Pipeline):
        twin.steps = [*fitted.steps[:-1], (fitted.steps[-1][0], inner)]
    else:
        twin.regressor, twin.regressor_ = unfitted.regressor, inner
    return twin


@dataclass(eq=False)
class Fold:
    """The rows of a fold, for training and for scores.

    Attributes
    ----------
    X, y, params
        The arguments of the network's ``fit``.
    X_test, y_test, w_test
        The held-out rows as the network receives them, their targets, and their weights
        in the loss or None.
    scored : tuple of (X, y, score_params)
        The arguments of the scorer: the held-out rows as they are.
    trained : tuple of (X, y, score_params)
        The same of the training rows; empty unless they are scored.
    wrapping : Wrapping
        The fitted estimators around the network.
    """

    X: Any
    y: Any
    params: dict[str, Any]
    X_test: Any
    y_test: Any
    w_test: Any
    scored: tuple
    trained: tuple
    wrapping: Wrapping


def fold_of(
    data: SearchData, estimator: Any, split: tuple, with_train: bool = False
) -> Fold:
    """Fit a copy of the estimator except its network; return the rows of a fold.

    Parameters
    ----------
    data : SearchData
        All rows.
    estimator : estimator
        The estimator with the parameters of a candidate; it is not changed.
    split : pair of arrays
        Numbers of the training and the test rows.
    with_train : bool
        Whether training rows are scored, too.
    """
    wrapping = Wrapping(estimator, "A search")
    of_train, of_test = (data.rows(part) for part in split)
    X, y, params = wrapping.fit(of_train.X, of_train.y, of_train.fit_params)
    weights = params.get("sample_weight")
    # The weights of the held-out rows have the same name as those of the training rows,
    # in a pipeline perhaps "mlp__sample_weight".
    given = (n for n, v in of_train.fit_params.items() if v is weights)
    name = "" if weights is None else next(given, "")
    return Fold(
        X, y, params,
        X_test=wrapping.transform(of_test.X),
        y_test=wrapping.transform_targets(of_test.y),
        w_test=of_test.fit_params.get(name),
        scored=of_test.scored,
        trained=of_train.scored if with_train else (),
        wrapping=wrapping,
    )  # fmt: skip
