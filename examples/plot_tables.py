r"""
Tables: categories, missing values, feature importances
=======================================================

`TabularMLPRegressor` takes a data frame as it is: numbers, categories and missing
values. This example fits it to data about used cars, looks at one of its networks,
and finds out which columns matter.
"""

# %%
# A data frame
# ------------
#
# The data are generated, so we know what the price depends on: the age, the distance
# driven (in 1000 km), the brand, and the fuel. Two columns are noise: the colour, and
# the garage number. A tenth of the mileages and a twentieth of the fuels are missing.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from skoptnet import TabularMLPRegressor
from skoptnet.displays import LossCurveDisplay

rng = np.random.default_rng(0)
n = 1500
X = pd.DataFrame({"age": rng.uniform(0, 15, n), "garage": rng.integers(1, 100, n)})
X["mileage"] = X["age"] * rng.lognormal(2.5, 0.4, n)
X["brand"] = rng.choice(["Alba", "Brio", "Cira", "Dune", "Eos"], n)
X["fuel"] = pd.Categorical(rng.choice(["petrol", "diesel", "electric"], n))
X["colour"] = rng.choice(["black", "white", "red"], n)
list_price = X["brand"].map({"Alba": 15, "Brio": 18, "Cira": 22, "Dune": 30, "Eos": 45})
half_life = np.where(X["fuel"] == "electric", 4, 7)
price = list_price * 0.5 ** (X["age"] / half_life) * np.exp(-X["mileage"] / 400)
y = price * rng.lognormal(0, 0.1, n)
X.loc[rng.random(n) < 0.1, "mileage"] = np.nan
X.loc[rng.random(n) < 0.05, "fuel"] = None
print(X.head())

# %%
# Fit
# ---
#
# There is nothing to prepare. ``max_iter`` is lower than the default, to keep the
# example fast.

X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = TabularMLPRegressor(max_iter=64, random_state=0).fit(X_train, y_train)
print(f"R2 on test rows {model.score(X_test, y_test):.3f}")
print(f"R2 on held-out folds {model.oof_score_:.3f}")

# %%
# Without a test set, ``oof_score_`` is the estimate: each row is predicted by the
# network that left it out.
#
# A look inside
# -------------
#
# The model has four networks. Each keeps the weights of the epoch with the lowest loss
# on the fold that it left out. Under the schedule ``"coslog"``, the learning rate rises
# and falls four times, each time more slowly, so the loss has bumps. At the end, this
# network overfits: only the training loss falls. Its kept weights are earlier ones.

network = model.estimators_[0]
print(network.summary())
LossCurveDisplay.from_estimator(network).plot()
plt.show()

# %%
# The networks see a matrix of numbers. A column of zeros and ones says where the
# mileage is missing; each value of a category has such a column, too. Columns of
# numbers also have one column for each bin between their quantiles. These are not
# listed here.

names = model.preprocessor_.get_feature_names_out()
print(*[name for name in names if "_bin" not in name], sep="\n")

# %%
# Which columns matter?
# ---------------------
#
# Permutation importance shuffles one column of the test rows and measures how much the
# score falls. It works on the columns of the data frame, not on those of the matrix, so
# a category is one bar.

importance = permutation_importance(model, X_test, y_test, n_repeats=5, random_state=0)
order = np.argsort(importance.importances_mean)
figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
ax.barh(
    X.columns[order],
    importance.importances_mean[order],
    xerr=importance.importances_std[order],
    color="#0072B2",
)
ax.set(xlabel="decrease of R2 when the column is shuffled", ylabel="column")
plt.show()

# %%
# Age and brand come first. Colour and garage have no effect, as in the formula.
