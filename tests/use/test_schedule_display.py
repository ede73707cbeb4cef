"""Rates of schedules, against those of trainings.

Artists are asked for their data; what they should have comes from elsewhere.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import DRAWN, curve, texts
from problems import LABELS, X, batched, small
from quick_schedules import quick

from skoptnet import (
    Adaptive,
    Cosine,
    MLPClassifierX,
    OneCycle,
    Plateau,
    StepDecay,
    Warmup,
)
from skoptnet.displays import ScheduleDisplay
from skoptnet.schedules import SCHEDULES

pytestmark = DRAWN


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_plan_is_what_training_does(name):
    model = batched(
        MLPClassifierX, solver="momentum", lr_schedule=quick(name), decay_epochs=2,
        max_iter=8, n_iter_no_change=2, tol=1.0,
    )  # fmt: skip
    if name != "adaptive":
        model.set_params(n_iter_no_change=np.inf, tol=0)
    model.fit(X, LABELS)
    history = model.history_
    display = ScheduleDisplay.from_estimator(model, unit="updates").plot()
    training = display.curves["training"]
    assert training["rate"] == history["learning_rate"]
    if name in ("plateau", "adaptive"):
        assert list(display.curves) == ["training"]
        schedule = model._part(quick(name), SCHEDULES)
        plan = ScheduleDisplay.from_schedules(
            {name: schedule}, learning_rate_init=0.02, epochs=len(history["epoch"]),
            updates_per_epoch=4, losses=model.loss_curve_, n_iter_no_change=2, tol=1.0,
        ).curves[name]  # fmt: skip
    else:
        plan = display.curves["plan"]
    planned = dict(zip(plan["update"], plan["rate"], strict=True))
    assert len(planned) == 4 * len(history["epoch"])
    assert np.allclose([planned[u] for u in training["update"]], training["rate"])
    assert len(set(training["rate"])) > 1 or name == "constant"


def test_closed_forms():
    display = ScheduleDisplay.from_schedules(
        ["step", "exponential"], learning_rate_init=0.1, epochs=30, updates_per_epoch=5
    ).plot()
    t = np.arange(150)
    for line, factor in zip(
        display.lines_, (0.5 ** (t // 50), 0.5 ** (t / 50)), strict=True
    ):
        assert np.allclose(line.get_xdata(), t / 5)
        assert np.allclose(line.get_ydata(), 0.1 * factor)
    assert texts(display.ax_) == ["step", "exponential"]
    assert display.momentum_ax_ is None
    assert pd.DataFrame(display.curves["step"]).shape == (150, 4)


@pytest.mark.parametrize(
    ("unit", "last", "label"),
    [
        ("epochs", 9.75, "epoch"),
        ("updates", 39, "update"),
        ("share", 0.975, "share of the planned epochs"),
    ],
)
def test_units(unit, last, label):
    display = ScheduleDisplay.from_schedules(
        Cosine(), epochs=10, updates_per_epoch=4, unit=unit
    ).plot(log=True)
    assert curve(display.lines_[0])[0][-1] == pytest.approx(last)
    assert display.ax_.get_xlabel() == label
    assert display.ax_.get_ylabel() == "factor on learning_rate_init"
    assert display.ax_.get_yscale() == "log"
    assert list(display.curves) == ["Cosine()"]


def test_momenta_are_drawn_below():
    schedules = {"cycle": Warmup(OneCycle(), epochs=2), "step": StepDecay()}
    display = ScheduleDisplay.from_schedules(schedules, epochs=20, updates_per_epoch=3)
    display.plot()
    (line,) = display.momentum_lines_
    x, momenta = curve(line)
    assert (max(momenta), min(momenta)) == pytest.approx((0.95, 0.85), abs=1e-3)
    assert x[int(np.argmin(momenta))] == pytest.approx(6)
    assert display.momentum_ax_.get_xlabel() == "epoch"
    _, axes = plt.subplots(2)
    display.plot(axes)
    assert display.ax_ is axes[0]
    assert display.momentum_ax_ is axes[1]
    display.plot(axes[0])
    assert display.momentum_lines_ == []
    with pytest.raises(ValueError, match="Got 3"):
        display.plot(plt.subplots(3)[1])


def test_functions_and_samples():
    def by_samples(clock):
        return 1 / (1 + clock.samples)

    display = ScheduleDisplay.from_schedules(
        [by_samples, "invscaling"], epochs=3, updates_per_epoch=1, samples_per_epoch=99
    )
    assert display.curves["by_samples"]["rate"] == [1, 1 / 100, 1 / 199]
    assert display.curves["invscaling"]["rate"][1] == pytest.approx(0.1)


def test_a_second_fit_has_a_plan_of_its_own():
    model = batched(MLPClassifierX, lr_schedule="cosine", warm_start=True, max_iter=4)
    model.fit(X, LABELS).fit(X, LABELS)
    plan = ScheduleDisplay.from_estimator(model).curves["plan"]
    assert (plan["update"][0], plan["update"][-1]) == (16, 31)
    rates = dict(zip(plan["update"], plan["rate"], strict=True))
    assert [rates[u] for u in (19, 23, 27, 31)] == pytest.approx(
        model.history_["learning_rate"][4:]
    )


def test_partial_fit_follows_one_plan():
    model = batched(MLPClassifierX, lr_schedule="cosine", max_iter=6)
    for _ in range(3):
        model.partial_fit(X, LABELS, classes=np.unique(LABELS))
    curves = ScheduleDisplay.from_estimator(model).curves
    rates = dict(zip(curves["plan"]["update"], curves["plan"]["rate"], strict=True))
    assert len(rates) == 24
    assert [rates[u] for u in curves["training"]["update"]] == pytest.approx(
        curves["training"]["rate"]
    )


def test_schedules_that_react_need_losses():
    make = ScheduleDisplay.from_schedules

    def by_loss(clock):
        return 1.0 if not clock.losses else clock.losses[-1]

    for schedule in ("plateau", "adaptive", Warmup("adaptive"), by_loss):
        with pytest.raises(ValueError, match=r"losses must be given for"):
            make(schedule, epochs=3)
    with pytest.raises(ValueError, match=r"validation_losses must be given"):
        make(Plateau(monitor="validation_loss"), epochs=3, losses=[1, 1])
    with pytest.raises(ValueError, match=r"each of the 4 epochs.*Pass epochs=2"):
        make("plateau", epochs=4, losses=[1, 1])
    given = make({"a": by_loss}, epochs=3, updates_per_epoch=1, losses=[0.5, 0.25])
    assert given.curves["a"]["rate"] == [1, 0.5, 0.25]
    plateaus = make(
        {"a": Adaptive(factor=0.5, min_rate=0.3)}, epochs=8, updates_per_epoch=1,
        losses=[1.0] * 7, n_iter_no_change=2,
    )  # fmt: skip
    # A plateau after epochs 3 and 5; at 0.25 the next one would end the training.
    assert plateaus.curves["a"]["rate"] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("schedules", "options", "error", "match"),
    [
        ("cosin", {}, ValueError, r"Did you mean 'cosine'\?"),
        (StepDecay, {}, TypeError, r"Did you mean an object, StepDecay\(\)"),
        ({"a": 3}, {}, TypeError, "Got 3 instead"),
        (StepDecay(decay_rate=2), {}, ValueError, "decay_rate"),
        (["step", "step"], {}, ValueError, "names that differ"),
        ([], {}, ValueError, "one or more"),
        ("step", {"epochs": 0}, ValueError, "'epochs' .* must be an int"),
        (
            "step",
            {"updates_per_epoch": 1.5},
            ValueError,
            "'updates_per_epoch' .* an int",
        ),
        (
            "step",
            {"learning_rate_init": 0},
            ValueError,
            "'learning_rate_init' .* float",
        ),
        ("step", {"unit": "hours"}, ValueError, "'unit' .* must be a str among"),
    ],
)
def test_refusals_of_schedules(schedules, options, error, match):
    with pytest.raises(error, match=match):
        ScheduleDisplay.from_schedules(schedules, **options)


def test_lbfgs_has_no_schedule():
    model = small(MLPClassifierX, solver="lbfgs").fit(X, LABELS)
    with pytest.raises(ValueError, match="needs a solver with learning rates"):
        ScheduleDisplay.from_estimator(model)
