"""Search spaces of solvers: each with its own rates, and only parameters that it reads.

Both functions return plain lists of dicts. The rules about parameters without effect
are those of the estimators, see `conditions`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from numbers import Integral, Real
from typing import Any

from scipy.stats import loguniform, uniform
from sklearn.base import clone

from .._names import closest
from .._params import Interval, check_argument
from ..estimators.parts import initial_rate
from ..estimators.unused import set_parameters
from ..optimizers import OPTIMIZERS
from .arguments import (
    chosen_schedules,
    chosen_solvers,
    is_distribution,
    sample_of,
    target_of,
    values_of,
)
from .conditions import Record, conditional_spaces

#: A space: values or a distribution for each parameter.
Space = dict[str, Any]
#: The rates of a solver with a default rate, for each call of the two functions.
_Rates = Callable[[float], Any]

_N_RATES = [Interval(Integral, 1, 99, closed="both")]
_FACTOR = [Interval(Real, 1, 1000, closed="right")]

# Decay rates near 1, about evenly spaced on the log scale of their distance from it.
_NEAR_ONE = [0.8, 0.9, 0.95, 0.98, 0.99]

# The values of hyperparameters=True, in a grid and for draws.
_VALUES: Space = {
    "momentum": [0.9, 0.99],
    "rho": [0.9, 0.99],
    "beta_1": [0.8, 0.9],
    "beta_2": [0.99, 0.999],
    "decay_rate": [0.1, 0.5],
    "power_t": [0.25, 0.5],
}
_DRAWS: Space = {
    "momentum": _NEAR_ONE,
    "rho": _NEAR_ONE,
    "beta_1": _NEAR_ONE,
    "beta_2": [*_NEAR_ONE, 0.995, 0.998, 0.999],
    "decay_rate": loguniform(0.1, 0.9),
    "power_t": uniform(0.1, 0.8),
}

# Parameters of the estimators that have arguments of their own here.
_ARGUMENTS = {
    "solver": "Use the argument solvers.",
    "lr_schedule": "Use the argument schedules.",
    "learning_rate_init": "Each solver has its own rates: use a dict of lists as the"
    " argument solvers, such as {'adam': [0.001, 0.01]}.",
}


def solver_grid(
    estimator: Any,
    solvers: Any = "textbook",
    *,
    n_rates: int = 3,
    factor: float = 3,
    schedules: Any = None,
    hyperparameters: bool = False,
    prefix: str | None = None,
    **parameters: Any,
) -> list[Space]:
    """Return a grid over solvers, each with its own rates and parameters.

    The result is a list of dicts for `sklearn.model_selection.GridSearchCV` and other
    searches over a grid. All candidates differ, and the network accepts each of them:

    - rates are spaced evenly on a log scale around the solver's default for the task;
    - a solver or schedule is combined only with parameters that it reads: momentum is
      not tried with adam, nor batch sizes with gd, nor rates with lbfgs;
    - values that a solver refuses are left out for it (dropout with lbfgs).

    Parameters
    ----------
    estimator : estimator
        An `MLPClassifierX` or `MLPRegressorX`, or an estimator that contains one: a
        `sklearn.pipeline.Pipeline` that ends with it, a
        `sklearn.compose.TransformedTargetRegressor`, and others, also inside each
        other. It need not be fitted and is not changed. Its own settings, except the
        learning rate, apply to all candidates that read them; other candidates reset
        them to their defaults.
    solvers : str, Optimizer, list of these, or dict, default="textbook"
        The solvers: ``"textbook"``, the seven of the textbook; ``"all"``, every one
        with a learning rate; or names and objects, which keep their own parameters. A
        dict has the number of rates of each solver, or a list of them: ``{"sgd": 2,
        "adam": [0.001, 0.01], "lbfgs": None}``; None stands for ``n_rates``.
    n_rates : int in [1, 99], default=3
        Number of rates of each solver. The default rate is in the middle; with an even
        number, there is one more above it than below.
    factor : float in (1, 1000], default=3
        Ratio of neighbouring rates, which are then rounded, by up to a quarter of a
        step on the log scale: with 3, they are 0.001, 0.003, 0.01, ...
    schedules : str, Schedule, callable, list of these, or None, default=None
        The schedules, crossed with the solvers. None leaves the estimator's own.
    hyperparameters : bool, default=False
        Whether to add two values for each of ``momentum``, ``rho``, ``beta_1``,
        ``beta_2``, ``decay_rate`` and ``power_t``, to the solvers and schedules that
        read them.
    prefix : str or None, default=None
        The beginning of the names of the network's parameters, such as
        ``"mlpclassifierx__"``. None finds it. It is needed if the estimator contains
        several networks, or if a network will be a part of another estimator.
    **parameters : list
        Values of further parameters, of the network (``alpha=[1e-4, 1e-2]``) or of the
        other parts of the estimator (with their full names). They are crossed with all
        solvers and schedules for which they have an effect.

    Returns
    -------
    list of dicts
        The values of the parameters by name: a dict for each solver, or several where
        the parameters of its schedules differ.

    Raises
    ------
    ValueError, TypeError
        If there is no network in the estimator, a name is unknown, a value is refused
        by all solvers, or a parameter has no effect on any candidate.

    See Also
    --------
    solver_distributions : The same for random searches.

    Examples
    --------
    >>> from sklearn.model_selection import ParameterGrid
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.model_selection import solver_grid
    >>> for space in solver_grid(MLPClassifierX(), ["sgd", "adam"]):
    ...     print(space)
    {'solver': ['sgd'], 'learning_rate_init': [0.03, 0.1, 0.3]}
    {'solver': ['adam'], 'learning_rate_init': [0.0003, 0.001, 0.003]}

    gd does not read ``batch_size``, and only momentum reads ``momentum``:

    >>> grid = solver_grid(
    ...     MLPClassifierX(),
    ...     {"gd": 1, "sgd": 2, "momentum": 2},
    ...     schedules=["constant", "cosine"],
    ...     momentum=[0.9, 0.99],
    ...     batch_size=[32, 256],
    ... )
    >>> [len(ParameterGrid(space)) for space in grid]
    [2, 8, 16]

    The names have the prefix of the network in a pipeline:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> model = make_pipeline(StandardScaler(), MLPClassifierX())
    >>> list(solver_grid(model, "adam")[0])
    ['mlpclassifierx__solver', 'mlpclassifierx__learning_rate_init']
    """
    caller = "solver_grid"
    check_argument(caller, "n_rates", n_rates, _N_RATES)
    check_argument(caller, "factor", factor, _FACTOR)
    check_argument(caller, "hyperparameters", hyperparameters, ["boolean"])

    def rates_of(solver: Any, given: Any) -> _Rates:
        if given is None or isinstance(given, Integral):
            check_argument(caller, f"solvers[{solver!r}]", given, [*_N_RATES, None])
            n = n_rates if given is None else given
            return lambda default: _rates_around(default, int(n), float(factor))
        listed = values_of(caller, f"solvers[{solver!r}]", given)
        return lambda _: listed

    space = _Spaces(caller, estimator, prefix, parameters, hyperparameters and _VALUES)
    chosen = {s: rates_of(s, r) for s, r in chosen_solvers(caller, solvers)}
    return space.of(chosen, chosen_schedules(caller, schedules))


def solver_distributions(
    estimator: Any,
    solvers: Any = "textbook",
    *,
    factor: float = 10,
    schedules: Any = None,
    hyperparameters: bool = False,
    prefix: str | None = None,
    **parameters: Any,
) -> list[Space]:
    """Return distributions over solvers, each with its own rates and parameters.

    The result is a list of dicts for `sklearn.model_selection.RandomizedSearchCV` and
    other random searches. As in `solver_grid`, solvers are combined only with the
    parameters that they read. A search draws one of the dicts, all equally likely, and
    then its parameters. There is one for each pair of solver and schedule, so all pairs
    are equally likely. (Where one further parameter decides whether another has an
    effect, as ``loss`` does for ``quantile``, pairs have several dicts.)

    Parameters
    ----------
    estimator : estimator
        The network, or what contains it, as in `solver_grid`.
    solvers : str, Optimizer, list of these, or dict, default="textbook"
        The solvers, as in `solver_grid`. A dict has the rates of each solver: a
        distribution or a list, or None for the default range.
    factor : float in (1, 1000], default=10
        Rates are drawn log-uniformly between the default rate divided and multiplied by
        this number.
    schedules : str, Schedule, callable, list of these, or None, default=None
        The schedules, crossed with the solvers. None leaves the estimator's own.
    hyperparameters : bool, default=False
        Whether to draw ``momentum``, ``rho``, ``beta_1``, ``beta_2``, ``decay_rate``
        and ``power_t``, too, for the solvers and schedules that read them.
    prefix : str or None, default=None
        The beginning of the names of the network's parameters; None finds it.
    **parameters : list or distribution
        Values of further parameters, as in `solver_grid`, or distributions: objects
        with ``rvs``, such as those of `scipy.stats`.

    Returns
    -------
    list of dicts
        The values or distributions of the parameters by name.

    Raises
    ------
    ValueError, TypeError
        As in `solver_grid`; and if a solver has a single candidate while others have
        distributions, so that a random search would repeat it.

    See Also
    --------
    solver_grid : The same as a grid.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.model_selection import ParameterSampler
    >>> from skoptnet import MLPRegressorX
    >>> from skoptnet.model_selection import solver_distributions
    >>> spaces = solver_distributions(
    ...     MLPRegressorX(), ["nesterov", "adam", "lbfgs"], alpha=loguniform(1e-6, 1)
    ... )
    >>> for space in spaces:
    ...     print(space["solver"], *space)
    ['nesterov'] solver learning_rate_init alpha
    ['adam'] solver learning_rate_init alpha
    ['lbfgs'] solver alpha
    >>> low, high = spaces[1]["learning_rate_init"].support()
    >>> print(f"{low:.3g} to {high:.3g}")
    0.001 to 0.1
    >>> len(list(ParameterSampler(spaces, n_iter=10, random_state=0)))
    10
    """
    caller = "solver_distributions"
    check_argument(caller, "factor", factor, _FACTOR)
    check_argument(caller, "hyperparameters", hyperparameters, ["boolean"])

    def rates_of(solver: Any, given: Any) -> _Rates:
        if given is None:
            return lambda default: loguniform(
                _rounded(default / factor, 1e-6), _rounded(default * factor, 1e-6)
            )
        rates = values_of(caller, f"solvers[{solver!r}]", given, may_draw=True)
        return lambda _: rates

    space = _Spaces(
        caller, estimator, prefix, parameters, hyperparameters and _DRAWS, may_draw=True
    )
    chosen = {s: rates_of(s, r) for s, r in chosen_solvers(caller, solvers)}
    spaces = space.of(chosen, chosen_schedules(caller, schedules))
    _refuse_repeated(caller, spaces)
    return spaces


class _Spaces:
    """The spaces of one call.

    Parameters
    ----------
    caller : str
        Name of the function that was called.
    estimator, prefix, parameters
        As passed to it.
    presets : dict or False
        Values of hyperparameters, used where they are read.
    may_draw : bool, default=False
        Whether values may be distributions, from which a search draws.
    """

    def __init__(
        self,
        caller: str,
        estimator: Any,
        prefix: str | None,
        parameters: Mapping[str, Any],
        presets: Any,
        may_draw: bool = False,
    ):
        self.caller, self.may_draw = caller, may_draw
        self.prefix, network = target_of(caller, estimator, prefix)
        self.network: Any = clone(network)  # without what a fit has set
        self.own: Space = {}
        self.others: Space = {}
        for name, given in parameters.items():
            place, known = self._place(estimator, name, given)
            values = values_of(caller, name, given, may_draw)
            (self.own if place is self.network else self.others)[known] = values
        self.needed = [*self.own]
        self.own = {**(presets or {}), **self.own}
        self.samples = {name: sample_of(values) for name, values in self.own.items()}
        self.record = Record()

    def _place(self, estimator: Any, name: str, given: Any) -> tuple[Any, str]:
        """Return the estimator that has a parameter, and its name there."""
        known = self.network.get_params()
        short = name.removeprefix(self.prefix)
        if short in _ARGUMENTS:
            raise ValueError(
                f"{self.caller} has no parameter {name!r}. {_ARGUMENTS[short]}"
            )
        part, _, inner = short.partition("__")
        if short in known or (inner and part in self.network.parts):
            return self.network, short
        if name in estimator.get_params():
            return estimator, name
        arguments = ("solvers", "n_rates", "factor", "schedules", "hyperparameters")
        near = closest(name, arguments)
        if near and "__" not in name:
            raise TypeError(
                f"{self.caller}() got an unexpected keyword argument {name!r}. Did you"
                f" mean {near!r}?"
            )
        # It raises its own error, with the name that may be meant.
        owner = estimator if part in estimator.get_params() else self.network
        clone(owner).set_params(**{name if owner is estimator else short: given})
        raise AssertionError(name)

    def of(self, solvers: Mapping[Any, _Rates], schedules: list[Any]) -> list[Space]:
        """Return the spaces of solvers with schedules."""
        found = [
            space
            for solver, rates_of in solvers.items()
            for space in self._of_solver(solver, rates_of, schedules)
        ]
        needed = ["solver", *self.needed]
        needed += ["lr_schedule"] if schedules else []
        needed += ["learning_rate_init"] if solvers.keys() - {"lbfgs"} else []
        self.record.refuse_unused(needed, self.caller)
        return [
            {f"{self.prefix}{name}": values for name, values in space.items()}
            # Lists of its own: users may edit one space.
            | {n: v if is_distribution(v) else [*v] for n, v in self.others.items()}
            for space in found
        ]

    def _of_solver(
        self, solver: Any, rates_of: _Rates, schedules: list[Any]
    ) -> list[Space]:
        """Return the spaces of a solver, without the prefix."""
        found: list[Space] = []
        # Draws choose one of the spaces, so each schedule has its own.
        apart = "lr_schedule" if self.may_draw else ""
        for rates, losses in self._rates(solver, rates_of):
            values: Space = {"solver": [solver]}
            values |= {"lr_schedule": schedules} if schedules else {}
            values |= {"learning_rate_init": rates} if rates else {}
            samples = {name: sample_of(given) for name, given in values.items()}
            values |= self.own | losses
            samples |= self.samples | losses
            spaces = conditional_spaces(self.network, samples, self.record, apart)
            found += [
                {name: self._chosen(name, values, at) for name, at in space.items()}
                for space in spaces
            ]
        return found

    def _chosen(self, name: str, values: Space, numbers: list[int | None]) -> Any:
        """Return the numbered values of a parameter, or its distribution."""
        if numbers == [None]:
            return [set_parameters(self.network)[name]]
        if is_distribution(values[name]):
            return values[name]
        return [values[name][number] for number in numbers]

    def _rates(self, solver: Any, rates_of: _Rates) -> list[tuple[Any, Space]]:
        """Return the rates of a solver, with the losses that have these rates.

        The default rate depends on the loss; several losses may be searched.
        """
        if isinstance(solver, str) and solver == "lbfgs":
            return [(None, {})]
        optimizer = OPTIMIZERS[solver]() if isinstance(solver, str) else solver
        model = clone(self.network).set_params(learning_rate_init="auto")
        rates_of = cache(rates_of)
        if "loss" not in self.own or is_distribution(self.own["loss"]):
            return [(rates_of(initial_rate(model, optimizer)), {})]
        found: list[tuple[Any, Space]] = []
        for loss in self.samples["loss"]:
            model.loss = loss
            rates = rates_of(initial_rate(model, optimizer))
            for other, losses in found:
                if other is rates:
                    losses["loss"].append(loss)
                    break
            else:
                found.append((rates, {"loss": [loss]}))
        return found


def _refuse_repeated(caller: str, spaces: list[Space]) -> None:
    """Refuse a space of one candidate among distributions: it would be repeated."""
    fixed = [s for s in spaces if not any(map(is_distribution, s.values()))]
    for space in fixed:
        if len(fixed) < len(spaces) and all(len(v) == 1 for v in space.values()):
            shown = ", ".join(f"{name}={v[0]!r}" for name, v in space.items())
            raise ValueError(
                f"{caller} has nothing to draw with {shown}, so a search would repeat"
                " this candidate. Pass a distribution of a further parameter, such as"
                " alpha=loguniform(1e-6, 1), or leave the solver out."
            )


def _rates_around(default: float, n: int, factor: float) -> list[float]:
    """Return n rates around a default, in steps of a factor; the default is exact."""
    steps = range(-((n - 1) // 2), n // 2 + 1)
    tolerance = math.log(factor) / 4
    return [
        _rounded(default * factor**step, tolerance) if step else default
        for step in steps
    ]


def _rounded(rate: float, tolerance: float) -> float:
    """Round a rate to 1, 2, 3 or 5 times a power of ten, or else to few digits.

    Parameters
    ----------
    rate : float
        The rate.
    tolerance : float
        Greatest distance on the scale of the natural logarithm.
    """
    decade = math.floor(math.log10(rate))
    round_rates = [float(f"{digit}e{decade}") for digit in (1, 2, 3, 5, 10)]
    digits = [float(f"{rate:.{n}e}") for n in range(1, 17)]
    nearest = min(round_rates, key=lambda other: abs(math.log(other / rate)))
    return next(
        (r for r in (nearest, *digits) if abs(math.log(r / rate)) <= tolerance), rate
    )
