"""The tabular regressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array, column_or_1d

from .._params import FACTOR, check_argument
from .._sklearn import RegressorMixin
from .._types import (
    ActivationName,
    Array,
    ArrayLike,
    Bool,
    Data,
    Float,
    Int,
    LayerSizes,
    RandomState,
    ScheduleName,
    SolverName,
    Splitter,
)
from ..activations import Activation
from ..estimators.arrays import as_numbers
from ..estimators.regressor import MLPRegressorX
from ..optimizers import Optimizer
from ..schedules import Schedule
from .base import TabularMLP
from .intervals import conformal_half_widths


class TabularMLPRegressor(RegressorMixin, TabularMLP):
    """Regressor for tables: an ensemble of networks with strong defaults.

    Several networks, each of which leaves out one fold of the rows, predict together.
    The table is made ready for them by a `TabularPreprocessor`: numbers are scaled
    robustly, categories become columns of zeros and ones, missing values are handled.
    The recipe is RealMLP's (`Holzmüller et al., 2024
    <https://arxiv.org/abs/2407.04491>`__), with members on folds.

    - Each network has a scaling layer and the NTK parametrization, see
      ``input_scaling`` and ``parametrization`` of `MLPRegressorX`.
    - It trains for up to ``max_iter`` epochs, and keeps the weights of the epoch with
      the lowest loss on its fold.
    - The predictions of the networks are averaged, and clipped to the range of the
      training targets.
    - `predict_interval` returns intervals that contain a given share of new targets.

    The defaults are made for tables of 200 to 100 000 rows. Training takes up to ``cv *
    max_iter`` epochs: see the page "Tables" of the documentation for times, and for
    when other models do better.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Number of units in each hidden layer, each at least 1; ``()`` is a linear model.
    activation : str, Activation or list of these, default='mish'
        Activation of the hidden layers, as of `MLPRegressorX`.
    categorical_features : 'from_dtype', None or array-like, default='from_dtype'
        Which columns are categories, see `TabularPreprocessor`. ``'from_dtype'`` takes
        the columns of strings, booleans and of a categorical dtype of a data frame;
        an array-like has the names or numbers of the columns, or a mask.
    n_bins : int, 'auto' or None, default='auto'
        Number of bins of the piecewise-linear encoding of numbers, see
        `TabularPreprocessor`; None means that numbers are scaled only.
    max_categories : int or None, default=100
        Limit on the one-hot columns of a category. If it has more values, the rarest
        share one column, and the category also becomes a cross-fitted, smoothed mean
        target (not for several outputs). None means no limit, and no mean targets.
    solver : str, Optimizer or None, default=None
        The optimizer. None is ``Adam(beta_2=0.95)``.
    learning_rate_init : float in (0, inf) or 'auto', default=0.07
        Initial learning rate, before the factors of the layers.
    lr_schedule : str, Schedule or callable, default='coslog'
        How the learning rate changes during training, as of `MLPRegressorX`.
    alpha : float in [0, inf), default=0.0
        Strength of the L2 penalty.
    dropout : float in [0, 1), or list of these, default=0.0
        Fraction of the hidden units to drop in each update.
    batch_size : int or 'auto', default=256
        Number of rows per update.
    max_iter : int, default=96
        Maximum number of epochs of each network.
    early_stopping : bool, default=True
        Whether a network stops at the end of a cycle of ``'coslog'`` that has not
        improved it. Cycles of fewer than 10 epochs do not count, and other schedules
        have none.
    cv : int, splitter or list, default=4
        The folds, and so the number of networks. An int shuffles the rows. A splitter
        of scikit-learn, such as ``GroupKFold(4)``, or a list of (train, held out) row
        numbers makes other folds.
    n_jobs : int or None, default=None
        Number of networks to train at a time, each in a thread; None means 1, -1 all
        cores. The model does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seeds everything random: the folds, initial weights, minibatches, dropout and
        target encoding.
    verbose : bool or int, default=False
        Whether to print a line for each network. 2 shows a progress bar (requires rich,
        ``pip install "skoptnet[progress]"``).

    Attributes
    ----------
    estimators_ : list of MLPRegressorX
        The networks. They are fitted to ``preprocessor_.transform(X)``.
    preprocessor_ : TabularPreprocessor
        The fitted preprocessor.
    best_epochs_ : list of int
        The epoch of each network whose weights are kept, from 1.
    n_iter_ : int
        The most epochs that a network was trained for.
    oof_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        For each training row, the prediction of the network that left it out (the mean,
        if several did; NaN, if none did).
    oof_score_ : float
        R2 of ``oof_prediction_``; NaN for a single row.
    n_outputs_ : int
        Number of outputs of each network.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the columns; only if X had names, all strings.

    See Also
    --------
    TabularMLPClassifier : The same for classes.
    TabularPreprocessor : Makes tables ready for any network.
    MLPRegressorX : A single network, with all parameters.

    Notes
    -----
    Two small biases of ``oof_score_`` act against each other: the held-out fold chooses
    the epoch of its network, and the mean of all networks is usually better than each.
    The median of a column and the list of its categories come from all rows.

    Tables of up to ``batch_size`` rows are computed in float64, larger ones in
    float32.

    Ctrl-C ends training; the model is then the mean of the networks so far, each with
    the weights of its best epoch.

    Examples
    --------
    A data frame with a category and missing values:

    >>> import numpy as np
    >>> import pandas as pd
    >>> from skoptnet import TabularMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"size": rng.uniform(20, 120, 300)})
    >>> X["city"] = rng.choice(["Rome", "Oslo", "Bern"], 300)
    >>> price = X["size"] * X["city"].map({"Rome": 4, "Oslo": 6, "Bern": 9})
    >>> X.loc[::20, "size"] = np.nan
    >>> model = TabularMLPRegressor(random_state=0).fit(X, price)
    >>> bool(model.oof_score_ > 0.8)
    True
    >>> model.predict_interval(X[:3], coverage=0.8).shape
    (3, 2)
    """

    _scoring = "loss"

    _range: Array

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (128, 128, 128),
        activation: ActivationName
        | Activation
        | Sequence[ActivationName | Activation] = "mish",
        *,
        # The columns.
        categorical_features: Literal["from_dtype"] | ArrayLike | None = "from_dtype",
        n_bins: Int | Literal["auto"] | None = "auto",
        max_categories: Int | None = 100,
        # Training.
        solver: SolverName | Optimizer | None = None,
        learning_rate_init: Float = 0.07,
        lr_schedule: ScheduleName | Schedule = "coslog",
        alpha: Float = 0.0,
        dropout: Float | Sequence[Float] = 0.0,
        batch_size: Int = 256,
        max_iter: Int = 96,
        early_stopping: Bool = True,
        # The ensemble.
        cv: Int | Splitter = 4,
        n_jobs: Int | None = None,
        random_state: RandomState = None,
        verbose: Bool | Int = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            categorical_features=categorical_features,
            n_bins=n_bins,
            max_categories=max_categories,
            solver=solver,
            learning_rate_init=learning_rate_init,
            lr_schedule=lr_schedule,
            alpha=alpha,
            dropout=dropout,
            batch_size=batch_size,
            max_iter=max_iter,
            early_stopping=early_stopping,
            cv=cv,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )

    def predict(self, X: Data) -> Array:
        """Return the mean prediction of the networks.

        They stay within the range of the training targets.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table; columns of a data frame may be in any order.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the unit of y.
        """
        return self._as_targets(self._clipped(self._mean_outputs(X)))

    def predict_interval(self, X: Data, coverage: Float = 0.9) -> Array:
        """Return prediction intervals.

        All intervals of an output have the same width. Half of it is the quantile of
        the absolute errors of ``oof_prediction_`` at the level ``coverage``, with the
        small-sample correction of split conformal prediction, but without its
        guarantee: the coverage is a little higher because the mean of the networks is
        better than each of them, and a little lower because the held-out rows also
        choose the epochs.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.
        coverage : float in (0, 1), default=0.9
            The share of targets within their intervals.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            The lower and upper ends, in the unit of y.

        Raises
        ------
        ValueError
            If fewer than ``coverage / (1 - coverage)`` rows of positive weight were
            held out.
        """
        check_argument(
            f"{type(self).__name__}.predict_interval", "coverage", coverage, FACTOR
        )
        prediction = self.predict(X)
        half = conformal_half_widths(self._residuals, self._weights, float(coverage))
        half = self._as_targets(half[None])[0]
        return np.stack([prediction - half, prediction + half], axis=-1)

    def _read_targets(self, y):
        y = check_array(
            as_numbers(y), ensure_2d=False, dtype=np.float64, input_name="y"
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y

    def _target_type(self, y):
        return "continuous" if y.ndim == 1 else False

    def _strata(self, y):
        return None

    def _network(self, n_rows, **parameters):
        return MLPRegressorX(**parameters)

    def _raw_outputs(self, network, Z):
        return network.predict(Z).reshape(Z.shape[0], -1)

    def _evaluate(self, z, rows, y, w):
        counted = y if w is None else y[w > 0]
        self._range = np.array([counted.min(axis=0), counted.max(axis=0)]).reshape(
            2, -1
        )
        predicted = self._clipped(z)
        self.oof_prediction_ = self._as_targets(predicted)
        y = y.reshape(len(y), -1)
        self._residuals = (y - predicted)[rows]
        self._weights = None if w is None else w[rows]
        self.oof_score_ = np.nan  # of one row
        if len(rows) > 1:
            self.oof_score_ = float(
                r2_score(y[rows], predicted[rows], sample_weight=self._weights)
            )

    def _clipped(self, yhat: Array) -> Array:
        return np.clip(yhat, *self._range)

    def _as_targets(self, yhat: Array) -> Array:
        """Return (n, n_outputs) predictions in the shape of y."""
        return yhat[:, 0] if yhat.shape[1] == 1 else yhat

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
