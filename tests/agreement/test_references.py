"""The solvers and schedules against paths recorded from torch, optax and keras.

``reference/trajectories.json`` and ``adaptive.json`` hold what those libraries compute
in float64, and ``reference/README.md`` says how they were made and which formulas
coincide.
"""

import json
from pathlib import Path

import lecture
import numpy as np
import pytest

from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import Update
from skoptnet.schedules import SCHEDULES, Clock


def _record(name):
    return json.loads((Path(__file__).parents[1] / "reference" / name).read_text())


RECORD, MORE = _record("trajectories.json"), [_record("adaptive.json")]
PROBLEM, SCHEDULE = RECORD["problem"], RECORD["schedule"]
SCALES = PROBLEM["scale"] | {
    case: s for more in MORE for case, s in more["scale"].items()
}
RUNS = [
    run | {"after": record["recorded_after"]}
    for record in (RECORD, *MORE)
    for run in record["runs"]
]


def _name(run):
    return "-".join(
        str(run[key])
        for key in ("optimizer", "library", "case", "schedule")
        if key in run
    )


def _rates(name, lr0):
    """Return the rate of each update, by the package's schedule."""
    schedule = SCHEDULES[name]()
    if name != "constant":
        schedule.set_params(
            decay_rate=SCHEDULE["decay_rate"], decay_epochs=SCHEDULE["decay_epochs"]
        )
    per_epoch = SCHEDULE["updates_per_epoch"]
    return [
        lr0 * schedule(Clock(t, t // per_epoch, per_epoch, t % per_epoch))
        for t in range(SCHEDULE["n_updates"])
    ]


@pytest.mark.parametrize("run", RUNS, ids=_name)
@pytest.mark.each_pair
def test_path_is_the_other_librarys(run):
    A, c = np.array(PROBLEM["A"]), np.array(PROBLEM["c"])
    scale = SCALES[run["case"]]
    hyperparameters = dict(run["hyperparameters"])
    if "delta" in hyperparameters:
        hyperparameters["epsilon"] = hyperparameters.pop("delta")
    optimizer = OPTIMIZERS[run["optimizer"]](**hyperparameters)
    theta = np.array(PROBLEM["theta0"])
    state, g = optimizer.start(theta, np), np.empty_like(theta)
    update = Update(optimizer, theta, g, state, np)
    recorded = dict(zip(run["after"], run["iterates"], strict=True))
    for t, rate in enumerate(_rates(run["schedule"], run["lr0"])):
        g[...] = scale * A[t % len(A)] @ (update.gradient_point() - c[t % len(c)])
        update.step(rate)
        if t + 1 in recorded:
            reached = theta
            if run["records"] != "theta":  # those libraries keep the interim point
                reached = theta + optimizer.momentum * state.v
            # Some hundred roundings of numbers near 1; a coordinate may pass zero.
            np.testing.assert_allclose(reached, recorded[t + 1], 1e-12, 1e-14)


@pytest.mark.parametrize("record", RECORD["rates"], ids=_name)
def test_rates_are_the_other_librarys(record):
    np.testing.assert_allclose(
        _rates(record["schedule"], record["lr0"]), record["rates"], rtol=1e-12
    )


def test_every_solver_is_recorded_where_it_can_be():
    """Batch gradient descent is SGD on the whole set: one record serves both."""
    # In test_recent_optimizers.py.
    elsewhere = {run["solver"] for run in _record("recent.json")["runs"]}
    assert {run["optimizer"] for run in RUNS} == set(OPTIMIZERS) - elsewhere - {"gd"}
    assert {run["case"] for run in RECORD["runs"]} == set(PROBLEM["scale"])
    # scikit-learn's two schedules are held to it in test_sklearn_parity.py, the others
    # to torch and optax in test_schedules.py.
    recorded = {run["schedule"] for run in RECORD["runs"]}
    assert recorded == set(lecture.SCHEDULES)
