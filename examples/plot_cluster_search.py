r"""
A search on a cluster
=====================

A search over epochs runs on a Dask cluster as it does on one machine. Each worker gets
the rows once, any worker can continue a training that another one has paused, and a
worker that dies does not end the search. This example needs ``dask[distributed]``.
"""

# %%
# Start the cluster
# -----------------
#
# A cluster is a scheduler and any number of workers. Here all of them are on this
# machine, and find each other through a file. On several machines, one runs the
# scheduler and each runs a worker, which gets the scheduler's address (see `Past one
# machine <../clusters.html>`__).

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from distributed import Client
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX
from skoptnet.displays import EpochSearchDisplay
from skoptnet.model_selection import EpochHyperbandSearchCV, solver_distributions

folder = tempfile.TemporaryDirectory()
address = Path(folder.name) / "scheduler.json"


def start(*command: str) -> subprocess.Popen:
    common = ["--scheduler-file", str(address), "--host", "127.0.0.1", "--no-dashboard"]
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *command, *common],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


cluster = [start("scheduler", "--port", "0")]
cluster += [start("worker", "--nthreads", "1") for _ in range(2)]
client = Client(scheduler_file=str(address))
client.wait_for_workers(2)
print("workers:", len(client.nthreads()))

# %%
# The search
# ----------
#
# Hyperband over three solvers draws the rate of each around its own default.
# ``parallel_config`` is all it takes to train on the cluster.

X, y = load_digits(return_X_y=True)
network = MLPClassifierX((30,), max_iter=27, random_state=0)
model = make_pipeline(StandardScaler(), network)
spaces = solver_distributions(model, ["nesterov", "rmsprop", "adam"])
search = EpochHyperbandSearchCV(model, spaces, min_resources=3, cv=3, random_state=0)

with parallel_config(backend="dask"):
    search.fit(X, y)
print(f"accuracy {search.best_score_:.3f} in epoch {search.best_epoch_}")

# %%
# Each panel is a halving of Hyperband. The first begins with many candidates for few
# epochs, the last trains a few candidates for all epochs.

EpochSearchDisplay.from_search(search).plot()
plt.show()

# %%
# A worker dies
# -------------
#
# We run the same search again, and kill the process of one worker when it has work. The
# search runs the lost trainings again on the other one, with a warning if rows or
# results were lost with the worker. The results are the same, bit for bit.

pids = client.run(os.getpid)


def kill(worker: str) -> None:
    while not client.processing()[worker]:
        time.sleep(0.05)
    os.kill(pids[worker], signal.SIGTERM)


killer = threading.Thread(target=kill, args=[min(pids)], daemon=True)
again = EpochHyperbandSearchCV(**search.get_params(deep=False))
with parallel_config(backend="dask"), warnings.catch_warnings():
    warnings.filterwarnings("ignore", "A worker was lost", RuntimeWarning)
    killer.start()
    again.fit(X, y)
scores = search.cv_results_["mean_test_score"]
print("equal scores:", np.array_equal(scores, again.cv_results_["mean_test_score"]))

# %%
# Without a cluster
# -----------------
#
# On one machine, the same search gives the same results.

client.close()
for process in reversed(cluster):
    process.terminate()
    process.wait()
folder.cleanup()

alone = EpochHyperbandSearchCV(**search.get_params(deep=False)).fit(X, y)
print("equal scores:", np.array_equal(scores, alone.cv_results_["mean_test_score"]))
