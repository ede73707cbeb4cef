"""A solver's hyperparameters: declared once, known to scikit-learn and to editors."""

import inspect
import pickle
from typing import Annotated, ClassVar

import numpy as np
import pytest
from sklearn.base import clone

from skoptnet import (
    SGD,
    Adam,
    AdamW,
    Constant,
    Momentum,
    Optimizer,
    ScheduleFreeAdamW,
    Warmup,
)
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.base import COMMON, DECAY, SHARE, hyperparameters
from skoptnet.schedules import SCHEDULES
from skoptnet.testing import check_optimizer


@hyperparameters
class Declared(Momentum):
    """Another default of the base class, a hyperparameter more, and no `ClassVar`."""

    memory = ("v", "w")
    chosen: ClassVar[int] = 3

    momentum: float = 0.5
    share: Annotated[float, SHARE] = 0.25
    weight_decay: float = 0.125

    def step(self, theta, g, state, rate, xp):
        state.w *= self.share
        super().step(theta, g, state, rate, xp)


class Named(Optimizer):
    """With an ``__init__`` of its own, as solvers have always been written."""

    memory = ("v",)
    _parameter_constraints: ClassVar[dict] = {"momentum": DECAY, **COMMON}

    def __init__(self, momentum=0.9, *, weight_decay=0.0, average=0.0):
        super().__init__(weight_decay=weight_decay, average=average)
        self.momentum = momentum

    def step(self, theta, g, state, rate, xp):
        state.v *= self.momentum
        state.v -= rate * g
        theta += state.v


class Passing(Adam):
    """Passes on what it does not name."""

    def __init__(self, beta_1=0.5, *, weight_decay=0.0):
        super().__init__(beta_1=beta_1, weight_decay=weight_decay)


class Silent(Optimizer):
    """Without any ``__init__``."""

    def step(self, theta, g, state, rate, xp):
        theta -= rate * xp.sign(g)


OWN = [Declared, Named, Passing, Silent]
KNOWN = {cls.__name__: cls for cls in [*OPTIMIZERS.values(), *OWN]}


def defaults_of(cls):
    """Return the defaults of the constructor's parameters, all passed by name."""
    found = inspect.signature(cls).parameters.values()
    assert {p.kind for p in found} <= {inspect.Parameter.KEYWORD_ONLY}
    return {p.name: p.default for p in found}


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (SGD, {"weight_decay": 0.0, "average": 0.0}),
        (
            AdamW,
            {
                "beta_1": 0.9,
                "beta_2": 0.999,
                "epsilon": 1e-8,
                "weight_decay": 0.01,
                "average": 0.0,
            },
        ),
        (
            ScheduleFreeAdamW,
            {
                "beta_1": 0.9,
                "beta_2": 0.999,
                "epsilon": 1e-8,
                "warmup_steps": 0,
                "weight_decay": 0.0,
            },
        ),
        (
            Declared,
            {"momentum": 0.5, "share": 0.25, "weight_decay": 0.125, "average": 0.0},
        ),
        (Silent, {"weight_decay": 0.0, "average": 0.0}),
    ],
)
def test_signature_has_all_hyperparameters_by_name(cls, expected):
    assert defaults_of(cls) == expected
    assert cls().get_params() == expected


@pytest.mark.parametrize("cls", [*OPTIMIZERS.values(), *SCHEDULES.values(), Declared])
def test_hyperparameters_are_taken_by_name_only(cls):
    """A first argument is a rate to those who come from PyTorch or Keras."""
    if cls is Warmup:
        assert Warmup("cosine").schedule == "cosine"
        arguments = ("cosine", 0.01)
    else:
        defaults_of(cls)
        arguments = (0.01,)
    if cls is Constant:
        return
    with pytest.raises(TypeError, match=rf"^{cls.__name__} takes .* Got 0\.01 by pos"):
        cls(*arguments)
    if cls.parameter_of == "solver":
        offered = rf"solver={cls.__name__}\(...\), learning_rate_init=0\.01"
        with pytest.raises(TypeError, match=offered):
            cls(*arguments)


@pytest.mark.parametrize("cls", [*OPTIMIZERS.values(), Declared])
def test_every_parameter_has_a_type_a_default_and_a_range(cls):
    for name, parameter in inspect.signature(cls).parameters.items():
        assert parameter.annotation in (float, int)
        assert parameter.default is not inspect.Parameter.empty
        with pytest.raises(ValueError, match=f"The '{name}' parameter of"):
            cls(**{name: -1}).check()


def test_a_class_attribute_in_place_of_a_hyperparameter_is_no_argument():
    with pytest.raises(TypeError, match="unexpected keyword argument 'average'"):
        ScheduleFreeAdamW(average=0.5)


@pytest.mark.parametrize("cls", OWN)
def test_solvers_of_ones_own_keep_the_contract_however_they_declare(cls):
    check_optimizer(cls())


@pytest.mark.parametrize("cls", [*OPTIMIZERS.values(), *OWN])
def test_clone_repr_pickle_and_set_params_know_every_hyperparameter(cls):
    solver = cls()
    for name in solver.get_params():
        solver.set_params(**{name: 7 if name == "warmup_steps" else 0.25})
    for twin in (
        clone(solver),
        pickle.loads(pickle.dumps(solver)),
        eval(repr(solver), KNOWN),
    ):
        assert twin.get_params() == solver.get_params()
        assert vars(twin) == vars(solver)
    assert solver != twin
    assert hash(solver) != hash(twin)


def test_ranges_are_inherited_and_come_first_where_declared_first():
    assert list(Declared._parameter_constraints) == [
        "share", "momentum", "weight_decay", "average",
    ]  # fmt: skip
    assert Declared._parameter_constraints["momentum"] is SHARE
    assert "share" not in Momentum._parameter_constraints


def test_class_attributes_are_no_hyperparameters():
    assert Declared().chosen == 3
    assert Declared.memory == ("v", "w")
    assert not {"memory", "chosen", "reads"} & set(Declared().get_params())


def test_a_declared_solver_makes_the_updates_of_a_written_one():
    declared, written = Momentum(momentum=0.5), Named(0.5)
    ends = []
    for solver in (declared, written):
        theta = np.array([1.0, -2.0])
        state = solver.start(theta, np)
        for t in range(1, 4):
            state.t = t
            solver.step(theta, theta.copy(), state, 0.1, np)
        ends.append(theta)
    np.testing.assert_array_equal(*ends)
