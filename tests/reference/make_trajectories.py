"""Record what torch, optax and keras do, for the test suite to be compared with.

Run it by hand; it writes ``trajectories.json`` beside itself. README.md in this
folder gives the command. The suite reads only the file and never needs torch,
jax, optax or keras, which is why they are imported inside functions. This script
must not know the package under test, nor contain an update rule of its own: every
iterate is what the library itself returned, in float64, unconverted.

The problem: update t = 0, 1, ..., 49 has the gradient

    g(theta, t) = scale * A[t % 7] @ (theta - c[t % 7])

with symmetric positive definite A, so that an error made once travels on. Case
"unit" has scale 1 (gradients near 1), case "small" has scale 1e-4: there a delta
put in the wrong place is no longer lost beside the gradient. For sgd, momentum and
nesterov lr0 is divided by scale, so that both cases cover the same ground.
"""

import json
import os
import platform
from pathlib import Path

import numpy as np

SEED = 20240229
N_PARAMETERS = 12
N_BATCHES = 7
N_UPDATES = 50
UPDATES_PER_EPOCH = 10
DECAY_EPOCHS = 2
DECAY_RATE = 0.5
TRANSITION = DECAY_EPOCHS * UPDATES_PER_EPOCH

# The iterates that are kept; the rate steps down after updates 20 and 40.
RECORDED_AFTER = [1, 2, 3, 5, 10, 19, 20, 21, 30, 40, 41, 50]

SCALES = {"unit": 1.0, "small": 1e-4}
SCHEDULES = ("constant", "step", "exponential")

LR0 = {
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.5,
    "rmsprop": 0.05,
    "adam": 0.05,
}
HYPERPARAMETERS = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9},
    "adagrad": {"delta": 1e-7},
    "rmsprop": {"rho": 0.9, "delta": 1e-6},
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "delta": 1e-8},
}

CALLS = {
    "torch": {
        "sgd": "torch.optim.SGD(p, lr)",
        "adagrad": "torch.optim.Adagrad(p, lr, eps=1e-7, initial_accumulator_value=0)",
        "adam": "torch.optim.Adam(p, lr, betas=(0.9, 0.999), eps=1e-8)",
    },
    "optax": {
        "sgd": "optax.sgd(lr)",
        "momentum": "optax.chain(scale_by_learning_rate(lr), trace(0.9))",
        "nesterov": "optax.chain(scale_by_learning_rate(lr), "
        "trace(0.9, nesterov=True))",
        "rmsprop": "optax.rmsprop(lr, decay=0.9, eps=1e-6)",
        "adam": "optax.adam(lr, b1=0.9, b2=0.999, eps=1e-8)",
    },
    "keras": {
        "sgd": "keras.optimizers.SGD(lr)",
        "momentum": "keras.optimizers.SGD(lr, momentum=0.9)",
        "nesterov": "keras.optimizers.SGD(lr, momentum=0.9, nesterov=True)",
        "rmsprop": "keras.optimizers.RMSprop(lr, rho=0.9, epsilon=1e-6)",
    },
}
SCHEDULE_CALLS = {
    "torch": {
        "constant": "lr = lr0",
        "step": "StepLR(step_size=2, gamma=0.5), stepped after each epoch",
        "exponential": "ExponentialLR(gamma=0.5 ** (1 / 20)), stepped after each "
        "update",
    },
    "optax": {
        "constant": "lr = lr0",
        "step": "optax.exponential_decay(lr0, 20, 0.5, staircase=True), float64 "
        "arguments",
        "exponential": "optax.exponential_decay(lr0, 20, 0.5), float64 arguments",
    },
    "keras": {
        "constant": "lr = lr0",
        "step": "keras.optimizers.schedules.ExponentialDecay(lr0, 20, 0.5, "
        "staircase=True)",
        "exponential": "keras.optimizers.schedules.ExponentialDecay(lr0, 20, 0.5)",
    },
}


def make_problem():
    """A (7, 12, 12), c (7, 12), theta0 (12,), rounded to be short and exact in text."""
    rng = np.random.default_rng(SEED)
    P = N_PARAMETERS
    A = np.empty((N_BATCHES, P, P))
    for k in range(N_BATCHES):
        Q, _ = np.linalg.qr(rng.standard_normal((P, P)))
        A_k = Q @ np.diag(np.geomspace(0.2, 2.0, P)) @ Q.T
        A[k] = np.round((A_k + A_k.T) / 2, 4)
        if np.linalg.eigvalsh(A[k]).min() <= 0:
            raise RuntimeError("rounding has cost A its definiteness")
    c = np.round(rng.standard_normal((N_BATCHES, P)), 4)
    theta0 = np.round(2 * rng.standard_normal(P), 4)
    return A, c, theta0


def float64(x):
    """x as a numpy array; anything but float64 would make the record worthless."""
    x = np.array(x)
    if x.dtype != np.float64:
        raise TypeError(f"the library computed in {x.dtype}")
    return x


def run_torch(name, schedule, lr0, gradient, theta0):
    import torch

    p = torch.nn.Parameter(torch.tensor(theta0, dtype=torch.float64))
    if name == "sgd":
        optimizer = torch.optim.SGD([p], lr=lr0)
    elif name == "adagrad":
        optimizer = torch.optim.Adagrad(
            [p], lr=lr0, eps=1e-7, initial_accumulator_value=0
        )
    elif name == "adam":
        optimizer = torch.optim.Adam([p], lr=lr0, betas=(0.9, 0.999), eps=1e-8)
    scheduler, every = torch_scheduler(schedule, optimizer)
    path = []
    for t in range(N_UPDATES):
        p.grad = torch.from_numpy(gradient(p.detach().numpy(), t))
        optimizer.step()
        if scheduler is not None and (t + 1) % every == 0:
            scheduler.step()
        path.append(float64(p.detach().numpy()))
    return np.array(path)


def torch_scheduler(schedule, optimizer):
    """The scheduler and the number of updates after which it is stepped."""
    from torch.optim.lr_scheduler import ExponentialLR, StepLR

    if schedule == "step":
        return StepLR(optimizer, DECAY_EPOCHS, DECAY_RATE), UPDATES_PER_EPOCH
    if schedule == "exponential":
        return ExponentialLR(optimizer, DECAY_RATE ** (1 / TRANSITION)), 1
    return None, None


def run_optax(name, schedule, lr0, gradient, theta0):
    import jax.numpy as jnp
    import optax

    lr = optax_rate(schedule, lr0)
    if name == "sgd":
        optimizer = optax.sgd(lr)
    elif name in ("momentum", "nesterov"):
        optimizer = optax.chain(
            optax.scale_by_learning_rate(lr),
            optax.trace(0.9, nesterov=name == "nesterov"),
        )
    elif name == "rmsprop":
        optimizer = optax.rmsprop(lr, decay=0.9, eps=1e-6)
    elif name == "adam":
        optimizer = optax.adam(lr, b1=0.9, b2=0.999, eps=1e-8)
    p = jnp.asarray(theta0, dtype=jnp.float64)
    state = optimizer.init(p)
    path = []
    for t in range(N_UPDATES):
        if callable(lr):
            float64(lr(jnp.int32(t)))  # the count has this type inside optax
        g = jnp.asarray(gradient(np.asarray(p), t))
        change, state = optimizer.update(g, state, p)
        p = optax.apply_updates(p, change)
        path.append(float64(p))
    return np.array(path)


def optax_rate(schedule, lr0):
    """The rate as optax takes it, with arguments that are explicit float64 arrays.

    With Python numbers optax divides its int32 count in float32, and the rate is
    then good to 1e-8 only although the parameters remain float64.
    """
    import jax.numpy as jnp
    import optax

    if schedule == "constant":
        return lr0
    return optax.exponential_decay(
        jnp.float64(lr0),
        jnp.float64(TRANSITION),
        jnp.float64(DECAY_RATE),
        staircase=schedule == "step",
    )


def run_keras(name, schedule, lr0, gradient, theta0):
    import keras

    lr = keras_rate(schedule, lr0)
    if name == "sgd":
        optimizer = keras.optimizers.SGD(lr)
    elif name in ("momentum", "nesterov"):
        optimizer = keras.optimizers.SGD(lr, momentum=0.9, nesterov=name == "nesterov")
    elif name == "rmsprop":
        optimizer = keras.optimizers.RMSprop(lr, rho=0.9, epsilon=1e-6)
    p = keras.Variable(theta0, dtype="float64")
    path = []
    for t in range(N_UPDATES):
        g = gradient(keras.ops.convert_to_numpy(p.value), t)
        float64(keras.ops.convert_to_numpy(optimizer.learning_rate))
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float64")], [p])
        path.append(float64(keras.ops.convert_to_numpy(p.value)))
    return np.array(path)


def keras_rate(schedule, lr0):
    import keras

    if schedule == "constant":
        return lr0
    return keras.optimizers.schedules.ExponentialDecay(
        lr0, TRANSITION, DECAY_RATE, staircase=schedule == "step"
    )


RUN = {"torch": run_torch, "optax": run_optax, "keras": run_keras}


def rates_alone(library, schedule, lr0):
    """The rate of every update t = 0, ..., 49, without any optimizer."""
    if library == "torch":
        import torch

        p = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
        optimizer = torch.optim.SGD([p], lr=lr0)
        scheduler, every = torch_scheduler(schedule, optimizer)
        rates = []
        for t in range(N_UPDATES):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            if (t + 1) % every == 0:
                scheduler.step()
        return rates
    import jax.numpy as jnp

    rate = {"optax": optax_rate, "keras": keras_rate}[library](schedule, lr0)
    return [float(float64(rate(jnp.int32(t)))) for t in range(N_UPDATES)]


def prepare_libraries():
    """Switch everything to float64; return the versions."""
    os.environ["KERAS_BACKEND"] = "jax"
    import jax

    jax.config.update("jax_enable_x64", True)
    import keras
    import optax
    import torch

    keras.config.set_floatx("float64")
    torch.set_num_threads(1)
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "jax": jax.__version__,
        "optax": optax.__version__,
        "keras": keras.__version__,
        "keras backend": keras.backend.backend(),
    }


def make_record():
    versions = prepare_libraries()
    A, c, theta0 = make_problem()
    runs = []
    for library, calls in CALLS.items():
        for name, call in calls.items():
            for case, scale in SCALES.items():
                lr0 = LR0[name]
                if name in ("sgd", "momentum", "nesterov"):
                    lr0 = lr0 / scale

                def gradient(theta, t, scale=scale):
                    k = t % N_BATCHES
                    return scale * A[k] @ (theta - c[k])

                for schedule in SCHEDULES:
                    path = RUN[library](name, schedule, lr0, gradient, theta0)
                    kept = path[np.array(RECORDED_AFTER) - 1]
                    runs.append(
                        {
                            "optimizer": name,
                            "library": library,
                            "case": case,
                            "schedule": schedule,
                            "lr0": lr0,
                            "hyperparameters": HYPERPARAMETERS[name],
                            "call": call,
                            "records": "phi" if name == "nesterov" else "theta",
                            "iterates": kept.tolist(),
                        }
                    )
    rates = [
        {
            "schedule": schedule,
            "library": library,
            "lr0": 0.1,
            "call": SCHEDULE_CALLS[library][schedule],
            "rates": rates_alone(library, schedule, 0.1),
        }
        for library in CALLS
        for schedule in ("step", "exponential")
    ]
    return {
        "about": "Written by make_trajectories.py; see README.md. Do not edit.",
        "versions": versions,
        "problem": {
            "seed": SEED,
            "gradient": "scale * A[t % 7] @ (theta - c[t % 7]), t = 0, 1, ...",
            "scale": SCALES,
            "theta0": theta0.tolist(),
            "c": c.tolist(),
            "A": A.tolist(),
        },
        "schedule": {
            "n_updates": N_UPDATES,
            "updates_per_epoch": UPDATES_PER_EPOCH,
            "decay_epochs": DECAY_EPOCHS,
            "decay_rate": DECAY_RATE,
            "calls": SCHEDULE_CALLS,
        },
        "phi": "theta + momentum * v = theta_t + momentum * (theta_t - theta_{t-1})",
        "recorded_after": RECORDED_AFTER,
        "rates": rates,
        "runs": runs,
    }


def text(value, depth=0):
    """JSON with every innermost list on one line; json writes floats exactly."""
    pad = " " * depth
    if isinstance(value, dict) and value:
        lines = [f"{json.dumps(k)}: {text(v, depth + 1)}" for k, v in value.items()]
        return "{\n " + pad + f",\n {pad}".join(lines) + f"\n{pad}}}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        lines = [text(v, depth + 1) for v in value]
        return "[\n " + pad + f",\n {pad}".join(lines) + f"\n{pad}]"
    return json.dumps(value, allow_nan=False)


def main():
    record = make_record()
    written = text(record) + "\n"
    if json.loads(written) != record:
        raise RuntimeError("the text does not give back the same numbers")
    target = Path(__file__).with_name("trajectories.json")
    target.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
