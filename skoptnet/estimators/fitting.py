"""Fitting: one call of `fit` or `partial_fit`, from rows to fitted attributes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from .._types import Array
from ..compiled import readable
from ..network import Network
from ..parametrizations import PARAMETRIZATIONS
from ..training import (
    LBFGS,
    Diverged,
    Outcome,
    Plan,
    Replay,
    Run,
    TrainingSet,
    Watcher,
    train,
)
from .baseline import failure_of
from .continuation import require_finite, require_same_layout
from .convergence_warnings import (
    is_ignored,
    message_of_divergence,
    named,
    warn,
    warn_of_end,
)
from .inputs import check_memory, check_range, read
from .parts import Parts, initial_rate
from .prediction import CURVES, IN_TRAINING, network_attributes
from .sample_weights import (
    checked_weights,
    with_row_weights,
    with_unit_mean_weights,
)
from .sklearn_callbacks import Callbacks
from .summary import settings_of
from .target_scaling import Moments
from .unused import warn_of_unused
from .validation import (
    AllMetrics,
    Metrics,
    OutputsAndLoss,
    OwnData,
    best_validation,
    check_for_validation,
    check_settings,
    scores_of,
)
from .validation_split import Given, split
from .validation_units import UnitCheck
from .verbose import end, progress_watchers
from .weights import Weights

if TYPE_CHECKING:
    from .stages import Stage

# The most initial weights that are kept during a fit, 512 KiB.
_FEW_WEIGHTS = 2**16

#: Maximum number of rows per update for ``batch_size="auto"``.
AUTO_BATCH = 200


def batch_size_of(model: Any) -> int:
    """Return the maximum number of rows per update."""
    size = model.batch_size
    return AUTO_BATCH if isinstance(size, str) else int(size)


def fit_watched(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    watch: Callable[[Fit], Watcher],
) -> None:
    """Fit an estimator while a watcher follows the training.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        The estimator.
    X, y, sample_weight
        As for ``fit``.
    watch : callable
        Called with the `Fit` just before training; returns the watcher.
    """
    Fit(estimator, watch=watch).run_on(X, y, sample_weight)


class Fit:
    """One call of `fit` or `partial_fit` of an estimator.

    The call sets attributes of a twin of the estimator. Once there is a model to keep,
    a single assignment gives them to the estimator itself. So a call that fails, or is
    interrupted at any moment, leaves the estimator as it was.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        The estimator.
    partial : bool
        Whether this is `partial_fit`.
    classes : array-like or None
        The argument of `partial_fit`.
    has_callbacks : bool
        Whether callbacks are set on the estimator.
    watch : callable, optional
        See `fit_watched`.
    stage : Stage, optional
        The part of the fit to run; None is all of it.

    Attributes
    ----------
    model : estimator
        The twin.
    attributes_before : set of str
        The names of the estimator's attributes before the call.
    run_before : Run or None
        The run of a fitted estimator.
    resumes : bool
        Whether the call runs a later stage of a fit.
    continues : bool
        Whether the call continues from a fitted network.
    name : str
        The name of the call in messages, if it continues.
    parts : Parts
        The objects that the parameters stand for.
    by_class : callable or None
        Function from targets to the class weights of each row, as arrays to multiply;
        None without class weights.
    run : Run
        The run that is trained.
    started_at : int
        Number of epochs before the call; in a later stage, before the first stage.
    data : TrainingSet
        The rows to train on, with their final weights: the product of sample and class
        weights, scaled to a mean of 1.
    total_weight : float
        The sum of the products before scaling.
    network : Network
        The network; from `_set_rows` on, with its L2 penalty.
    l1 : float
        The strength of its L1 penalty.
    drawn : tuple
        A new run's initial weights, if they are few, or the state of the random number
        generator before they were drawn; the other one is None.
    validates : bool
        Whether there are validation rows.
    """

    parts: Parts
    by_class: Callable[[Array], list[Array]] | None
    run: Run
    data: TrainingSet
    total_weight: float
    network: Network
    drawn: tuple[Array | None, Any]
    validates: bool

    def __init__(
        self,
        estimator: Any,
        *,
        partial: bool = False,
        classes: Any = None,
        has_callbacks: bool = False,
        watch: Callable[[Fit], Watcher] | None = None,
        stage: Stage | None = None,
    ):
        self.estimator, self.model = estimator, _twin(estimator)
        self.attributes_before = set(vars(estimator))
        self.partial, self.classes = partial, classes
        self.has_callbacks, self.watch, self.stage = has_callbacks, watch, stage
        is_fitted = estimator.__sklearn_is_fitted__()
        self.resumes = bool(stage and is_fitted and estimator._run.paused is not None)
        self.continues = self.resumes or (
            is_fitted and (partial or estimator.warm_start)
        )
        self.name = "partial_fit" if partial else "fit with warm_start=True"
        self.run_before: Run | None = estimator._run if is_fitted else None

    def run_on(
        self, X: Any, y: Any, sample_weight: Any = None, own: OwnData | None = None
    ) -> None:
        """Fit the estimator to data.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        own : OwnData, optional
            The validation data passed to ``fit``.
        """
        before = self.run_before
        if before:
            before.restore_random_state()
            if not self.partial:
                before.note_random_state()
        try:
            self._fit(X, y, sample_weight, own or OwnData())
        except BaseException:
            if before and vars(self.estimator).get("_run") is before:
                before.restore_random_state()
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any, own: OwnData) -> None:
        model = self.model
        self.parts = model._check_parameters()
        if not self.partial:
            check_settings(model, own)
        if not (self.partial or self.resumes):
            warn_of_unused(model, self.parts, own)
        if not isinstance(self.parts.optimizer, LBFGS):
            check_for_validation(model, self.parts.schedule, own)
        whole, held_out = self._read(X, y, sample_weight, own)
        rng = self._rng()
        refits = model.refit_all and model.early_stopping
        rng_again = deepcopy(rng) if refits else None
        self._start(whole, rng)
        data = whole
        if model.early_stopping and held_out is None:
            data, held_out = self._split(whole, Given(X, y, own.groups), rng)
        self._set_rows(data)
        measure = self._metrics(data, held_out)
        callbacks = self._callbacks(X, y, sample_weight, data.rows)
        checks = [UnitCheck(model, data, held_out)] if own.given and held_out else []
        outcome = self._train(self._plan(), measure, [*callbacks, *checks])
        losses = self.run.history.values("loss", self.run.epoch, self.started_at)
        self.keep(outcome)
        if rng_again and outcome.reason not in ("diverged", "interrupted"):
            self._refit_all(whole, rng_again, outcome)
        for callback in callbacks:
            callback.after_fit()
        self._warn(outcome, losses)
        if self.partial and outcome.reason == "interrupted":
            raise KeyboardInterrupt

    def _rng(self) -> np.random.RandomState:
        """Return the generator of the random numbers of this call."""
        if self.continues and self.run_before:
            return self.run_before.rng
        return check_random_state(self.model.random_state)

    def _warn(self, outcome: Outcome, losses: list[float]) -> None:
        """Warn if training did not end as planned, or the network has not learnt."""
        model = self.model
        # Not run.epoch: after refit_all, it counts those of the second training.
        epochs = self.started_at + model.n_iter_
        is_planned = model.n_iter_no_change >= model.max_iter or (
            self.parts.schedule.ends_as_planned(epochs)
        )
        if self.stage:
            expected = {self.stage.reason, "max_iter"}
            if self.stage.reason == "paused":  # the search warns of its own end
                expected.add("interrupted")
            if outcome.reason in expected:
                return
        if is_ignored() and outcome.reason != "interrupted":
            return  # the reasons take time to find
        ended = outcome.reason not in ("interrupted", "failed", "partial_fit")
        failure = failure_of(self, outcome, losses) if ended else ""
        warn_of_end(self.estimator, outcome, losses, failure, is_planned=is_planned)

    # Reading.

    def _read(
        self, X: Any, y: Any, sample_weight: Any, own: OwnData
    ) -> tuple[TrainingSet, TrainingSet | None]:
        """Return the rows, and the validation rows passed to ``fit``, if any."""
        model = self.model
        before = self.run_before if self.continues else None
        # Converting order and dtype one after the other would copy X twice.
        to_float32 = before is not None and before.theta.dtype == np.float32
        order = None if to_float32 else "C"
        X, y = read(model, X, y, order=order, reset=not self.continues)
        dtype = before.theta.dtype if before else X.dtype
        check_range(X, dtype, "X")
        X = readable(X, dtype)
        w = checked_weights(sample_weight, X)
        Y = model._encode(y, X.dtype, self)
        self._set_network(Y)
        held_out = self.read_held_out(own, X.dtype) if own.given else None
        self.by_class = model._class_weights(Y, whole=not self.partial)
        return TrainingSet(X, Y, w), held_out

    def _set_network(self, Y: Array) -> None:
        """Set the network for encoded targets, before the penalty is known."""
        model = self.model
        loss, model.n_outputs_ = model._task(Y)
        self.network = Network(
            (model.n_features_in_, *self.parts.hidden_layer_sizes, model.n_outputs_),
            self.parts.activations,
            loss,
            input_scaling=bool(model.input_scaling),
            parametrization=PARAMETRIZATIONS[model.parametrization](),
        )

    def read_held_out(self, own: OwnData, dtype: Any) -> TrainingSet:
        """Check validation rows; X_val is not copied."""
        try:
            X, y = read(self.model, own.X, own.y, reset=False)
            check_range(X, dtype, "X_val")
            Y = self.model._encode_further(y, dtype)
        except ValueError as error:
            raise ValueError(f"X_val and y_val cannot be used: {error}") from error
        w = checked_weights(own.w, X, "sample_weight_val", use="score")
        return TrainingSet(X, Y, w)

    def _start(self, whole: TrainingSet, rng: np.random.RandomState) -> None:
        """Set the run: a new one with initial weights, or one that continues."""
        before = self.run_before
        if not (self.continues and before):
            vars(self.model).pop("_split_state", None)
            self.run = self._new_run(whole, rng)
        else:
            fitted = self.model._network
            require_same_layout(self.network, fitted, self.name)
            require_finite(fitted, before.theta, self.name)
            go_on = before.resumed if self.resumes else before.continued
            self.run = go_on(self.parts.optimizer, np)
        self.started_at = self.run.epoch - (self.model.n_iter_ if self.resumes else 0)

    def _new_run(self, whole: TrainingSet, rng: np.random.RandomState) -> Run:
        memory = getattr(self.parts.optimizer, "memory", ())
        n_bytes = whole.X.dtype.itemsize * (2 + len(memory))  # theta and its gradient
        check_memory(self.model, self.network, n_bytes)
        is_small = self.network.n_parameters <= _FEW_WEIGHTS
        state = None if is_small else rng.get_state()  # takes as long as an epoch
        theta = self.network.draw(rng, whole.X.dtype)
        self.drawn = theta.copy() if is_small else None, state
        return Run.new(theta, self.parts.optimizer, rng, np)

    def untrained(self) -> Array:
        """Return the initial weights of a new run, drawn again if they are many."""
        weights, state = self.drawn
        if weights is not None:
            return weights
        rng = np.random.RandomState()
        rng.set_state(state)
        return self.network.draw(rng, self.run.theta.dtype)

    def _split(
        self, whole: TrainingSet, given: Given, rng: np.random.RandomState
    ) -> tuple[TrainingSet, TrainingSet]:
        """Return training and validation rows.

        A warm start repeats the split of the first fit: with the same number of rows,
        it holds out the same ones, so none of them has been trained on.
        """
        model = self.model
        if hasattr(model, "_split_state"):
            rng = np.random.RandomState()
            rng.set_state(model._split_state)
        else:
            model._split_state = rng.get_state()
        strata = model._strata(whole.Y)
        return split(whole, model.validation_fraction, given, strata, rng)

    def _set_rows(self, data: TrainingSet) -> None:
        """Set the rows to train on, with final weights and targets, and the penalty.

        The network's penalty is divided by the sum of their weights.
        """
        model = self.model
        data = with_row_weights(data, self.by_class, "training")
        Y, w = data.select(data.Y), data.weights
        model._set_target_scaling(Y, lambda: Moments.of(Y, w), self)
        self.data, self.total_weight = with_unit_mean_weights(
            self._in_trained_unit(data)
        )
        self._set_penalty()

    def _set_penalty(self) -> None:
        """Divide the penalty by the sum of the weights of the rows."""
        model = self.model
        penalty = float(model.alpha) / self.total_weight
        self.l1 = penalty * float(model.l1_ratio)
        l2 = penalty * (1 - float(model.l1_ratio))
        self.network = replace(self.network, l2=l2)

    def _metrics(
        self, training: TrainingSet, held_out: TrainingSet | None
    ) -> Metrics | AllMetrics | None:
        """Return the function that computes metrics, None if there are none."""
        self.validates = held_out is not None
        parts = []
        if self.model.return_train_score:
            parts.append(self._metrics_of("train", training))
        if held_out is not None:
            parts.append(self._metrics_of("validation", held_out))
        if len(parts) < 2:
            return parts[0] if parts else None
        return AllMetrics(parts)

    def _metrics_of(self, part: str, data: TrainingSet) -> Metrics:
        """Return the function that computes loss and scores of some rows.

        The loss and the estimator's own score apply class weights, and are in the unit
        of the network's targets, as in training. A scorer gets sample weights only, and
        targets in the unit of y, as its user would pass them.
        """
        weighted = self.weighted(data, part)
        # Without class weights, for scorers.
        data = with_row_weights(data, None, part)
        scores = scores_of(
            self.model, data, weighted, self.network, self.run,
            decides=self.model.early_stopping and part == "validation",
        )  # fmt: skip
        return Metrics(part, self.outputs_and_loss(weighted), scores)

    def outputs_and_loss(self, weighted: TrainingSet) -> OutputsAndLoss:
        """Return the outputs and the loss of rows that have weights in the loss."""
        return OutputsAndLoss(self.network, weighted, self.run.theta.dtype)

    def weighted(self, data: TrainingSet, part: str) -> TrainingSet:
        """Return rows with the weights and targets of the loss; ``part`` names them."""
        return self._in_trained_unit(with_row_weights(data, self.by_class, part))

    def _in_trained_unit(self, data: TrainingSet) -> TrainingSet:
        """Return the rows with the network's targets."""
        Y = self.model._network_targets(data.Y, data.X.dtype, data.w)
        return replace(data, Y=Y)

    # Training.

    @cached_property
    def initial_rate(self) -> float | None:
        """The initial learning rate, None for L-BFGS."""
        return initial_rate(self.model, self.parts.optimizer)

    @property
    def _shorter_stage(self) -> Stage | None:
        """The stage of this call if it ends before ``max_iter``."""
        stage = self.stage
        return stage if stage and stage.epoch < self.model.max_iter else None

    @property
    def training_set(self) -> TrainingSet:
        """The rows to train on, all of which ``data`` has in memory."""
        return self.data

    def _plan(self) -> Plan:
        model, rate, partial = self.model, self.initial_rate, self.partial
        norm = model.max_grad_norm
        max_iter = int(model.max_iter)
        last = 1 if partial else max_iter
        stage = self._shorter_stage
        if stage:
            last = stage.epoch
        return Plan(
            learning_rate=math.nan if rate is None else rate,
            batch_size=batch_size_of(model),
            max_epochs=last - (self.run.epoch - self.started_at),
            tol=model.tol,
            patience=model.n_iter_no_change,
            shuffle=model.shuffle,
            max_grad_norm=None if norm is None else float(norm),
            dropout=self.parts.dropout,
            l1=self.l1,
            planned_epochs=max_iter + (0 if partial else self.started_at),
            early_stopping=bool(model.early_stopping),
            new_call=not partial,
            pauses=stage is not None and stage.reason == "paused",
            resumes=self.resumes,
        )

    def _callbacks(self, X: Any, y: Any, w: Any, rows: Array | None) -> list[Callbacks]:
        """Return the watcher that notifies the estimator's callbacks, if any."""
        if not self.has_callbacks:
            return []
        theta = self.run.theta
        before, shown = theta.copy(), theta.view()
        if isinstance(self.parts.optimizer, LBFGS):  # it keeps a copy of its own
            shown.flags.writeable = False
        weights = Weights(self.network, shown, in_training=True)
        callbacks = Callbacks(self.estimator, X, y, w, rows, self.so_far, weights)
        callbacks.before_fit()
        self.parts.optimizer.follow(self.run.state, theta, before)
        return [callbacks]

    def _train(
        self,
        plan: Plan,
        measure: Metrics | AllMetrics | None,
        watchers: Sequence[Watcher],
    ) -> Outcome:
        """Train; after an error, keep the model of the last finished epoch."""
        further = [self.watch(self)] if self.watch else []
        try:
            outcome = self._by_solver(plan, measure, [*watchers, *further])
        except Diverged:
            raise ValueError(
                message_of_divergence(
                    self.data, self.model, self.named(), self.run.epoch + 1
                )
            ) from None
        except BaseException as error:
            ended = self.run.epoch > self.started_at
            if ended and not isinstance(error, KeyboardInterrupt):
                score = self.run.metric("validation_score")
                self.keep(Outcome("failed", score, kept_epoch=self.run.epoch))
            raise
        if self.partial and outcome.reason in ("max_iter", "converged"):
            outcome.reason = "partial_fit"
        stage = self._shorter_stage
        if stage and outcome.reason == "max_iter":
            outcome.reason = stage.reason
        return outcome

    def _by_solver(
        self,
        plan: Plan,
        measure: Metrics | AllMetrics | None = None,
        watchers: Sequence[Watcher] = (),
        title: str = "",
    ) -> Outcome:
        run, optimizer, network = self.run, self.parts.optimizer, self.network
        with progress_watchers(
            self.model.verbose, run.epoch, plan.max_epochs,
            partial=self.partial, title=title,
        ) as displays:  # fmt: skip
            options: Any = {"measure": measure, "watchers": [*displays, *watchers]}
            if isinstance(optimizer, LBFGS):
                outcome = optimizer.minimize(network, run, self.data, plan, **options)
            else:
                outcome = train(
                    network, optimizer, self.parts.schedule,
                    run, self.training_set, plan, **options,
                )  # fmt: skip
            for display in displays:
                end(display, outcome.reason, run.history.at(outcome.kept_epoch))
        return outcome

    def _refit_all(
        self, whole: TrainingSet, rng: np.random.RandomState, validated: Outcome
    ) -> None:
        """Train a new run on all rows, for as many epochs as the best epoch's number.

        Learning rates are those of the first training, and so are the attributes that
        describe its curves and its end. If the second training ends early, the first
        model is kept, too.
        """
        first, n_epochs = dict(vars(self.model)), validated.kept_epoch
        call = dict(vars(self))
        curves = self.run.history, self.run.epoch
        losses = self.run.metrics()["validation_loss"]
        plateaus = tuple(e for e in self.run.stopping.plateaus if e <= n_epochs)
        schedule = Replay(self.parts.schedule, plateaus, losses)
        self.parts = self.parts._replace(schedule=schedule)
        self.run = self._new_run(whole, rng)
        self._set_rows(whole)
        plan = replace(
            self._plan(), max_epochs=n_epochs, patience=math.inf, early_stopping=False
        )
        try:
            reason = self._by_solver(plan, title="refit").reason
        except Diverged:
            reason = "diverged"
        except KeyboardInterrupt:
            reason = "interrupted"
        if reason in ("max_iter", "converged"):
            self.run.stopping.plateaus = plateaus
            vars(self.model).update(
                network_attributes(self.network, self.run),
                loss_=self.run.metric("loss"),
                _history=curves,
                t_=self.run.samples,
            )
            self._publish()
            return
        vars(self).update(call)
        vars(self.model).update(first, stop_reason_=reason)
        self._publish()
        warn(
            f"With refit_all=True, training on all rows ended early ({reason}). The"
            " model of the first training is kept, which did not use the validation"
            " rows."
        )

    def named(self) -> str:
        """Return solver and learning rate, which identify a candidate of a search."""
        return named(self.model, self.initial_rate)

    # Keeping.

    def keep(self, outcome: Outcome) -> None:
        """Give the estimator its fitted attributes."""
        vars(self.model).update(self.results(self.run, outcome))
        self._publish()

    def _publish(self) -> None:
        """Give the estimator the fitted attributes of its twin, in one assignment."""
        new, parameters = vars(self.model), self.model._parameter_constraints
        kept = {
            name: value
            for name, value in vars(self.estimator).items()
            if name in parameters or name not in self.attributes_before
        }
        for name in (*CURVES, IN_TRAINING):  # they are of an earlier training
            kept.pop(name, None)
        fitted = {name: new[name] for name in new if name not in parameters}
        self.estimator.__dict__ = kept | fitted

    def results(self, run: Run, outcome: Outcome) -> dict[str, Any]:
        """Return the attributes that describe a run and its end."""
        best: tuple[float | None, int | None] = None, None
        if self.validates and self.model.early_stopping:
            best = outcome.best, outcome.kept_epoch
        elif self.validates:
            best = best_validation(run.history, run.epoch)
        return network_attributes(self.network, run) | {
            "_history": None,
            "_settings": settings_of(self.model, self.parts),
            "learning_rate_": self.initial_rate,
            "stop_reason_": outcome.reason,
            "n_iter_": run.epoch - self.started_at,
            "t_": run.samples,
            "loss_": run.metric("loss", outcome.kept_epoch),
            "best_validation_score_": best[0],
            "best_epoch_": best[1],
            "_kept_best": bool(self.model.early_stopping),
        }

    def fitted_so_far(self) -> Any:
        """Return a copy of the estimator as if training had ended now."""
        estimator = _twin(self.estimator)
        vars(estimator).update(self.so_far())
        return estimator

    def so_far(self) -> dict[str, Any]:
        """Return the estimator's attributes as if training had ended now.

        They share nothing with the training, which continues.
        """
        run = self.run.copy(self.parts.optimizer, self.network.xp)
        score = run.metric("validation_score")
        outcome = Outcome("callback", score, kept_epoch=run.epoch)
        return dict(vars(self.model)) | self.results(run, outcome)


def _twin(estimator: Any) -> Any:
    """Return an object of the same class with the same attributes."""
    twin = object.__new__(type(estimator))
    vars(twin).update(vars(estimator))
    for name in CURVES:  # a user may have set them
        vars(twin).pop(name, None)
    return twin
