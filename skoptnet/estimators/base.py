"""Base class of both estimators: parameters, parameter checks, and `fit`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from functools import cache
from inspect import signature
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._names import Parametrized, explains_names
from .._params import (
    COUNT,
    DECAY,
    EXPONENT,
    FACTOR_OR_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    Function,
    Object,
    Options,
    StrOptions,
    check_params,
    check_value,
)
from .._sklearn import CallbackSupportMixin, begin_callbacks, with_callbacks
from .._types import (
    ActivationName,
    Array,
    ArrayLike,
    Blocks,
    Bool,
    Data,
    Float,
    Int,
    LayerSizes,
    ParametrizationName,
    RandomState,
    Request,
    ScheduleName,
    Scoring,
    SolverName,
    Splitter,
)
from ..activations import ACTIVATIONS, Activation
from ..losses import Loss
from ..optimizers import OPTIMIZERS, Optimizer
from ..parametrizations import PARAMETRIZATIONS
from ..schedules import SCHEDULES, Clock, Schedule, as_schedule
from ..training import LBFGS
from .fit_blocks import BlocksFit
from .fitting import Fit
from .inputs import (
    ACTIVATION,
    DROPOUT,
    activation_tuple,
    check_for_lbfgs,
    check_nested,
    dropout_tuple,
    layer_tuple,
    with_plain_numbers,
)
from .parts import Parts
from .prediction import Fitted
from .summary import Summary
from .target_scaling import Moments
from .validation import SCORER_NAME, OwnData, Score, check_scorers

# The class of an estimator. Jedi takes Self for the class that has the method.
_Estimator = TypeVar("_Estimator", bound="MLP")


class MLP(CallbackSupportMixin, Fitted, Parametrized, ABC):
    """Base class of both estimators: parameters, parameter checks, and `fit`."""

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": [
            "array-like",
            *COUNT,
        ],
        "activation": [*ACTIVATION, list, tuple],
        "input_scaling": ["boolean"],
        "parametrization": [StrOptions(set(PARAMETRIZATIONS))],
        "solver": [StrOptions({*OPTIMIZERS, "lbfgs"}), Optimizer],
        "momentum": SHARE,
        "rho": DECAY,
        "beta_1": DECAY,
        "beta_2": DECAY,
        "epsilon": [*POSITIVE, None],
        "max_fun": COUNT,
        "learning_rate_init": [
            StrOptions({"auto"}),
            *POSITIVE,
        ],
        "lr_schedule": [StrOptions(set(SCHEDULES)), Schedule, Function()],
        "decay_rate": FACTOR_OR_ONE,
        "decay_epochs": POSITIVE,
        "power_t": EXPONENT,
        "alpha": NOT_NEGATIVE,
        "l1_ratio": SHARE,
        "dropout": [*DROPOUT, list, tuple],
        "max_grad_norm": [*POSITIVE, None],
        "batch_size": [
            StrOptions({"auto"}),
            *COUNT,
        ],
        "max_iter": COUNT,
        "tol": NOT_NEGATIVE,
        "n_iter_no_change": [
            *COUNT,
            Options(Real, {np.inf}),
        ],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "early_stopping": ["boolean"],
        "validation_fraction": [*DECAY, Object(["split", "get_n_splits"])],
        "scoring": [SCORER_NAME, list, tuple, dict, callable, None],
        "return_train_score": ["boolean"],
        "refit_all": ["boolean"],
    }

    parts: ClassVar = {
        "solver": OPTIMIZERS, "lr_schedule": SCHEDULES, "activation": ACTIVATIONS,
    }  # fmt: skip

    # Metadata routing (scikit-learn's name): groups are for the splitter of a search,
    # unless they are requested.
    __metadata_request__fit: ClassVar[dict] = {"groups": False}

    # Set by fitting: the random state before the validation split was drawn.
    _split_state: Any

    if TYPE_CHECKING:  # scikit-learn makes these from the signatures

        def set_fit_request(
            self: _Estimator,
            *,
            sample_weight: Request = ...,
            groups: Request = ...,
            X_val: Request = ...,
            y_val: Request = ...,
            sample_weight_val: Request = ...,
        ) -> _Estimator: ...

        def set_score_request(
            self: _Estimator, *, sample_weight: Request = ...
        ) -> _Estimator: ...

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes,
        activation: ActivationName | Activation | Sequence[ActivationName | Activation],
        *,
        # The network.
        input_scaling: Bool,
        parametrization: ParametrizationName,
        # The solver and its hyperparameters.
        solver: SolverName | Optimizer,
        momentum: Float,
        rho: Float,
        beta_1: Float,
        beta_2: Float,
        epsilon: Float | None,
        max_fun: Int,
        # The learning rate and its schedule.
        learning_rate_init: Float | Literal["auto"],
        lr_schedule: ScheduleName | Schedule | Callable[[Clock], float],
        decay_rate: Float,
        decay_epochs: Float,
        power_t: Float,
        # Regularisation.
        alpha: Float,
        l1_ratio: Float,
        dropout: Float | Sequence[Float],
        max_grad_norm: Float | None,
        # Epochs and minibatches.
        batch_size: Int | Literal["auto"],
        max_iter: Int,
        tol: Float,
        n_iter_no_change: Float,
        shuffle: Bool,
        random_state: RandomState,
        warm_start: Bool,
        verbose: Bool | Int,
        # Validation.
        early_stopping: Bool,
        validation_fraction: Float | Splitter,
        scoring: Scoring,
        return_train_score: Bool,
        refit_all: Bool,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.input_scaling = input_scaling
        self.parametrization = parametrization
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
        self.return_train_score = return_train_score
        self.refit_all = refit_all

    def set_params(self: _Estimator, **params: Any) -> _Estimator:
        """Set parameters of the estimator, or of objects among its parameters.

        Parameters
        ----------
        **params : dict
            Values by name; ``solver__momentum=0.5`` sets that of a solver object.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter or no such object.
        """
        check_nested(self, params)
        return super().set_params(**params)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickle; parameters that it lacks were added later."""
        super().__setstate__(state)
        for name, default in _defaults(type(self)).items():
            vars(self).setdefault(name, default)

    # What classifier and regressor do differently.

    @abstractmethod
    def _encode(self, y: Array, dtype: Any, fit: Fit) -> Array:
        """Check y, set its attributes, and return it encoded, in its own unit."""

    @abstractmethod
    def _task(self, Y: Array) -> tuple[Loss, int]:
        """Return the loss and the number of raw outputs."""

    @abstractmethod
    def _strata(self, Y: Array) -> Array | None:
        """Return each row's label for a stratified split, None for a plain one."""

    @abstractmethod
    def _encode_further(self, y: Array, dtype: Any, name: str = "y_val") -> Array:
        """Check targets of further rows; return them encoded, in their own unit.

        They have the form and the classes of those that set the attributes. The name
        is that in messages.
        """

    @abstractmethod
    def _decode(self, Y: Array) -> Any:
        """Return encoded targets in the form of y."""

    @abstractmethod
    def _default_score(self, Y: Array, w: Array | None) -> Score:
        """Return the score that ``scoring=None`` stands for."""

    @property
    def _has_constant_targets(self) -> bool:
        """Whether all targets are constant, so that there is nothing to learn."""
        return False

    def _class_weights(
        self, Y: Array, whole: bool, counts: list[Array] | None = None
    ) -> Callable[[Array], list[Array]] | None:
        """Return a function from targets to factors of each row's weight, None for 1.

        ``whole`` is True if Y stands for all targets of the training. ``counts`` are
        the numbers of rows of each class, per column of labels; by default those in Y.
        """
        return None

    def _set_target_scaling(
        self, Y: Array, moments: Callable[[], Moments], fit: Fit
    ) -> None:
        """Set the scaling of the targets, if any.

        Y has targets of rows trained on; the function returns the moments of them all.
        """

    def _network_targets(self, Y: Array, dtype: Any, w: Array | None) -> Array:
        """Return the network's targets for encoded targets; w are the row weights."""
        return Y

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
        X_val: Data = None,
        y_val: Data = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> _Estimator:
        """Fit the network to the data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows. float32 stays float32; anything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; None gives all the same weight.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, for a splitter such as ``GroupShuffleSplit`` as
            ``validation_fraction``. With metadata routing, request them by
            ``set_fit_request(groups=True)``; otherwise only the splitter of a search
            gets them.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation rows of your own; training then uses all rows of ``X``. With
            ``early_stopping``, they decide when training stops and which weights are
            kept. Without, they are only monitored: their loss and scores are in
            ``history_``, and the model is the same as without them (unless the schedule
            monitors their loss, see `skoptnet.Plateau`). They are not copied. In a
            `sklearn.pipeline.Pipeline`, metadata routing and
            ``transform_input=["X_val"]`` transform them like ``X``.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of the validation rows.
        sample_weight_val : array-like of shape (n_val,), default=None
            Non-negative weights of the validation rows, for their loss and scores.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, or if training diverges before an
            epoch is better than the untrained network. The estimator is then as it was
            before the call.

        Warns
        -----
        ConvergenceWarning
            If training reached ``max_iter`` before it converged (unless the schedule
            ends there), diverged, or ended far above its lowest loss, or if the network
            predicts its training rows no better than a constant. The estimator is
            fitted in each case.
        UserWarning
            If parameters were set that have no effect, such as ``momentum`` with
            ``solver="adam"`` (one warning names them all), or if the validation data
            seem to be in other units than the training data.
        """
        has_callbacks = begin_callbacks(self, self.max_iter)
        own = OwnData(X_val, y_val, sample_weight_val, groups)
        Fit(self, has_callbacks=has_callbacks).run_on(X, y, sample_weight, own)
        return self

    @explains_names
    @with_callbacks
    def fit_blocks(
        self: _Estimator,
        blocks: Blocks,
        *,
        blocks_in_memory: Int = 4,
        X_val: Data = None,
        y_val: Data = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> _Estimator:
        """Fit the network to blocks of rows that need not fit into memory together.

        Every epoch reads the blocks again. With ``shuffle=False``, the minibatches are
        those of `fit` on all rows in order, also where they span several blocks, and so
        is the model: bit for bit, except for sums over all rows, which are added up
        block by block. These are the gradient of a minibatch that has all rows
        (``solver="gd"``), the sum of sample or class weights, and mean and deviation of
        a regressor's targets (``normalize_y=True``); they may differ in the last bits.

        With ``shuffle=True``, every epoch takes the blocks in another order, if the
        source has ``__len__`` and ``__getitem__``, and shuffles the rows of
        ``blocks_in_memory`` consecutive blocks together (CorgiPile, `Xu et al., 2022
        <https://doi.org/10.1145/3514221.3526150>`__). ``random_state`` and the number
        of the epoch determine the order.

        Parameters
        ----------
        blocks : iterable of tuples, or callable that returns an iterator
            Tuples (X, y) or (X, y, sample_weight) of data that `fit` takes, in blocks
            of any number of rows. An object whose ``iter()`` starts again each time,
            such as a list, `ArrayBlocks` or `ParquetBlocks`, or a function that returns
            a new iterator. Each pass must have the same rows in the same order. A first
            pass, or two with ``class_weight``, checks all blocks before training.
        blocks_in_memory : int > 0, default=4
            Number of blocks whose rows are shuffled together. Training holds these
            rows, the block that is being read and one minibatch. With
            ``shuffle=False`` it holds one block, the block that is being read and one
            minibatch.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Validation rows of your own, as for `fit`. If ``early_stopping`` gets none,
            it holds out each row with the probability ``validation_fraction``, without
            stratification, and keeps these rows in memory.
        y_val, sample_weight_val : array-like, default=None
            Targets and weights of the validation rows.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If ``blocks`` is an iterator, which ends after one pass, or a block is not a
            tuple.
        ValueError
            As from `fit`, with the number of the block; if a later pass has other
            numbers of rows or other classes (the estimator then keeps the model of the
            last epoch); or with ``solver="lbfgs"``, ``refit_all``,
            ``return_train_score`` or a splitter as ``validation_fraction``.

        Warns
        -----
        ConvergenceWarning, UserWarning
            As from `fit`.

        See Also
        --------
        skoptnet.ArrayBlocks : Blocks of arrays, such as memory maps.
        skoptnet.ParquetBlocks : Blocks of Parquet files.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skoptnet import ArrayBlocks, MLPClassifierX
        >>> X, y = load_digits(return_X_y=True)
        >>> settings = {"lr_schedule": "cosine", "max_iter": 30, "random_state": 0}
        >>> model = MLPClassifierX((20,), shuffle=False, **settings)
        >>> blocks = ArrayBlocks(X / 16, y, n_rows=500)
        >>> losses = model.fit_blocks(blocks).loss_curve_
        >>> model.fit(X / 16, y).loss_curve_ == losses
        True
        """
        check_value(self, "blocks_in_memory", blocks_in_memory, COUNT)
        has_callbacks = begin_callbacks(self, self.max_iter)
        own = OwnData(X_val, y_val, sample_weight_val)
        fit = BlocksFit(self, int(blocks_in_memory), has_callbacks)
        fit.run_on(blocks, None, None, own)
        return self

    def summary(self) -> Summary:
        """Return a summary of the fitted model.

        It shows the layers with their shapes and numbers of parameters, the solver with
        its learning rate and schedule, the regularisation, the losses, and why training
        ended. Parameters are those of the last fit.

        Returns
        -------
        Summary
            ``print`` shows it as text, a notebook as tables. Its attribute ``layers``
            is ready for `pandas.DataFrame`; ``to_dict()`` returns all entries.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skoptnet import MLPClassifierX
        >>> model = MLPClassifierX((20,), solver="lbfgs", random_state=0)
        >>> summary = model.fit(*load_iris(return_X_y=True)).summary()
        >>> summary.n_parameters
        163
        >>> summary.layers["layer"], summary.layers["activation"]
        (['hidden 1', 'output'], ['relu', 'softmax'])
        >>> print(summary.training["end"])
        L-BFGS converged.
        """
        check_is_fitted(self)
        return Summary(self)

    def _check_parameters(self) -> Parts:
        """Check the parameters; return the objects that they stand for."""
        check_params(self)
        check_scorers(self)
        hidden = layer_tuple(self)
        activations = activation_tuple(self, len(hidden))
        schedule = self._part(as_schedule(self.lr_schedule), SCHEDULES)
        schedule.check()
        dropout = dropout_tuple(self, len(hidden))
        if isinstance(self.solver, str) and self.solver == "lbfgs":
            check_for_lbfgs(self, dropout)
            lbfgs = LBFGS(int(self.max_fun))
            return Parts(hidden, activations, dropout, lbfgs, schedule)
        optimizer = self._part(self.solver, OPTIMIZERS)
        optimizer.check()
        return Parts(hidden, activations, dropout, optimizer, schedule)

    def _part(self, given: Any, registry: dict[str, type]) -> Any:
        """Return the object that a name stands for, or a copy of an object.

        An object chosen by name gets the parameters of the estimator that it reads;
        None leaves its own default.
        """
        if not isinstance(given, str):
            return with_plain_numbers(copy(given))
        part = registry[given]()
        for name in part.reads:
            value = getattr(self, name)
            if value is not None:
                setattr(part, name, value)
        return with_plain_numbers(part)


@cache
def _defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of the constructor parameters of a class."""
    given = signature(kind).parameters.values()
    return {p.name: p.default for p in given if p.default is not p.empty}
