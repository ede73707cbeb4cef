"""The tabular classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, column_or_1d

from .._params import DECAY, StrOptions
from .._sklearn import ClassifierMixin
from .._types import (
    ActivationName,
    Array,
    ArrayLike,
    Bool,
    ClassWeight,
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
from ..estimators.arrays import as_labels
from ..estimators.classifier import MLPClassifierX
from ..estimators.sample_weights import product_of_weights
from ..losses import SmoothedBinaryCrossEntropy, SmoothedCrossEntropy
from ..optimizers import Optimizer
from ..schedules import Schedule
from .base import TabularMLP
from .calibration import best_temperature

# Upper limit of automatic label smoothing.
_MOST_SMOOTHING = 0.1


class TabularMLPClassifier(ClassifierMixin, TabularMLP):
    """Classifier for tables: an ensemble of networks with strong defaults.

    Several networks, each of which leaves out one fold of the rows, predict together.
    The table is made ready for them by a `TabularPreprocessor`: numbers are scaled
    robustly, categories become columns of zeros and ones, missing values are handled.
    The recipe is RealMLP's (`Holzmüller et al., 2024
    <https://arxiv.org/abs/2407.04491>`__), with members on folds and a temperature.

    - Each network has a scaling layer and the NTK parametrization, see
      ``input_scaling`` and ``parametrization`` of `MLPClassifierX`.
    - It trains for up to ``max_iter`` epochs, and keeps the weights of the epoch with
      the lowest error on its fold; between equal errors, the loss decides.
    - The raw outputs of the networks are averaged and divided by ``temperature_``. It
      minimises the log loss of the held-out rows, slightly smoothed so that no
      probability becomes 1 (`Guo et al., 2017 <https://arxiv.org/abs/1706.04599>`__).

    The defaults are made for tables of 200 to 100 000 rows. Training takes up to ``cv *
    max_iter`` epochs: see the page "Tables" of the documentation for times, and for
    when other models do better.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Number of units in each hidden layer, each at least 1; ``()`` is a linear model.
    activation : str, Activation or list of these, default='selu'
        Activation of the hidden layers, as of `MLPClassifierX`.
    categorical_features : 'from_dtype', None or array-like, default='from_dtype'
        Which columns are categories, see `TabularPreprocessor`. ``'from_dtype'`` takes
        the columns of strings, booleans and of a categorical dtype of a data frame;
        an array-like has the names or numbers of the columns, or a mask.
    n_bins : int, 'auto' or None, default=None
        Number of bins of the piecewise-linear encoding of numbers, see
        `TabularPreprocessor`; None means that numbers are scaled only.
    max_categories : int or None, default=100
        Limit on the one-hot columns of a category. If it has more values, the rarest
        share one column, and the category also becomes a cross-fitted, smoothed share
        of each class (not for multilabel targets). None means no limit, and no such
        shares.
    class_weight : dict, list of dicts, 'balanced' or None, default=None
        Weight of each class, as of `MLPClassifierX`: in the training loss, in the
        choice of the epoch and in the temperature.
    label_smoothing : float in [0, 1) or 'auto', default='auto'
        Share of each label that is spread evenly over the classes in training. The
        temperature corrects the probabilities for it. ``'auto'`` is ``3 / sqrt(n)`` for
        n rows with a weight, at most 0.1.
    solver : str, Optimizer or None, default=None
        The optimizer. None is ``Adam(beta_2=0.95)``.
    learning_rate_init : float in (0, inf) or 'auto', default=0.04
        Initial learning rate, before the factors of the layers.
    lr_schedule : str, Schedule or callable, default='coslog'
        How the learning rate changes during training, as of `MLPClassifierX`.
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
        The folds, and so the number of networks. An int shuffles the rows and
        stratifies them by class (multilabel targets are not stratified). A splitter of
        scikit-learn, such as ``GroupKFold(4)``, or a list of (train, held out) row
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
    estimators_ : list of MLPClassifierX
        The networks. They are fitted to ``preprocessor_.transform(X)``.
    preprocessor_ : TabularPreprocessor
        The fitted preprocessor.
    best_epochs_ : list of int
        The epoch of each network whose weights are kept, from 1.
    n_iter_ : int
        The most epochs that a network was trained for.
    classes_ : ndarray of shape (n_classes,)
        The class labels; 0, 1, ... for multilabel targets.
    temperature_ : float
        The divisor of the raw outputs.
    oof_prediction_ : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        For each training row, the probabilities by the network that left it out (by the
        mean raw output, if several did; NaN, if none did). Rows of a class with fewer
        rows than folds are never left out.
    oof_score_ : float
        Accuracy of the classes that ``oof_prediction_`` makes most probable; for
        multilabel targets, the share of rows with all labels right.
    n_outputs_ : int
        Number of outputs of each network.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str of shape (n_features,)
        Names of the columns; only if X had names, all strings.

    See Also
    --------
    TabularMLPRegressor : The same for numbers.
    TabularPreprocessor : Makes tables ready for any network.
    MLPClassifierX : A single network, with all parameters.

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
    >>> from skoptnet import TabularMLPClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"age": rng.uniform(18, 90, 300)})
    >>> X["job"] = rng.choice(["cook", "pilot", "nurse"], 300)
    >>> y = np.where((X["age"] > 50) ^ (X["job"] == "pilot"), "yes", "no")
    >>> X.loc[::20, "job"] = None
    >>> model = TabularMLPClassifier(random_state=0).fit(X, y)
    >>> bool(model.oof_score_ > 0.85)
    True
    >>> model.predict_proba(X[:3]).shape
    (3, 2)
    """

    _parameter_constraints: ClassVar[dict] = {
        **TabularMLP._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
        "label_smoothing": [*DECAY, StrOptions({"auto"})],
    }

    _scoring = None

    # Set by fitting.
    classes_: Array
    temperature_: float
    _multilabel: bool
    _sparse_y: bool

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (128, 128, 128),
        activation: ActivationName
        | Activation
        | Sequence[ActivationName | Activation] = "selu",
        *,
        # The columns.
        categorical_features: Literal["from_dtype"] | ArrayLike | None = "from_dtype",
        n_bins: Int | Literal["auto"] | None = None,
        max_categories: Int | None = 100,
        # The classes.
        class_weight: ClassWeight = None,
        label_smoothing: Float | Literal["auto"] = "auto",
        # Training.
        solver: SolverName | Optimizer | None = None,
        learning_rate_init: Float = 0.04,
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    def predict(self, X: Data) -> Array:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table; columns of a data frame may be in any order.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels; a 0/1 matrix for multilabel targets, sparse if ``y`` was.
        """
        labels = self._labels(self._mean_outputs(X))
        return csr_array(labels) if self._sparse_y else labels

    def decision_function(self, X: Data) -> Array:
        """Return the mean raw outputs, divided by the temperature.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            One value per row for two classes: the log-odds of ``classes_[1]``.
        """
        z = self._tempered(self._mean_outputs(X))
        return z[:, 0] if z.shape[1] == 1 else z

    def predict_proba(self, X: Data) -> Array:
        """Return the calibrated probability of each class.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Columns in the order of ``classes_``. For multilabel targets, the
            probability of each label.
        """
        return self._probabilities(self._tempered(self._mean_outputs(X)))

    def predict_log_proba(self, X: Data) -> Array:
        """Return the logarithm of the probability of each class.

        It is computed from the raw outputs, so it is finite even if the probability
        rounds to 0.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Columns as in `predict_proba`.
        """
        z = self._tempered(self._mean_outputs(X))
        if self._is_softmax:
            return log_softmax(z, axis=1)
        return log_expit(np.hstack([-z, z]) if z.shape[1] == 1 else z)

    def _read_targets(self, y):
        y = as_labels(y)
        if issparse(y) and y.shape[1] > 1:
            y = check_array(y, accept_sparse="csr", input_name="y")
        else:
            y = y.toarray() if issparse(y) else y
            y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y with several columns must be a 0/1 matrix (multilabel). Got"
                f" {kind} targets; sklearn.multioutput.MultiOutputClassifier handles"
                " these."
            )
        self._multilabel, self._sparse_y = kind == "multilabel-indicator", issparse(y)
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
            return y.toarray() if self._sparse_y else y
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes; y has"
                f" {len(self.classes_)} class: {self.classes_}. Check the split."
            )
        return y

    def _target_type(self, y):
        if self._multilabel:
            return False
        return "multiclass" if self._is_softmax else "binary"

    def _strata(self, y):
        return None if self._multilabel else y

    def _network(self, n_rows, **parameters):
        smoothing = min(3 / n_rows**0.5, _MOST_SMOOTHING)
        if not isinstance(self.label_smoothing, str):
            smoothing = float(self.label_smoothing)
        return MLPClassifierX(
            class_weight=self.class_weight, label_smoothing=smoothing, **parameters
        )

    @property
    def _is_softmax(self) -> bool:
        return not self._multilabel and len(self.classes_) > 2

    def _evaluate(self, z, rows, y, w):
        weights = None if w is None else w[rows]
        self.temperature_ = self._best_temperature(z[rows], y[rows], weights)
        self.oof_prediction_ = self._probabilities(self._tempered(z))
        chosen = self._labels(z[rows])
        self.oof_score_ = float(accuracy_score(y[rows], chosen, sample_weight=weights))

    def _best_temperature(self, z: Array, y: Array, w: Array | None) -> float:
        """Return the temperature for held-out rows and their weights."""
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, y)
            w = product_of_weights([by_class] if w is None else [w, by_class])
        # As if there were one more row, whose class is unknown. Weights stand for
        # repeated rows, but may have another unit: each row counts at least once.
        n_rows = float(len(z))
        if w is not None:
            n_rows = max(float(np.count_nonzero(w)), float(w.sum()))
        s = 1 / (n_rows + 1)
        if self._is_softmax:
            codes = np.searchsorted(self.classes_, y)
            return best_temperature(SmoothedCrossEntropy(s), z, codes, w)
        Y = y if self._multilabel else y[:, None] == self.classes_[1]
        Y = Y.astype(np.float64)
        return best_temperature(SmoothedBinaryCrossEntropy(s), z, Y, w)

    def _labels(self, z: Array) -> Array:
        """Return the labels for raw outputs, multilabel ones as a dense matrix."""
        if self._is_softmax:
            return self.classes_[z.argmax(axis=1)]
        labels = (z > 0).astype(np.intp)
        return labels if self._multilabel else self.classes_[labels[:, 0]]

    def _tempered(self, z: Array) -> Array:
        return z / self.temperature_

    def _probabilities(self, z: Array) -> Array:
        """Return the probabilities for raw outputs."""
        if self._is_softmax:
            return softmax(z, axis=1)
        return expit(np.hstack([-z, z]) if z.shape[1] == 1 else z)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
