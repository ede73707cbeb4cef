"""The two estimators: check and encode input, hand over, keep the results.

What happens between is in `skoptnet.training` (the loop), `skoptnet.network` (loss
and gradient) and `skoptnet.optimizers` (the updates). This file is the only one that
knows scikit-learn's data conventions: labels, feature names, tags, warnings.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.special import log_expit, log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from ._docs import documented
from ._params import Interval, InvalidParameterError, Options, StrOptions, check_params
from ._types import Array, Rows
from .activations import ACTIVATIONS
from .losses import LOSSES
from .network import Network
from .optimizers import OPTIMIZERS, Optimizer
from .schedules import SCHEDULES, Schedule
from .training import Diverged, Outcome, Run, TrainingSet, train

#: Rows per update when ``batch_size="auto"``, at most.
_AUTO_BATCH = 200


class _MLP(BaseEstimator, ABC):
    """What the two estimators share: parameters, training and raw outputs."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions(set(OPTIMIZERS)), Optimizer],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "lr_schedule": [StrOptions(set(SCHEDULES)), Schedule],
        "decay_rate": [Interval(Real, 0, 1, closed="right")],
        "decay_epochs": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate_init="auto",
        lr_schedule="constant",
        decay_rate=0.5,
        decay_epochs=10,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        rho=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.lr_schedule = lr_schedule
        self.decay_rate = decay_rate
        self.decay_epochs = decay_epochs
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.rho = rho
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    # What the two tell apart.

    @abstractmethod
    def _encode(self, y: Array, dtype: Any, call: _Call) -> Array:
        """Check y, set what describes it, and return it as the loss wants it."""

    @abstractmethod
    def _task(self, Y: Array) -> tuple[str, int]:
        """Return the key in LOSSES and the number of outputs."""

    @abstractmethod
    def _strata(self, Y: Array) -> Array | None:
        """Return the label of each row for a stratified split, None for none."""

    @abstractmethod
    def _scorer(self, Y: Array, w: Array | None) -> Callable[[Array], float]:
        """Return the function raw outputs -> score that early stopping watches."""

    # Fitting.

    def fit(self, X, y, sample_weight=None):
        """Fit the network to the data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows. float32 stays float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; None weighs all alike.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            Before any work: if a parameter or the data cannot be used. Later: if
            training diverges before a single epoch is finished. The estimator is
            then as it was before the call.

        Warns
        -----
        ConvergenceWarning
            If training used up ``max_iter``, diverged, or ended far above its best
            loss. The model is kept in each case.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        return self._fit(X, y, sample_weight, _Call("fit", goes_on))

    def _fit(self, X, y, sample_weight, call: _Call):
        with _Transaction(self) as transaction:
            optimizer, schedule = self._check_parameters(call)
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse="csr",
                dtype=(np.float64, np.float32),
                order="C",
                multi_output=True,
                y_numeric=isinstance(self, RegressorMixin),
                reset=not call.goes_on,
            )
            if call.goes_on:
                X = X.astype(self._run.theta.dtype, copy=False)
            w = _checked_weights(sample_weight, X)
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
            Y = self._encode(y, X.dtype, call)
            self.n_outputs_ = self._task(Y)[1]
            network, run = self._prepare(X, Y, optimizer, call)
            data, validate = TrainingSet(X, Y, w), None
            if self.early_stopping:
                data, validation = self._split(data, run.rng, call)
                validate = self._validator(network, validation)
            data, total_weight = _weighed(data)
            network = replace(network, l2=float(self.alpha) / total_weight)
            begun_at = run.epoch
            try:
                outcome = train(
                    network,
                    optimizer,
                    schedule,
                    run,
                    data,
                    learning_rate=self._initial_rate(optimizer),
                    batch_size=self._rows_per_update(len(data)),
                    shuffle=self.shuffle,
                    max_epochs=1 if call.partial else self.max_iter,
                    tol=self.tol,
                    patience=math.inf if call.partial else self.n_iter_no_change,
                    validate=validate,
                    watchers=[_print_epoch] if self.verbose else [],
                )
            except Diverged:
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may"
                    " contain large values and need to be preprocessed. (This was in"
                    " the first epoch, so there is no earlier model to keep; a smaller"
                    " learning_rate_init may help, too.)"
                ) from None
            except BaseException:
                if run.epoch > begun_at:
                    failed = Outcome("failed", kept_epoch=run.epoch)
                    self._keep(network, run, optimizer, failed, begun_at)
                    transaction.commit()
                raise
            self._keep(network, run, optimizer, outcome, begun_at)
        self._warn(outcome, call)
        if outcome.reason == "interrupted" and call.partial:
            raise KeyboardInterrupt
        return self

    def _check_parameters(self, call: _Call) -> tuple[Optimizer, Schedule]:
        """Refuse what cannot be used; return solver and schedule as objects."""
        check_params(self)
        _layer_tuple(self)
        if call.partial and self.early_stopping:
            raise ValueError(
                f"{type(self).__name__}.partial_fit does not support"
                " early_stopping=True: a single call has no validation set that later"
                " calls would not train on. Set early_stopping=False, or use fit."
            )
        optimizer = self._part(self.solver, OPTIMIZERS)
        schedule = self._part(self.lr_schedule, SCHEDULES)
        optimizer.check()
        schedule.check()
        return optimizer, schedule

    def _part(self, given: Any, registry: dict[str, type]) -> Any:
        """Return the object a name stands for, or a copy of a given object.

        A named one gets those of the estimator's parameters that it has too; None
        means its own default. NumPy scalars become Python's, which take the dtype
        of the array they meet.
        """
        if isinstance(given, str):
            part = registry[given]()
            flat = {name: getattr(self, name) for name in part.get_params(deep=False)}
        else:
            part = copy(given)
            flat = part.get_params(deep=False)
        for name, value in flat.items():
            if value is not None:
                plain = value.item() if isinstance(value, np.generic) else value
                setattr(part, name, plain)
        return part

    def _initial_rate(self, optimizer: Optimizer) -> float:
        auto = isinstance(self.learning_rate_init, str)
        return float(
            optimizer.default_learning_rate if auto else self.learning_rate_init
        )

    def _rows_per_update(self, n_samples: int) -> int:
        auto = isinstance(self.batch_size, str)
        return min(_AUTO_BATCH if auto else int(self.batch_size), n_samples)

    def _prepare(
        self, X: Rows, Y: Array, optimizer: Optimizer, call: _Call
    ) -> tuple[Network, Run]:
        """Return the network and the run: new ones, or those to go on with."""
        task, n_outputs = self._task(Y)
        sizes = (X.shape[1], *_layer_tuple(self), n_outputs)
        network = Network(sizes, ACTIVATIONS[self.activation](), LOSSES[task]())
        if not call.goes_on:
            rng = check_random_state(self.random_state)
            theta = network.draw(rng, X.dtype)
            state = optimizer.start(theta, network.xp)
            return network, Run(theta, state, type(optimizer), rng)

        if sizes != self._network.layer_sizes:
            raise ValueError(
                f"{call.name} goes on with the fitted network, whose layers are"
                f" {self._network.layer_sizes} (input and output included); the"
                f" 'hidden_layer_sizes' parameter and the data now ask for {sizes}."
                " Set hidden_layer_sizes back, or start anew with warm_start=False."
            )
        run = self._run
        if not run.theta.flags.writeable:  # loaded as a read-only memory map
            run.theta, run.state = run.theta.copy(), run.state.copy()
        if run.solver is not type(optimizer):
            run.state, run.solver = (
                optimizer.start(run.theta, network.xp),
                type(optimizer),
            )
        return network, run

    def _split(
        self, data: TrainingSet, rng: np.random.RandomState, call: _Call
    ) -> tuple[TrainingSet, TrainingSet]:
        """Return training and validation rows.

        A warm start repeats the draw of the first fit: on the same number of rows
        it holds out the same ones, so none of them has been trained on.
        """
        if call.goes_on and hasattr(self, "_split_state"):
            rng = np.random.RandomState()
            rng.set_state(self._split_state)
        else:
            self._split_state = rng.get_state()
        strata = self._strata(data.Y)
        _check_split(len(data), self.validation_fraction, strata)
        rows = train_test_split(
            np.arange(len(data)),
            test_size=self.validation_fraction,
            random_state=rng,
            stratify=strata,
        )
        training, validation = data[rows[0]], data[rows[1]]
        for name, part in (("training", training), ("validation", validation)):
            if part.w is not None and not part.w.any():
                raise ValueError(
                    f"All {name} rows of the early-stopping split have sample_weight"
                    " zero. Change 'validation_fraction' or 'random_state'."
                )
        return training, validation

    def _validator(
        self, network: Network, data: TrainingSet
    ) -> Callable[[Array], float]:
        score = self._scorer(data.Y, data.w)
        return lambda theta: score(network.outputs(theta, data.X))

    def _keep(
        self,
        network: Network,
        run: Run,
        optimizer: Optimizer,
        outcome: Outcome,
        begun_at: int,
    ) -> None:
        """Set the fitted attributes."""
        self._network, self._run = network, run
        self.n_layers_ = len(network.layer_sizes)
        self.out_activation_ = network.loss.out_activation
        self.learning_rate_ = self._initial_rate(optimizer)
        self.stop_reason_ = outcome.reason
        self.n_iter_ = run.epoch - begun_at
        self.t_ = run.samples
        self.history_ = run.history
        self.loss_curve_ = run.history["loss"]
        self.loss_ = self.loss_curve_[outcome.kept_epoch - 1]
        self.best_loss_ = min(self.loss_curve_)
        self.validation_scores_ = self.best_validation_score_ = None
        if self.early_stopping:
            self.best_loss_ = None
            self.validation_scores_ = run.history["validation_score"]
            self.best_validation_score_ = outcome.best

    def _warn(self, outcome: Outcome, call: _Call) -> None:
        """Say what a user should know about the way training ended."""
        if outcome.reason == "diverged":
            _warn(
                f"Training diverged in epoch {len(self.loss_curve_) + 1}: loss or"
                f" weights were no longer finite, at learning rate {outcome.rate:g}."
                f" The weights of epoch {outcome.kept_epoch} are kept. Try a smaller"
                f" learning_rate_init (it was {self.learning_rate_:g}), a decaying"
                " lr_schedule, or standardised features."
            )
        elif outcome.reason == "interrupted":
            warnings.warn(
                f"Training interrupted by user. The model is that of epoch"
                f" {outcome.kept_epoch}.",
                stacklevel=4,
            )
        elif outcome.reason == "max_iter" and not call.partial:
            _warn(
                f"Maximum number of epochs (max_iter={self.max_iter}) reached and the"
                " optimization has not converged yet. Increase max_iter, or raise"
                " learning_rate_init if the loss falls slowly."
            )
        lost, first = self._loss_given_away()
        if lost > 0.5 * first and not call.partial:
            _warn(
                f"Training ended at a loss of {self.loss_:g}, far above the best,"
                f" {self.best_loss_:g}. Lower learning_rate_init, let it decay with"
                " lr_schedule, or keep the best epoch with early_stopping=True."
            )

    def _loss_given_away(self) -> tuple[float, float]:
        """Return by how much loss_ exceeds the best, and the best the first."""
        if self.early_stopping:
            return 0.0, 0.0
        return self.loss_ - self.best_loss_, self.loss_curve_[0] - self.best_loss_

    # Predicting.

    def _raw_outputs(self, X) -> Array:
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            reset=False,
        )
        return self._network.outputs(self._run.theta, X)

    @property
    def coefs_(self) -> list[Array]:
        """Weight matrices W_1, ..., W_L, as views into one vector."""
        return [W for W, _ in self._fitted_layers("coefs_")]

    @coefs_.setter
    def coefs_(self, values: Iterable[Array]) -> None:
        _assign("coefs_", self.coefs_, values)

    @property
    def intercepts_(self) -> list[Array]:
        """Bias vectors b_1, ..., b_L, as views into one vector."""
        return [b for _, b in self._fitted_layers("intercepts_")]

    @intercepts_.setter
    def intercepts_(self, values: Iterable[Array]) -> None:
        _assign("intercepts_", self.intercepts_, values)

    def _fitted_layers(self, name: str) -> list[tuple[Array, Array]]:
        if not self.__sklearn_is_fitted__():
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} before it is fitted."
            )
        return self._network.layers(self._run.theta)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_run")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class _Call:
    """Which method was called, and whether it goes on with a fitted model."""

    def __init__(self, name: str, goes_on: bool, classes: Any = None):
        self.partial = name == "partial_fit"
        self.name = name if self.partial else "fit with warm_start=True"
        self.goes_on, self.classes = goes_on, classes


class _Transaction:
    """Brings an estimator's attributes back if the block fails."""

    def __init__(self, estimator: Any):
        self.attributes = vars(estimator)

    def __enter__(self) -> _Transaction:
        self.commit()
        return self

    def commit(self) -> None:
        """Let later failures come back to the attributes as they are now."""
        self.before = dict(self.attributes)

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is not None:
            self.attributes.clear()
            self.attributes.update(self.before)


@documented
class MLPClassifierX(ClassifierMixin, _MLP):
    """Multi-layer perceptron classifier with a choice of seven solvers.

    Minimises the cross-entropy over the weights of a network whose outputs are a
    sigmoid (two classes, or one per label of multilabel targets) or a softmax (more
    classes):

    .. math::
        C(\\theta) = \\frac{\\sum_i w_i L(y_i, \\hat y_i)}{\\sum_i w_i}
        + \\frac{\\alpha}{2 n} \\sum_l \\lVert W_l \\rVert^2

    with :math:`n` the weight sum of the training set.

    {parameters}

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
            call's, ``y`` holds other classes, or ``early_stopping`` is True.
        """
        goes_on = self.__sklearn_is_fitted__()
        return self._fit(X, y, sample_weight, _Call("partial_fit", goes_on, classes))

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
        if self._multilabel:
            return (
                csr_array(chosen.astype(int)) if self._sparse_y else chosen.astype(int)
            )
        return self.classes_[chosen.astype(int).reshape(len(z))]

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

    def _encode(self, y, dtype, call):
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y with several columns must be a 0/1 matrix (multilabel). Got"
                f" {kind} targets; sklearn.multioutput.MultiOutputClassifier handles"
                " these."
            )
        self._check_kind(kind == "multilabel-indicator", call)
        if not call.goes_on:
            self.classes_ = self._first_classes(y, call)
        elif call.classes is not None and not np.array_equal(
            np.unique(call.classes), self.classes_
        ):
            raise ValueError(
                f"classes={call.classes!r} is not the same as on the first call to"
                f" partial_fit, which was {self.classes_!r}."
            )
        if self._multilabel:
            self._sparse_y = issparse(y)
            return (y.toarray() if issparse(y) else y).astype(dtype)
        self._check_classes(np.unique(y), call)
        codes = np.searchsorted(self.classes_, y)
        return codes if len(self.classes_) > 2 else codes[:, None].astype(dtype)

    def _check_kind(self, multilabel: bool, call: _Call) -> None:
        if call.goes_on and multilabel != self._multilabel:
            names = {True: "multilabel", False: "one label per row"}
            raise ValueError(
                f"{call.name} goes on with a model for {names[self._multilabel]};"
                f" y now is {names[multilabel]}."
            )
        self._multilabel = multilabel

    def _first_classes(self, y: Array, call: _Call) -> Array:
        if call.partial and call.classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: all the"
                " labels that will ever come, e.g. classes=np.unique(y_all)."
            )
        if self._multilabel:
            if call.partial and len(call.classes) != y.shape[1]:
                raise ValueError(
                    f"classes must name each of the {y.shape[1]} columns of a"
                    f" multilabel y. Got {call.classes!r} instead."
                )
            return np.arange(y.shape[1])
        classes = np.unique(call.classes if call.partial else y)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes to tell apart; y has"
                f" {len(classes)} class: {classes}. Check the split, or use"
                " partial_fit with all classes."
            )
        return classes

    def _check_classes(self, present: Array, call: _Call) -> None:
        if (
            call.goes_on
            and not call.partial
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
        if self._multilabel:
            return "multilabel", Y.shape[1]
        n_classes = len(self.classes_)
        return ("binary", 1) if n_classes == 2 else ("multiclass", n_classes)

    def _strata(self, Y):
        return (
            None if self._multilabel else self.classes_[Y.reshape(len(Y)).astype(int)]
        )

    def _scorer(self, Y, w):
        softmax = Y.ndim == 1
        truth = Y if softmax else Y > 0.5

        def accuracy(z: Array) -> float:
            hits = _chosen(z, "softmax" if softmax else "logistic") == truth
            return float(np.average(hits if softmax else hits.all(axis=1), weights=w))

        return accuracy

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@documented
class MLPRegressorX(RegressorMixin, _MLP):
    """Multi-layer perceptron regressor with a choice of seven solvers.

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
    ...     MLPRegressorX((20,), solver="adagrad", max_iter=500, random_state=0),
    ... )
    >>> bool(cross_val_score(model, X, (y - y.mean()) / y.std()).mean() > 0.4)
    True
    """

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
            If ``early_stopping`` is True, or the data do not fit the model.
        """
        goes_on = self.__sklearn_is_fitted__()
        return self._fit(X, y, sample_weight, _Call("partial_fit", goes_on))

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


def _layer_tuple(estimator: _MLP) -> tuple[int, ...]:
    """Return the hidden layers' sizes; () is a linear model."""
    given = estimator.hidden_layer_sizes
    sizes = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(k, Integral) and k >= 1 for k in sizes):
        raise InvalidParameterError(
            f"The 'hidden_layer_sizes' parameter of {type(estimator).__name__} must be"
            " an int or a sequence of ints in the range [1, inf), one per hidden layer."
            f" Got {given!r} instead."
        )
    return tuple(int(k) for k in sizes)


def _checked_weights(sample_weight: Any, X: Rows) -> Array | None:
    """Return sample_weight as an array, None for none."""
    if sample_weight is None:
        return None
    w = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if w.ndim != 1:
        raise ValueError(
            f"sample_weight must have shape ({X.shape[0]},). Got {w.shape} instead."
        )
    check_consistent_length(X, w)
    if (w < 0).any():
        raise ValueError(
            f"sample_weight must not be negative. Got {w.min():g} as its smallest."
        )
    if not w.any():
        raise ValueError(
            "sample_weight must not be zero for all rows: there is nothing to learn."
        )
    return w


def _weighed(data: TrainingSet) -> tuple[TrainingSet, float]:
    """Return the rows with weights of mean 1, and the weight sum before."""
    if data.w is None:
        return data, float(len(data))
    total = float(data.w.sum())
    w = (data.w * (len(data) / total)).astype(data.X.dtype)
    return TrainingSet(data.X, data.Y, w), total


def _check_split(n: int, fraction: float, strata: Array | None) -> None:
    """Refuse a validation split that cannot be made or used."""
    n_validation = math.ceil(fraction * n)
    got = (
        f"Got validation_fraction={fraction} of n_samples={n}, which is"
        f" {n_validation} validation and {n - n_validation} training rows."
    )
    if n_validation < 2 or n - n_validation < 1:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the"
            f" size of your dataset: early stopping needs 2 rows at least. {got}"
        )
    if strata is None:
        return
    labels, counts = np.unique(strata, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            "The least populated classes in y have only 1 member, too few for the"
            " stratified split of early_stopping=True. Classes with too few members"
            f" are: {labels[counts < 2].tolist()}"
        )
    if min(n_validation, n - n_validation) < len(labels):
        raise ValueError(
            "The validation set is too small. Change 'validation_fraction' so that"
            f" each of the {len(labels)} classes can be in both parts. {got}"
        )


def _chosen(z: Array, out_activation: str) -> Array:
    """Return the class number of each row, or whether each label is chosen."""
    return z.argmax(axis=1) if out_activation == "softmax" else z > 0


def _assign(name: str, views: list[Array], values: Iterable[Array]) -> None:
    values = list(values)
    shapes = [view.shape for view in views]
    if [np.shape(value) for value in values] != shapes:
        raise ValueError(
            f"{name} must be arrays of the shapes {shapes}."
            f" Got {[np.shape(value) for value in values]} instead."
        )
    for view, value in zip(views, values, strict=True):
        view[...] = value


def _warn(message: str) -> None:
    # 4: this function, _warn of the estimator, _fit and fit are ours.
    warnings.warn(message, ConvergenceWarning, stacklevel=5)


def _print_epoch(figures: dict[str, Any]) -> None:
    line = f"Iteration {figures['epoch']}, loss = {figures['loss']:.8f}"
    if "validation_score" in figures:
        line += f", validation score = {figures['validation_score']:.6f}"
    print(f"{line}, learning rate = {figures['learning_rate']:.4g}", flush=True)
