"""What the two estimators share: parameters, training, results and raw outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy, deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import get_scorer_names
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d, validate_data

from .._params import Function, Interval, Options, StrOptions, check_params
from .._types import Array, Rows
from ..activations import Activation
from ..losses import Loss
from ..network import Network
from ..optimizers import OPTIMIZERS, Optimizer
from ..schedules import SCHEDULES, Schedule, as_schedule
from ..training import LBFGS, Diverged, Run, TrainingSet, Watcher
from .calls import Call, Transaction
from .convergence_warnings import warn_of_end
from .inputs import (
    ACTIVATION,
    DROPOUT,
    activation_tuple,
    are_plain_rows,
    are_plain_targets,
    check_for_lbfgs,
    check_for_validation,
    check_nested,
    checked_weights,
    dropout_tuple,
    layer_tuple,
    with_class_weights,
    with_plain_numbers,
)
from .jobs import Job
from .prediction import Fitted
from .sklearn_callbacks import (
    Callbacks,
    CallbackSupportMixin,
    begin_callbacks,
    with_callbacks,
)
from .validation import (
    OwnData,
    Score,
    check_settings,
    split,
)

#: Rows per update when ``batch_size="auto"``, at most.
_AUTO_BATCH = 200


class MLP(CallbackSupportMixin, Fitted, ABC):
    """What the two estimators share: parameters, training and raw outputs."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [*ACTIVATION, list, tuple],
        "solver": [StrOptions({*OPTIMIZERS, "lbfgs"}), Optimizer],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither"), None],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "lr_schedule": [StrOptions(set(SCHEDULES)), Schedule, Function()],
        "decay_rate": [Interval(Real, 0, 1, closed="right")],
        "decay_epochs": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "dropout": [*DROPOUT, list, tuple],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": [StrOptions({"loss", *get_scorer_names()}), callable, None],
        "refit_all": ["boolean"],
    }

    # Set by fitting; the last is what the validation split was drawn from.
    loss_curve_: list[float]
    best_loss_: float | None
    _split_state: Any

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        # The solver and its hyperparameters.
        solver="adam",
        momentum=0.9,
        rho=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=None,
        max_fun=15000,
        # The learning rate and its schedule.
        learning_rate_init="auto",
        lr_schedule="constant",
        decay_rate=0.5,
        decay_epochs=10,
        power_t=0.5,
        # Regularisation.
        alpha=0.0001,
        l1_ratio=0.0,
        dropout=0.0,
        max_grad_norm=None,
        # Epochs: how many, of what, from which beginning.
        batch_size="auto",
        max_iter=200,
        tol=1e-4,
        n_iter_no_change=10,
        shuffle=True,
        random_state=None,
        warm_start=False,
        verbose=False,
        # Validation.
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        refit_all=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.momentum = momentum
        self.rho = rho
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.max_fun = max_fun
        self.learning_rate_init = learning_rate_init
        self.lr_schedule = lr_schedule
        self.decay_rate = decay_rate
        self.decay_epochs = decay_epochs
        self.power_t = power_t
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.dropout = dropout
        self.max_grad_norm = max_grad_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.refit_all = refit_all

    def set_params(self, **params):
        """Set parameters of the estimator, or of the objects among its parameters.

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
        check_nested(self, params)
        return super().set_params(**params)

    # What the two tell apart.

    @abstractmethod
    def _encode(self, y: Array, dtype: Any, call: Call) -> Array:
        """Check y, set what describes it, and return it as the loss wants it."""

    @abstractmethod
    def _task(self, Y: Array) -> tuple[Loss, int]:
        """Return the loss and the number of raw outputs."""

    @abstractmethod
    def _strata(self, Y: Array) -> Array | None:
        """Return the label of each row for a stratified split, None for none."""

    @abstractmethod
    def _encode_held_out(self, y: Array, dtype: Any) -> Array:
        """Check targets that are only scored, and return them as the loss wants."""

    @abstractmethod
    def _decode(self, Y: Array) -> Any:
        """Return targets as a user knows them."""

    @abstractmethod
    def _default_score(self, Y: Array, w: Array | None) -> Score:
        """Return the score of raw outputs for ``scoring=None``."""

    def _class_weights(self, Y: Array) -> Callable[[Array], Array] | None:
        """Return the function targets -> weight of each row, None for all alike."""
        return None

    # Fitting.

    @with_callbacks
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Fit the network to the data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows. float32 stays float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; None weighs all alike.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation rows of your own for ``early_stopping=True``, in place of
            those that it would set aside of ``X``: all of ``X`` is trained on. They
            are not copied. In a `sklearn.pipeline.Pipeline` they are transformed as
            ``X`` is with ``transform_input=["X_val"]`` and metadata routing.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.
        sample_weight_val : array-like of shape (n_val,), default=None
            Non-negative weights of the validation rows in their loss and score.

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
        own = OwnData(X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, Call("fit", goes_on), own)

    def _fit(
        self,
        X,
        y,
        sample_weight,
        call: Call,
        own: OwnData | None = None,
        watch: Callable[[Job, TrainingSet], Watcher] | None = None,
    ):
        followed = not call.partial and begin_callbacks(self, self.max_iter)
        with Transaction(self, draws=not call.partial) as transaction:
            optimizer, schedule, activations = self._check_parameters()
            own = own or OwnData()
            if not call.partial:
                check_settings(self, own)
            whole = data = self._read(X, y, sample_weight, call)
            held_out = self._read_own(own, data.X.dtype) if own.given else None
            by_class = self._class_weights(data.Y)
            rng = self._source_of_random_numbers(call)
            refits = self.refit_all and self.early_stopping
            drawn_again = deepcopy(rng) if refits else None
            network, run = self._begin(data, optimizer, activations, rng, call)
            if self.early_stopping and held_out is None:
                data, held_out = self._split(data, rng, call)
            if call.goes_on:
                run = run.handed_to(optimizer, network.xp)
            job = Job(self, network, optimizer, schedule, run)
            validate = None
            if held_out is not None:
                validate = job.validation(held_out, by_class)
            data = with_class_weights(data, by_class, "training")
            callbacks = []
            watchers = [watch(job, data)] if watch else []
            if followed:
                seen = X, y, sample_weight, data.rows
                callbacks = [Callbacks(self, *seen, job.so_far)]
                callbacks[0].before_fit()
            try:
                outcome = job.train(
                    data,
                    max_epochs=1 if call.partial else self.max_iter,
                    planned_epochs=self.max_iter
                    + (0 if call.partial else job.begun_at),
                    patience=self.n_iter_no_change,
                    judge_anew=not call.partial,
                    validate=validate,
                    watchers=[*callbacks, *watchers],
                )
            except Diverged:
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may"
                    " contain large values and need to be preprocessed. (This was in"
                    f" the first epoch, with {job.named()}, so there is no"
                    " earlier model to keep; a smaller learning_rate_init may help,"
                    " too, if the solver reads it.)"
                ) from None
            except BaseException:
                if run.epoch > job.begun_at:
                    job.keep_failed()
                    transaction.commit()
                raise
            if call.partial and outcome.reason in ("max_iter", "converged"):
                outcome.reason = "partial_fit"
            job.keep(outcome)
            if drawn_again and outcome.reason not in ("diverged", "interrupted"):
                transaction.commit()
                run = self._new_run(network, optimizer, drawn_again, whole.X.dtype)
                whole = with_class_weights(whole, by_class, "training")
                Job(self, network, optimizer, schedule, run).repeat(whole, outcome)
        for callback in callbacks:
            callback.after_fit()
        warn_of_end(self, outcome, self.loss_curve_[job.begun_at :])
        if outcome.reason == "interrupted" and call.partial:
            raise KeyboardInterrupt
        return self

    def _read(self, X, y, sample_weight, call: Call) -> TrainingSet:
        """Check the data and return them as the network wants them."""
        X, y = self._checked(X, y, order="C", reset=not call.goes_on)
        if call.goes_on:
            X = X.astype(self._run.theta.dtype, copy=False)
        w = checked_weights(sample_weight, X)
        Y = self._encode(y, X.dtype, call)
        self.n_outputs_ = self._task(Y)[1]
        return TrainingSet(X, Y, w)

    def _read_own(self, own: OwnData, dtype: Any) -> TrainingSet:
        """Check validation data that were passed to `fit`; X_val is not copied."""
        try:
            X, y = self._checked(own.X, own.y, reset=False)
            Y = self._encode_held_out(y, dtype)
        except ValueError as error:
            raise ValueError(f"X_val and y_val cannot be used: {error}") from error
        w = checked_weights(own.w, X, "sample_weight_val", use="score")
        return TrainingSet(X, Y, w)

    def _checked(self, X, y, **options: Any) -> tuple[Rows, Array]:
        """Return rows and targets as arrays."""
        again = not options["reset"] and are_plain_rows(X, self)
        if again and are_plain_targets(y, len(X)):
            return X, y
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=isinstance(self, RegressorMixin),
            **options,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _check_parameters(
        self,
    ) -> tuple[Optimizer | LBFGS, Schedule, tuple[Activation, ...]]:
        """Refuse what cannot be used; return the parts that have names as objects."""
        check_params(self)
        activations = activation_tuple(self)
        schedule = self._part(as_schedule(self.lr_schedule), SCHEDULES)
        schedule.check()
        dropout_tuple(self)
        if isinstance(self.solver, str) and self.solver == "lbfgs":
            check_for_lbfgs(self)
            return LBFGS(int(self.max_fun)), schedule, activations
        check_for_validation(self, schedule)
        optimizer = self._part(self.solver, OPTIMIZERS)
        optimizer.check()
        return optimizer, schedule, activations

    def _part(self, given: Any, registry: dict[str, type]) -> Any:
        """Return the object a name stands for, or a copy of a given object.

        A named one gets those of the estimator's parameters that it reads; None means
        its own default.
        """
        if not isinstance(given, str):
            return with_plain_numbers(copy(given))
        part = registry[given]()
        for name in part.reads:
            value = getattr(self, name)
            if value is not None:
                setattr(part, name, value)
        return with_plain_numbers(part)

    def _begin(
        self,
        data: TrainingSet,
        optimizer: Optimizer | LBFGS,
        activations: tuple[Activation, ...],
        rng: np.random.RandomState,
        call: Call,
    ) -> tuple[Network, Run]:
        """Return the network and the run: new ones, or those to go on with."""
        loss, n_outputs = self._task(data.Y)
        sizes = (data.X.shape[1], *layer_tuple(self), n_outputs)
        network = Network(sizes, activations, loss)
        if not call.goes_on:
            self.__dict__.pop("_split_state", None)
            return network, self._new_run(network, optimizer, rng, data.X.dtype)
        if sizes != self._network.layer_sizes:
            raise ValueError(
                f"{call.name} goes on with the fitted network, whose layers are"
                f" {self._network.layer_sizes} (input and output included); the"
                f" 'hidden_layer_sizes' parameter and the data now ask for {sizes}."
                " Set hidden_layer_sizes back, or start anew with warm_start=False."
            )
        return network, self._run

    def _source_of_random_numbers(self, call: Call) -> np.random.RandomState:
        return self._run.rng if call.goes_on else check_random_state(self.random_state)

    @staticmethod
    def _new_run(
        network: Network,
        optimizer: Optimizer | LBFGS,
        rng: np.random.RandomState,
        dtype: Any,
    ) -> Run:
        theta = network.draw(rng, dtype)
        return Run(theta, optimizer.start(theta, network.xp), type(optimizer), rng)

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
        return split(data, self.validation_fraction, self._strata(data.Y), rng)
