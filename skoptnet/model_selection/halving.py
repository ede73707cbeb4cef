"""Successive halving over epochs, in which survivors continue."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler

from .._params import COUNT, StrOptions
from .base import CANDIDATES, EpochSearch, check_range
from .rungs import first_epochs, halving


class _EpochHalving(EpochSearch):
    """Base class of the two searches by a single successive halving."""

    _parameter_constraints: ClassVar[dict] = {
        **EpochSearch._parameter_constraints,
        "min_resources": [*COUNT, StrOptions({"exhaust", "smallest"})],
        "aggressive_elimination": ["boolean"],
    }

    def _brackets(self):
        candidates = self._candidates()
        if not isinstance(self.min_resources, str):
            check_range(self.min_resources, self.max_resources_)
        plan = halving(
            max(1, len(candidates)), self.min_resources, self.max_resources_,
            self.factor, self.aggressive_elimination,
        )  # fmt: skip
        self.n_resources_ = [rung.epochs for rung in plan.rungs]
        self.n_candidates_ = [rung.n_candidates for rung in plan.rungs]
        self.n_iterations_ = len(plan.rungs)
        self.n_required_iterations_ = plan.n_required
        self.n_possible_iterations_ = plan.n_possible
        self.min_resources_ = plan.rungs[0].epochs
        return [(candidates, plan)]

    @abstractmethod
    def _candidates(self) -> list[dict[str, Any]]:
        """Return the parameters of each candidate."""


class EpochHalvingGridSearchCV(_EpochHalving):
    """Grid search over epochs by successive halving, in which survivors continue.

    All candidates are trained for a few epochs; the best of them, by their score on
    held-out rows, continue for more epochs, and so on. In the last rung, a few reach
    ``max_resources`` epochs. Source: `Jamieson and Talwalkar (2016)
    <https://arxiv.org/abs/1502.07943>`__. scikit-learn's
    `~sklearn.model_selection.HalvingGridSearchCV` trains the survivors of each rung
    from scratch.

    Parameters
    ----------
    estimator : estimator
        An `MLPClassifierX` or `MLPRegressorX`, or a `~sklearn.pipeline.Pipeline` or
        `~sklearn.compose.TransformedTargetRegressor` that ends with one. The other
        steps are fitted once per fold and setting of their parameters.
    param_grid : dict or list of dict
        Lists of values by parameter, as for `~sklearn.model_selection.GridSearchCV`;
        see `solver_grid`. ``max_iter`` cannot be searched.
    factor : float > 1, default=3
        From rung to rung, one in ``factor`` candidates continues, for ``factor`` times
        as many epochs.
    max_resources : int or 'auto', default='auto'
        Epochs of a whole training, and so the ``max_iter`` of every candidate, whose
        schedule follows it. 'auto' is the ``max_iter`` of the network.
    min_resources : int, 'exhaust' or 'smallest', default='exhaust'
        Epochs of the first rung. If ``max_resources`` is less than ``factor`` times as
        many, there is a single rung, of ``max_resources`` epochs. 'exhaust' takes as
        many as leave at most ``factor`` candidates in the last rung, but at least 1.
        'smallest' is ``max_resources / factor**3``, at least 1.
    aggressive_elimination : bool, default=False
        Whether to drop more candidates after the epochs of the first rung if the range
        of epochs is too small for their number, so that the last rung still has at most
        ``factor``.
    patience : float > 1 or None, default=1.5
        The training of a candidate ends, and its score counts, at ``patience`` times
        the epoch of its highest score or its lowest loss on held-out rows, whichever is
        later, but not before epoch 20. The search checks this a few times in each rung.
        With None, survivors are trained to the end; a network with ``early_stopping``
        ends by itself.
    cv : int, splitter or iterable, default=5
        The folds, as for scikit-learn's searches.
    scoring : str, callable, list, tuple, dict or None, default=None
        One or several scores, as for scikit-learn's searches. None is the estimator's
        ``score``. Training is scored after every epoch, so scores should be quick. With
        several, ``refit`` names the one that ranks the candidates; else the first does.
        Their names must not be those of other columns of ``epoch_results_``.
    refit : bool, str or callable, default=True
        Whether to train the best candidate on all rows, up to ``best_epoch_``. With
        several scores, pass the name of the one that counts, or False. A callable takes
        ``cv_results_`` and returns ``best_index_``.
    error_score : 'raise' or float, default=nan
        The score of a candidate in a fold in which its training fails or diverges, and
        of an epoch in which the scorer fails. 'raise' raises the error instead. A
        candidate whose training fails or diverges is never promoted.
    return_train_score : bool, default=False
        Whether to score the training rows, too, after every epoch.
    n_jobs : int or None, default=None
        Number of processes; None is 1, and -1 uses all processors. Within
        `joblib.parallel_config`, trainings run on other machines.
    verbose : int, default=0
        Whether to print each rung (1) and the score of each training in it (2).

    Attributes
    ----------
    cv_results_ : dict of arrays
        A row per candidate and rung, ready for `pandas.DataFrame`, with the columns of
        scikit-learn's halving searches. Scores are those of ``best_epoch``; times are
        totals over the rungs so far. Further columns are ``candidate`` (its number),
        ``bracket`` (the number of the halving, 0 if there is only one), ``best_epoch``,
        and for each fold ``split0_stop_reason`` and ``split0_error``. The reason is
        "paused" if training could have continued, "past_best" if ``patience`` ended it,
        "failed" after an error, or else the ``stop_reason_`` of the network.
    epoch_results_ : dict of arrays
        A row per candidate, fold and epoch, ready for `pandas.DataFrame`:
        ``candidate``, ``fold``, ``epoch``, ``learning_rate``, ``loss`` of the training
        rows, ``validation_loss`` of the held-out rows, and their ``score``, or each
        score by its name. Scores of the training rows begin with ``train_``.
    best_epoch_ : int
        The best epoch of the best candidate: the one with the highest score, averaged
        over the folds; of equal scores, the one with the lowest loss. A network with
        ``early_stopping`` keeps an epoch of its own in each fold; then it is their
        average, and the refit stops early, too.
    best_index_ : int
        The row of the best candidate in ``cv_results_``.
    best_params_ : dict
        Its parameters.
    best_score_ : float
        Its score.
    best_estimator_ : estimator
        The estimator trained on all rows with these parameters, for ``best_epoch_``
        epochs of a plan of ``max_resources_``. With ``refit=False`` it is missing.
    refit_time_ : float
        Seconds that the training on all rows took.
    n_splits_ : int
        Number of folds.
    n_resources_, n_candidates_ : list of int
        Epochs and number of candidates of each rung, as planned. Fewer candidates
        continue if too many of them fail or diverge.
    max_resources_ : int
        Epochs of a whole training.
    min_resources_ : int
        Epochs of the first rung.
    n_iterations_, n_required_iterations_, n_possible_iterations_ : int
        Number of rungs; the number that leaves at most ``factor`` candidates in the
        last one; and the number that the range of epochs allows.
    scorer_ : callable or dict of them
        The scores.
    multimetric_ : bool
        Whether there are several.

    See Also
    --------
    EpochHalvingRandomSearchCV : Random candidates in place of a grid.
    EpochHyperbandSearchCV : Several halvings, with few or many epochs at first.
    solver_grid : Grids of solvers with their rates.

    Notes
    -----
    A survivor is not trained again from the start: each of its trainings continues, bit
    for bit as if it had never paused. Schedules that follow a plan follow that of the
    whole training, not of the rung. L-BFGS cannot pause; its trainings start again.
    Candidates whose trainings do not differ so far, such as a constant rate and step
    decay before its first step, share them; for that, the network needs a
    ``random_state`` and no callbacks.

    Candidates are ranked by their best epoch so far, so a candidate that overfits early
    counts with its best. One that fails or diverges in a fold is not promoted; the
    reason is in ``cv_results_``.

    Ctrl-C ends the search. With ``refit``, the best candidate so far is then trained on
    all rows; a second Ctrl-C ends that training. If no candidate has a score in every
    fold yet, ``fit`` raises KeyboardInterrupt.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.model_selection import EpochHalvingGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierX((10,), max_iter=90, random_state=0)
    >>> rates = {"learning_rate_init": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]}
    >>> search = EpochHalvingGridSearchCV(model, rates).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([7, 3], [30, 90])
    >>> search.best_score_ > 0.95, search.best_estimator_.n_iter_ == search.best_epoch_
    (np.True_, True)
    """

    _parameter_constraints: ClassVar[dict] = {
        **_EpochHalving._parameter_constraints,
        "param_grid": CANDIDATES,
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping | Sequence[Mapping],
        *,
        factor: float = 3,
        max_resources: int | str = "auto",
        min_resources: int | str = "exhaust",
        aggressive_elimination: bool = False,
        patience: float | None = 1.5,
        cv: Any = 5,
        scoring: Any = None,
        refit: Any = True,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            estimator, factor=factor, max_resources=max_resources,
            patience=patience, cv=cv,
            scoring=scoring, refit=refit, error_score=error_score,
            return_train_score=return_train_score, n_jobs=n_jobs, verbose=verbose,
        )  # fmt: skip
        self.param_grid = param_grid
        self.min_resources = min_resources
        self.aggressive_elimination = aggressive_elimination

    def _candidates(self):
        return list(ParameterGrid(self.param_grid))


class EpochHalvingRandomSearchCV(_EpochHalving):
    """Random search over epochs by successive halving, in which survivors continue.

    The same search as `EpochHalvingGridSearchCV`, over candidates drawn at random.

    Parameters
    ----------
    estimator : estimator
        An `MLPClassifierX` or `MLPRegressorX`, or a `~sklearn.pipeline.Pipeline` or
        `~sklearn.compose.TransformedTargetRegressor` that ends with one. The other
        steps are fitted once per fold and setting of their parameters.
    param_distributions : dict or list of dict
        Distributions or lists of values by parameter, as for
        `~sklearn.model_selection.RandomizedSearchCV`; see `solver_distributions`.
        ``max_iter`` cannot be searched.
    n_candidates : int or 'exhaust', default='exhaust'
        Number of candidates; 'exhaust' is ``max_resources`` divided by the epochs of
        the first rung, so that one or a few reach the last one. Then ``min_resources``
        cannot be 'exhaust', too.
    factor : float > 1, default=3
        From rung to rung, one in ``factor`` candidates continues, for ``factor`` times
        as many epochs.
    max_resources : int or 'auto', default='auto'
        Epochs of a whole training, and so the ``max_iter`` of every candidate, whose
        schedule follows it. 'auto' is the ``max_iter`` of the network.
    min_resources : int, 'exhaust' or 'smallest', default='smallest'
        Epochs of the first rung. If ``max_resources`` is less than ``factor`` times as
        many, there is a single rung, of ``max_resources`` epochs. 'exhaust' takes as
        many as leave at most ``factor`` candidates in the last rung, but at least 1.
        'smallest' is ``max_resources / factor**3``, at least 1.
    aggressive_elimination : bool, default=False
        Whether to drop more candidates after the epochs of the first rung if the range
        of epochs is too small for their number, so that the last rung still has at most
        ``factor``.
    patience : float > 1 or None, default=1.5
        The training of a candidate ends, and its score counts, at ``patience`` times
        the epoch of its highest score or its lowest loss on held-out rows, whichever is
        later, but not before epoch 20. The search checks this a few times in each rung.
        With None, survivors are trained to the end; a network with ``early_stopping``
        ends by itself.
    cv : int, splitter or iterable, default=5
        The folds, as for scikit-learn's searches.
    scoring : str, callable, list, tuple, dict or None, default=None
        One or several scores, as for scikit-learn's searches. None is the estimator's
        ``score``. Training is scored after every epoch, so scores should be quick. With
        several, ``refit`` names the one that ranks the candidates; else the first does.
        Their names must not be those of other columns of ``epoch_results_``.
    refit : bool, str or callable, default=True
        Whether to train the best candidate on all rows, up to ``best_epoch_``. With
        several scores, pass the name of the one that counts, or False. A callable takes
        ``cv_results_`` and returns ``best_index_``.
    error_score : 'raise' or float, default=nan
        The score of a candidate in a fold in which its training fails or diverges, and
        of an epoch in which the scorer fails. 'raise' raises the error instead. A
        candidate whose training fails or diverges is never promoted.
    return_train_score : bool, default=False
        Whether to score the training rows, too, after every epoch.
    random_state : int, RandomState instance or None, default=None
        Draws the candidates. The networks have a ``random_state`` of their own.
    n_jobs : int or None, default=None
        Number of processes; None is 1, and -1 uses all processors. Within
        `joblib.parallel_config`, trainings run on other machines.
    verbose : int, default=0
        Whether to print each rung (1) and the score of each training in it (2).

    Attributes
    ----------
    cv_results_ : dict of arrays
        A row per candidate and rung, ready for `pandas.DataFrame`, with the columns of
        scikit-learn's halving searches. Scores are those of ``best_epoch``; times are
        totals over the rungs so far. Further columns are ``candidate`` (its number),
        ``bracket`` (the number of the halving, 0 if there is only one), ``best_epoch``,
        and for each fold ``split0_stop_reason`` and ``split0_error``. The reason is
        "paused" if training could have continued, "past_best" if ``patience`` ended it,
        "failed" after an error, or else the ``stop_reason_`` of the network.
    epoch_results_ : dict of arrays
        A row per candidate, fold and epoch, ready for `pandas.DataFrame`:
        ``candidate``, ``fold``, ``epoch``, ``learning_rate``, ``loss`` of the training
        rows, ``validation_loss`` of the held-out rows, and their ``score``, or each
        score by its name. Scores of the training rows begin with ``train_``.
    best_epoch_ : int
        The best epoch of the best candidate: the one with the highest score, averaged
        over the folds; of equal scores, the one with the lowest loss. A network with
        ``early_stopping`` keeps an epoch of its own in each fold; then it is their
        average, and the refit stops early, too.
    best_index_ : int
        The row of the best candidate in ``cv_results_``.
    best_params_ : dict
        Its parameters.
    best_score_ : float
        Its score.
    best_estimator_ : estimator
        The estimator trained on all rows with these parameters, for ``best_epoch_``
        epochs of a plan of ``max_resources_``. With ``refit=False`` it is missing.
    refit_time_ : float
        Seconds that the training on all rows took.
    n_splits_ : int
        Number of folds.
    n_resources_, n_candidates_ : list of int
        Epochs and number of candidates of each rung, as planned. Fewer candidates
        continue if too many of them fail or diverge.
    max_resources_ : int
        Epochs of a whole training.
    min_resources_ : int
        Epochs of the first rung.
    n_iterations_, n_required_iterations_, n_possible_iterations_ : int
        Number of rungs; the number that leaves at most ``factor`` candidates in the
        last one; and the number that the range of epochs allows.
    scorer_ : callable or dict of them
        The scores.
    multimetric_ : bool
        Whether there are several.

    See Also
    --------
    EpochHalvingGridSearchCV : All candidates of a grid.
    EpochHyperbandSearchCV : Several halvings, with few or many epochs at first.
    solver_distributions : Distributions of the rates of solvers.

    Notes
    -----
    A survivor is not trained again from the start: each of its trainings continues, bit
    for bit as if it had never paused. Schedules that follow a plan follow that of the
    whole training, not of the rung. L-BFGS cannot pause; its trainings start again.
    Candidates whose trainings do not differ so far, such as a constant rate and step
    decay before its first step, share them; for that, the network needs a
    ``random_state`` and no callbacks.

    Candidates are ranked by their best epoch so far, so a candidate that overfits early
    counts with its best. One that fails or diverges in a fold is not promoted; the
    reason is in ``cv_results_``.

    Ctrl-C ends the search. With ``refit``, the best candidate so far is then trained on
    all rows; a second Ctrl-C ends that training. If no candidate has a score in every
    fold yet, ``fit`` raises KeyboardInterrupt.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.model_selection import EpochHalvingRandomSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierX((10,), max_iter=54, random_state=0)
    >>> rates = {"learning_rate_init": loguniform(1e-4, 1)}
    >>> search = EpochHalvingRandomSearchCV(model, rates, random_state=0).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([27, 9, 3, 1], [2, 6, 18, 54])
    >>> search.best_score_ > 0.95
    np.True_
    """

    _parameter_constraints: ClassVar[dict] = {
        **_EpochHalving._parameter_constraints,
        "param_distributions": CANDIDATES,
        "n_candidates": [*COUNT, StrOptions({"exhaust"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping | Sequence[Mapping],
        *,
        n_candidates: int | str = "exhaust",
        factor: float = 3,
        max_resources: int | str = "auto",
        min_resources: int | str = "smallest",
        aggressive_elimination: bool = False,
        patience: float | None = 1.5,
        cv: Any = 5,
        scoring: Any = None,
        refit: Any = True,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ):
        super().__init__(
            estimator, factor=factor, max_resources=max_resources,
            patience=patience, cv=cv,
            scoring=scoring, refit=refit, error_score=error_score,
            return_train_score=return_train_score, n_jobs=n_jobs, verbose=verbose,
        )  # fmt: skip
        self.param_distributions = param_distributions
        self.n_candidates = n_candidates
        self.min_resources = min_resources
        self.aggressive_elimination = aggressive_elimination
        self.random_state = random_state

    def _candidates(self):
        n = self.n_candidates
        if n == "exhaust":
            if self.min_resources == "exhaust":
                raise ValueError(
                    "n_candidates and min_resources cannot both be 'exhaust': each"
                    " depends on the other. Set one of them to a number."
                )
            longest = self.max_resources_
            n = longest // first_epochs(self.min_resources, longest, self.factor)
        sampler = ParameterSampler(
            self.param_distributions, max(1, n), random_state=self.random_state
        )
        return list(sampler)
