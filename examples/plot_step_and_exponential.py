r"""
Learning-rate schedules: step and exponential decay
===================================================

A constant learning rate often prevents convergence: near the minimum, the noise of the
minibatches moves the weights about as far as the gradient pulls them back, and the
validation accuracy keeps jumping to the end. With step decay the jumps end soon after
the rate falls; with exponential decay they fade gradually. Both end with a better
model.
"""

# %%
# Half of the digits are for testing. One training label in five is replaced by a random
# one, so that the gradients of the minibatches disagree, as in hard problems. The test
# labels are correct.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skoptnet import Constant, ExponentialDecay, MLPClassifierX, StepDecay
from skoptnet.displays import LossCurveDisplay, ScheduleDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.5, stratify=y, random_state=0
)
rng = np.random.RandomState(0)
wrong = rng.uniform(size=len(y_train)) < 0.2
y_train[wrong] = rng.randint(10, size=wrong.sum())

# %%
# Step decay multiplies the rate by :math:`\rho` every :math:`k` epochs. Exponential
# decay has the same factor, spread evenly over all updates of the :math:`k` epochs:
#
# .. math::
#     \epsilon_t = \epsilon_0 \, \rho^{\lfloor e / k \rfloor}
#     \qquad \text{and} \qquad
#     \epsilon_t = \epsilon_0 \, \rho^{t / (k \cdot \text{updates per epoch})}
#
# with :math:`t` updates and :math:`e` complete epochs so far. Here
# :math:`\epsilon_0 = 0.3`, :math:`\rho = 0.2` and :math:`k = 15`.

SCHEDULES = {
    "constant": Constant(),
    "step": StepDecay(decay_rate=0.2, decay_epochs=15),
    "exponential": ExponentialDecay(decay_rate=0.2, decay_epochs=15),
}

# %%
# Test rows passed as ``X_val`` without early stopping are monitored: ``history_`` has
# their accuracy after every epoch. ``n_iter_no_change=np.inf`` trains for all sixty
# epochs.

models = {
    name: MLPClassifierX(
        (20,),
        solver="sgd",
        learning_rate_init=0.3,
        lr_schedule=schedule,
        batch_size=10,
        max_iter=60,
        scoring=None,  # accuracy
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X_train, y_train, X_val=X_test, y_val=y_test)
    for name, schedule in SCHEDULES.items()
}

# %%
# Learning rates and test accuracy
# --------------------------------
#
# Up to epoch 15, ``step`` and ``constant`` are the same training. Then the rate of
# ``step`` falls to a fifth, and its accuracy becomes steady.

figure, (above, below) = plt.subplots(
    2, 1, sharex=True, figsize=(7.5, 6), height_ratios=(2, 3), layout="constrained"
)
ScheduleDisplay.from_schedules(
    SCHEDULES, learning_rate_init=0.3, epochs=60, updates_per_epoch=90
).plot(above)
above.set_xlabel("")
accuracy = LossCurveDisplay.from_estimators(models).plot(below, show="validation_score")
below.set_ylabel("test accuracy")
plt.show()

# %%
# The mean and range of the test accuracy over the last fifteen epochs:

for name, model in models.items():
    last = model.validation_scores_[-15:]
    print(f"{name:>12}: {np.mean(last):.3f}, from {min(last):.3f} to {max(last):.3f}")

# %%
# The best epoch on test rows is too optimistic. To choose an epoch, use early stopping
# with validation rows, and test on a third set.
#
# The training loss of ``step`` drops where the rate falls: the noise is gone at once.
# At the constant rate the training loss falls below the others, while the accuracy gets
# worse: the network overfits the wrong labels.

LossCurveDisplay.from_estimators(models).plot()
plt.show()
