"""Trainings without an estimator, for tests of the training loop and the kernels."""

import numpy as np

from skoptnet.schedules import Constant
from skoptnet.training import Epochs, Minibatches, Plan, Run, train


def new_run(network, optimizer, dtype=np.float64, seed=0):
    rng = np.random.RandomState(seed)
    return Run.new(network.draw(rng, dtype), optimizer, rng, np)


def train_with(
    network, optimizer, schedule, run, data, *,
    validate=None, measure=None, watchers=(), **plan,
):  # fmt: skip
    """Train as `train` does, with the settings of the plan as keywords.

    ``validate`` measures for early stopping, ``measure`` only for the history.
    """
    plan = Plan(**plan, early_stopping=validate is not None)
    return train(
        network, optimizer, schedule, run, data, plan,
        measure=validate or measure, watchers=watchers,
    )  # fmt: skip


def epochs_with(network, optimizer, run, data, shuffle=False, order=None, **plan):
    """Return the epochs of a training at a constant rate, before the first of them."""
    plan = Plan(**{"learning_rate": 1e-3, "batch_size": len(data), **plan})
    size, chunk = plan.batch_size, network.block_rows(data.X)
    batches = Minibatches(data, size, shuffle, chunk)
    if order is not None:
        batches.order = order
    return Epochs(network, optimizer, Constant(), run, batches, plan)
