r"""
Do the solvers reach the losses of Dive into Deep Learning?
===========================================================

Chapter 12 of *Dive into Deep Learning* (Zhang, Lipton, Li and Smola) trains one linear
regression with every optimizer and prints the loss that it ends with. The same settings
end with the same losses here, within two standard errors of their means. And gradient
descent at a rate of 1 gets *worse* with more epochs, which one eigenvalue explains.
"""

# %%
# The data
# --------
# The book takes 1500 rows of NASA's airfoil measurements, five features and a target,
# all standardised. They are not part of this package. But the objective of a linear
# regression,
#
# .. math:: C(\theta) = \frac{1}{2n} \sum_i (\hat y_i - y_i)^2,
#
# is a quadratic: its Hessian :math:`H`, where its minimum lies and the loss there say
# all about it. So we draw Gaussian rows, and bend them until the eigenvalues of
# :math:`H` and the loss at the minimum are those of the book's rows, and the
# coordinates of the minimum along the eigenvectors, too (to three digits). The
# eigenvectors themselves are others: they are those of some other correlations.

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import block_diag
from scipy.stats import random_correlation

from skoptnet import (
    SGD,
    Adadelta,
    AdaGrad,
    Adam,
    GradientDescent,
    MLPRegressorX,
    Momentum,
    Nesterov,
    RMSProp,
    Yogi,
)

optimum = 0.24168795
eigenvalues = np.array(
    [1.00004425, 0.17368610, 0.66649356, 0.91805591, 1.12616084, 2.09847795]
)
coordinates = np.array([0.013, 0.336, 0.843, 0.047, 0.073, 0.027])

# Axes: the intercept's, and those of five features with equal variances. The former
# is turned a little towards another, so that the intercept's own input is 1.
correlations = random_correlation.rvs(5 * eigenvalues[1:] / eigenvalues[1:].sum(), 0)
V = block_diag(1, np.linalg.eigh(correlations)[1])
sine = np.sqrt((eigenvalues[0] - 1) / (eigenvalues[0] - eigenvalues[3]))
turn = np.array([[np.sqrt(1 - sine**2), sine], [-sine, np.sqrt(1 - sine**2)]])
V[:, [0, 3]] = V[:, [0, 3]] @ turn
hessian = V * eigenvalues @ V.T

# Columns without correlation, the first one constant; the Cholesky factor brings the
# Hessian in. What is left of y is the last column, with which no input correlates.
n = 1500
gaussian = np.random.default_rng(0).normal(size=(n, 6))
U = np.sqrt(n) * np.linalg.qr(np.column_stack([np.ones(n), gaussian]))[0]
U *= np.sign(U[0, 0])
inputs = U[:, :6] @ np.linalg.cholesky(hessian).T
y = inputs @ V @ coordinates + np.sqrt(2 * optimum) * U[:, 6]
X = np.ascontiguousarray(inputs[:, 1:])

theta = np.linalg.lstsq(inputs, y)[0]
print("eigenvalues of the Hessian:", np.linalg.eigvalsh(inputs.T @ inputs / n))
print("loss at the minimum:", np.mean((inputs @ theta - y) ** 2) / 2)

# %%
# The settings
# ------------
# Solver, rate, rows per update and epochs; then the reference: mean and standard
# deviation of the final loss over 50 draws of first weights and orders of the rows,
# computed from the book's formulas on the original rows, without this package.
# Nesterov's momentum is not in the book.

settings = {
    "gd, rate 1, 6 epochs": (GradientDescent(), 1, n, 6, 0.24511, 0.00150),
    "gd, rate 1, 10 epochs": (GradientDescent(), 1, n, 10, 0.24703, 0.00316),
    "sgd 0.005, single rows": (SGD(), 0.005, 1, 2, 0.24468, 0.00205),
    "sgd 0.05, 10 rows": (SGD(), 0.05, 10, 2, 0.24481, 0.00216),
    "sgd 0.4, 100 rows": (SGD(), 0.4, 100, 2, 0.24500, 0.00229),
    "momentum 0.5, rate 0.02": (Momentum(momentum=0.5), 0.02, 10, 2, 0.24399, 0.00159),
    "momentum 0.9, rate 0.02": (Momentum(momentum=0.9), 0.02, 10, 2, 0.25895, 0.00910),
    "momentum 0.9, rate 0.01": (Momentum(momentum=0.9), 0.01, 10, 2, 0.24923, 0.00532),
    "momentum 0.9, rate 0.005": (
        Momentum(momentum=0.9),
        0.005,
        10,
        2,
        0.24467,
        0.00246,
    ),
    "momentum 0.9, rate 0.004": (
        Momentum(momentum=0.9),
        0.004,
        10,
        2,
        0.24386,
        0.00174,
    ),
    "nesterov 0.9, rate 0.005": (
        Nesterov(momentum=0.9),
        0.005,
        10,
        2,
        0.24448,
        0.00227,
    ),
    "adagrad 0.1": (AdaGrad(epsilon=1e-6), 0.1, 10, 2, 0.24272, 0.00070),
    "rmsprop 0.01": (RMSProp(rho=0.9, epsilon=1e-6), 0.01, 10, 2, 0.24410, 0.00157),
    "adadelta": (Adadelta(rho=0.9, epsilon=1e-5), 1, 10, 2, 0.24350, 0.00114),
    "adam 0.01": (
        Adam(beta_1=0.9, beta_2=0.999, epsilon=1e-6),
        0.01,
        10,
        2,
        0.24379,
        0.00155,
    ),
    "yogi 0.01": (
        Yogi(beta_1=0.9, beta_2=0.999, epsilon=1e-3),
        0.01,
        10,
        2,
        0.24363,
        0.00142,
    ),
}

# %%
# The book begins with weights from :math:`N(0, 0.01^2)`. We have an estimator make
# its own, in an epoch at a rate of 0, and write those over them. The next solver starts
# with fresh memory.


def final_loss(solver, rate, batch_size, epochs, seed):
    model = MLPRegressorX(
        (), normalize_y=False, solver="gd", alpha=0, random_state=seed
    )
    model.set_params(lr_schedule=lambda clock: 0.0).partial_fit(X, y)
    first = np.random.RandomState(seed).normal(scale=0.01, size=(5, 1))
    model.coefs_, model.intercepts_ = [first], [np.zeros(1)]
    model.set_params(solver=solver, learning_rate_init=rate, batch_size=batch_size)
    model.set_params(lr_schedule="constant")
    for _ in range(epochs):
        model.partial_fit(X, y)
    return np.mean((model.predict(X) - y) ** 2) / 2


print(f"{'setting':26}{'ours':>9}{'sd':>9}{'book':>9}{'sd':>9}")
ours = {}
for name, (*setting, mean, sd) in settings.items():
    losses = np.array([final_loss(*setting, seed) for seed in range(50)])
    ours[name] = losses.mean(), losses.std(ddof=1)
    print(f"{name:26}{ours[name][0]:9.5f}{ours[name][1]:9.5f}{mean:9.5f}{sd:9.5f}")

# %%
# Side by side
# ------------
# Points are means, bars one standard deviation of a single run: a seventh of that is
# the standard error of the mean.

book = {name: setting[-2:] for name, setting in settings.items()}
fig, ax = plt.subplots(figsize=(8, 6), layout="constrained")
at = np.arange(len(settings))
for figures, shift, color, marker, label in (
    (ours, -0.15, "#0072B2", "o", "skoptnet, rows with the same curvature"),
    (book, 0.15, "#D55E00", "s", "the book's formulas, airfoil rows"),
):
    mean, sd = np.array(list(figures.values())).T
    ax.errorbar(
        mean, at + shift, xerr=sd, color=color, marker=marker, linestyle="", label=label
    )
ax.axvline(optimum, color="0.5", linestyle=":", label="least loss")
ax.set(xlabel="loss after the last epoch", ylabel="solver and setting")
ax.set_yticks(at, list(settings))
ax.invert_yaxis()
ax.legend(frameon=False)
plt.show()

# %%
# Along an eigenvector of eigenvalue :math:`\lambda`, each step of gradient descent
# multiplies the distance to the minimum by :math:`1 - \epsilon \lambda`. The largest
# eigenvalue is 2.098, so at :math:`\epsilon = 1` it is multiplied by -1.098: it grows,
# slowly enough for the other directions to hide it for six epochs, and shows after ten.
#
# The loss that minibatches end with, above the minimum, is the noise of their
# gradients. The larger :math:`\epsilon / (1 - \mu)`, for momentum :math:`\mu`, the
# more of it: that is the order of the momentum rows. It depends on more than the
# curvature, namely on whether the residuals are large where the inputs are. For the
# airfoil rows they are, a little, for Gaussian ones not; hence most blue means lie left
# of the orange ones. On the original rows, the code above agrees with the reference
# within a third of a standard error, at every setting.
