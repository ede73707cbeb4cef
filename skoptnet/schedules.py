"""Learning-rate schedules: what the initial rate is multiplied by, and when.

A schedule is a pure function of a `Clock`. It keeps no state, prints nothing and
knows nothing of solvers or networks; every `Optimizer` obeys every schedule. To add
one, write a class with ``__call__`` and name it in `SCHEDULES` at the foot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import ClassVar, NamedTuple

from ._params import Interval, Part


class Clock(NamedTuple):
    """Where a training stands when an update is about to be made.

    Parameters
    ----------
    update : int
        Number t of updates made before this one.
    epoch : int
        Number e of epochs finished before this one.
    updates_per_epoch : int
        Number of updates in the present epoch.
    step : int
        Number of updates made in the present epoch before this one.
    samples : int
        Number of samples seen in the epochs finished before this update, each as often
        as it came.
    plateaus : int
        Number of times that ``n_iter_no_change`` epochs in a row brought no improvement
        of ``tol`` and training went on.

    Examples
    --------
    >>> from skoptnet.schedules import Clock
    >>> Clock(update=25, epoch=2, updates_per_epoch=10, step=5).epochs
    2.5
    """

    update: int
    epoch: int
    updates_per_epoch: int
    step: int
    samples: int = 0
    plateaus: int = 0

    @property
    def epochs(self) -> float:
        """Epochs trained so far, the present one by its share.

        This is ``update / updates_per_epoch`` as long as every epoch has as many
        updates as the others, and keeps its meaning where they differ
        (``partial_fit`` on chunks of different size).
        """
        return self.epoch + self.step / self.updates_per_epoch


class Schedule(Part, ABC):
    """Base class of the schedules; derive from it to write your own.

    Examples
    --------
    A schedule that falls with the root of the epochs:

    >>> from skoptnet import MLPClassifierX, Schedule
    >>> class RootDecay(Schedule):
    ...     def __call__(self, clock):
    ...         return 1 / (1 + clock.epoch) ** 0.5
    >>> MLPClassifierX(solver="sgd", lr_schedule=RootDecay())
    MLPClassifierX(lr_schedule=RootDecay(), solver='sgd')
    """

    @abstractmethod
    def __call__(self, clock: Clock) -> float:
        """Return the factor on the initial rate for the update at ``clock``.

        Parameters
        ----------
        clock : Clock
            Where the training stands.

        Returns
        -------
        float
            The factor, finite and not negative.
        """

    def ends_at_plateau(self, rate: float) -> bool:
        """Tell whether training ends at a plateau; yes, unless a schedule says no.

        Where the answer is no, training goes on, and ``plateaus`` of the clock is one
        more.

        Parameters
        ----------
        rate : float
            The last rate before the plateau was reached.

        Returns
        -------
        bool
            Whether `n_iter_no_change` epochs without an improvement end the training.
        """
        return True


class Constant(Schedule):
    """The initial rate throughout, ``lr_schedule="constant"``.

    .. math:: \\epsilon_t = \\epsilon_0

    Examples
    --------
    >>> from skoptnet.schedules import Clock, Constant
    >>> Constant()(Clock(update=70, epoch=7, updates_per_epoch=10, step=0))
    1.0
    """

    steady_within_epochs = True

    def __call__(self, clock):
        return 1.0


class _Decay(Schedule):
    """A schedule with a factor per so many epochs."""

    reads = ("decay_rate", "decay_epochs")
    _parameter_constraints: ClassVar[dict] = {
        "decay_rate": [Interval(Real, 0, 1, closed="right")],
        "decay_epochs": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, decay_rate: float = 0.5, decay_epochs: float = 10):
        self.decay_rate = decay_rate
        self.decay_epochs = decay_epochs


class StepDecay(_Decay):
    """Falls at once every so many epochs, ``lr_schedule="step"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\cdot
        \\mathrm{decay\\_rate}^{\\lfloor e / \\mathrm{decay\\_epochs} \\rfloor}

    with :math:`e` the epochs finished so far. As PyTorch's ``StepLR``.

    Parameters
    ----------
    decay_rate : float in (0, 1], default=0.5
        Factor at each fall.
    decay_epochs : float > 0, default=10
        Epochs between two falls.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, StepDecay
    >>> StepDecay()(Clock(update=250, epoch=25, updates_per_epoch=10, step=0))
    0.25
    """

    steady_within_epochs = True

    def __call__(self, clock):
        return self.decay_rate ** (clock.epoch // self.decay_epochs)


class ExponentialDecay(_Decay):
    """Falls a little with every update, ``lr_schedule="exponential"``.

    .. math::
        \\epsilon_t = \\epsilon_0 \\cdot \\mathrm{decay\\_rate}^{
        t / (\\mathrm{decay\\_epochs} \\cdot \\mathrm{updates\\_per\\_epoch})}

    with :math:`t` the updates made so far. As Keras' and Optax' exponential decay;
    PyTorch's ``ExponentialLR`` agrees at the ends of epochs.

    Parameters
    ----------
    decay_rate : float in (0, 1], default=0.5
        Factor per ``decay_epochs`` epochs.
    decay_epochs : float > 0, default=10
        Epochs in which the rate falls by ``decay_rate``.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, ExponentialDecay
    >>> ExponentialDecay()(Clock(update=200, epoch=20, updates_per_epoch=10, step=0))
    0.25
    """

    def __call__(self, clock):
        return self.decay_rate ** (clock.epochs / self.decay_epochs)


class InverseScaling(Schedule):
    """Falls with a power of the samples seen, ``lr_schedule="invscaling"``.

    .. math::
        \\epsilon_t = \\frac{\\epsilon_0}{(N + 1)^{\\mathrm{power\\_t}}}

    with :math:`N` the samples seen in the epochs finished so far, each as often as it
    came and whatever its weight. As scikit-learn's, whose unit is the sample, too: so
    the rate falls far after the first epoch and slowly later.

    Parameters
    ----------
    power_t : float >= 0, default=0.5
        The exponent.

    Examples
    --------
    >>> from skoptnet.schedules import Clock, InverseScaling
    >>> clock = Clock(update=10, epoch=1, updates_per_epoch=10, step=0, samples=99)
    >>> InverseScaling()(clock)
    0.1
    """

    steady_within_epochs = True
    reads = ("power_t",)
    _parameter_constraints: ClassVar[dict] = {
        "power_t": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, power_t: float = 0.5):
        self.power_t = power_t

    def __call__(self, clock):
        return 1 / (clock.samples + 1) ** self.power_t


class Adaptive(Schedule):
    """Falls where training no longer improves, ``lr_schedule="adaptive"``.

    .. math:: \\epsilon_t = \\epsilon_0 \\cdot \\mathrm{factor}^{p}

    with :math:`p` the plateaus passed so far. A plateau is ``n_iter_no_change`` epochs
    in a row without an improvement by ``tol`` of the training loss, or of the
    validation score with ``early_stopping``. The first one at a rate of ``min_rate``
    or less ends the training. As scikit-learn's; PyTorch's ``ReduceLROnPlateau`` is
    alike.

    Parameters
    ----------
    factor : float in (0, 1), default=0.2
        Factor on the rate at each plateau.
    min_rate : float >= 0, default=1e-6
        The rate from which on a plateau ends the training.

    Examples
    --------
    >>> from skoptnet.schedules import Adaptive, Clock
    >>> clock = Clock(update=900, epoch=90, updates_per_epoch=10, step=0, plateaus=3)
    >>> Adaptive(factor=0.5)(clock)
    0.125
    """

    steady_within_epochs = True
    _parameter_constraints: ClassVar[dict] = {
        "factor": [Interval(Real, 0, 1, closed="neither")],
        "min_rate": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, factor: float = 0.2, min_rate: float = 1e-6):
        self.factor = factor
        self.min_rate = min_rate

    def __call__(self, clock):
        return self.factor**clock.plateaus

    def ends_at_plateau(self, rate):
        return rate <= self.min_rate


def steady_within_epochs(schedule: Schedule) -> bool:
    """Tell whether a schedule need be asked only once per epoch.

    A class says so itself, in ``steady_within_epochs``; what is derived from it may
    look at every update again.
    """
    return vars(type(schedule)).get("steady_within_epochs", False)


#: The names ``lr_schedule=`` takes, and the class each stands for.
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": StepDecay,
    "exponential": ExponentialDecay,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
}
