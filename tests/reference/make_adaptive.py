"""Record what torch, optax and keras do with the solvers of `adaptive` and `adam`.

Run it by hand, as ``make_trajectories.py``, whose problem this is, with a third case,
"tiny", of gradients near 1e-9; it writes ``adaptive.json`` beside itself. Here, too,
every iterate is what the library itself returned, in float64, unconverted.
"""

from pathlib import Path

import make_trajectories as seven
import numpy as np

SCALES = {"unit": 1.0, "small": 1e-4, "tiny": 1e-9}
SCHEDULES = ("constant", "exponential")
RECORDED_AFTER = [1, 2, 5, 10, 20, 50]

# Where the constants decide how far an update goes, a rate per case, so that all cover
# some ground.
LR0 = {
    "adadelta": {"unit": 50.0, "small": 1e3, "tiny": 1e7},
    "rmsprop_nesterov": {"unit": 0.01, "small": 0.03, "tiny": 1e4},
    "centered_rmsprop": {"unit": 0.01, "small": 1.0, "tiny": 1e5},
    "adamw": 0.05,
    "amsgrad": 0.05,
    "adamax": 0.05,
    "nadam": 0.05,
    "radam": {"unit": 0.05, "small": 0.05, "tiny": 0.5},
}
HYPERPARAMETERS = {
    "adadelta": {"rho": 0.95, "delta": 1e-6},
    "rmsprop_nesterov": {"rho": 0.9, "momentum": 0.9, "delta": 1e-6},
    "centered_rmsprop": {"rho": 0.95, "momentum": 0.9, "delta": 1e-4},
    "adamw": {"beta_1": 0.9, "beta_2": 0.999, "delta": 1e-8, "weight_decay": 0.01},
    "amsgrad": {"beta_1": 0.9, "beta_2": 0.8, "delta": 1e-8},
    "adamax": {"beta_1": 0.9, "beta_2": 0.9, "delta": 1e-8},
    "nadam": {"beta_1": 0.9, "beta_2": 0.999, "delta": 1e-8, "momentum_decay": 0.004},
    "radam": {"beta_1": 0.9, "beta_2": 0.999, "delta": 1e-8},
}
# Keras' schedule of the momentum has no parameter.
IN_KERAS = {"nadam": {"momentum_decay": 1.0}}
# Each is evaluated as it stands.
CALLS = {
    "torch": {
        "adadelta": "torch.optim.Adadelta(p, lr, rho=0.95, eps=1e-6)",
        "adamw": "torch.optim.AdamW(p, lr, weight_decay=0.01)",
        "amsgrad": "torch.optim.Adam(p, lr, betas=(0.9, 0.8), amsgrad=True)",
        "adamax": "torch.optim.Adamax(p, lr, betas=(0.9, 0.9))",
        "nadam": "torch.optim.NAdam(p, lr, momentum_decay=0.004)",
    },
    "optax": {
        "rmsprop_nesterov": "optax.chain(optax.scale_by_rms(0.9, 1e-6), "
        "optax.scale_by_learning_rate(lr), optax.trace(0.9, nesterov=True))",
        "centered_rmsprop": "optax.rmsprop(lr, 0.95, 1e-4, centered=True, "
        "momentum=0.9)",
        "adamw": "optax.adamw(lr, weight_decay=0.01)",
        "adamax": "optax.adamax(lr, b2=0.9)",
        "radam": "optax.radam(lr)",
    },
    "keras": {
        "adadelta": "keras.optimizers.Adadelta(lr, rho=0.95, epsilon=1e-6)",
        "centered_rmsprop": "keras.optimizers.RMSprop(lr, rho=0.95, momentum=0.9, "
        "epsilon=1e-4, centered=True)",
        "nadam": "keras.optimizers.Nadam(lr, epsilon=1e-8)",
    },
}


def run_torch(call, schedule, lr0, gradient, theta0):
    import torch

    p = torch.nn.Parameter(torch.tensor(theta0, dtype=torch.float64))
    optimizer = eval(call, {"torch": torch, "p": [p], "lr": lr0})
    scheduler, every = seven.torch_scheduler(schedule, optimizer)
    path = []
    for t in range(seven.N_UPDATES):
        p.grad = torch.from_numpy(gradient(p.detach().numpy(), t))
        optimizer.step()
        if scheduler is not None and (t + 1) % every == 0:
            scheduler.step()
        path.append(seven.float64(p.detach().numpy()))
    return np.array(path)


def run_optax(call, schedule, lr0, gradient, theta0):
    import jax.numpy as jnp
    import optax

    lr = seven.optax_rate(schedule, lr0)
    optimizer = eval(call, {"optax": optax, "lr": lr})
    p = jnp.asarray(theta0, dtype=jnp.float64)
    state = optimizer.init(p)
    path = []
    for t in range(seven.N_UPDATES):
        g = jnp.asarray(gradient(np.asarray(p), t))
        change, state = optimizer.update(g, state, p)
        p = optax.apply_updates(p, change)
        path.append(seven.float64(p))
    return np.array(path)


def run_keras(call, schedule, lr0, gradient, theta0):
    import keras

    lr = seven.keras_rate(schedule, lr0)
    optimizer = eval(call, {"keras": keras, "lr": lr})
    p = keras.Variable(theta0, dtype="float64")
    path = []
    for t in range(seven.N_UPDATES):
        g = gradient(keras.ops.convert_to_numpy(p.value), t)
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float64")], [p])
        path.append(seven.float64(keras.ops.convert_to_numpy(p.value)))
    return np.array(path)


RUN = {"torch": run_torch, "optax": run_optax, "keras": run_keras}


def make_record():
    versions = seven.prepare_libraries()
    import torch

    torch.set_default_dtype(torch.float64)  # NAdam keeps a number in this type
    A, c, theta0 = seven.make_problem()
    runs = []
    for library, calls in CALLS.items():
        for name, call in calls.items():
            for case, scale in SCALES.items():
                lr0 = LR0[name][case] if isinstance(LR0[name], dict) else LR0[name]

                def gradient(theta, t, scale=scale):
                    k = t % seven.N_BATCHES
                    return scale * A[k] @ (theta - c[k])

                for schedule in SCHEDULES:
                    path = RUN[library](call, schedule, lr0, gradient, theta0)
                    kept = path[np.array(RECORDED_AFTER) - 1]
                    ahead = name == "rmsprop_nesterov"
                    own = IN_KERAS.get(name, {}) if library == "keras" else {}
                    runs.append(
                        {
                            "optimizer": name,
                            "library": library,
                            "case": case,
                            "schedule": schedule,
                            "lr0": lr0,
                            "hyperparameters": HYPERPARAMETERS[name] | own,
                            "call": call,
                            "records": "phi" if ahead else "theta",
                            "iterates": kept.tolist(),
                        }
                    )
    return {
        "about": "Written by make_adaptive.py; see README.md. Do not edit.",
        "versions": versions,
        "scale": SCALES,
        "recorded_after": RECORDED_AFTER,
        "runs": runs,
    }


def main():
    target = Path(__file__).with_name("adaptive.json")
    target.write_text(seven.text(make_record()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
