"""The regressor: targets become columns, raw outputs become predictions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils.validation import check_is_fitted

from .._params import FACTOR, POSITIVE, StrOptions
from .._types import Array
from ..losses import REGRESSION_LOSSES, Pinball, RegressionLoss
from .base import MLP
from .docstrings import with_shared_docs
from .fitting import Fit
from .inputs import quantile_tuple
from .partial_fit import if_incremental
from .signature import with_shared_parameters
from .to_sklearn import as_regressor


@with_shared_docs
@with_shared_parameters
class MLPRegressorX(RegressorMixin, MLP):
    """Multi-layer perceptron regressor with a choice of solvers.

    Minimises a loss, summed over outputs and averaged over rows; unless told
    otherwise half the squared error, :math:`L = \\frac12 \\lVert \\hat y - y
    \\rVert^2`:

    .. math::
        C(\\theta) = \\frac{\\sum_i w_i L(y_i, \\hat y_i)}{\\sum_i w_i}
        + \\frac{\\alpha}{2 n} \\sum_l \\lVert W_l \\rVert^2

    with :math:`n` the weight sum of the training set. ``l1_ratio`` makes the penalty,
    or part of it, one on absolute values. Targets of very different scale than 1
    are best standardised (`sklearn.compose.TransformedTargetRegressor`),
    or divided by their mean for ``loss='poisson'`` and ``'gamma'``.

    The parameters come in groups: the network, the loss, the solver, its rate,
    regularisation, epochs and minibatches, validation.

    {layers}
    {regression}
    {training}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MLPClassifierX : The same network for classification.

    {notes}

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skoptnet import MLPRegressorX
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(),
    ...     MLPRegressorX((20,), solver="momentum", alpha=30, random_state=0),
    ... )
    >>> bool(cross_val_score(model, X, (y - y.mean()) / y.std()).mean() > 0.4)
    True

    Three quantiles at once, the outer two of which hold four fifths of the targets:

    >>> model = MLPRegressorX(
    ...     (20,), loss="quantile", quantile=[0.1, 0.5, 0.9], random_state=0
    ... )
    >>> low, median, high = model.fit(10 * X, y / 100).predict(10 * X).T
    >>> bool(((low <= median) & (median <= high)).all())
    True
    >>> bool(0.75 < ((low <= y / 100) & (y / 100 <= high)).mean() < 0.85)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **MLP._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "huber_delta": POSITIVE,
        "quantile": [*FACTOR, "array-like"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        loss="squared_error",
        huber_delta=1.0,
        quantile=0.5,
        **shared,
    ):
        super().__init__(hidden_layer_sizes, activation, **shared)
        self.loss = loss
        self.huber_delta = huber_delta
        self.quantile = quantile

    @if_incremental
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on the given rows, starting or going on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If ``early_stopping`` is True, ``solver`` is ``'lbfgs'``, or the data do not
            fit the model.
        """
        Fit(self, partial=True).run_on(X, y, sample_weight)
        return self

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the dtype of the network. With several quantiles
            there is a column for each, and no row's values ever fall from one to
            the next.
        """
        z = self._raw_outputs(X)
        predicted = self._network.loss.link(z, np)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted

    def score(self, X, y, sample_weight=None):
        """Return R2, the coefficient of determination of the predictions.

        It is R2 whatever the loss. But for a model of several quantiles, which has
        none, it is `sklearn.metrics.d2_pinball_score`, averaged over the quantiles.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            1 is best; a constant prediction has 0 at best.
        """
        check_is_fitted(self)
        loss = self._network.loss
        if not (isinstance(loss, Pinball) and loss.several):
            return super().score(X, y, sample_weight)
        scores = [
            d2_pinball_score(y, column, sample_weight=sample_weight, alpha=q)
            for q, column in zip(loss.quantiles, self.predict(X).T, strict=True)
        ]
        return float(np.mean(scores))

    def _check_parameters(self):
        parts = super()._check_parameters()
        quantile_tuple(self)
        return parts

    def to_sklearn(self):
        """Return scikit-learn's own regressor, fitted, which predicts as this one.

        For tools that know scikit-learn's classes only, such as converters to ONNX.
        The two share nothing. Constructor parameters are set as far as scikit-learn
        has them: ``solver='gd'``, ``'sgd'``, ``'momentum'`` and ``'nesterov'`` are its
        ``'sgd'``, ``'adam'`` and ``'lbfgs'`` its own; other solvers (with their rate),
        and schedules but ``'constant'``, ``'invscaling'`` and ``'adaptive'``, are left
        at its defaults. They matter only if it is trained further,
        which starts with fresh solver memory, and without ``dropout`` and the L1
        part of the penalty, which it does not have. The loss there is the one of two
        that predicts equally: ``'poisson'`` (scikit-learn 1.7 or later) for
        ``'poisson'`` and ``'gamma'``, ``'squared_error'`` for the others.

        Returns
        -------
        sklearn.neural_network.MLPRegressor
            A float32 network there answers float64 rows in float64. Squared errors are
            the mean over the targets there, their sum here, and are converted so.

        Raises
        ------
        ValueError
            If scikit-learn, or the release installed, has no such activation or loss.
        """
        return as_regressor(self)

    def _encode(self, y, dtype, fit):
        return self._columns(y, dtype, whole=not fit.partial)

    def _columns(self, y: Any, dtype: Any, whole: bool) -> Array:
        """Return checked targets, a column per target.

        ``whole`` says that they are all the targets of a training.
        """
        y = y.toarray() if issparse(y) else y
        Y = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
        self._loss().check(Y, whole=whole)
        return Y

    def _loss(self) -> RegressionLoss:
        own: dict[str, Any] = {}
        if self.loss == "huber":
            own["d"] = float(self.huber_delta)
        elif self.loss == "quantile":
            own["quantiles"] = quantile_tuple(self)
        return REGRESSION_LOSSES[self.loss](**own)

    def _encode_held_out(self, y, dtype):
        Y = self._columns(y, dtype, whole=False)
        if self._loss().n_outputs(Y.shape[1]) != self.n_outputs_:
            raise ValueError(
                f"y_val has {Y.shape[1]} columns, but y has {self.n_outputs_}."
            )
        return Y

    def _decode(self, Y):
        return Y[:, 0] if Y.shape[1] == 1 else Y

    def _task(self, Y):
        loss = self._loss()
        return loss, loss.n_outputs(Y.shape[1])

    def _strata(self, Y):
        return None

    def _default_score(self, Y, w):
        """Return D2, the share of the loss of the best constant that is saved.

        It is R2 for the squared error, and scikit-learn's `d2_absolute_error_score`,
        `d2_pinball_score` and `d2_tweedie_score` for those losses.
        """
        loss = self._loss()
        with np.errstate(divide="ignore"):  # a constant may lie at -inf
            constant = loss.constant(Y, w, np)
        spread = np.average(loss.terms(constant, Y, np), axis=0, weights=w)

        def d2(z: Array, _: float) -> float:
            error = np.average(loss.terms(z, Y, np), axis=0, weights=w)
            # As sklearn.metrics has it: a constant target is met or it is not.
            met = np.where(error == 0, 1.0, 0.0)
            safe = np.where(spread == 0, 1.0, spread)
            return float(np.mean(np.where(spread == 0, met, 1 - error / safe)))

        return d2

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss in ("poisson", "gamma")
        return tags
