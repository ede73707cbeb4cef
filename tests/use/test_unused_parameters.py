"""A parameter that is set and has no effect is warned of, in one warning per fit."""

import warnings

import numpy as np
import pytest
from problems import ESTIMATORS, X, target
from sklearn.model_selection import GridSearchCV

from skoptnet import (
    SGD,
    Adam,
    GradientDescent,
    MLPClassifierX,
    MLPRegressorX,
    OneCycle,
    StepDecay,
    Warmup,
)
from skoptnet.losses import REGRESSION_LOSSES
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES
from skoptnet.training import LBFGS

# A value beside the default, by parameter.
SET = {
    "momentum": 0.5,
    "rho": 0.5,
    "beta_1": 0.5,
    "beta_2": 0.5,
    "epsilon": 1e-4,
    "max_fun": 100,
    "decay_rate": 0.25,
    "decay_epochs": 3,
    "power_t": 0.25,
    "huber_delta": 2.0,
    "quantile": 0.25,
}
CHOICES = {
    "solver": {**OPTIMIZERS, "lbfgs": LBFGS},
    "lr_schedule": SCHEDULES,
    "loss": REGRESSION_LOSSES,
}
READ = {
    choice: sorted({name for cls in classes.values() for name in cls.reads})
    for choice, classes in CHOICES.items()
}


def fitted(Estimator, y=None, **parameters):
    """Return a fitted model and the warnings, but for those of its convergence."""
    model = Estimator(
        **{"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0, **parameters}
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, target(Estimator) if y is None else y)
    said = [w for w in caught if w.category is UserWarning]
    assert all(w.filename == __file__ for w in said)
    return model, [str(w.message) for w in said]


def unused(Estimator, **parameters):
    """Return the one warning of a fit, "" if there is none."""
    said = fitted(Estimator, **parameters)[1]
    assert len(said) <= 1
    return said[0] if said else ""


def cases():
    for choice, classes in CHOICES.items():
        for chosen in classes:
            for name in READ[choice]:
                yield choice, chosen, name


@pytest.mark.parametrize(("choice", "chosen", "name"), [*cases()])
def test_what_a_fit_does_not_read_is_what_is_warned_of(choice, chosen, name):
    """The independent truth: whether another value makes another model."""
    Estimator = MLPRegressorX
    y = np.abs(target(Estimator)) + 0.5
    parameters = {choice: chosen, "max_iter": 12}
    if choice == "lr_schedule":  # the step comes after 10 epochs
        parameters["n_iter_no_change"] = np.inf
    value = {**SET, "max_fun": 2, "quantile": 0.9, "huber_delta": 0.05}[name]
    plain, silent = fitted(Estimator, y, **parameters)
    other, said = fitted(Estimator, y, **parameters, **{name: value})
    assert silent == []
    differs = not np.array_equal(plain._run.theta, other._run.theta)
    assert differs == (said == [])
    if said:
        assert said[0].startswith(
            f"Parameter of MLPRegressorX that has no effect: {name!r} ({choice}="
        )
        readers = [key for key, cls in CHOICES[choice].items() if name in cls.reads]
        if "has its own" not in said[0]:
            assert all(repr(reader) in said[0] for reader in readers)


def test_every_declared_parameter_is_one_of_the_estimators():
    assert {name for names in READ.values() for name in names} == SET.keys()
    for name in SET:
        assert name in MLPRegressorX().get_params()
    assert set(LBFGS.ignores) <= MLPClassifierX().get_params().keys()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_warning_names_all(Estimator):
    message = unused(
        Estimator, solver="sgd", momentum=0.5, beta_1=0.5, power_t=1.0, l1_ratio=0.5,
        alpha=0, validation_fraction=0.3,
    )  # fmt: skip
    assert message == (
        f"Parameters of {Estimator.__name__} that have no effect:"
        " 'beta_1' (solver='sgd' does not read it; 'adam' does);"
        " 'l1_ratio' (alpha=0 is no penalty);"
        " 'momentum' (solver='sgd' does not read it; 'momentum' and 'nesterov' do);"
        " 'power_t' (lr_schedule='constant' does not read it; 'invscaling' does);"
        " 'validation_fraction' (it needs early_stopping=True)."
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", [*OPTIMIZERS, "lbfgs"])
@pytest.mark.parametrize("lr_schedule", SCHEDULES)
@pytest.mark.each_value
def test_defaults_are_never_warned_of(Estimator, solver, lr_schedule):
    message = unused(
        Estimator,
        solver=solver,
        **({} if solver == "lbfgs" else {"lr_schedule": lr_schedule}),
        momentum=0.9,
        epsilon=None,
        decay_epochs=10.0,
        power_t=np.float64(0.5),
    )
    assert message == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr_schedule", "step"),
        ("lr_schedule", StepDecay()),
        ("learning_rate_init", 0.1),
        ("batch_size", 5),
        ("shuffle", False),
        ("max_grad_norm", 1.0),
        ("n_iter_no_change", 3),
        ("decay_rate", 0.1),
        ("beta_2", 0.5),
    ],
)
def test_lbfgs_has_neither_rates_nor_minibatches(name, value):
    message = unused(MLPRegressorX, solver="lbfgs", **{name: value})
    assert f"{name!r} (solver='lbfgs' " in message
    plain = fitted(MLPRegressorX, solver="lbfgs")[0]
    other = fitted(MLPRegressorX, solver="lbfgs", **{name: value})[0]
    np.testing.assert_array_equal(plain._run.theta, other._run.theta)


def test_patience_of_lbfgs_is_read_with_early_stopping():
    parameters = {"solver": "lbfgs", "early_stopping": True, "validation_fraction": 0.3}
    assert unused(MLPRegressorX, **parameters, n_iter_no_change=3) == ""


@pytest.mark.parametrize(
    ("solver", "name"), [("gd", "'gd'"), (GradientDescent(), "Grad")]
)
def test_minibatches_of_gradient_descent(solver, name):
    settings = {"batch_size": 5, "shuffle": False}
    message = unused(MLPClassifierX, solver=solver, **settings)
    for parameter in settings:
        assert f"{parameter!r} (solver={name}" in message
    assert unused(MLPClassifierX, solver="sgd", **settings) == ""
    assert unused(MLPClassifierX, solver=SGD(), **settings) == ""
    plain, _ = fitted(MLPClassifierX, solver=solver)
    other, _ = fitted(MLPClassifierX, solver=solver, **settings)
    np.testing.assert_array_equal(plain._run.theta, other._run.theta)


@pytest.mark.parametrize("schedule", ["one_cycle", OneCycle(), Warmup("one_cycle")])
@pytest.mark.parametrize(
    ("solver", "name"),
    [
        (key, cls.momentum_name)
        for key, cls in OPTIMIZERS.items()
        if cls.momentum_name in MLPRegressorX().get_params()
    ],
)
def test_a_schedule_that_sets_the_momentum(solver, name, schedule):
    settings = {"solver": solver, "lr_schedule": schedule, "n_iter_no_change": np.inf}
    message = unused(MLPRegressorX, **settings, **{name: 0.5})
    named = (
        repr(schedule) if schedule == "one_cycle" else f"{type(schedule).__name__}()"
    )
    assert f"{name!r} (lr_schedule={named} sets it)" in message
    plain, _ = fitted(MLPRegressorX, **settings)
    other, _ = fitted(MLPRegressorX, **settings, **{name: 0.5})
    np.testing.assert_array_equal(plain._run.theta, other._run.theta)


def test_an_object_has_parameters_of_its_own():
    message = unused(MLPClassifierX, solver=Adam(), beta_1=0.5, momentum=0.5)
    assert "'beta_1' (solver is an object; set solver__beta_1)" in message
    assert "'momentum' (solver is an object)" in message
    message = unused(MLPClassifierX, lr_schedule=StepDecay(), decay_rate=0.1, power_t=1)
    assert "'decay_rate' (lr_schedule is an object; set lr_schedule__decay_rate)" in (
        message
    )
    assert "'power_t' (lr_schedule is an object)" in message
    message = unused(MLPClassifierX, lr_schedule=lambda clock: 1.0, power_t=1)
    assert "'power_t' (lr_schedule is an object)" in message
    message = unused(MLPClassifierX, solver="adamw", beta_1=0.5)
    assert "set it on an object, solver=AdamW(beta_1=...)" in message


def test_validation_fraction_beside_validation_data():
    y = target(MLPClassifierX)
    model = MLPClassifierX(
        (3,), early_stopping=True, validation_fraction=0.3, max_iter=2
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Maximum number")
        with pytest.warns(UserWarning, match="'validation_fraction' .* passed to fit"):
            model.fit(X, y, X_val=X, y_val=y)
        model.fit(X, y)


def test_arrays_among_the_parameters_are_compared():
    quantiles = np.array([0.25, 0.75])
    assert "'quantile'" in unused(MLPRegressorX, quantile=quantiles)
    assert unused(MLPRegressorX, loss="quantile", quantile=quantiles) == ""


def test_a_subclass_has_its_own_defaults():
    class Own(MLPRegressorX):
        def __init__(self, hidden_layer_sizes=(3,), *, max_iter=2, momentum=0.5,
                     random_state=0):  # fmt: skip
            super().__init__(
                hidden_layer_sizes, max_iter=max_iter, momentum=momentum,
                random_state=random_state,
            )  # fmt: skip

    assert unused(Own) == ""
    assert "'momentum'" in unused(Own, momentum=0.9)


def test_a_search_over_solvers_has_one_message_per_solver():
    """Texts have no values, so one filter silences them."""
    grid = {
        "solver": ["sgd", "momentum", "nesterov", "adam"],
        "momentum": [0.5, 0.7, 0.8],
        "decay_rate": [0.1, 0.2],
    }
    model = MLPClassifierX((3,), max_iter=1, random_state=0)
    search = GridSearchCV(model, grid, cv=2, refit=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, target(MLPClassifierX))
    texts = [str(w.message) for w in caught if w.category is UserWarning]
    assert len(texts) == 4 * 3 * 2 * 2  # one per fit
    assert len(set(texts)) == 3  # sgd; momentum and nesterov; adam


def test_partial_fit_says_nothing():
    """It is called in loops, and the first `fit` has said it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MLPRegressorX((3,), momentum=0.5).partial_fit(X, target(MLPRegressorX))


def test_a_refused_fit_does_not_warn():
    model = MLPRegressorX((3,), momentum=0.5, alpha=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="'alpha'"):
            model.fit(X, target(MLPRegressorX))
