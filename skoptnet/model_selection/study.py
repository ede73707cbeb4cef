"""The course of a search: rung by rung, trials are trained and candidates dropped."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from traceback import format_exc
from typing import Any

import joblib

from .._sklearn import SearchData, SearchTasks, check_refit, warn_of_failed_fits
from .alike import Course
from .epoch_scores import COLUMNS, Scoring
from .folds import Fold, Wrapping, fold_of
from .results import Row, last_best_epoch, snapshot, standing_of
from .rungs import FIRST_CHECK, Halving, Rung, checkpoints
from .stored import stored
from .trials import AllRows, Rows, Trial, advance
from .workers import Workers


class Study:
    """The candidates of a search and their trials.

    Parameters
    ----------
    search : EpochSearch
        The search; it is not changed.
    data : SearchData
        The rows.
    workers : Workers
        Run the trials.
    tasks : SearchTasks
        Notify the callbacks of the search.

    Attributes
    ----------
    candidates : list of dict
        The parameters of each candidate, over all brackets.
    trials : list of lists
        The trials of each candidate, one per fold.
    rows : list of Row
        The candidates of each rung at its end. After an interruption, the last rung has
        only those whose trials are complete.
    metric : str
        The name of the score that ranks the candidates.
    is_multimetric : bool
        Whether the scorer returns several scores.
    """

    def __init__(
        self, search: Any, data: SearchData, workers: Workers, tasks: SearchTasks
    ):
        self.search, self.data, self.workers, self.tasks = search, data, workers, tasks
        self.scoring = Scoring(
            data.scorer, search.error_score, search.return_train_score
        )
        self.candidates: list[dict[str, Any]] = []
        self.trials: list[list[Trial]] = []
        self.rows: list[Row] = []
        self.metric, self.is_multimetric = "score", False
        self._n_brackets = 0
        # By preprocessing setting and fold, the number of the shared rows, or the
        # traceback if preprocessing failed.
        self._shared: dict[tuple[str, int], int | str] = {}
        # The preprocessing setting and the course of each candidate.
        self._settings: list[str] = []
        self._courses: list[Course] = []

    def run(self, brackets: Sequence[tuple[list[dict[str, Any]], Halving]]) -> None:
        """Run all brackets; end with the results so far after Ctrl-C."""
        # Wrong names of parameters are refused before any training.
        numbers = [[self._add(params) for params in bracket] for bracket, _ in brackets]
        self._n_brackets = len(brackets)
        try:
            for bracket, (_, halving) in enumerate(brackets):
                self._run_bracket(bracket, numbers[bracket], halving)
        except KeyboardInterrupt:
            if not any(row.is_promotable for row in self.rows):
                raise
            warnings.warn(
                "The search was interrupted by the user. cv_results_ has the"
                f" {len(self.rows)} rows that were finished.",
                UserWarning,
                stacklevel=4,
            )
        self._warn_of_failures()

    def _run_bracket(self, bracket: int, numbers: list[int], halving: Halving) -> None:
        self._prepare(numbers)
        self._fail_without_rows(numbers)
        start = 0
        for iteration, rung in enumerate(halving.rungs):
            place = bracket, iteration
            self._print_rung(place, rung, numbers)
            try:
                self._train(numbers, start, rung.epochs)
            except KeyboardInterrupt:
                self._record(place, numbers, rung)
                raise
            self._record(place, numbers, rung)
            start = rung.epochs
            following = halving.rungs[iteration + 1 : iteration + 2]
            numbers = self._promote(
                numbers, following[0].n_candidates if following else 0
            )

    def _add(self, params: dict[str, Any]) -> int:
        """Add a candidate; return its number."""
        number, wrapping = len(self.candidates), self.search._wrapping_of(params)
        self.candidates.append(params)
        network = wrapping.network
        if network.early_stopping:  # a training on all rows of a fold is not scored
            network.set_params(refit_all=False)
        # L-BFGS starts again in each rung: it has to draw the same weights every time.
        if network.solver == "lbfgs" and network.random_state is None:
            network.set_params(random_state=number)
        folds = range(len(self.data.splits))
        self.trials.append([Trial(number, fold, network) for fold in folds])
        setting = _setting(wrapping, params, number)
        self._settings.append(setting)
        self._courses.append(Course(network, setting, number))
        return number

    def _prepare(self, numbers: list[int]) -> None:
        """Fit the steps before the networks, once per fold and setting."""
        waiting: dict[tuple[str, int], int] = {}
        for number in numbers:
            setting = self._settings[number]
            if setting == "":
                if not self._shared:
                    rows = AllRows(self.data, self.scoring.with_train)
                    self._shared["", 0] = self.workers.share(rows)
                continue
            for fold in range(len(self.data.splits)):
                if (setting, fold) not in self._shared:
                    waiting.setdefault((setting, fold), number)
        if not waiting:
            return
        shared, folder = self.workers.share(self.data), self.workers.folder
        n_before = len(self._shared)
        jobs = [
            (
                shared, self.search._wrapping_of(self.candidates[number]).estimator,
                fold, self.scoring, folder and folder / f"fold-{i}",
            )
            for i, ((_, fold), number) in enumerate(waiting.items(), n_before)
        ]  # fmt: skip
        keys = list(waiting)
        for i, fold in self.workers.run(prepared, jobs):
            self._shared[keys[i]] = (
                fold if isinstance(fold, str) else self.workers.share(fold)
            )

    def _fail_without_rows(self, numbers: list[int]) -> None:
        """End the trials in whose folds the steps before the network have failed."""
        for trial in (trial for number in numbers for trial in self.trials[number]):
            rows = self._rows_of(trial)
            if isinstance(rows, str):
                trial.reason, trial.error = "failed", rows

    def _train(self, numbers: list[int], start: int, end: int) -> None:
        """Train candidates in a rung; end those past their best on the way."""
        patience = self.search.patience
        for epoch in checkpoints(start, end, patience):
            self._train_until(numbers, epoch)
            if patience is not None and epoch >= FIRST_CHECK:
                self._end_past_best(numbers, epoch / patience)

    def _end_past_best(self, numbers: list[int], epoch: float) -> None:
        """End trainings of candidates whose last best epoch is not after this one."""
        self._find_metric()
        for number in numbers:
            trials = self.trials[number]
            if any(t.network.early_stopping or not t.n_epochs for t in trials):
                continue
            if last_best_epoch(trials, self.metric) <= epoch:
                for trial in trials:
                    if trial.goes_on:
                        trial.reason = "past_best"

    def _train_until(self, numbers: list[int], epoch: int) -> None:
        """Train some candidates in all folds up to an epoch, equal trainings once."""
        alike: dict[Any, list[Trial]] = {}
        for number in numbers:
            for trial in self.trials[number]:
                if trial.goes_on and trial.n_epochs < epoch:
                    n_rows = len(self.data.splits[trial.fold][0])
                    key = self._courses[number].until(epoch, n_rows), trial.fold
                    alike.setdefault(key, []).append(trial)
        # In one process, candidate by candidate: Ctrl-C then leaves complete ones.
        groups = list(alike.values())
        if not self.workers.is_sequential:  # a batch gets the rows of a fold once
            groups.sort(key=lambda group: group[0].fold)
        was_interrupted = False
        with self.tasks.iteration(len(groups)) as evaluations:
            jobs = [
                (
                    self._rows_of(trial), trial.to_train(), epoch, self.scoring,
                    evaluation, self.workers.folder,
                )
                for (trial, *_), evaluation in zip(groups, evaluations, strict=True)
            ]  # fmt: skip
            for i, result in self.workers.run(advance, jobs):
                for trial in groups[i]:
                    trial.take(result, self.search.error_score)
                    self._print_score(trial)
                was_interrupted |= result.reason == "interrupted"
                if was_interrupted and self.workers.is_sequential:
                    break
        self.workers.keep_only(trial.state for of in self.trials for trial in of)
        if was_interrupted:
            raise KeyboardInterrupt

    def _rows_of(self, trial: Trial) -> Any:
        setting = self._settings[trial.candidate]
        return self._shared[setting, trial.fold if setting else 0]

    def _find_metric(self) -> None:
        """Set the metric; give each trial a curve for every score that any of them has.

        Names of several scores are known after the first epoch.
        """
        started = [trial for of in self.trials for trial in of if trial.n_epochs]
        all_names = dict.fromkeys(name for trial in started for name in trial.curves)
        if not set(all_names).difference(COLUMNS):
            all_names["score"] = None
            if self.scoring.with_train:
                all_names["train_score"] = None
        for trial in started:
            trial.add_curves(all_names, self.search.error_score)
        names = [
            n for n in all_names if n not in COLUMNS and not n.startswith("train_")
        ]
        if names == ["score"]:
            return
        check_refit(self.search, names)
        self.is_multimetric = True
        refit = self.search.refit
        self.metric = refit if isinstance(refit, str) else names[0]

    def _record(self, place: tuple[int, int], numbers: list[int], rung: Rung) -> None:
        """Add a row for each candidate whose trials are all at the end of the rung."""
        self._find_metric()
        for number in numbers:
            trials = self.trials[number]
            if all(t.n_epochs >= rung.epochs or not t.goes_on for t in trials):
                if any(t.reason == "interrupted" for t in trials):
                    continue
                standing = standing_of(trials, self.metric)
                now = [snapshot(trial) for trial in trials]
                self.rows.append(Row(number, *place, rung.epochs, now, standing))

    def _promote(self, numbers: list[int], n: int) -> list[int]:
        """Return the candidates of the next rung, and forget the other networks."""
        now = {row.candidate: row for row in self.rows[-len(numbers) :]}
        ranked = sorted(
            (number for number in numbers if now[number].is_promotable),
            key=lambda number: now[number].standing.key,
        )
        promoted = sorted(ranked[:n])
        for number in numbers:
            if number not in promoted:
                for trial in self.trials[number]:
                    trial.state = None
        return promoted

    def _warn_of_failures(self) -> None:
        """Warn of failed trainings; raise an error if all of them failed."""
        outcomes = [
            {"fit_error": trial.error or None}
            for of in self.trials
            for trial in of
            if trial.reason
        ]
        warn_of_failed_fits(outcomes, self.search.error_score)

    def _print_rung(
        self, place: tuple[int, int], rung: Rung, numbers: list[int]
    ) -> None:
        if self.search.verbose:
            bracket = f"bracket {place[0]}, " if self._n_brackets > 1 else ""
            plural = "s" if len(numbers) > 1 else ""
            print(
                f"{bracket}iter {place[1]}: {len(numbers)} candidate{plural} up to"
                f" epoch {rung.epochs}, {len(self.data.splits)} folds"
            )

    def _print_score(self, trial: Trial) -> None:
        if self.search.verbose > 1:
            score = trial.curves.get(self.metric, [float("nan")])[-1]
            params = self.candidates[trial.candidate]
            print(
                f"[candidate {trial.candidate}, fold {trial.fold}] epoch"
                f" {trial.n_epochs}: {self.metric}={score:.3f} ({trial.reason}),"
                f" {', '.join(f'{name}={value}' for name, value in params.items())}"
            )


def prepared(
    data: SearchData, estimator: Any, number: int, scoring: Scoring, path: Path | None
) -> Any:
    """Return the `Rows` of a fold as a network receives them, or a traceback.

    With a path, the rows are stored there.
    """
    try:
        split = data.splits[number]
        fold: Fold = fold_of(data, estimator, split, scoring.with_train)
    except Exception:
        if scoring.error_score == "raise":
            raise
        return format_exc()
    return stored(Rows(fold), path)


def _setting(wrapping: Wrapping, params: dict[str, Any], number: int) -> str:
    """Return a key of the parameters around the network, "" if there is nothing."""
    if not wrapping.prefix:
        return ""
    path, others = wrapping.prefix.removesuffix("__"), {}
    for name, value in params.items():
        if name != path and not name.startswith(wrapping.prefix):
            others[name] = value
    try:
        return joblib.hash(others)
    except Exception:  # a value that cannot be pickled
        return f"candidate {number}"
