"""What authors of solvers, schedules and activations are told is broken, and no more.

Each broken subject breaks one part of the contract, and only its check may find it.
That what the package has keeps the contract is tested where its registries are.
"""

import math
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from skoptnet import SGD, Activation, Cosine, Optimizer, Schedule
from skoptnet.optimizers import State
from skoptnet.optimizers.base import SHARE
from skoptnet.testing import activations as asked_of_activations
from skoptnet.testing import check_activation, check_optimizer, check_schedule
from skoptnet.testing import optimizers as asked_of_optimizers
from skoptnet.testing import schedules as asked_of_schedules


def failed(report):
    return [result.check for result in report.failures]


def status_of(report, check):
    return {result.check: result.status for result in report.results}[check]


# ------------------------------------------------------------------------------ solvers


class Plain(Optimizer):
    """Keeps the contract; what follows breaks it, each in its way."""

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g


class Rolling(Optimizer):
    """Keeps the contract, with memory and a hyperparameter."""

    memory = ("v",)

    def __init__(self, share=0.9):
        super().__init__()
        self.share = share

    def step(self, theta, g, state, rate, xp):
        state.v *= self.share
        state.v -= rate * g
        theta += state.v


class OutOfRange(Rolling):
    _parameter_constraints = {"share": SHARE}  # noqa: RUF012

    def __init__(self, share=1.5):
        super().__init__(share)

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g


class RangeOfNothing(Rolling):
    _parameter_constraints = {"shares": SHARE}  # noqa: RUF012


class StoresElsewhere(Rolling):
    def __init__(self, part=0.9):
        super().__init__(part)


class StoresSomethingElse(Rolling):
    def __init__(self, share=0.9):
        super().__init__(min(share, 0.5) + 0.1)


class MemoryWithoutComma(Rolling):
    memory = "v"


class PointOfNothing(Plain):
    points = ("z",)


class TwiceNamed(Rolling):
    memory = ("v", "t")


class ArrayAmongNumbers(Plain):
    numbers = {"n": np.zeros(3)}  # noqa: RUF012


class InfiniteNumber(Plain):
    """Memory that is not finite is a divergence, so it would never train."""

    numbers = {"least": np.inf}  # noqa: RUF012


class NoRate(Plain):
    default_learning_rate = 0.0


class NoRateForRegression(Plain):
    regression_learning_rate = -0.1


class MomentumOfNothing(Plain):
    momentum_name = "momentum"


class Raises(Plain):
    def step(self, theta, g, state, rate, xp):
        theta -= rate * g / self.scale


class StaysPut(Plain):
    def step(self, theta, g, state, rate, xp):
        theta = theta - rate * g


class NotFinite(Plain):
    def step(self, theta, g, state, rate, xp):
        theta -= rate * g * math.inf


class CountsInItself(Plain):
    def step(self, theta, g, state, rate, xp):
        self.calls = getattr(self, "calls", 0) + 1
        super().step(theta, g, state, rate, xp)


class Random(Plain):
    def step(self, theta, g, state, rate, xp):
        theta -= rate * g * np.random.uniform(0.5, 1)  # noqa: NPY002


class Upcasts(Plain):
    memory = ("v",)

    def step(self, theta, g, state, rate, xp):
        state.v = state.v + xp.asarray(g, dtype="float64")
        theta -= rate * g


class Shrinks(Plain):
    memory = ("v",)

    def step(self, theta, g, state, rate, xp):
        state.v = xp.abs(g).max()
        theta -= rate * g


class HidesMemory(Plain):
    def step(self, theta, g, state, rate, xp):
        state.v = g.copy()
        super().step(theta, g, state, rate, xp)


class NumberOfNumPy(Plain):
    numbers = {"largest": 0.0}  # noqa: RUF012

    def step(self, theta, g, state, rate, xp):
        state.largest = xp.abs(g).max(keepdims=True)
        super().step(theta, g, state, rate, xp)


class CountsTwice(Plain):
    def step(self, theta, g, state, rate, xp):
        state.t += 1
        super().step(theta, g, state, rate, xp)


class HoldsALambda(Plain):
    def __init__(self):
        super().__init__()
        self.root = lambda x: x**0.5


class LeavesSomethingBehind(Rolling):
    def __getstate__(self):
        return {**super().__getstate__(), "share": 0.5}


class RemembersElsewhere(Plain):
    seen: list = []  # noqa: RUF012

    def step(self, theta, g, state, rate, xp):
        own = [v for at, v in self.seen if at is theta]
        if not own:
            own = [np.zeros_like(theta)]
            self.seen.append((theta, own[0]))
        own[0][...] = 0.9 * own[0] - rate * g
        theta += own[0]


class StartsAnew(Rolling):
    def go_on(self, state, theta, xp):
        return self.start(theta, xp)


class GoesOnInPlace(Rolling):
    def go_on(self, state, theta, xp):
        return state


class MovesToItsPoint(Rolling):
    def gradient_point(self, theta, state, xp):
        theta += self.share * state.v
        return theta


class Drifts(Plain):
    def step(self, theta, g, state, rate, xp):
        theta -= rate * (g + 0.001)


class DecaysInStep(Plain):
    def step(self, theta, g, state, rate, xp):
        theta -= rate * (g + 0.001 * theta)


class IgnoresTheRate(Plain):
    def step(self, theta, g, state, rate, xp):
        theta -= 0.01 * g


class LooksAtTheNorm(Plain):
    elementwise = True

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g / xp.sqrt(xp.sum(g * g) + 1e-12)


class ReplacesItsVector(Rolling):
    elementwise = True

    def step(self, theta, g, state, rate, xp):
        state.v = self.share * state.v - rate * g
        theta += state.v


class LooksAtPlaces(Plain):
    elementwise = True

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g * xp.linspace(1, 2, len(g), dtype=g.dtype)


class PowerOfNothing(Plain):
    rate_powers = {"largest": 1}  # noqa: RUF012


class RemembersRates(Plain):
    """Its steps are as long as the longest so far."""

    elementwise = True
    numbers = {"largest": 0.0}  # noqa: RUF012

    def step(self, theta, g, state, rate, xp):
        state.largest = max(state.largest, rate)
        theta -= (rate and state.largest) * g


class OnlyMatrices(Plain):
    layerwise = True

    def step(self, theta, g, state, rate, xp):
        k_in, k_out = theta.shape
        theta -= rate * g / (k_in * k_out) ** 0.5


class CopiesWideMatrices(Plain):
    layerwise = True

    def step(self, theta, g, state, rate, xp):
        if theta.ndim == 2 and theta.shape[0] < theta.shape[1]:
            theta = theta.T.copy()
            g = g.T
        theta -= rate * g


class DecaysNothing(Plain):
    def decay(self, theta, state, rate, xp):
        pass


class StartsWithoutTheBase(Plain):
    def start(self, theta, xp):
        return State(t=0)


class AveragesByItself(Plain):
    def step(self, theta, g, state, rate, xp):
        theta -= (2 if self.average else 1) * rate * g


class ForgetsItsPoint(Plain):
    memory = ("z",)

    def start(self, theta, xp):
        state = super().start(theta, xp)
        state.z += theta
        return state

    def step(self, theta, g, state, rate, xp):
        state.z -= rate * g
        theta += 0.5 * (state.z - theta)


class MovesTheta(Plain):
    def move(self, state, theta):
        super().move(state, theta)
        theta *= 0.5


class VanishesInSinglePrecision(Plain):
    def step(self, theta, g, state, rate, xp):
        small = 1e-30 * g
        theta -= rate * small / xp.sqrt(small * small + 1e-200)


class Climbs(Plain):
    def step(self, theta, g, state, rate, xp):
        theta += rate * g


BROKEN_OPTIMIZERS = [
    (OutOfRange, "parameters", "'share' parameter of OutOfRange must be"),
    (RangeOfNothing, "parameters", "ranges of shares, which __init__ does not"),
    (StoresElsewhere, "clone", "does not store part"),
    (StoresSomethingElse, "clone", "clone\\(\\) raised RuntimeError"),
    (MemoryWithoutComma, "declarations", "memory is 'v'"),
    (PointOfNothing, "declarations", "points has z, which memory does not have"),
    (TwiceNamed, "declarations", "t would name two things"),
    (ArrayAmongNumbers, "declarations", "must be Python numbers"),
    (InfiniteNumber, "declarations", "must be Python numbers, and finite"),
    (PowerOfNothing, "declarations", "rate_powers is .* for names in numbers"),
    (NoRate, "declarations", "default_learning_rate is 0.0"),
    (NoRateForRegression, "declarations", "regression_learning_rate is -0.1"),
    (MomentumOfNothing, "declarations", "no hyperparameter"),
    (Raises, "updates", "AttributeError: .*no attribute 'scale' \\(line .*, in step"),
    (StaysPut, "updates", "theta -= u, not theta = theta - u"),
    (NotFinite, "updates", "not finite"),
    (CountsInItself, "hyperparameters", "attributes calls. .* belongs in `state`"),
    (Random, "determinism", "nothing random"),
    (Upcasts, "dtype and shape", "became float64 where theta is float32"),
    (Shrinks, "dtype and shape", "an object of shape \\(\\); theta's is \\(23,\\)"),
    (HidesMemory, "memory", "undeclared v\\. .*what `memory` and `numbers` declare"),
    (NumberOfNumPy, "memory", "Python's int or float"),
    (CountsTwice, "memory", "state.t is 6"),
    (HoldsALambda, "pickling", "cannot be pickled: .*lambda"),
    (LeavesSomethingBehind, "pickling", "copy gives other results"),
    (RemembersElsewhere, "resuming", "5 updates, a pickle, and 5 more differ"),
    (StartsAnew, "resuming", "5 updates, go_on, and 5 more differ"),
    (GoesOnInPlace, "resuming", "shares memory"),
    (MovesToItsPoint, "gradient point", "changed theta or the state"),
    (Drifts, "rest", "theta moved by 3e-05"),
    (DecaysInStep, "rest", "belongs in `decay`"),
    (IgnoresTheRate, "rate of zero", "in proportion to the rate"),
    (LooksAtPlaces, "permutation", "elementwise = True promises"),
    (LooksAtTheNorm, "blocks", "elementwise = True promises"),
    (ReplacesItsVector, "blocks", "in blocks leave another state.v"),
    (RemembersRates, "rate factors", "with 0.25 of the rate differs"),
    (OnlyMatrices, "layers", "each b_l, of shape \\(k_out,\\), by itself"),
    (CopiesWideMatrices, "layers", "W_l of shape \\(3, 5\\) did not change"),
    (DecaysNothing, "weight decay", "W_l of shape \\(3, 5\\) does not shrink"),
    (StartsWithoutTheBase, "average", "super\\(\\).start"),
    (AveragesByItself, "average", "not the mean"),
    (ForgetsItsPoint, "move", "must be named in points"),
    (MovesTheta, "move", "move changed theta"),
    (VanishesInSinglePrecision, "precision", "0 or infinite in float32"),
    (Climbs, "convergence", "sign of the update"),
]


@pytest.mark.parametrize("Solver", [Plain, Rolling, SGD])
def test_what_is_in_order_passes(Solver):
    assert check_optimizer(Solver()).failures == ()


@pytest.mark.parametrize(("Solver", "check", "complaint"), BROKEN_OPTIMIZERS)
def test_only_the_check_of_what_is_broken_fails(Solver, check, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_optimizer(Solver())
    assert failed(check_optimizer(Solver(), raise_on_failure=False)) == [check]


def test_every_check_of_solvers_finds_something():
    assert {check for _, check, _ in BROKEN_OPTIMIZERS} == {
        check.name for check in asked_of_optimizers._CHECKS
    }


def test_a_class_within_a_function_is_told_to_move_out():
    class Local(Plain):
        pass

    report = check_optimizer(Local(), raise_on_failure=False)
    assert failed(report) == ["pickling"]
    assert "at the top level of a module" in str(report)


# ---------------------------------------------------------------------------- schedules


class Halves(Schedule):
    """Keeps the contract."""

    def __init__(self, factor=0.5):
        self.factor = factor

    def __call__(self, clock):
        return self.factor**clock.epoch


class TooLarge(Halves):
    _parameter_constraints = {"factor": SHARE}  # noqa: RUF012

    def __init__(self, factor=1.01):
        super().__init__(factor)


class Renames(Halves):
    def __init__(self, share=0.5):
        super().__init__(share)


class Negative(Halves):
    def __call__(self, clock):
        return 1 - clock.epoch


class NoNumber(Halves):
    def __call__(self, clock):
        return None


class FullMomentum(Halves):
    def momentum(self, clock):
        return clock.epoch / 20


class Counts(Halves):
    def __call__(self, clock):
        self.asked = getattr(self, "asked", 0) + 1
        return super().__call__(clock)


class Scatters(Halves):
    def __call__(self, clock):
        return np.random.uniform()  # noqa: NPY002


class ScattersMomentum(Halves):
    def momentum(self, clock):
        return np.random.uniform()  # noqa: NPY002


class Unpickled(Halves):
    def __getstate__(self):
        raise TypeError("no state")


class Steady(Halves):
    constant_within_epoch = True

    def __call__(self, clock):
        return self.factor**clock.epochs


class SteadyButForMomentum(Halves):
    constant_within_epoch = True

    def momentum(self, clock):
        return 0.9 * clock.step / clock.updates_per_epoch


class NeedsTwoUpdates(Halves):
    def __call__(self, clock):
        return 1 - clock.step / (clock.updates_per_epoch - 1)


class EndsWithThePlan(Halves):
    def __call__(self, clock):
        return 1 - clock.epochs / clock.planned_epochs


class NeedsAPlan(Halves):
    def __call__(self, clock):
        return max(clock.planned_epochs - clock.epochs, 0)


class ReadsLosses(Halves):
    reads_losses = False

    def __call__(self, clock):
        return 0.5 if clock.epoch and clock.losses[-1] < 2 else 1.0


class ReadsLossesIfThere(Halves):
    reads_losses = False

    def __call__(self, clock):
        return 0.5 ** len(clock.losses)


class ReadsValidationAfterAll(Halves):
    reads_losses = False
    needs_validation = True

    def __call__(self, clock):
        return 0.5 ** len(clock.validation_losses)


class ReadsValidation(Halves):
    def __call__(self, clock):
        return 0.5 if clock.epoch and clock.validation_losses[-1] < 2 else 1.0


class ReadsValidationIfThere(Halves):
    def __call__(self, clock):
        return 0.5 ** len(clock.validation_losses)


class SaysNothingAtPlateaus(Halves):
    def ends_at_plateau(self, rate):
        rate < 1e-3  # noqa: B015


BROKEN_SCHEDULES = [
    (TooLarge, "parameters", "'factor' parameter of TooLarge must be"),
    (Renames, "clone", "does not store share"),
    (Negative, "factors", "returned -1 at Clock\\(update=20, epoch=2,.*not negative"),
    (NoNumber, "factors", "returned None"),
    (FullMomentum, "momentum", "momentum 1.0 at Clock"),
    (Counts, "unchanged", "attributes asked"),
    (Scatters, "purity", "pure function"),
    (ScattersMomentum, "purity", "pure function"),
    (Unpickled, "pickling", "cannot be pickled: no state"),
    (Steady, "steadiness", "read clock.epoch, not clock.epochs"),
    (SteadyButForMomentum, "steadiness", "moved within an epoch"),
    (NeedsTwoUpdates, "short epochs", "one update, it raised ZeroDivisionError"),
    (EndsWithThePlan, "past the plan", "Past the end of the plan, it returned -"),
    (NeedsAPlan, "no plan", "Without a plan, it returned inf"),
    (ReadsLosses, "losses", "Without losses it raised IndexError.*read no losses"),
    (ReadsLossesIfThere, "losses", "other factors"),
    (ReadsValidationAfterAll, "losses", "Without validation losses it gives other"),
    (ReadsValidation, "validation", "raised IndexError.*needs_validation"),
    (ReadsValidationIfThere, "validation", "other factors"),
    (SaysNothingAtPlateaus, "plateaus", "returned None"),
]


@pytest.mark.parametrize(("Broken", "check", "complaint"), BROKEN_SCHEDULES)
def test_only_the_check_of_what_a_schedule_breaks_fails(Broken, check, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_schedule(Broken())
    assert failed(check_schedule(Broken(), raise_on_failure=False)) == [check]


def test_every_check_of_schedules_finds_something():
    assert {check for _, check, _ in BROKEN_SCHEDULES} == {
        check.name for check in asked_of_schedules._CHECKS
    }


def falling(clock):
    return 1 / (1 + clock.epoch)


def test_a_plain_function_is_checked_as_a_schedule():
    report = check_schedule(falling)
    assert report.failures == ()
    assert report.subject.startswith("FunctionSchedule(function=<function falling")
    report = check_schedule(lambda clock: -1.0, raise_on_failure=False)
    assert failed(report) == ["factors"]
    report = check_schedule(lambda clock: 1.0, raise_on_failure=False)
    assert failed(report) == ["pickling"]
    assert "no lambda" in str(report)


# -------------------------------------------------------------------------- activations


class Softsign(Activation):
    """Keeps the contract."""

    def __init__(self, width=1.0):
        self.width = width

    def forward(self, z, xp):
        z /= self.width + xp.abs(z)

    def backward(self, a, delta, xp):
        delta *= (1 - xp.abs(a)) ** 2 / self.width


class Sine(Activation):
    needs_z = True

    def forward(self, z, xp):
        xp.sin(z, out=z)

    def backward(self, z, delta, xp):
        delta *= xp.cos(z)


class TooWide(Softsign):
    _parameter_constraints = {"width": SHARE}  # noqa: RUF012

    def __init__(self, width=2.0):
        super().__init__(width)


class RenamesWidth(Softsign):
    def __init__(self, breadth=1.0):
        super().__init__(breadth)


class Overflows(Softsign):
    def forward(self, z, xp):
        z *= math.inf


class OutOfPlace(Sine):
    def forward(self, z, xp):
        return xp.sin(z)


class Undeclared(Sine):
    needs_z = False


class WrongSlope(Softsign):
    def backward(self, a, delta, xp):
        delta *= 1 - xp.abs(a)


class AcrossRows(Sine):
    def forward(self, z, xp):
        z -= len(z)

    def backward(self, z, delta, xp):
        pass


class Unbound(Sine):
    def draw_bound(self, fan_in, fan_out):
        return 0.0


class Remembers(Softsign):
    def forward(self, z, xp):
        super().forward(z, xp)
        self.seen = len(z)


class Unsaved(Softsign):
    def __getstate__(self):
        return {**super().__getstate__(), "width": 2.0}


BROKEN_ACTIVATIONS = [
    (TooWide, "parameters", "'width' parameter of TooWide must be"),
    (RenamesWidth, "clone", "does not store breadth"),
    (Overflows, "values", "not finite"),
    (OutOfPlace, "derivative", "numerical derivative"),
    (Undeclared, "derivative", "needs_z = True"),
    (WrongSlope, "derivative", "numerical derivative"),
    (AcrossRows, "rows", "depend on other rows"),
    (Unbound, "draws", "draw_bound\\(30, 20\\) returned 0.0"),
    (Remembers, "unchanged", "attributes seen"),
    (Unsaved, "pickling", "copy gives other results"),
]


@pytest.mark.parametrize(("Broken", "check", "complaint"), BROKEN_ACTIVATIONS)
def test_only_the_check_of_what_an_activation_breaks_fails(Broken, check, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_activation(Broken())
    assert failed(check_activation(Broken(), raise_on_failure=False)) == [check]


def test_every_check_of_activations_finds_something():
    assert {check for _, check, _ in BROKEN_ACTIVATIONS} == {
        check.name for check in asked_of_activations._CHECKS
    }


# ------------------------------------------------------------------------------ reports


class BreaksThree(Optimizer):
    """Memory undeclared, a rate ignored, and steps uphill."""

    def step(self, theta, g, state, rate, xp):
        state.last = g.copy()
        theta += 0.01 * xp.sign(g)


def test_all_that_is_broken_is_said_at_once():
    with pytest.raises(AssertionError) as raised:
        check_optimizer(BreaksThree())
    assert str(raised.value).splitlines() == [
        "BreaksThree() breaks the contract: 3 of 17 checks failed",
        "- memory: BROKEN. The state has undeclared last. It must hold what `memory`"
        " and `numbers` declare: name vectors in memory, numbers in numbers; in"
        " `start`, change what super().start returns.",
        "- rate of zero: BROKEN. Updates at a rate of zero moved theta by 0.03. All"
        " that moves theta must be in proportion to the rate of the update, which a"
        " schedule may lower to 0.",
        "- convergence: BROKEN. In 200 updates at the rates 0.01, 0.01 and 0.001, the"
        " loss of a convex quadratic, 5.47 at first, never fell by a tenth. Check the"
        " sign of the update, and default_learning_rate.",
    ]


def test_a_report_has_a_line_for_each_check():
    report = check_optimizer(Plain())
    lines = str(report).splitlines()
    assert lines[0] == "Plain() keeps the contract: 18 checks passed"
    assert lines[1] == "- parameters: kept"
    assert "- blocks: does not apply. elementwise is False." in lines
    assert len(lines) == 1 + len(asked_of_optimizers._CHECKS)
    assert repr(report) == "<Plain() keeps the contract: 18 checks passed>"


def test_what_would_fail_for_the_same_reason_is_not_asked():
    report = check_optimizer(Raises(), raise_on_failure=False)
    assert status_of(report, "convergence") == "not asked"
    assert "- convergence: not asked. See 'updates' first." in str(report)
    assert status_of(report, "clone") == "kept"
    # A check that does not apply keeps no other one from being asked.
    assert status_of(check_optimizer(Plain()), "weight decay") == "kept"


def test_the_error_of_the_authors_own_code_is_the_cause():
    with pytest.raises(AssertionError) as raised:
        check_optimizer(Raises())
    assert isinstance(raised.value.__cause__, AttributeError)
    assert "scale" in str(raised.value.__cause__)


@pytest.mark.parametrize(
    ("check", "given", "message"),
    [
        (check_optimizer, Plain, "Optimizer objects .* Did you mean Plain\\(\\)"),
        (check_optimizer, Cosine(), "Optimizer objects can be checked. Got Cosine"),
        (check_schedule, Halves, "Schedule objects .* Did you mean Halves\\(\\)"),
        (check_schedule, "cosine", "Schedule objects can be checked. Got 'cosine'"),
        (check_activation, "tanh", "Activation objects can be checked. Got 'tanh'"),
    ],
)
def test_something_else_is_refused(check, given, message):
    with pytest.raises(TypeError, match=message):
        check(given)


def test_the_subject_stays_as_it_is():
    for check, subject in (
        (check_optimizer, CountsInItself()),
        (check_schedule, Counts()),
        (check_activation, Remembers()),
    ):
        before = dict(vars(subject))
        report = check(subject, raise_on_failure=False)
        assert report.failures
        assert vars(subject) == before


def test_a_report_is_plain_data():
    report = check_optimizer(Raises(), raise_on_failure=False)
    assert str(pickle.loads(pickle.dumps(report))) == str(report)
    assert clone(Plain()).get_params() == Plain().get_params()
