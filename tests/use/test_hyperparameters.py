"""A solver's hyperparameters: declared once, known to scikit-learn and to editors."""

import inspect
import pickle
from dataclasses import field
from typing import Annotated, ClassVar

import numpy as np
import pytest
from sklearn.base import clone

from skoptnet import SGD, Adam, AdamW, Momentum, Optimizer, ScheduleFreeAdamW
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.base import COMMON, DECAY, SHARE, hyperparameters
from skoptnet.testing import check_optimizer


@hyperparameters
class Declared(Momentum):
    """Another default of the base class, a hyperparameter more, and no `ClassVar`."""

    memory = ("v", "w")
    chosen: ClassVar[int] = 3

    momentum: float = 0.5
    share: Annotated[float, SHARE] = 0.25
    weight_decay: float = field(default=0.125, kw_only=True)

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
        super().__init__(beta_1, weight_decay=weight_decay)


class Silent(Optimizer):
    """Without any ``__init__``."""

    def step(self, theta, g, state, rate, xp):
        theta -= rate * xp.sign(g)


OWN = [Declared, Named, Passing, Silent]
KNOWN = {cls.__name__: cls for cls in [*OPTIMIZERS.values(), *OWN]}


def shape_of(cls):
    """Return the names and defaults by position, and those by name only."""
    found = inspect.signature(cls).parameters.values()
    by_name = [p.kind is p.KEYWORD_ONLY for p in found]
    return tuple(
        {p.name: p.default for p, only in zip(found, by_name, strict=True) if only == k}
        for k in (False, True)
    )


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (SGD, ({}, {"weight_decay": 0.0, "average": 0.0})),
        (
            AdamW,
            (
                {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
                {"weight_decay": 0.01, "average": 0.0},
            ),
        ),
        (
            ScheduleFreeAdamW,
            (
                {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "warmup_steps": 0},
                {"weight_decay": 0.0},
            ),
        ),
        (
            Declared,
            (
                {"momentum": 0.5, "share": 0.25},
                {"weight_decay": 0.125, "average": 0.0},
            ),
        ),
        (Silent, ({}, {"weight_decay": 0.0, "average": 0.0})),
    ],
)
def test_signature_has_own_hyperparameters_first_and_shared_ones_by_name(cls, expected):
    assert shape_of(cls) == expected
    assert cls().get_params() == expected[0] | expected[1]


@pytest.mark.parametrize("cls", [*OPTIMIZERS.values(), Declared])
def test_every_parameter_has_a_type_a_default_and_a_range(cls):
    for name, parameter in inspect.signature(cls).parameters.items():
        assert parameter.annotation in (float, int)
        assert parameter.default is not inspect.Parameter.empty
        with pytest.raises(ValueError, match=f"The '{name}' parameter of"):
            cls(**{name: -1}).check()


def test_positional_arguments_go_to_own_hyperparameters():
    assert Momentum(0.5).momentum == 0.5
    adam = Adam(0.8, 0.9, 1e-3, average=0.5)
    assert (adam.beta_1, adam.beta_2, adam.epsilon, adam.average) == (
        0.8,
        0.9,
        1e-3,
        0.5,
    )
    with pytest.raises(TypeError, match="positional"):
        Momentum(0.5, 0.1)
    with pytest.raises(TypeError, match="average"):
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
    declared, written = Momentum(0.5), Named(0.5)
    ends = []
    for solver in (declared, written):
        theta = np.array([1.0, -2.0])
        state = solver.start(theta, np)
        for t in range(1, 4):
            state.t = t
            solver.step(theta, theta.copy(), state, 0.1, np)
        ends.append(theta)
    np.testing.assert_array_equal(*ends)
