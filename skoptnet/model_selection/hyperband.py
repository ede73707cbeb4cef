"""Hyperband over epochs: several successive halvings, in which survivors continue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import ParameterSampler
from sklearn.utils import check_random_state

from .._params import COUNT
from .base import CANDIDATES, EpochSearch, check_range
from .rungs import hyperband


class EpochHyperbandSearchCV(EpochSearch):
    """Hyperband: random search over epochs by several successive halvings.

    A halving that begins with few epochs may drop candidates that learn slowly at
    first; one that begins with many epochs tries few. Hyperband runs one of each kind,
    from many candidates for few epochs to few candidates for all of them, with about
    the same number of epochs in each. Source: `Li et al. (2018)
    <https://arxiv.org/abs/1603.06560>`__. Survivors continue, as in
    `EpochHalvingGridSearchCV`.

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
    factor : float > 1, default=3
        From rung to rung, one in ``factor`` candidates continues, for ``factor`` times
        as many epochs.
    max_resources : int or 'auto', default='auto'
        Epochs of a whole training, and so the ``max_iter`` of every candidate, whose
        schedule follows it. 'auto' is the ``max_iter`` of the network.
    min_resources : int, default=1
        Smallest number of epochs of a first rung. There are
        ``1 + floor(log(max_resources / min_resources, factor))`` halvings.
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
    n_resources_, n_candidates_ : list of list of int
        Epochs and number of candidates of each rung, by bracket, as planned. Fewer
        candidates continue if too many of them fail or diverge.
    max_resources_ : int
        Epochs of a whole training.
    scorer_ : callable or dict of them
        The scores.
    multimetric_ : bool
        Whether there are several.

    See Also
    --------
    EpochHalvingRandomSearchCV : A single halving.
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
    >>> from skoptnet.model_selection import EpochHyperbandSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifierX((10,), max_iter=36, random_state=0)
    >>> rates = {"learning_rate_init": loguniform(1e-4, 1)}
    >>> search = EpochHyperbandSearchCV(
    ...     model, rates, min_resources=4, random_state=0
    ... ).fit(X, y)
    >>> search.n_candidates_
    [[9, 3, 1], [5, 1], [3]]
    >>> search.n_resources_
    [[4, 12, 36], [12, 36], [36]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **EpochSearch._parameter_constraints,
        "param_distributions": CANDIDATES,
        "min_resources": COUNT,
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping | Sequence[Mapping],
        *,
        factor: float = 3,
        max_resources: int | str = "auto",
        min_resources: int = 1,
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
        self.min_resources = min_resources
        self.random_state = random_state

    def _brackets(self):
        check_range(self.min_resources, self.max_resources_)
        rng = check_random_state(self.random_state)
        found = []
        for plan in hyperband(self.min_resources, self.max_resources_, self.factor):
            n = plan.rungs[0].n_candidates
            sampler = ParameterSampler(self.param_distributions, n, random_state=rng)
            candidates = list(sampler)  # fewer if there are no more
            rungs = [
                rung._replace(n_candidates=min(rung.n_candidates, len(candidates)))
                for rung in plan.rungs
            ]
            found.append((candidates, plan._replace(rungs=rungs)))
        self.n_resources_ = [[r.epochs for r in plan.rungs] for _, plan in found]
        self.n_candidates_ = [[r.n_candidates for r in plan.rungs] for _, plan in found]
        return found
