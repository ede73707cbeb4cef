"""The regressor: targets become columns, raw outputs are predictions."""

from __future__ import annotations

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin

from .._types import Array
from .base import MLP
from .calls import Call, if_incremental
from .docstrings import documented


@documented
class MLPRegressorX(RegressorMixin, MLP):
    """Multi-layer perceptron regressor with a choice of solvers.

    Minimises half the squared error, summed over outputs and averaged over rows:

    .. math::
        C(\\theta) = \\frac{\\sum_i w_i \\frac12 \\lVert \\hat y_i - y_i \\rVert^2}
        {\\sum_i w_i} + \\frac{\\alpha}{2 n} \\sum_l \\lVert W_l \\rVert^2

    with :math:`n` the weight sum of the training set. Targets of very different
    scale than 1 are best standardised (`sklearn.compose.TransformedTargetRegressor`).

    {parameters}

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
    """

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
        goes_on = self.__sklearn_is_fitted__()
        return self._fit(X, y, sample_weight, Call("partial_fit", goes_on))

    def predict(self, X):
        """Predict the target of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the dtype of the network.
        """
        z = self._raw_outputs(X)
        return z[:, 0] if z.shape[1] == 1 else z

    def _encode(self, y, dtype, call):
        y = y.toarray() if issparse(y) else y
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)

    def _task(self, Y):
        return "squared_error", Y.shape[1]

    def _strata(self, Y):
        return None

    def _scorer(self, Y, w):
        mean = np.average(Y, axis=0, weights=w)
        spread = np.average((Y - mean) ** 2, axis=0, weights=w)

        def r2(z: Array) -> float:
            error = np.average((z - Y) ** 2, axis=0, weights=w)
            # As sklearn.metrics.r2_score: a constant target is met or it is not.
            constant = np.where(error == 0, 1.0, 0.0)
            safe = np.where(spread == 0, 1.0, spread)
            return float(np.mean(np.where(spread == 0, constant, 1 - error / safe)))

        return r2

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
