"""The classifier: labels become numbers, raw outputs become labels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._params import DECAY, StrOptions
from .._types import Array
from ..losses import LOSSES
from .base import MLP
from .class_weights import ClassWeights
from .docstrings import with_shared_docs
from .fitting import Fit
from .partial_fit import if_incremental
from .signature import with_shared_parameters
from .to_sklearn import as_classifier


@with_shared_docs
@with_shared_parameters
class MLPClassifierX(ClassifierMixin, MLP):
    """Multi-layer perceptron classifier with a choice of solvers.

    Minimises the cross-entropy over the weights of a network whose outputs are a
    sigmoid (two classes, or one per label of multilabel targets) or a softmax (more
    classes):

    .. math::
        C(\\theta) = \\frac{\\sum_i w_i L(y_i, \\hat y_i)}{\\sum_i w_i}
        + \\frac{\\alpha}{2 n} \\sum_l \\lVert W_l \\rVert^2

    with :math:`n` the weight sum of the training set. ``l1_ratio`` makes the penalty,
    or part of it, one on absolute values.

    The parameters come in groups: the network, the classes, the solver, its rate,
    regularisation, epochs and minibatches, validation.

    {layers}
    {classification}
    {training}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; 0, 1, ... for multilabel targets.
    {attributes}

    See Also
    --------
    MLPRegressorX : The same network for regression.

    {notes}

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skoptnet import MLPClassifierX
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(),
    ...     MLPClassifierX(solver="momentum", lr_schedule="step", random_state=0),
    ... )
    >>> bool(cross_val_score(model, X, y).mean() > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **MLP._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
        "label_smoothing": DECAY,
    }

    _multilabel: bool
    _sparse_y: bool

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        class_weight=None,
        label_smoothing=0.0,
        **shared,
    ):
        super().__init__(hidden_layer_sizes, activation, **shared)
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    @if_incremental
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on the given rows, starting or going on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The class labels, or a 0/1 matrix for multilabel targets.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come. Needed in the first call; need not be
            repeated later.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If ``classes`` is missing in the first call or differs from the first
            call's, ``y`` holds other classes, ``early_stopping`` is True, or
            ``solver`` is ``'lbfgs'``.
        """
        Fit(self, partial=True, classes=classes).run_on(X, y, sample_weight)
        return self

    def predict(self, X):
        """Predict the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels; a 0/1 matrix for multilabel targets, sparse if ``y`` was.
        """
        z = self._raw_outputs(X)
        chosen = _chosen(z, self.out_activation_)
        codes = chosen.astype(int)
        if not self._multilabel:
            return self.classes_[codes.reshape(len(z))]
        return csr_array(codes) if self._sparse_y else codes

    def decision_function(self, X):
        """Return the raw outputs, before sigmoid or softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            One value per row for two classes: the log-odds of ``classes_[1]``.
        """
        z = self._raw_outputs(X)
        return z[:, 0] if z.shape[1] == 1 else z

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Columns in the order of ``classes_``. For multilabel targets, the
            probability of each label.
        """
        z = self._raw_outputs(X)
        if z.shape[1] == 1:
            z = np.hstack([-z, z])
        return self._network.loss.link(z, np)

    def predict_log_proba(self, X):
        """Return the logarithm of the probability of each class.

        Computed from the raw outputs, so it stays finite where the probability
        itself rounds to zero.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Columns as those of `predict_proba`.
        """
        z = self._raw_outputs(X)
        if self.out_activation_ == "softmax":
            return log_softmax(z, axis=1)
        return log_expit(np.hstack([-z, z]) if z.shape[1] == 1 else z)

    def to_sklearn(self):
        """Return scikit-learn's own classifier, fitted, which predicts as this one.

        For tools that know scikit-learn's classes only, such as converters to ONNX.
        The two share nothing. Constructor parameters are set as far as scikit-learn
        has them: ``solver='gd'``, ``'sgd'``, ``'momentum'`` and ``'nesterov'`` are its
        ``'sgd'``, ``'adam'`` and ``'lbfgs'`` its own; other solvers (with their rate),
        and schedules but ``'constant'``, ``'invscaling'`` and ``'adaptive'``, are left
        at its defaults. They matter only if it is trained further,
        which starts with fresh solver memory, and without ``dropout`` and the L1
        part of the penalty, which it does not have.

        Returns
        -------
        sklearn.neural_network.MLPClassifier
            A float32 network there answers float64 rows in float64; probabilities may
            round to 0, and their logarithm then is -inf.

        Raises
        ------
        ValueError
            If scikit-learn has no such activation or loss.
        """
        return as_classifier(self)

    def _encode(self, y, dtype, fit):
        kind = self._kind(y, fit)
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y with several columns must be a 0/1 matrix (multilabel). Got"
                f" {kind} targets; sklearn.multioutput.MultiOutputClassifier handles"
                " these."
            )
        self._check_kind(kind == "multilabel-indicator", fit)
        if not fit.continues:
            self.classes_ = self._first_classes(y, fit)
        elif fit.classes is not None and not self._same_classes(fit.classes):
            raise ValueError(
                f"classes={fit.classes!r} is not the same as on the first call to"
                f" partial_fit, which was {self.classes_!r}."
            )
        if self._multilabel:
            self._sparse_y = issparse(y)
            return _dense(y).astype(dtype)
        return self._targets(self._codes(y, fit), dtype)

    def _targets(self, codes: Array, dtype: Any) -> Array:
        """Return class numbers as the loss wants them."""
        return codes if len(self.classes_) > 2 else codes[:, None].astype(dtype)

    def _encode_held_out(self, y, dtype):
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y_val")
        columns = self.n_outputs_ if self._multilabel else 1
        came = y.shape[1] if y.ndim == 2 else 1
        if (kind == "multilabel-indicator") != self._multilabel or came != columns:
            meant = f"a 0/1 matrix of {columns} columns"
            raise ValueError(
                "y_val must be as y is:"
                f" {meant if self._multilabel else 'one label per row'}. Got {kind}"
                f" targets of shape {y.shape} instead."
            )
        if self._multilabel:
            return _dense(y).astype(dtype)
        known = set(self.classes_.tolist())
        unknown = [label for label in np.unique(y).tolist() if label not in known]
        if unknown:
            raise ValueError(
                f"y_val has classes that y has not: {unknown}. y has {self.classes_}."
            )
        return self._targets(np.searchsorted(self.classes_, y), dtype)

    def _decode(self, Y):
        if not self._multilabel:
            return self.classes_[self._class_numbers(Y)[:, 0]]
        codes = self._class_numbers(Y)
        return csr_array(codes) if self._sparse_y else codes

    @staticmethod
    def _class_numbers(Y: Array) -> Array:
        """Return encoded targets as integers, one column per label."""
        return Y.reshape(len(Y), -1).astype(np.intp)

    def _class_weights(self, Y):
        if self.class_weight is None:
            return None
        labels = [self.classes_.tolist()]
        if self._multilabel:
            labels = [[0, 1]] * Y.shape[1]
        codes = self._class_numbers(Y)
        weights = ClassWeights(self.class_weight, codes, labels, self._multilabel)
        return lambda Y: weights.of(self._class_numbers(Y))

    def _codes(self, y: Array, fit: Fit) -> Array:
        """Return the number of each row's class."""
        # Sorting y takes longer than a small partial_fit, and is rarely called for.
        quick = fit.partial and y.dtype == self.classes_.dtype
        if not quick:
            self._check_classes(np.unique(y), fit)
        codes = np.searchsorted(self.classes_, y)
        if quick:
            nearest = self.classes_[np.minimum(codes, len(self.classes_) - 1)]
            if (nearest != y).any():
                self._check_classes(np.unique(y), fit)
        return codes

    def _kind(self, y: Array, fit: Fit) -> str:
        """Return the type of target that y is, as scikit-learn calls it."""
        labels = isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU"
        if fit.continues and labels:  # a quick answer, for the sake of partial_fit
            return "multiclass"
        kind = type_of_target(y, input_name="y")
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)  # says what is wrong with it
        return kind

    def _same_classes(self, classes: Any) -> bool:
        if self._multilabel:  # one for each column, whatever they are called
            return len(classes) == len(self.classes_)
        return np.array_equal(np.unique(classes), self.classes_)

    def _check_kind(self, multilabel: bool, fit: Fit) -> None:
        if fit.continues and multilabel != self._multilabel:
            names = {True: "multilabel", False: "one label per row"}
            raise ValueError(
                f"{fit.name} goes on with a model for {names[self._multilabel]};"
                f" y now is {names[multilabel]}."
            )
        self._multilabel = multilabel

    def _first_classes(self, y: Array, fit: Fit) -> Array:
        if fit.partial and fit.classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all the"
                " labels that will ever come, e.g. classes=np.unique(y_all)."
            )
        if self._multilabel:
            if fit.partial and len(fit.classes) != y.shape[1]:
                raise ValueError(
                    f"classes must name each of the {y.shape[1]} columns of a"
                    f" multilabel y. Got {fit.classes!r} instead."
                )
            return np.arange(y.shape[1])
        classes = np.unique(fit.classes if fit.partial else y)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes to tell apart;"
                f" {'classes' if fit.partial else 'y'} has {len(classes)} class:"
                f" {classes}. Check the split, or use partial_fit with all classes."
            )
        return classes

    def _check_classes(self, present: Array, fit: Fit) -> None:
        if (
            fit.continues
            and not fit.partial
            and not np.array_equal(present, self.classes_)
        ):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the"
                f" previous call to fit. Previously got {self.classes_}, `y` has"
                f" {present}"
            )
        if not np.isin(present, self.classes_).all():
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has"
                f" {self.classes_}. 'y' has {present}."
            )

    def _task(self, Y):
        name, n_outputs = "multiclass", len(self.classes_)
        if self._multilabel:
            name, n_outputs = "multilabel", Y.shape[1]
        elif n_outputs == 2:
            name, n_outputs = "binary", 1
        own: dict[str, Any] = {}
        if self.label_smoothing > 0:
            name, own = f"smoothed_{name}", {"s": float(self.label_smoothing)}
        return LOSSES[name](**own), n_outputs

    def _strata(self, Y):
        if self._multilabel:
            return None
        return self.classes_[Y.reshape(len(Y)).astype(int)]

    def _default_score(self, Y, w):
        softmax = Y.ndim == 1
        truth = Y if softmax else Y > 0.5

        def accuracy(z: Array, loss: float) -> float:
            hits = _chosen(z, "softmax" if softmax else "logistic") == truth
            return float(np.average(hits if softmax else hits.all(axis=1), weights=w))

        return accuracy

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _dense(y: Any) -> Array:
    return y.toarray() if issparse(y) else y


def _chosen(z: Array, out_activation: str) -> Array:
    """Return the class number of each row, or whether each label is chosen."""
    return z.argmax(axis=1) if out_activation == "softmax" else z > 0
