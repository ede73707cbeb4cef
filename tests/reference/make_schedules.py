"""Record the rates of torch's and optax' schedules, for the suite to be compared with.

Run it by hand (README.md has the command); it writes ``schedules.json`` beside itself.
It must not know the package under test. Each record has the name and the parameters of
the package's schedule beside the library's call, and the factor on the initial rate,
which is 1, of update t = 0, 1, ..., 99, 10 of them per epoch.
"""

import json
from pathlib import Path

import numpy as np
from make_trajectories import text

N_UPDATES = 100
PER_EPOCH = 10


def torch_record(make, step):
    """Return rates and momenta of torch, whose scheduler is stepped by ``step``."""
    import torch

    p = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([p], lr=1.0, momentum=0.9)
    scheduler = make(optimizer)
    record = {"factors": [], "momenta": []}
    for t in range(N_UPDATES):
        record["factors"].append(float(optimizer.param_groups[0]["lr"]))
        record["momenta"].append(float(optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        step(scheduler, t + 1)
    if len(set(record["momenta"])) == 1:
        del record["momenta"]
    return record


def each_update(scheduler, t):
    scheduler.step()


def each_epoch(scheduler, t):
    if t % PER_EPOCH == 0:
        scheduler.step()


def to_share_of_epoch(scheduler, t):
    scheduler.step(t / PER_EPOCH)


def of_torch():
    from torch.optim import lr_scheduler as s

    # torch's peak and end come an update earlier: it gets one update more, and the
    # share that puts the peak at update 30 all the same.
    total, pct_start = N_UPDATES + 1, 31 / 101
    cases = [
        (
            "cosine", {"epochs": 10, "final": 0.2},
            "CosineAnnealingLR(T_max=100, eta_min=0.2)",
            lambda o: s.CosineAnnealingLR(o, 100, 0.2), each_update,
        ),
        (
            "linear", {"epochs": 8, "final": 0.3},
            "LinearLR(start_factor=1, end_factor=0.3, total_iters=80)",
            lambda o: s.LinearLR(o, 1.0, 0.3, 80), each_update,
        ),
        (
            "polynomial", {"epochs": 8, "power": 1.7},
            "PolynomialLR(total_iters=80, power=1.7)",
            lambda o: s.PolynomialLR(o, 80, 1.7), each_update,
        ),
        (
            "one_cycle", {"epochs": 10, "div_factor": 20, "final_div": 1000},
            "OneCycleLR(1, total_steps=101, pct_start=31 / 101, div_factor=20,"
            " final_div_factor=50)",
            lambda o: s.OneCycleLR(
                o, 1.0, total, pct_start=pct_start, div_factor=20, final_div_factor=50
            ), each_update,
        ),
        (
            "warmup", {"epochs": 4},
            "LinearLR(start_factor=1 / 40, total_iters=39)",
            lambda o: s.LinearLR(o, 1 / 40, 1.0, 39), each_update,
        ),
        (
            "cosine_restarts", {"period": 1, "multiplier": 2, "final": 0.1},
            "CosineAnnealingWarmRestarts(T_0=1, T_mult=2, eta_min=0.1), step(t / 10)",
            lambda o: s.CosineAnnealingWarmRestarts(o, 1, 2, 0.1), to_share_of_epoch,
        ),
        (
            "piecewise", {"milestones": [3, 7], "factor": 0.2},
            "MultiStepLR([3, 7], 0.2), stepped after each epoch",
            lambda o: s.MultiStepLR(o, [3, 7], 0.2), each_epoch,
        ),
    ]  # fmt: skip
    return [
        {
            "library": "torch", "schedule": name, "parameters": parameters,
            "call": call, **torch_record(make, step),
        }
        for name, parameters, call, make, step in cases
    ]  # fmt: skip


def of_optax():
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import optax

    one = jnp.float64(1)
    cases = [
        (
            "cosine", {"epochs": 6, "final": 0.25},
            "cosine_decay_schedule(1, 60, alpha=0.25)",
            optax.cosine_decay_schedule(one, 60, jnp.float64(0.25)),
        ),
        (
            "linear", {"epochs": 6, "final": 0.3},
            "linear_schedule(1, 0.3, 60)",
            optax.linear_schedule(one, jnp.float64(0.3), 60),
        ),
        (
            "polynomial", {"epochs": 6, "power": 3, "final": 0.3},
            "polynomial_schedule(1, 0.3, power=3, transition_steps=60)",
            optax.polynomial_schedule(one, jnp.float64(0.3), 3, 60),
        ),
        (
            "one_cycle", {"epochs": 10, "div_factor": 8, "final_div": 400},
            "cosine_onecycle_schedule(100, 1, 0.3, div_factor=8, final_div_factor=50)",
            optax.cosine_onecycle_schedule(100, one, 0.3, 8.0, 50.0),
        ),
        (
            "piecewise", {"milestones": [2, 5], "factor": [0.5, 0.1]},
            "piecewise_constant_schedule(1, {20: 0.5, 50: 0.1})",
            optax.piecewise_constant_schedule(one, {20: 0.5, 50: 0.1}),
        ),
    ]  # fmt: skip
    return [
        {
            "library": "optax", "schedule": name, "parameters": parameters,
            "call": call,
            "factors": [float(schedule(jnp.int64(t))) for t in range(N_UPDATES)],
        }
        for name, parameters, call, schedule in cases
    ]  # fmt: skip


def of_plateaus():
    """Losses that fall, scatter and stay, and torch's rate after each of them."""
    import torch

    scatter = 1 + 0.02 * np.random.default_rng(5).random(80)
    losses = np.round(2 * 0.9 ** np.minimum(np.arange(80), 35) * scatter, 6).tolist()
    cases = [
        {"factor": 0.1, "patience": 5, "threshold": 1e-4, "cooldown": 0, "min_lr": 0},
        {"factor": 0.5, "patience": 2, "threshold": 0.01, "cooldown": 3, "min_lr": 0},
        {"factor": 0.5, "patience": 0, "threshold": 0.2, "cooldown": 1, "min_lr": 0.03},
    ]
    for case in cases:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, eps=0, **case)
        factors = []
        for loss in losses:
            scheduler.step(loss)
            factors.append(float(optimizer.param_groups[0]["lr"]))
        case["factors"] = factors
    return {"losses": losses, "cases": cases}


def main():
    import optax
    import torch

    record = {
        "about": "Written by make_schedules.py; see README.md. Do not edit.",
        "versions": {"torch": torch.__version__, "optax": optax.__version__},
        "updates_per_epoch": PER_EPOCH,
        "records": [*of_torch(), *of_optax()],
        "plateaus": of_plateaus(),
    }
    written = text(record) + "\n"
    if json.loads(written) != record:
        raise RuntimeError("the text does not give back the same numbers")
    Path(__file__).with_name("schedules.json").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
