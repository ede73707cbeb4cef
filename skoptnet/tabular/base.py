"""Base class of the tabular estimators: parameters, `fit`, and the mean of members."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .._names import Parametrized, explains_names
from .._params import Interval, Object, check_params
from .._sklearn import (
    CallbackSupportMixin,
    member_callbacks,
    with_callbacks,
)
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
    Rows,
    ScheduleName,
    SolverName,
    Splitter,
)
from ..activations import Activation
from ..estimators.base import MLP
from ..estimators.convergence_warnings import warn
from ..estimators.fitting import AUTO_BATCH
from ..estimators.inputs import activation_tuple, dropout_tuple, layer_tuple
from ..estimators.sample_weights import usable_weights
from ..optimizers import Adam, Optimizer
from ..schedules import CosLog, Schedule
from ..training import TrainingSet
from .columns import Table, read_table
from .folds import Fold, folds_of
from .members import Members
from .preprocessor import TabularPreprocessor

_Estimator = TypeVar("_Estimator", bound="TabularMLP")

# Parameters that the members have, too, with the same meaning.
_OF_MEMBERS = (
    "hidden_layer_sizes",
    "activation",
    "learning_rate_init",
    "lr_schedule",
    "alpha",
    "dropout",
    "batch_size",
    "max_iter",
)
_OF_PREPROCESSOR = ("categorical_features", "n_bins", "max_categories")

# What to do instead of parameters that networks and preprocessor have for themselves.
_BY_HAND = (
    " For other settings, pass the output of a TabularPreprocessor to MLPClassifierX or"
    " MLPRegressorX."
)
_FIXED = (
    "The networks for tables always have input_scaling=True and parametrization='ntk'."
    f"{_BY_HAND}"
)
_LOSS = (
    "The loss is fixed: the squared error for regression, the cross-entropy for"
    " classes. For others, pass the output of a TabularPreprocessor to MLPRegressorX."
)
_ADVICE = dict.fromkeys(
    MLP._parameter_constraints, f"The networks for tables set it themselves.{_BY_HAND}"
) | {
    "input_scaling": _FIXED,
    "parametrization": _FIXED,
    "loss": _LOSS,
    "huber_delta": _LOSS,
    "quantile": _LOSS,
    "target_encoding": "Categories of more than max_categories values always get target"
    f" encoding as well, except with several targets.{_BY_HAND}",
}


class TabularMLP(CallbackSupportMixin, Parametrized, ABC):
    """Base class of both tabular estimators."""

    _parameter_constraints: ClassVar[dict] = {
        name: MLP._parameter_constraints[name]
        for name in (*_OF_MEMBERS, "random_state")
    } | {
        name: TabularPreprocessor._parameter_constraints[name]
        for name in _OF_PREPROCESSOR
    } | {
        "solver": [*MLP._parameter_constraints["solver"], None],
        "cv": [
            Interval(Integral, 2, None, closed="left"),
            Object(["split", "get_n_splits"]),
            "array-like",
        ],
        "early_stopping": ["boolean"],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
        "verbose": ["verbose"],
    }  # fmt: skip

    parts: ClassVar = MLP.parts
    advice: ClassVar = _ADVICE

    # Metadata routing: groups are for the splitter of a search, unless requested.
    __metadata_request__fit: ClassVar[dict] = {"groups": False}

    # Set by fitting.
    estimators_: list[Any]
    preprocessor_: TabularPreprocessor
    best_epochs_: list[int]
    n_iter_: int
    oof_prediction_: Array
    oof_score_: float
    n_features_in_: int
    feature_names_in_: Array
    n_outputs_: int

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes,
        activation: ActivationName | Activation | Sequence[ActivationName | Activation],
        *,
        # The columns.
        categorical_features: Literal["from_dtype"] | ArrayLike | None,
        n_bins: Int | Literal["auto"] | None,
        max_categories: Int | None,
        # Training.
        solver: SolverName | Optimizer | None,
        learning_rate_init: Float,
        lr_schedule: ScheduleName | Schedule,
        alpha: Float,
        dropout: Float | Sequence[Float],
        batch_size: Int,
        max_iter: Int,
        early_stopping: Bool,
        # The ensemble.
        cv: Int | Splitter,
        n_jobs: Int | None,
        random_state: RandomState,
        verbose: Bool | Int,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.categorical_features = categorical_features
        self.n_bins = n_bins
        self.max_categories = max_categories
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.lr_schedule = lr_schedule
        self.alpha = alpha
        self.dropout = dropout
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    # What classifier and regressor do differently.

    # The score that chooses the epoch; losses decide between equal scores.
    _scoring: ClassVar[str | None]

    @abstractmethod
    def _read_targets(self, y: Any) -> Array:
        """Check y, set its attributes, and return it as an array."""

    @abstractmethod
    def _target_type(self, y: Array) -> Any:
        """Return the ``target_encoding`` of the preprocessor, False for none."""

    @abstractmethod
    def _strata(self, y: Array) -> Array | None:
        """Return the class of each row for stratified folds, None for plain ones."""

    @abstractmethod
    def _network(self, n_rows: int, **parameters: Any) -> MLP:
        """Return an unfitted member for n_rows rows: these parameters and its own."""

    @abstractmethod
    def _evaluate(self, z: Array, rows: Array, y: Array, w: Array | None) -> None:
        """Set the attributes that describe held-out rows.

        Parameters
        ----------
        z : array of shape (n, n_outputs)
            Mean of the raw outputs of the members that held a row out; NaN for none.
        rows : intp array
            The rows that a member held out.
        y, w
            Targets and weights of all rows.
        """

    # Fitting.

    @explains_names
    @with_callbacks
    def fit(
        self: _Estimator,
        X: Data,
        y: Data,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> _Estimator:
        """Fit the networks to a table.

        Parameters
        ----------
        X : data frame, array-like or sparse matrix of shape (n_samples, n_features)
            The table: numbers, booleans, strings, categories; NaN, None and
            ``pandas.NA`` are missing values.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; None gives all the same weight.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, for a splitter of groups as ``cv``. With metadata
            routing, request them by ``set_fit_request(groups=True)``; otherwise only
            the splitter of a search gets them.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, a column or the targets are invalid, or if all networks
            diverge. The estimator is then as it was before the call.

        Warns
        -----
        UserWarning
            If there are fewer rows (for classes: rows of the largest class) than
            ``cv``, so that fewer networks are trained; if ``groups`` are given without
            a splitter; or if a column has no value.
        ConvergenceWarning
            If a network diverged or training was interrupted, so that the model has
            fewer networks; or if a network predicts no better than a constant.
        """
        check_params(self)
        n_hidden = len(layer_tuple(self))
        activation_tuple(self, n_hidden)
        dropout_tuple(self, n_hidden)
        parameters = self.get_params(deep=False)
        twin = object.__new__(type(self))
        vars(twin).update(parameters)
        twin._fit(X, y, sample_weight, groups, owner=self)
        kept = {k: v for k, v in vars(self).items() if not k.endswith("_")}
        # In one assignment, which Ctrl-C cannot cut in two.
        self.__dict__ = kept | vars(twin) | parameters
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any, owner: Any) -> None:
        """Set the fitted attributes; callbacks are those of ``owner``."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is"
                " None."
            )
        y = self._read_targets(y)
        table = read_table(self, X, reset=True)
        check_consistent_length(range(table.n_rows), y)
        w = usable_weights(sample_weight, table)
        rng = check_random_state(self.random_state)
        folds = folds_of(self.cv, y, w, self._strata(y), groups, rng)
        n_rows = table.n_rows if w is None else int(np.count_nonzero(w))
        networks = [self._member(n_rows, _seed(rng)) for _ in folds]
        networks[0]._check_parameters()  # those of solver and schedule, too
        Z = self._preprocess(table, y, w, folds)
        data, verbose = TrainingSet(Z, y, w), int(self.verbose)
        team = Members(networks, folds, data, self._cycle_ends(), verbose)
        arguments = {"X": X, "y": y}
        if sample_weight is not None:
            arguments["metadata"] = {"sample_weight": sample_weight}
        parameters = self.get_params(deep=False)

        def fitted() -> dict[str, Any]:
            return {k: v for k, v in vars(self).items() if k not in parameters}

        with member_callbacks(owner, len(folds), arguments, fitted) as around:
            team.fit(self.n_jobs, around)
            self._keep(team)

    def _preprocess(
        self, table: Table, y: Array, w: Array | None, folds: list[Fold]
    ) -> Rows:
        """Fit the preprocessor; return the rows of the networks."""
        self.preprocessor_ = TabularPreprocessor(
            target_encoding=self._target_type(y),
            dtype="float64" if table.n_rows <= self._batch_size else "float32",
            **{name: getattr(self, name) for name in _OF_PREPROCESSOR},
        )
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(self.preprocessor_, name, getattr(self, name))
        return self.preprocessor_._learn(table, y, w, folds)

    def _member(self, n_rows: int, seed: int) -> MLP:
        """Return an unfitted network for n_rows rows of positive weight."""
        solver = Adam(beta_2=0.95) if self.solver is None else self.solver
        return self._network(
            n_rows,
            solver=solver,
            input_scaling=True,
            parametrization="ntk",
            tol=0.0,
            n_iter_no_change=np.inf,
            early_stopping=True,
            scoring=self._scoring,
            random_state=seed,
            **{name: getattr(self, name) for name in _OF_MEMBERS},
        )

    @property
    def _batch_size(self) -> int:
        size = self.batch_size
        return AUTO_BATCH if isinstance(size, str) else int(size)

    def _cycle_ends(self) -> list[int]:
        """Return the epochs at which a network may stop early."""
        schedule = self.lr_schedule
        if isinstance(schedule, str) and schedule == "coslog":
            schedule = CosLog()
        if not (self.early_stopping and isinstance(schedule, CosLog)):
            return []
        return schedule.cycle_ends(int(self.max_iter))[:-1]

    def _keep(self, team: Members) -> None:
        """Set the attributes that describe the members; warn of those that are lost."""
        fitted = [
            (network, fold)
            for network, fold in zip(team.networks, team.folds, strict=True)
            if network.__sklearn_is_fitted__()
        ]
        if not fitted:
            if team.failures:
                raise team.failures[0][1]
            raise KeyboardInterrupt
        if len(fitted) < len(team.networks) or team.by_user:
            _warn_of_end(team, len(fitted))
        self.estimators_ = [network for network, _ in fitted]
        self.n_iter_ = max(network.n_iter_ for network in self.estimators_)
        self.best_epochs_ = [network.best_epoch_ for network in self.estimators_]
        self.n_outputs_ = self.estimators_[0].n_outputs_
        data = team.data
        z, rows = self._held_out_outputs([fold for _, fold in fitted], data.X)
        self._evaluate(z, rows, data.Y, data.w)

    # Prediction.

    def _mean_outputs(self, X: Any) -> Array:
        """Return the mean of the raw outputs of the members, in float64."""
        check_is_fitted(self)
        Z = self.preprocessor_._matrix(read_table(self, X, reset=False))
        total = np.zeros((Z.shape[0], self.n_outputs_))
        for network in self.estimators_:
            total += self._raw_outputs(network, Z)
        return total / len(self.estimators_)

    def _raw_outputs(self, network: Any, Z: Rows) -> Array:
        """Return the outputs of a member that are averaged, (n, n_outputs)."""
        return network._raw_outputs(Z)

    def _held_out_outputs(self, folds: list[Fold], Z: Rows) -> tuple[Array, Array]:
        """Return outputs for the rows, and which rows a member held out.

        They are the mean of the members that held a row out, NaN for none.
        """
        n = Z.shape[0]
        total, count = np.zeros((n, self.n_outputs_)), np.zeros((n, 1))
        for network, fold in zip(self.estimators_, folds, strict=True):
            total[fold.held_out] += self._raw_outputs(network, Z[fold.held_out])
            count[fold.held_out] += 1
        with np.errstate(invalid="ignore"):
            return total / count, np.flatnonzero(count)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        return tags


def _seed(rng: np.random.RandomState) -> int:
    """Draw the seed of a network."""
    return int(rng.randint(np.iinfo(np.int32).max))


def _warn_of_end(team: Members, n_fitted: int) -> None:
    """Warn of networks that diverged, and of Ctrl-C."""
    n, n_failed = len(team.networks), len(team.failures)
    said = []
    if team.failures:
        numbers = ", ".join(str(i + 1) for i, _ in team.failures)
        plural = "s" if n_failed > 1 else ""
        said.append(f"Training of network{plural} {numbers} of {n} diverged.")
    if n_fitted + n_failed < n or team.by_user:
        said.append("Training interrupted by user.")
    said.append(f"The model is the mean of {n_fitted} of {n} networks.")
    if team.failures:
        said.append("Try a smaller learning_rate_init.")
    warn(" ".join(said), ConvergenceWarning)
