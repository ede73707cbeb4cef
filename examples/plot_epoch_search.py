r"""
Which candidates deserve more epochs?
=====================================

A grid search trains every candidate to the end, even those that are hopeless after two
epochs. Successive halving trains all of them for a few epochs, and then only the best
third goes on, for three times as many. Here it takes an eighth of the epochs of the
whole grid. It also drops a candidate that would have won by a small margin.
"""

# %%
# The data are 1797 images of digits. The grid has the seven textbook solvers, three
# rates for each around its own default, and two schedules. `solver_grid` makes it for
# the network inside the pipeline.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX
from skoptnet.displays import (
    EpochSearchDisplay,
    LossCurveDisplay,
    SolverGridDisplay,
)
from skoptnet.model_selection import EpochHalvingGridSearchCV, solver_grid

X, y = load_digits(return_X_y=True)
network = MLPClassifierX((30,), batch_size=64, max_iter=54, random_state=0)
model = Pipeline([("scale", StandardScaler()), ("mlp", network)])
grid = solver_grid(model, schedules=["constant", "exponential"])
cv = StratifiedKFold(3, shuffle=True, random_state=0)
search = EpochHalvingGridSearchCV(model, grid, cv=cv).fit(X, y)

for n, epochs in zip(search.n_candidates_, search.n_resources_, strict=True):
    print(f"{n:>2} candidates up to epoch {epochs}")

# %%
# Curves of all candidates
# ------------------------
#
# Each line is the mean accuracy of a candidate over the three folds. It ends where the
# search dropped the candidate. Two thirds of them end after two epochs. A candidate
# that goes on is not trained again from the start: its three trainings continue.

EpochSearchDisplay.from_search(search).plot()
plt.show()

# %%
# The best epoch
# --------------
#
# The score of a candidate is that of its best epoch: the one with the highest mean over
# the folds. The search trains the best candidate on all rows for that many epochs.

params = {name.removeprefix("mlp__"): v for name, v in search.best_params_.items()}
print(f"accuracy {search.best_score_:.4f} in epoch {search.best_epoch_} with {params}")
print(f"epochs of the training on all rows: {search.best_estimator_[-1].n_iter_}")

# %%
# Its losses show that further epochs are of no use. The training loss falls to less
# than 0.001, and then the trainings converge. The loss of the held-out rows is lowest
# in epoch 20, and then rises slowly: the network overfits. The search has recorded
# both, so nothing is fitted for this picture.

LossCurveDisplay.from_cv_results(search, group_by=[]).plot()
plt.show()

# %%
# The cost
# --------
#
# `epoch_results_` has a row for each epoch of each candidate in each fold. The whole
# grid would take the number of candidates times folds times epochs.

trained = len(search.epoch_results_["epoch"])
whole = search.n_candidates_[0] * search.n_splits_ * search.max_resources_
print(f"{trained} epochs in place of {whole}: {trained / whole:.0%}")

# %%
# Dropped too early
# -----------------
#
# Is the result as good as that of the whole grid? On data this small we can find out:
# with a single rung, all candidates are trained to the end.

full = EpochHalvingGridSearchCV(
    model, grid, cv=cv, min_resources=network.max_iter, refit=False
).fit(X, y)

results = full.cv_results_
order = np.argsort(-results["mean_test_score"], kind="stable")[:5]
halved = search.cv_results_
last = dict(zip(halved["candidate"], halved["n_resources"], strict=True))
print("accuracy            best epoch  dropped after  candidate")
for i in order:
    params = results["params"][i]
    dropped = last[results["candidate"][i]]
    name = " ".join(
        str(params[f"mlp__{part}"])
        for part in ("solver", "learning_rate_init", "lr_schedule")
    )
    print(
        f"{results['mean_test_score'][i]:.4f} ± {results['std_test_score'][i]:.4f}"
        f"{results['best_epoch'][i]:>12}"
        f"{dropped if dropped < search.max_resources_ else '-':>15}  {name}"
    )

# %%
# The best candidate of the whole grid has a third of the rate of the one that the
# search found. It was among the slow ones after two epochs, and was dropped. In the end
# it is better by 0.001: two of the 1797 images, and less than the standard deviation
# over the folds. Three more of the best five were dropped before the last rung. The
# curve of the other candidate ends earlier here: ``patience`` is checked at other
# epochs if there is a single rung.
#
# That is the price of halving: it prefers candidates that learn quickly. If the slow
# ones matter, a larger ``min_resources`` gives all of them more epochs to begin with,
# and `EpochHyperbandSearchCV` tries several values of it.

numbers = {
    "found by halving": int(halved["candidate"][search.best_index_]),
    "dropped after 2 epochs": int(results["candidate"][order[0]]),
}
curves = {
    k: np.array(v) for k, v in EpochSearchDisplay.from_search(full).curves.items()
}
fig, ax = plt.subplots(layout="constrained")
for name, number in numbers.items():
    own = curves["candidate"] == number
    ax.plot(curves["epoch"][own], curves["mean"][own], label=name)
for epoch in search.n_resources_:
    ax.axvline(epoch, color="0.5", linestyle=":", linewidth=1)
ax.set(xscale="log", xlabel="epoch", ylabel="mean test accuracy", ylim=(0.5, 1))
ax.set_xticks([1, *search.n_resources_], [1, *search.n_resources_])
ax.minorticks_off()
ax.legend(loc="lower right")
plt.show()

# %%
# Scores over rates and schedules
# -------------------------------
#
# Each cell shows the score of a candidate in the last rung that it reached. So a low
# score may mean that the candidate is bad, or that it was dropped early: the low rates
# of each solver needed more than two epochs.

SolverGridDisplay.from_cv_results(
    search, x="lr_schedule", y="learning_rate_init"
).plot()
plt.show()
