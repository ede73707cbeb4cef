"""What the two estimators share: parameters, training, results and raw outputs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from .._params import Interval, Options, StrOptions, check_params
from .._types import Array
from ..activations import ACTIVATIONS
from ..backends import outputs
from ..losses import LOSSES
from ..network import Network
from ..optimizers import OPTIMIZERS, Optimizer
from ..schedules import SCHEDULES, Schedule
from ..training import LBFGS, Diverged, Outcome, Run, TrainingSet, train
from .calls import Call, Transaction
from .inputs import check_split, checked_weights, layer_tuple, weighed
from .reports import print_epoch, warn_of_end

#: Rows per update when ``batch_size="auto"``, at most.
_AUTO_BATCH = 200


class MLP(BaseEstimator, ABC):
    """What the two estimators share: parameters, training and raw outputs."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({*OPTIMIZERS, "lbfgs"}), Optimizer],
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
        "max_fun": [Interval(Integral, 1, None, closed="left")],
    }

    # Set by fitting: the network, what training changed, and the random state that
    # the validation split was drawn from.
    _network: Network
    _run: Run
    _split_state: Any

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
        max_fun=15000,
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
        self.max_fun = max_fun

    def set_params(self, **params):
        """Set parameters of the estimator, or of its solver and schedule objects.

        Parameters
        ----------
        **params : dict
            Values by name; ``solver__momentum=0.5`` reaches into a solver object.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter, or no object to reach into.
        """
        for name in params:
            part, _, inner = name.partition("__")
            holder = params.get(part, getattr(self, part, None))
            if inner and part in ("solver", "lr_schedule") and isinstance(holder, str):
                raise ValueError(
                    f"{name!r} is a parameter of a {part} object, but {part} is the"
                    f" name {holder!r}. Set {inner!r} of {type(self).__name__} itself,"
                    f" or give {part} as an object."
                )
        return super().set_params(**params)

    # What the two tell apart.

    @abstractmethod
    def _encode(self, y: Array, dtype: Any, call: Call) -> Array:
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
        return self._fit(X, y, sample_weight, Call("fit", goes_on))

    def _fit(self, X, y, sample_weight, call: Call):
        with Transaction(self, draws=not call.partial) as transaction:
            optimizer, schedule = self._check_parameters()
            data = self._read(X, y, sample_weight, call)
            network, run = self._begin(data, optimizer, call)
            validate, begun_at = None, run.epoch
            if self.early_stopping:
                data, held_out = self._split(data, run.rng, call)
                validate = self._validator(network, held_out)
            data, total_weight = weighed(data)
            network = replace(network, l2=float(self.alpha) / total_weight)
            if call.goes_on:
                run = run.handed_to(optimizer, network.xp)
            try:
                outcome = self._train(
                    network, optimizer, schedule, run, data, validate, call
                )
            except Diverged:
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may"
                    " contain large values and need to be preprocessed. (This was in"
                    " the first epoch, so there is no earlier model to keep; a smaller"
                    " learning_rate_init may help, too, if the solver reads it.)"
                ) from None
            except BaseException:
                if run.epoch > begun_at:
                    scores = run.history.get("validation_score", [math.nan])
                    failed = Outcome("failed", scores[-1], kept_epoch=run.epoch)
                    self._keep(network, run, optimizer, failed, begun_at)
                    transaction.commit()
                raise
            if call.partial and outcome.reason in ("max_iter", "converged"):
                outcome.reason = "partial_fit"
            self._keep(network, run, optimizer, outcome, begun_at)
        warn_of_end(self, outcome, self.loss_curve_[begun_at:])
        if outcome.reason == "interrupted" and call.partial:
            raise KeyboardInterrupt
        return self

    def _train(
        self,
        network: Network,
        optimizer: Optimizer | LBFGS,
        schedule: Schedule,
        run: Run,
        data: TrainingSet,
        validate: Callable[[Array], float] | None,
        call: Call,
    ) -> Outcome:
        """Train as the parameters say."""
        watched: dict[str, Any] = {
            "tol": self.tol,
            "patience": self.n_iter_no_change,
            "validate": validate,
            "watchers": [print_epoch] if self.verbose else [],
        }
        if isinstance(optimizer, LBFGS):
            return optimizer.minimize(
                network, run, data, max_iterations=int(self.max_iter), **watched
            )
        return train(
            network,
            optimizer,
            schedule,
            run,
            data,
            learning_rate=self._initial_rate(optimizer),
            batch_size=self._rows_per_update(),
            shuffle=self.shuffle,
            max_epochs=1 if call.partial else self.max_iter,
            judge_anew=not call.partial,
            **watched,
        )

    def _read(self, X, y, sample_weight, call: Call) -> TrainingSet:
        """Check the data and return them as the network wants them."""
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
        w = checked_weights(sample_weight, X)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        Y = self._encode(y, X.dtype, call)
        self.n_outputs_ = self._task(Y)[1]
        return TrainingSet(X, Y, w)

    def _check_parameters(self) -> tuple[Optimizer | LBFGS, Schedule]:
        """Refuse what cannot be used; return solver and schedule as objects."""
        check_params(self)
        layer_tuple(self)
        schedule = self._part(self.lr_schedule, SCHEDULES)
        schedule.check()
        if isinstance(self.solver, str) and self.solver == "lbfgs":
            return LBFGS(int(self.max_fun)), schedule
        optimizer = self._part(self.solver, OPTIMIZERS)
        optimizer.check()
        return optimizer, schedule

    def _part(self, given: Any, registry: dict[str, type]) -> Any:
        """Return the object a name stands for, or a copy of a given object.

        A named one gets those of the estimator's parameters that it has too; None
        means its own default. NumPy scalars become Python's, which take the dtype
        of the array they meet.
        """
        if isinstance(given, str):
            part = registry[given]()
            mine = vars(self)
            flat = {name: mine[name] for name in vars(part) if name in mine}
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

    def _rows_per_update(self) -> int:
        auto = isinstance(self.batch_size, str)
        return _AUTO_BATCH if auto else int(self.batch_size)

    def _begin(
        self, data: TrainingSet, optimizer: Optimizer | LBFGS, call: Call
    ) -> tuple[Network, Run]:
        """Return the network and the run: new ones, or those to go on with."""
        task, n_outputs = self._task(data.Y)
        sizes = (data.X.shape[1], *layer_tuple(self), n_outputs)
        network = Network(sizes, ACTIVATIONS[self.activation](), LOSSES[task]())
        if not call.goes_on:
            self.__dict__.pop("_split_state", None)
            rng = check_random_state(self.random_state)
            theta = network.draw(rng, data.X.dtype)
            state = optimizer.start(theta, network.xp)
            return network, Run(theta, state, type(optimizer), rng)
        if sizes != self._network.layer_sizes:
            raise ValueError(
                f"{call.name} goes on with the fitted network, whose layers are"
                f" {self._network.layer_sizes} (input and output included); the"
                f" 'hidden_layer_sizes' parameter and the data now ask for {sizes}."
                " Set hidden_layer_sizes back, or start anew with warm_start=False."
            )
        return network, self._run

    def _split(
        self, data: TrainingSet, rng: np.random.RandomState, call: Call
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
        check_split(len(data), self.validation_fraction, strata)
        rows = train_test_split(
            np.arange(len(data)),
            test_size=self.validation_fraction,
            random_state=rng,
            stratify=strata,
        )
        training, validation = data.part(rows[0]), data.part(rows[1])
        for name, part in (("training", training), ("validation", validation)):
            if part.w is not None and not part.own(part.w).any():
                raise ValueError(
                    f"All {name} rows of the early-stopping split have sample_weight"
                    " zero. Change 'validation_fraction' or 'random_state'."
                )
        return training, validation

    def _validator(
        self, network: Network, data: TrainingSet
    ) -> Callable[[Array], float]:
        """Return the function theta -> score, nan where outputs are not finite."""
        w = None if data.w is None else data.own(data.w)
        score = self._scorer(data.own(data.Y), w)

        def validate(theta: Array) -> float:
            z = outputs(network, theta, data.X, data.rows)
            return score(z) if np.isfinite(z).all() else math.nan

        return validate

    def _keep(
        self,
        network: Network,
        run: Run,
        optimizer: Optimizer | LBFGS,
        outcome: Outcome,
        begun_at: int,
    ) -> None:
        """Set the fitted attributes."""
        self._network, self._run = network, run
        self.n_layers_ = len(network.layer_sizes)
        self.out_activation_ = network.loss.out_activation
        self.learning_rate_ = None
        if isinstance(optimizer, Optimizer):
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
        return outputs(self._network, self._run.theta, X)

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
