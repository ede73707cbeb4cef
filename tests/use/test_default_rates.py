"""``learning_rate_init="auto"``: the solver's rate for classes or for regression."""

import inspect

import numpy as np
import pytest
from problems import ESTIMATORS, NUMBERS, X, small, target
from sklearn.base import clone

from skoptnet import SGD, Adam, AdamW, MLPClassifierX, MLPRegressorX, Optimizer
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.testing import check_optimizer

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


class TwoRates(SGD):
    default_learning_rate = 0.25
    regression_learning_rate = 0.125


class OneRate(TwoRates):
    """Declares the rate of classes only, below a class that has two."""

    default_learning_rate = 0.5


class Inherits(TwoRates):
    pass


class OfItsOwn(Optimizer):
    """An attribute of the object, set where it is made."""

    def __init__(self, *, weight_decay=0.0, average=0.0):
        super().__init__(weight_decay=weight_decay, average=average)
        self.default_learning_rate = 0.0625

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g


@pytest.mark.parametrize(
    ("solver", "rates"),
    [
        (TwoRates(), (0.25, 0.125)),
        (OneRate(), (0.5, 0.5)),
        (Inherits(), (0.25, 0.125)),
        (OfItsOwn(), (0.0625, 0.0625)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_task_has_its_rate(solver, rates):
    """As a subclass declares it, and as the first update shows."""
    for Estimator, rate in zip(ESTIMATORS, rates, strict=True):
        auto = small(Estimator, solver=solver, learning_rate_init="auto")
        model = clone(auto).fit(X, target(Estimator))
        given = clone(auto).set_params(learning_rate_init=rate)
        given.fit(X, target(Estimator))
        assert (
            model.learning_rate_
            == rate
            == solver.auto_rate(regression=Estimator is MLPRegressorX)
        )
        np.testing.assert_array_equal(model.coefs_[0], given.coefs_[0])
        assert set(model.history_["learning_rate"]) == {rate}


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
def test_names_and_objects_have_the_same_rate(solver):
    for Estimator in ESTIMATORS:
        rates = {
            small(Estimator, solver=which, learning_rate_init="auto", max_iter=1)
            .fit(X, target(Estimator))
            .learning_rate_
            for which in (solver, OPTIMIZERS[solver]())
        }
        assert rates == {
            OPTIMIZERS[solver]().auto_rate(regression=Estimator is MLPRegressorX)
        }


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_losses_with_a_log_link_take_the_lower_rate(loss):
    settings = {"loss": loss, "learning_rate_init": "auto"}
    for solver, rate in {TwoRates(): 0.125, Adam(): 0.001, OfItsOwn(): 0.0625}.items():
        model = small(MLPRegressorX, solver=solver, **settings)
        assert model.fit(X, 1 + NUMBERS**2).learning_rate_ == rate


def test_few_counts_are_not_overfitted():
    """At the defaults, without early stopping: D2 is that of the true rates."""
    rng = np.random.RandomState(0)
    rows = rng.randn(8000, 6)
    rates = np.exp(0.5 * rows[:, 0] - 0.4 * rows[:, 1] + 0.3 * np.sin(2 * rows[:, 2]))
    counts, some, others = rng.poisson(rates), slice(500), slice(500, None)
    scores = {}
    for rate in ("auto", 0.01):
        model = MLPRegressorX(loss="poisson", random_state=0, learning_rate_init=rate)
        model.fit(rows[some], counts[some])
        scores[rate] = model.score(rows[others], rates[others])
    assert scores[0.01] < 0.1 < 0.6 < scores["auto"]


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
def test_the_docstring_says_the_rates(solver):
    optimizer = OPTIMIZERS[solver]()
    rate, of_regression = (optimizer.auto_rate(task) for task in (False, True))
    also = f", for regression {of_regression:g}" if of_regression != rate else ""
    assert f"Default rate: {rate:g}{also}.\n" in inspect.getdoc(optimizer)


def test_adam_has_the_lectures_rate_for_classes():
    """It is Keras', PyTorch's and scikit-learn's, too."""
    assert Adam().auto_rate() == AdamW().auto_rate() == 0.001
    model = small(MLPClassifierX, learning_rate_init="auto").fit(X, NUMBERS > 0)
    assert model.learning_rate_ == 0.001


@pytest.mark.parametrize("solver", [TwoRates(), OneRate()], ids=repr)
def test_a_solver_with_two_rates_keeps_the_contract(solver):
    check_optimizer(solver).raise_failures()
