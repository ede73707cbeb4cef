"""What one call trains, how parameters go into it, and what it leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

from .._types import Array
from ..network import Network
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..training import LBFGS, Diverged, Outcome, Run, TrainingSet, Watcher, train
from .convergence_warnings import warn
from .inputs import dropout_tuple, with_class_weights, with_unit_mean_weights
from .validation import Score, ScorerScore, Validation, negative_loss
from .verbose import progress_watchers

#: Rows per update when ``batch_size="auto"``, at most.
_AUTO_BATCH = 200


def initial_rate(model: Any, optimizer: Optimizer | LBFGS) -> float | None:
    """Return the rate before the schedule, None where there are no rates."""
    if isinstance(optimizer, LBFGS):
        return None
    auto = isinstance(model.learning_rate_init, str)
    return float(optimizer.default_learning_rate if auto else model.learning_rate_init)


class Job:
    """One training of an estimator.

    Parameters
    ----------
    model : MLP
        The estimator; its parameters have been checked.
    network : Network
        The network, as yet without a penalty.
    optimizer : Optimizer or LBFGS
        The solver.
    schedule : Schedule
        The schedule of its rates.
    run : Run
        What is trained.

    Attributes
    ----------
    begun_at : int
        Epochs that the run had behind it.
    initial_rate : float or None
        The rate before the schedule, None where there are no rates.
    """

    def __init__(
        self,
        model: Any,
        network: Network,
        optimizer: Optimizer | LBFGS,
        schedule: Schedule,
        run: Run,
    ):
        self.model, self.network, self.run = model, network, run
        self.optimizer, self.schedule = optimizer, schedule
        self.begun_at = run.epoch
        self.initial_rate = initial_rate(model, optimizer)

    def validation(
        self, held_out: TrainingSet, by_class: Callable[[Array], Array] | None
    ) -> Validation:
        """Return what looks at held-out rows after each epoch."""
        weighted_rows = with_class_weights(held_out, by_class, "validation")
        score = self.score(held_out, weighted_rows)
        return Validation(self.network, weighted_rows, score)

    def score(self, data: TrainingSet, by_class: TrainingSet) -> Score:
        """Return the score of the held-out rows that ``scoring`` asks for.

        The default looks at them as training does, with class weights; a scorer is
        called as its user would call it.
        """
        scoring, model = self.model.scoring, copy(self.model)
        if scoring is None:
            return model._default_score(by_class.own(by_class.Y), by_class.own_weights)
        if isinstance(scoring, str) and scoring == "loss":
            return negative_loss
        # Held-out rows are arrays by now, without the names that were checked.
        model.__dict__.pop("feature_names_in_", None)
        model._hold(self.network, self.run)
        X, y = data.own(data.X), model._decode(data.own(data.Y))
        return ScorerScore(scoring, model, X, y, data.own_weights)

    def train(
        self,
        data: TrainingSet,
        *,
        max_epochs: int,
        planned_epochs: int,
        patience: float,
        judge_anew: bool = True,
        validation_losses: Sequence[float] = (),
        validate: Validation | None = None,
        watchers: Sequence[Watcher] = (),
        plateaus: Collection[int] = (),
    ) -> Outcome:
        """Train the run, with what the model's parameters say."""
        model = self.model
        data, total_weight = with_unit_mean_weights(data)
        penalty, l1_ratio = float(model.alpha) / total_weight, float(model.l1_ratio)
        self.network = replace(self.network, l2=penalty * (1 - l1_ratio))
        with progress_watchers(model.verbose, self.run.epoch, max_epochs) as lines:
            watched: dict[str, Any] = {
                "tol": model.tol,
                "patience": patience,
                "validate": validate,
                "watchers": [*lines, *watchers],
            }
            if isinstance(self.optimizer, LBFGS):
                return self.optimizer.minimize(
                    self.network, self.run, data,
                    max_iterations=int(max_epochs), **watched,
                )  # fmt: skip
            assert self.initial_rate is not None
            return train(
                self.network,
                self.optimizer,
                self.schedule,
                self.run,
                data,
                learning_rate=self.initial_rate,
                batch_size=self.rows_per_update(),
                shuffle=model.shuffle,
                max_epochs=max_epochs,
                planned_epochs=int(planned_epochs),
                validation_losses=validation_losses,
                judge_anew=judge_anew,
                max_grad_norm=model.max_grad_norm and float(model.max_grad_norm),
                dropout=dropout_tuple(model),
                l1=penalty * l1_ratio,
                plateaus=plateaus,
                **watched,
            )

    def repeat(self, data: TrainingSet, validated: Outcome) -> None:
        """Train a new run on all rows, for as many epochs as were best before.

        The schedule has the same plan and the validation losses of the training before,
        and the plateaus of that count, so that the rates are the same.
        What the first training tells, of its curves and its end, stays. Where the
        second does not get to its end, the model stays that of the first, too.
        """
        model = self.model
        try:
            reason = self.train(
                data,
                max_epochs=validated.kept_epoch,
                planned_epochs=model.max_iter,
                patience=math.inf,
                validation_losses=model.history_["validation_loss"],
                plateaus=validated.plateaus,
            ).reason
        except Diverged:
            reason = "diverged"
        except KeyboardInterrupt:
            reason = "interrupted"
        if reason in ("max_iter", "converged"):
            model._hold(self.network, self.run)
            model.loss_, model.t_ = self.run.history["loss"][-1], self.run.samples
            return
        model.stop_reason_ = reason
        warn(
            f"With refit_all=True, training on all rows ended early ({reason}). The"
            " model is the one that was validated, trained without the rows held out."
        )

    def rows_per_update(self) -> int:
        """Return the number of rows of a minibatch."""
        size = self.model.batch_size
        return _AUTO_BATCH if isinstance(size, str) else int(size)

    def named(self) -> str:
        """Return what tells one candidate of a search from another."""
        solver = f"solver={self.model.solver!r}"
        if self.initial_rate is None:
            return solver
        return f"{solver} at learning rate {self.initial_rate:g}"

    def keep(self, outcome: Outcome) -> None:
        """Set the fitted attributes of the model."""
        self.model._hold(self.network, self.run)
        vars(self.model).update(self.results(outcome))

    def keep_failed(self) -> None:
        """Set them as of the last finished epoch, after an error."""
        scores = self.run.history.get("validation_score", [math.nan])
        self.keep(Outcome("failed", scores[-1], kept_epoch=self.run.epoch))

    def results(self, outcome: Outcome) -> dict[str, Any]:
        """Return what tells of the training, by name of the attribute."""
        run, watched = self.run, self.model.early_stopping
        losses = run.history["loss"]
        return {
            "learning_rate_": self.initial_rate,
            "stop_reason_": outcome.reason,
            "n_iter_": run.epoch - self.begun_at,
            "t_": run.samples,
            "history_": run.history,
            "loss_curve_": losses,
            "loss_": losses[outcome.kept_epoch - 1],
            "best_loss_": None if watched else min(losses),
            "validation_scores_": run.history["validation_score"] if watched else None,
            "best_validation_score_": outcome.best if watched else None,
            "best_epoch_": outcome.kept_epoch if watched else None,
        }

    def so_far(self) -> dict[str, Any]:
        """Return the attributes as if training had ended with the weights of now.

        They share nothing with those of the training that goes on.
        """
        history = {name: list(values) for name, values in self.run.history.items()}
        run = self.run.handed_to(self.optimizer, self.network.xp)
        job, model = copy(self), copy(self.model)
        job.model = model
        job.run = replace(run, rng=deepcopy(run.rng), history=history)
        score = history.get("validation_score", [math.nan])[-1]
        job.keep(Outcome("callback", score, kept_epoch=run.epoch))
        return dict(vars(model))
