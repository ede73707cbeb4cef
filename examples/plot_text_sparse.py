"""
Text classification with sparse features
========================================

The texts are paragraphs from the docstrings of NumPy, SciPy and scikit-learn, which
every reader has installed. Each becomes a sparse row: about twenty words out of
thousands. A network predicts the module that a paragraph describes. It trains on the
sparse rows without converting them, in single precision. The example compares its time
and accuracy with scikit-learn's network and logistic regression.
"""

# %%
# Docstrings as data
# ------------------
#
# A row is a paragraph of the docstring of a public function or class. We remove the
# names of packages and modules, which would give the answer away, code examples and
# duplicate paragraphs. All paragraphs of a function, and of functions of the same name
# in other modules, are either training or test rows.

import importlib
import inspect
import re
import time
import tracemalloc
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GroupShuffleSplit
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skoptnet import MLPClassifierX

PACKAGES = {
    "numpy": "fft linalg ma random",
    "scipy": "fft integrate interpolate linalg ndimage optimize signal sparse spatial"
    " special stats",
    "sklearn": "cluster datasets decomposition ensemble linear_model metrics"
    " model_selection preprocessing",
}
NAMES = " ".join([*PACKAGES, *PACKAGES.values(), "scikit"]).split()
GIVEN_AWAY = re.compile(rf"\b({'|'.join(NAMES)})\b")


def paragraphs(module):
    """Yield the paragraphs of a module's docstrings, each with the function's name."""
    for name in module.__all__:
        thing = vars(module).get(name)
        docstring = inspect.getdoc(thing) if callable(thing) else None
        for text in re.split(r"\n\s*\n", docstring or ""):
            text = GIVEN_AWAY.sub("", text.lower())
            if ">>>" not in text and len(re.findall(r"[a-z]{3,}", text)) >= 8:
                yield text, name


found = {}
for package, modules in PACKAGES.items():
    for name in modules.split():
        module = f"{package}.{name}"
        for text, function in paragraphs(importlib.import_module(module)):
            found.setdefault(text, (module, function))
texts = np.array(list(found), dtype=object)
modules, functions = np.array(list(found.values())).T
split = GroupShuffleSplit(1, test_size=0.25, random_state=0)
train, test = next(split.split(texts, modules, functions))
share = np.mean(modules == "scipy.stats")
print(f"{len(texts)} paragraphs, {len(set(functions))} names; {share:.0%} scipy.stats")
print(f"from {modules[0]}:\n{texts[0]}")

# %%
# TF-IDF pipeline
# ---------------
#
# ``TfidfVectorizer(dtype=np.float32)`` makes a CSR matrix in single precision. The
# network keeps the precision and uses the non-zero elements only.

# Five epochs are enough; more would only overfit.
warnings.filterwarnings("ignore", category=ConvergenceWarning)
settings = {"learning_rate_init": 0.003, "max_iter": 5, "random_state": 0}
pipeline = make_pipeline(
    TfidfVectorizer(min_df=2, sublinear_tf=True, dtype=np.float32),
    MLPClassifierX((100,), **settings),
)
pipeline.fit(texts[train], modules[train])
print(f"test accuracy: {pipeline.score(texts[test], modules[test]):.1%}")

X = pipeline[0].transform(texts[train])
n, d = X.shape
print(f"{n} x {d}, {X.nnz / n:.0f} words per paragraph, {X.dtype}, {type(X).__name__}")

# %%
# Memory
# ------
#
# The peak memory that Python and NumPy allocate in ``fit`` is far less than the size of
# the rows as a dense array:

tracemalloc.start()
pipeline[1].fit(X, modules[train])
_, peak = tracemalloc.get_traced_memory()
tracemalloc.stop()
megabytes = {
    "sparse rows": X.data.nbytes + X.indices.nbytes + X.indptr.nbytes,
    "allocated in fit": peak,
    "of that, weights": sum(W.nbytes for W in pipeline[1].coefs_),
    "dense rows": 4 * n * d,
}
for name, size in megabytes.items():
    print(f"{name:>17}: {size / 1e6:6.1f} MB")

# %%
# Time and accuracy
# -----------------
#
# All three models get the same rows; the time is processor time. scikit-learn's network
# has the same layers, rate, batch size and epochs, and about the same accuracy.

X_test = pipeline[0].transform(texts[test])
models = {
    "MLPClassifierX": MLPClassifierX((100,), **settings),
    "MLPClassifier": MLPClassifier((100,), **settings),
    "LogisticRegression": LogisticRegression(C=10, tol=1e-3, max_iter=1000),
}
seconds, scores = [], []
for name, model in models.items():
    began = time.process_time()
    model.fit(X, modules[train])
    seconds.append(time.process_time() - began)
    scores.append(model.score(X_test, modules[test]))
    print(f"{name:>18}: {seconds[-1]:5.1f} s, test accuracy {scores[-1]:.1%}")

figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), sharey=True, layout="constrained")
for ax, values, label in zip(
    axes, [seconds, scores], ["processor time (s)", "test accuracy"], strict=True
):
    bars = ax.barh(list(models), values, color=["#0072B2", "#D55E00", "#009E73"])
    ax.bar_label(bars, fmt="%.2f", padding=3)
    ax.set(xlabel=label, xmargin=0.15)
axes[0].invert_yaxis()
axes[0].set_ylabel("model")
plt.show()

# %%
# Confusion matrix
# ----------------
#
# The network confuses modules of the same purpose, such as the two for Fourier
# transforms and the two for linear algebra. It also takes rare modules for frequent
# ones, such as *spatial*, which has few paragraphs.

figure, ax = plt.subplots(figsize=(8, 7.5), layout="constrained")
matrix = ConfusionMatrixDisplay.from_predictions(
    modules[test],
    pipeline.predict(texts[test]),
    normalize="true",
    include_values=False,
    xticks_rotation="vertical",
    cmap="Blues",
    colorbar=False,
    ax=ax,
)
figure.colorbar(matrix.im_, shrink=0.7, label="share of the module's paragraphs")
ax.set(xlabel="predicted module", ylabel="module of the paragraph")
# sphinx_gallery_thumbnail_number = 2
plt.show()
