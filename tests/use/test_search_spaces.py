"""Search spaces of solvers: complete, without candidates that do not differ."""

import math
import re
import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import ESTIMATORS, LABELS, NUMBERS, X, target
from scipy.stats import loguniform, randint, uniform
from sklearn.base import clone
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import BaggingRegressor, VotingClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skoptnet import (
    SGD,
    Adam,
    Cosine,
    HiddenActivations,
    MLPClassifierX,
    MLPRegressorX,
    Momentum,
    Plateau,
    StepDecay,
    TabularMLPClassifier,
    Warmup,
)
from skoptnet.model_selection import (
    EpochHalvingGridSearchCV,
    solver_distributions,
    solver_grid,
)
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.schedules import SCHEDULES

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("error:.* no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

BOTH = (solver_grid, solver_distributions)
WITH_LBFGS = [*OPTIMIZERS, "lbfgs"]


def tiny(Estimator, **parameters):
    settings = {"max_iter": 1, "batch_size": "auto", "random_state": 0}
    return Estimator((2,), **{**settings, **parameters})


def key(candidate):
    return tuple(sorted((name, repr(value)) for name, value in candidate.items()))


def assert_all_differ(candidates):
    assert len({key(candidate) for candidate in candidates}) == len(candidates)


def fit_without_warning(model, rows, y):
    """Fit; only parameters without effect may be warned of, which is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".* no effect", category=UserWarning)
        return model.fit(rows, y)


# The combinations.


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("space", BOTH)
@pytest.mark.each_value
def test_every_solver_with_every_schedule_is_accepted_and_read(space, Estimator):
    """Every candidate trains; no parameter of it has no effect."""
    model = tiny(Estimator)
    options = {"schedules": [*SCHEDULES], "hyperparameters": True}
    if space is solver_grid:
        candidates = list(ParameterGrid(space(model, WITH_LBFGS, n_rates=1, **options)))
    else:
        candidates = [
            next(iter(ParameterSampler([one], 1, random_state=0)))
            for one in space(model, WITH_LBFGS, alpha=loguniform(1e-6, 1), **options)
        ]
    assert_all_differ(candidates)
    rows, y = X[::10], target(Estimator)[::10]
    for candidate in candidates:
        fit_without_warning(clone(model).set_params(**candidate), rows, y)
    pairs = {(c["solver"], c.get("lr_schedule")) for c in candidates}
    assert pairs == {*product(OPTIMIZERS, SCHEDULES), ("lbfgs", None)}
    read = {(c["solver"], name) for c in candidates for name in c}
    for solver in OPTIMIZERS:
        for name in ("momentum", "rho", "beta_1", "beta_2"):
            assert ((solver, name) in read) == (name in OPTIMIZERS[solver].reads)


def test_the_candidates_are_the_models_that_differ():
    """The independent truth: the models of all combinations, whatever is read."""
    base = tiny(
        MLPRegressorX, max_iter=4, decay_epochs=1, n_iter_no_change=np.inf,
        learning_rate_init="auto", max_fun=30,
    )  # fmt: skip
    solvers = ["gd", "momentum", "adam", "lbfgs"]
    schedules = ["constant", "step", "one_cycle"]
    values = {
        "momentum": [0.5, 0.95],
        "decay_rate": [0.5, 0.1],
        "batch_size": [10, 20],
        "l1_ratio": [0, 0.5],
        "alpha": [0, 0.1],
        "dropout": [0.0, 0.4],
    }
    rows, y = X[::4], NUMBERS[::4]

    def trained(candidate):
        model = clone(base).set_params(**candidate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return model.fit(rows, y)._run.theta.tobytes()
            except ValueError:  # dropout with lbfgs
                return None

    grid = solver_grid(base, solvers, n_rates=1, schedules=schedules, **values)
    candidates = list(ParameterGrid(grid))
    models = [trained(candidate) for candidate in candidates]
    assert None not in models
    assert len(set(models)) == len(models)
    everything = {"solver": solvers, "lr_schedule": schedules, **values}
    expected = {trained(candidate) for candidate in ParameterGrid(everything)}
    assert set(models) == expected - {None}
    for candidate in candidates:
        fit_without_warning(clone(base).set_params(**candidate), rows, y)


def test_parameters_of_the_estimator_that_a_candidate_does_not_read_are_reset():
    base = tiny(
        MLPClassifierX, solver="momentum", momentum=0.5, batch_size=20,
        lr_schedule="step", decay_rate=0.1, learning_rate_init=0.7, l1_ratio=0.0,
        n_iter_no_change=np.inf, max_grad_norm=1.0,
    )  # fmt: skip
    grid = solver_grid(
        base, WITH_LBFGS, alpha=[0, 1e-3], early_stopping=[False, True], n_rates=1
    )
    for candidate in ParameterGrid(grid):
        model = clone(base).set_params(**candidate)
        fit_without_warning(model, X, LABELS)
        if candidate["solver"] == "momentum":
            assert (model.momentum, model.lr_schedule) == (0.5, "step")
    lbfgs = [space for space in grid if space["solver"] == ["lbfgs"]]
    assert {"lr_schedule", "batch_size"} <= lbfgs[0].keys()
    assert not any(0.7 in space.get("learning_rate_init", ()) for space in grid)


def test_a_parameter_that_no_fit_reads_stays_for_its_warning():
    base = tiny(MLPClassifierX, validation_fraction=0.3)
    (space,) = solver_grid(base, "adam")
    assert "validation_fraction" not in space
    grid = solver_grid(base, "adam", early_stopping=[False, True])
    reset = {one["early_stopping"][0]: one.get("validation_fraction") for one in grid}
    assert reset == {False: [0.1], True: None}


def test_further_conditions():
    """One parameter decides whether another is read; each has a dict of its own."""
    grid = solver_grid(
        MLPRegressorX(),
        {"adam": [0.01]},
        loss=["squared_error", "huber", "absolute_error", "quantile"],
        quantile=[0.1, 0.9],
        huber_delta=[1.0, 2.0],
        hidden_layer_sizes=[(5,), (5, 5)],
        dropout=[[0.1], [0.1, 0.2], 0.0],
    )
    candidates = list(ParameterGrid(grid))
    assert_all_differ(candidates)
    assert len(candidates) == (2 + 2 + 2) * (2 + 2)
    for candidate in candidates:
        assert ("quantile" in candidate) == (candidate["loss"] == "quantile")
        sizes, dropout = candidate["hidden_layer_sizes"], candidate["dropout"]
        assert not isinstance(dropout, list) or len(dropout) == len(sizes)


def test_a_schedule_for_the_validation_loss_needs_early_stopping():
    schedule = Plateau(monitor="validation_loss")
    for space in BOTH:
        with pytest.raises(ValueError, match="requires early_stopping=True"):
            space(MLPClassifierX(), schedules=["constant", schedule])
        assert space(MLPClassifierX(early_stopping=True), schedules=schedule)
        found = space(
            MLPClassifierX(),
            {"adam": [0.1]},
            schedules=["constant", schedule],
            early_stopping=[False, True],
        )
        combined = [
            (candidate["lr_schedule"], candidate["early_stopping"])
            for candidate in ParameterGrid(found)
        ]
        assert combined == [("constant", False), ("constant", True), (schedule, True)]
    with pytest.raises(ValueError, match="monitors the validation loss"):
        solver_grid(MLPClassifierX(), ["adam", "lbfgs"], schedules=["step", schedule])


def test_objects_keep_their_own_parameters():
    adam, momentum = Adam(beta_2=0.9), Momentum(momentum=0.5)
    grid = solver_grid(
        MLPClassifierX(),
        {adam: 1, momentum: 1, "adam": 1},
        schedules=[Cosine(), "step"],
        hyperparameters=True,
        solver__weight_decay=[0, 0.1],
        lr_schedule__final=[0.0, 0.1],
    )
    candidates = list(ParameterGrid(grid))
    assert_all_differ(candidates)
    assert len(candidates) == 2 * (2 * 2 + 2 * 2) + 4 * (2 + 2)
    for candidate in candidates:
        model = tiny(MLPClassifierX).set_params(**clone(candidate, safe=False))
        fit_without_warning(model, X, LABELS)
        is_object = not isinstance(candidate["solver"], str)
        assert ("solver__weight_decay" in candidate) == is_object
        assert ("lr_schedule__final" in candidate) == (model.lr_schedule != "step")
    assert adam.get_params() == Adam(beta_2=0.9).get_params()
    assert adam.weight_decay == 0


def test_equal_candidates_are_one():
    grid = solver_grid(
        MLPClassifierX(),
        ["adam", Adam(), "adam", Adam(), Adam(beta_1=0.5)],
        schedules=["step", StepDecay(), Warmup(), StepDecay()],
        alpha=[0.1, np.float64(0.1), 0.2],
        hidden_layer_sizes=[(5,), (5,), (6,)],
    )
    assert_all_differ(list(ParameterGrid(grid)))
    assert len(ParameterGrid(grid)) == 3 * 3 * 3 * 2 * 2


# The rates.


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifierX(),
        MLPRegressorX(),
        MLPRegressorX(loss="poisson", learning_rate_init=0.5),
        MLPRegressorX(loss="gamma"),
        MLPRegressorX(loss="huber"),
    ],
    ids=str,
)
def test_the_middle_rate_is_the_default_for_the_task(model):
    y = LABELS if isinstance(model, MLPClassifierX) else NUMBERS - NUMBERS.min() + 1
    grids = [solver_grid(model, "all", n_rates=n) for n in (1, 3, 5)]
    for spaces in zip(*grids, strict=True):
        network = clone(model).set_params(
            solver=spaces[0]["solver"][0], learning_rate_init="auto", max_iter=1
        )
        with warnings.catch_warnings(action="ignore"):
            default = network.fit(X, y).learning_rate_
        for space, n in zip(spaces, (1, 3, 5), strict=True):
            assert len(space["learning_rate_init"]) == n
            assert space["learning_rate_init"][n // 2] == default
    for space in solver_distributions(model, "all", factor=7):
        (solver,) = space["solver"]
        rates = solver_grid(model, {solver: 1})[0]["learning_rate_init"]
        low, high = space["learning_rate_init"].support()
        np.testing.assert_allclose([low * 7, high / 7], rates * 2, rtol=1e-5)


def test_losses_in_the_search_have_their_own_rates():
    losses = ["huber", "poisson", "squared_error", "gamma"]
    grid = solver_grid(MLPRegressorX(), ["adam", "sgd"], loss=losses)
    adam = [space for space in grid if space["solver"] == ["adam"]]
    assert {tuple(space["loss"]): space["learning_rate_init"] for space in adam} == {
        ("huber", "squared_error"): [0.003, 0.01, 0.03],
        ("poisson", "gamma"): [0.0003, 0.001, 0.003],
    }
    (sgd,) = [space for space in grid if space["solver"] == ["sgd"]]
    assert sgd["loss"] == losses
    (own,) = solver_grid(MLPRegressorX(), {"adam": [0.02]}, loss=losses)
    assert (own["loss"], own["learning_rate_init"]) == (losses, [0.02])


@pytest.mark.parametrize(
    ("solver", "n", "factor", "expected"),
    [
        ("adam", 5, 3, [0.0001, 0.0003, 0.001, 0.003, 0.01]),
        ("adadelta", 5, 3, [0.03, 0.1, 0.3, 1.0, 3.0]),
        ("rmsprop_nesterov", 3, 3, [1e-05, 3e-05, 0.0001]),
        ("gd", 2, 3, [1.0, 3.0]),
        ("gd", 4, 3, [0.3, 1.0, 3.0, 10.0]),
        ("adam", 3, 10, [0.0001, 0.001, 0.01]),
        ("adam", 5, 2, [0.00025, 0.0005, 0.001, 0.002, 0.004]),
        ("adam", 3, 1.2, [0.00083, 0.001, 0.0012]),
        ("adam", 1, 3, [0.001]),
    ],
)
def test_rates_are_round(solver, n, factor, expected):
    (space,) = solver_grid(MLPClassifierX(), solver, n_rates=n, factor=factor)
    assert space["learning_rate_init"] == expected


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 10), st.integers(1, 20), st.floats(1, 1000, exclude_min=True))
def test_rates_are_in_even_steps_around_any_default(default, n, factor):
    class Own(SGD):
        default_learning_rate = default

    (space,) = solver_grid(MLPClassifierX(), Own(), n_rates=n, factor=factor)
    rates = space["learning_rate_init"]
    assert len(rates) == n
    assert rates[(n - 1) // 2] == default
    exact = [math.log(factor) * step for step in range(-((n - 1) // 2), n // 2 + 1)]
    off = np.abs(np.log(np.array(rates) / default) - exact)
    assert off.max() <= math.log(factor) / 4 * (1 + 1e-6) + 1e-15


def test_thirty_six_candidates_in_one_call():
    grid = solver_grid(
        make_pipeline(StandardScaler(), MLPClassifierX()),
        {
            "gd": 1, "sgd": 2, "momentum": 2, "nesterov": 2, "adagrad": 1,
            "rmsprop": 2, "adam": 2,
        },
        schedules=["constant", "exponential", "cosine"],
    )  # fmt: skip
    assert len(ParameterGrid(grid)) == 36
    assert_all_differ(list(ParameterGrid(grid)))
    assert [space["mlpclassifierx__solver"] for space in grid] == [
        [name] for name in TEXTBOOK
    ]


# The network in other estimators.

NETWORK = MLPRegressorX((2,), max_iter=2, random_state=0)
PIPELINE = make_pipeline(StandardScaler(), NETWORK)
PREFIXES = {
    "": NETWORK,
    "mlpregressorx__": make_pipeline(HiddenActivations(NETWORK), NETWORK),
    "pipeline__mlpregressorx__": make_pipeline(StandardScaler(), PIPELINE),
    "regressor__mlpregressorx__": TransformedTargetRegressor(PIPELINE),
    "transformedtargetregressor__regressor__": make_pipeline(
        StandardScaler(), TransformedTargetRegressor(NETWORK)
    ),
    "estimator__": MultiOutputRegressor(NETWORK),
    "estimator__mlpregressorx__": BaggingRegressor(PIPELINE, n_estimators=2),
}


@pytest.mark.parametrize("space", BOTH)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_prefix_is_found_and_may_be_given(space, prefix):
    outer = PREFIXES[prefix]
    bare = space(NETWORK, ["sgd", "adam"], alpha=[0.1, 0.2])
    for given_prefix in (None, prefix, prefix.removesuffix("__")):
        found = space(
            outer,
            ["sgd", "adam"],
            prefix=given_prefix,
            **{f"{prefix}alpha": [0.1, 0.2]},
        )
        names = [[name.removeprefix(prefix) for name in one] for one in found]
        assert names == [[*one] for one in bare]
        assert all(name.startswith(prefix) for one in found for name in one)
    for candidate in ParameterSampler(found, 4, random_state=0):
        changed = clone(outer).set_params(**candidate)
        for name, value in candidate.items():
            assert changed.get_params()[name] == value


def test_a_prefix_for_an_estimator_to_come():
    (space,) = solver_grid(MLPClassifierX(), "adam", prefix="mlp", mlp__alpha=[1, 2])
    assert [*space] == ["mlp__solver", "mlp__learning_rate_init", "mlp__alpha"]


def test_several_networks_need_a_prefix():
    vote = VotingClassifier([("a", MLPClassifierX()), ("b", MLPClassifierX())])
    known = r"several, with the prefixes 'a__', 'b__'\."
    with pytest.raises(ValueError, match=rf"{known} Pass one of them as prefix\.$"):
        solver_grid(vote)
    search = EpochHalvingGridSearchCV(vote, {"a__alpha": [1, 2]})
    with pytest.raises(ValueError, match=rf"{known}$"):  # it has no such parameter
        search.fit(X, LABELS)
    (space,) = solver_grid(vote, "adam", prefix="b__")
    assert [*space] == ["b__solver", "b__learning_rate_init"]
    with pytest.raises(ValueError, match=r"'prefix'.*Got 'c__', which leads to noth"):
        solver_grid(vote, prefix="c__")


def table_model(**parameters):
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(), make_column_selector(dtype_exclude="number")),
    )
    settings = {"max_iter": 5, "random_state": 0, **parameters}
    return make_pipeline(columns, MLPClassifierX((4,), **settings))


TABLE = pd.DataFrame(X, columns=[*"abcd"]).assign(e=np.where(X[:, 0] > 0, "x", "y"))


def test_grid_search_over_a_pipeline_with_columns():
    model = table_model()
    grid = solver_grid(
        model,
        ["gd", "nesterov", "adam", "lbfgs"],
        n_rates=2,
        schedules=["constant", "cosine"],
        batch_size=[20, 50],
        columntransformer__standardscaler__with_mean=[True, False],
    )
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(TABLE, LABELS)
    tried = search.cv_results_["params"]
    assert len(tried) == 2 * (2 * 2 + 2 * (2 * 2 * 2) + 1)
    assert_all_differ(tried)
    assert search.best_score_ > 0.7


def test_random_search_over_a_pipeline_with_columns():
    model = table_model()
    spaces = solver_distributions(
        model,
        ["gd", "nesterov", "adam", "lbfgs"],
        schedules=["constant", "step"],
        hyperparameters=True,
        alpha=loguniform(1e-6, 1),
        batch_size=randint(10, 50),
    )
    results = []
    for _ in range(2):
        search = RandomizedSearchCV(
            model, spaces, n_iter=10, cv=2, random_state=0, error_score="raise"
        ).fit(TABLE, LABELS)
        results.append(search.cv_results_["params"])
        assert_all_differ(results[-1])
    assert results[0] == results[1]


@pytest.mark.parametrize("own", ["constant", "cosine"])
def test_pairs_are_equally_likely(own):
    spaces = solver_distributions(
        MLPClassifierX(lr_schedule=own),
        ["gd", "momentum", "adam", "lbfgs"],
        schedules=["constant", "step", "one_cycle"],
        hyperparameters=True,
        alpha=uniform(0, 1),
        dropout=[0, 0.1],
    )
    pairs = [
        (*one["solver"], None if one["solver"] == ["lbfgs"] else one["lr_schedule"][0])
        for one in spaces
    ]
    expected = {*product(["gd", "momentum", "adam"], ["constant", "step", "one_cycle"])}
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected | {("lbfgs", None)}
    assert ("lr_schedule" in spaces[-1]) == (own == "cosine")


# Results and arguments.


@pytest.mark.parametrize("space", BOTH)
def test_results_are_equal_and_independent(space):
    model = make_pipeline(StandardScaler(), MLPClassifierX(solver=Adam()))
    before = repr(model)
    options = {
        "schedules": ["constant", "step"], "hyperparameters": True,
        "alpha": [0.1, 0.2], "standardscaler__with_std": [True, False],
    }  # fmt: skip
    first, again = (space(model, **options) for _ in range(2))
    draws = [
        list(ParameterSampler(found, 20, random_state=0)) for found in (first, again)
    ]
    assert draws[0] == draws[1]
    assert [[*one] for one in first] == [[*one] for one in again]
    for one in first:
        for values in one.values():
            if isinstance(values, list):
                values.append("edited")
    third = space(model, **options)
    assert list(ParameterSampler(third, 20, random_state=0)) == draws[0]
    changed = [id(v) for one in first for v in one.values() if isinstance(v, list)]
    assert len(set(changed)) == len(changed)
    assert options["alpha"] == [0.1, 0.2]
    assert repr(model) == before


def test_a_fitted_network_has_the_same_space():
    model = tiny(MLPClassifierX)
    grid = solver_grid(model, alpha=[0.1, 1])
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, LABELS)
    assert solver_grid(model, alpha=[0.1, 1]) == grid


MODEL = MLPClassifierX()
REFUSED = [
    (ValueError, "Did you mean 'nesterov'?", ["sgd", "nestrov"], {}),
    (ValueError, "Did you mean 'textbook'?", "text_book", {}),
    (ValueError, "Did you mean an object, Adam()?", [Adam], {}),
    (ValueError, "'solvers' parameter of solver_grid must not be empty", [], {}),
    (ValueError, "'solvers' parameter of solver_grid must be", 3, {}),
    (ValueError, "{'lbfgs': None}", {"lbfgs": 3}, {}),
    (ValueError, "solvers['adam']", {"adam": 0}, {}),
    (TypeError, "solvers['adam'] of solver_grid must be a list", {"adam": "x"}, {}),
    (ValueError, "'learning_rate_init' parameter", {"adam": [0.1, -1]}, {}),
    (ValueError, "Did you mean 'cosine'?", "adam", {"schedules": "cosin"}),
    (ValueError, "None leaves the schedule", "adam", {"schedules": []}),
    (ValueError, "'n_rates' parameter", "adam", {"n_rates": 0}),
    (ValueError, "'factor' parameter", "adam", {"factor": 1}),
    (ValueError, "'hyperparameters' parameter", "adam", {"hyperparameters": "yes"}),
    (ValueError, "'prefix' parameter", "adam", {"prefix": 3}),
    (ValueError, "Did you mean 'alpha'?", "adam", {"alhpa": [1]}),
    (TypeError, "Did you mean 'schedules'?", "adam", {"schedule": ["step"]}),
    (ValueError, "Use the argument solvers", "adam", {"solver": ["sgd"]}),
    (ValueError, "Use the argument schedules", "adam", {"lr_schedule": ["step"]}),
    (ValueError, "such as {'adam': [", "adam", {"learning_rate_init": [0.1]}),
    (ValueError, "'alpha' parameter of MLPClassifierX", "adam", {"alpha": [1, -1]}),
    (TypeError, "alpha of solver_grid must be a list", "adam", {"alpha": 0.1}),
    (TypeError, "activation of solver_grid must", "adam", {"activation": "relu"}),
    (ValueError, "alpha of solver_grid must have at least", "adam", {"alpha": []}),
    (TypeError, "see solver_distributions", "adam", {"alpha": uniform(0, 1)}),
    (ValueError, "'momentum' has no effect on any", "adam", {"momentum": [0.9]}),
    (ValueError, "'momentum' and 'nesterov' do", "adam", {"momentum": [0.9]}),
    (ValueError, "'batch_size' has no effect", ["gd", "lbfgs"], {"batch_size": [9]}),
    (ValueError, "solver='lbfgs' does not read it", "lbfgs", {"schedules": "step"}),
    (ValueError, "solver='adam' is no object", "adam", {"solver__beta_2": [0.9]}),
    (ValueError, "cannot train with dropout", "lbfgs", {"dropout": [0, 0.1]}),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "solvers", "options"), REFUSED)
def test_bad_arguments_are_refused(error, message, solvers, options):
    with pytest.raises(error, match=re.escape(message)):
        solver_grid(MODEL, solvers, **options)


def test_a_solver_that_the_estimator_cannot_have_is_refused():
    with pytest.raises(ValueError, match="cannot train with dropout"):
        solver_grid(MLPClassifierX(dropout=0.1), ["adam", "lbfgs"])


def test_parameters_of_other_steps_are_refused_by_them():
    with pytest.raises(ValueError, match="'with_men' for estimator StandardScaler"):
        solver_grid(PIPELINE, standardscaler__with_men=[True])


def test_draws_that_would_be_repeated_are_refused():
    with pytest.raises(ValueError, match="nothing to draw with solver='lbfgs'"):
        solver_distributions(MODEL, ["adam", "lbfgs"])
    with pytest.raises(ValueError, match="nothing to draw with solver='sgd', learning"):
        solver_distributions(MODEL, {"adam": None, "sgd": [0.1]})
    assert solver_distributions(MODEL, "lbfgs") == [{"solver": ["lbfgs"]}]
    rates = loguniform(0.1, 1)
    (space,) = solver_distributions(MODEL, {"sgd": rates})
    assert space["learning_rate_init"] is rates
    with pytest.raises(TypeError, match=r"solvers\['sgd'\] .* or a distribution"):
        solver_distributions(MODEL, {"sgd": 3})


@pytest.mark.parametrize("space", BOTH)
def test_estimators_without_such_a_network_are_refused(space):
    for estimator in (
        Ridge(), make_pipeline(StandardScaler(), Ridge()), MLPClassifierX, None,
        TransformedTargetRegressor(), make_pipeline(StandardScaler(), "passthrough"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=f"^{space.__name__} needs an MLPClassifie"):
            space(estimator)
    tabular = TabularMLPClassifier()
    for estimator in (tabular, make_pipeline(tabular)):
        with pytest.raises(
            TypeError, match=r"TabularMLPClassifier around its own, 0\."
        ):
            space(estimator)
