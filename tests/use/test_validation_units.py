"""A warning where X_val or y_val are in another unit than X and y, and only there."""

import warnings

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.estimators.validation_units import _compared

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def load(name):
    if name == "house":  # a frame of features in many units, as housing data have them
        rng = np.random.RandomState(0)
        X = rng.standard_gamma([4, 2, 6, 3], (600, 4)) * [1, 20, 1, 500] + [0, 0, 30, 0]
        return X, 1e5 * (X[:, 0] + rng.standard_normal(600))
    if name == "friedman1":
        return datasets.make_friedman1(500, random_state=0)
    if name == "friedman2":
        return datasets.make_friedman2(500, random_state=0)
    if name == "diabetes":
        return datasets.load_diabetes(return_X_y=True, scaled=False)
    return getattr(datasets, f"load_{name}")(return_X_y=True)


REGRESSION = ["diabetes", "friedman1", "friedman2", "house"]
MIXED_UNITS = ["diabetes", "friedman2", "house", "wine", "breast_cancer"]


class Split:
    """Training and validation rows, as they are and scaled."""

    def __init__(self, name, m=40, scaler=StandardScaler):
        X, y = load(name)
        rows = np.random.RandomState(0).permutation(len(X))
        self.is_regression = name in REGRESSION
        self.y, self.y_val = y[rows[m:]], y[rows[:m]]
        self.X, self.X_val = X[rows[m:]], X[rows[:m]]
        fitted = scaler().fit(self.X)
        self.Z, self.Z_val = fitted.transform(self.X), fitted.transform(self.X_val)
        if self.is_regression:
            targets = StandardScaler().fit(self.y[:, None])
            self.u, self.u_val = (
                targets.transform(values[:, None])[:, 0]
                for values in (self.y, self.y_val)
            )

    def warned(self, X, y, X_val, y_val, **options):
        """Return the messages about units of a fit."""
        kind = MLPRegressorX if self.is_regression else MLPClassifierX
        options = {"max_iter": 2, "scoring": "loss", **options}
        model = kind((10,), early_stopping=True, random_state=0, **options)
        return warned(lambda: model.fit(X, y, X_val=X_val, y_val=y_val))


def warned(fit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [str(w.message) for w in caught if "in another unit" in str(w.message)]


@pytest.mark.parametrize("m", [12, 60])
@pytest.mark.parametrize("name", MIXED_UNITS)
def test_x_val_that_alone_is_not_scaled(name, m):
    data = Split(name, m)
    [message] = data.warned(data.Z, data.y, data.X_val, data.y_val)
    assert message.startswith(
        "X_val seems to be in another unit than X: 98 % of the values"
    )
    assert "transform_input=['X_val']" in message


@pytest.mark.parametrize("m", [12, 60])
@pytest.mark.parametrize("name", MIXED_UNITS)
def test_x_val_that_alone_is_scaled(name, m):
    data = Split(name, m)
    [message] = data.warned(data.X, data.y, data.Z_val, data.y_val)
    assert message.startswith("X_val seems to be in another unit than X")


def test_x_val_that_alone_is_scaled_lies_within_centred_features():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 4)) * [50, 200, 1000, 30], rng.standard_normal(300)
    own = {"X_val": X[200:] / X[:200].std(axis=0), "y_val": y[200:]}
    model = MLPRegressorX((9,), early_stopping=True, max_iter=1, random_state=0)
    [message] = warned(lambda: model.fit(X[:200], y[:200], **own))
    assert message.startswith("X_val seems to be in another unit than X")


def test_pixels():
    data = Split("digits", m=60)
    assert len(data.warned(data.Z, data.y, data.X_val, data.y_val)) == 1
    assert len(data.warned(data.X, data.y, data.Z_val, data.y_val)) == 1
    assert data.warned(data.X, data.y, data.X_val, data.y_val) == []
    assert data.warned(data.Z, data.y, data.Z_val, data.y_val) == []


@pytest.mark.parametrize("scaler", [MinMaxScaler, RobustScaler])
@pytest.mark.parametrize("name", ["diabetes", "friedman2", "wine"])
def test_x_val_with_other_scalers(name, scaler):
    data = Split(name, scaler=scaler)
    assert len(data.warned(data.Z, data.y, data.X_val, data.y_val)) == 1
    assert len(data.warned(data.X, data.y, data.Z_val, data.y_val)) == 1
    assert data.warned(data.Z, data.y, data.Z_val, data.y_val) == []


@pytest.mark.parametrize("normalize_y", [True, False])
@pytest.mark.parametrize("name", ["diabetes", "friedman2", "house"])
def test_y_val_in_its_own_unit_and_y_standardised(name, normalize_y):
    data, option = Split(name), {"normalize_y": normalize_y}
    [message] = data.warned(data.Z, data.u, data.Z_val, data.y_val, **option)
    assert message.startswith(
        "y_val seems to be in another unit than y: 98 % of the values"
    )
    assert "normalize_y=True" in message
    assert "TransformedTargetRegressor" in message
    assert "times the training loss" in message
    low, high = np.quantile(data.y_val, [0.01, 0.99])
    assert f"between {low:.3g} and {high:.3g} in y_val" in message
    for u, u_val in ((data.u, data.u_val), (data.y, data.y_val)):
        assert data.warned(data.Z, u, data.Z_val, u_val) == []


@pytest.mark.parametrize("options", [{"solver": "lbfgs"}, {"loss": "huber"}])
def test_other_solvers_and_losses(options):
    data = Split("diabetes")
    assert len(data.warned(data.Z, data.u, data.Z_val, data.y_val, **options)) == 1
    assert len(data.warned(data.Z, data.y, data.X_val, data.y_val, **options)) == 1
    assert data.warned(data.Z, data.y, data.Z_val, data.y_val, **options) == []


def test_the_target_transformer_warns_and_what_is_advised_does_not():
    data = Split("diabetes")
    model = MLPRegressorX((10,), early_stopping=True, max_iter=2, random_state=0)
    outer = TransformedTargetRegressor(model, transformer=StandardScaler())
    own = {"X_val": data.Z_val, "y_val": data.y_val}
    assert len(warned(lambda: outer.fit(data.Z, data.y, **own))) == 1
    assert warned(lambda: model.fit(data.Z, data.y, **own)) == []


def test_the_pipeline_warns_and_what_is_advised_does_not():
    data = Split("wine")
    own = {"X_val": data.X_val, "y_val": data.y_val}
    for advised, n_warnings in ((["X_val"], 0), (None, 1)):
        with sklearn.config_context(enable_metadata_routing=True):
            model = MLPClassifierX((10,), early_stopping=True, max_iter=2)
            model.set_fit_request(X_val=True, y_val=True)
            steps = [("scale", StandardScaler()), ("mlp", model)]
            pipeline = Pipeline(steps, transform_input=advised)
            messages = warned(lambda: pipeline.fit(data.X, data.y, **own))  # noqa: B023
        assert len(messages) == n_warnings


def test_several_targets_and_sparse_rows():
    data = Split("friedman2")
    Y = np.column_stack([data.y, 2 * data.y + 3])
    Y_val = np.column_stack([data.y_val, 2 * data.y_val + 3])
    scaler = StandardScaler().fit(Y)
    assert len(data.warned(data.Z, scaler.transform(Y), data.Z_val, Y_val)) == 1
    assert data.warned(data.Z, Y, data.Z_val, Y_val) == []
    X, X_val = (
        csr_matrix(data.Z * (data.Z > 0)),
        csr_matrix(data.Z_val * (data.Z_val > 0)),
    )
    assert len(data.warned(X, data.y, X_val * 1000, data.y_val)) == 1
    assert data.warned(X, data.y, X_val, data.y_val) == []
    assert data.warned(X.toarray(), data.y, X_val, data.y_val) == []
    assert data.warned(X, data.y, X_val.toarray(), data.y_val) == []
    assert len(data.warned(X, data.y, X_val.toarray() * 1000, data.y_val)) == 1


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_the_example_is_of_a_column_of_wide_data(kind):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 5000))
    X_val, y = X[:40] + 20 * np.arange(5000), X[:, 0]
    model = MLPRegressorX((9,), early_stopping=True, max_iter=1, random_state=0)
    own = {"X_val": kind(X_val), "y_val": y[:40]}
    [message] = warned(lambda: model.fit(kind(X), y, **own))
    assert ("column" in message) == (kind is np.asarray)
    if kind is np.asarray:
        k = int(message.split("column ")[1].split()[0])
        assert k > 1000
        low, high = np.quantile(X_val[:, k], [0.01, 0.99])
        assert f"between {low:.3g} and {high:.3g} in X_val" in message


def test_values_near_the_largest_numbers():
    rng = np.random.default_rng(0)
    Z, y = rng.standard_normal((200, 4)) * 1e307, rng.standard_normal(200)
    compared = _compared(Z[:100], Z[100:])
    assert not compared.differ(1e9)
    assert _compared(Z[:100] / 1e307, Z[100:]).differ(np.nan)
    assert not _compared(y[:100, None] * 0 + 1, y[100:, None])  # nothing varies


def test_the_warning_changes_no_model():
    data = Split("wine")
    settings = {"early_stopping": True, "max_iter": 5, "random_state": 0}
    own = {"X_val": data.Z_val, "y_val": data.y_val}
    plain = MLPClassifierX((10,), **settings).fit(data.Z, data.y, **own)
    assert np.isfinite(plain.loss_curve_).all()
    model = MLPClassifierX((10,), **settings)
    with pytest.warns(UserWarning, match="in another unit"):
        model.fit(data.Z, data.y, X_val=data.X_val, y_val=data.y_val)
    assert model.loss_curve_[:2] == plain.loss_curve_[:2]


# ----------------------------------------------------------------------- honest splits

KINDS = {
    "normal": lambda r, n, d: r.standard_normal((n, d)),
    "cauchy": lambda r, n, d: r.standard_cauchy((n, d)),
    "wide cauchy": lambda r, n, d: 100 * r.standard_cauchy((n, d)),
    "lognormal": lambda r, n, d: np.exp(r.standard_normal((n, d))),
    "heavy lognormal": lambda r, n, d: np.exp(3 * r.standard_normal((n, d))),
    "many zeros": lambda r, n, d: (
        np.exp(2 * r.standard_normal((n, d))) * (r.random((n, d)) < 0.3)
    ),
    "counts": lambda r, n, d: (
        1.0 * r.poisson(np.exp(2 * r.standard_normal((1, d))), (n, d))
    ),
    "binary": lambda r, n, d: 1.0 * (r.random((n, d)) < r.random((1, d))),
    "one factor": lambda r, n, d: (
        r.standard_normal((n, 1)) * np.exp(2 * r.standard_normal((1, d)))
        + 0.1 * r.standard_normal((n, d))
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_random_splits_do_not_warn_even_at_a_huge_loss(kind):
    rng = np.random.default_rng(0)
    for d in (1, 2, 3, 10):
        for n in (10, 50, 100, 400):
            for m in (1, 2, 5, 10, 20):
                for _ in range(10):
                    Z = KINDS[kind](rng, n + m, d)
                    compared = _compared(Z[:n], Z[n:])
                    assert compared is None or not compared.differ(1e9)


def shifted(kind, rng, n=300):
    """Return rows and targets of which the last are unlike the others."""
    d = int(rng.choice([1, 3, 10]))
    t = np.linspace(0, 1, n)[:, None]
    if kind == "walk":
        Z = rng.standard_normal((n, d)).cumsum(axis=0)
        return Z, rng.standard_normal(n).cumsum()
    if kind == "growth":
        Z = np.exp(5 * t + 0.2 * rng.standard_normal((n, d)))
        return Z, Z[:, 0]
    if kind == "time":
        Z = np.hstack([t, rng.standard_normal((n, d - 1))])
        return Z, 20 * t[:, 0] + rng.standard_normal(n)
    at = np.arange(n) * 5 // n  # the last of five groups
    centres = rng.standard_normal((5, d))
    Z = centres[at] + rng.choice([0.1, 0.3, 1]) * rng.standard_normal((n, d))
    return Z, centres[at, 0] + 0.1 * rng.standard_normal(n)


@pytest.mark.parametrize("is_scaled", [False, True])
@pytest.mark.parametrize("kind", ["walk", "growth", "time", "group"])
def test_shifted_data_do_not_warn(kind, is_scaled):
    rng = np.random.default_rng(0)
    data = Split("friedman1")  # for its kind only
    for _ in range(12):
        Z, y = shifted(kind, rng)
        if is_scaled:
            Z = StandardScaler().fit(Z[:240]).transform(Z)
        assert data.warned(Z[:240], y[:240], Z[240:], y[240:]) == []


@pytest.mark.parametrize("name", [*REGRESSION, "iris", "wine", "breast_cancer"])
def test_sorted_data_do_not_warn(name):
    data = Split(name)
    X, Z = np.vstack([data.X, data.X_val]), np.vstack([data.Z, data.Z_val])
    y = np.concatenate([data.y, data.y_val])
    k = int(0.9 * len(y))
    for by in [*X.T[:6], *([y] if data.is_regression else [])]:
        order = np.argsort(by, kind="stable")
        if not data.is_regression and set(y[order[k:]]) - set(y[order[:k]]):
            continue
        parts = Z[order[:k]], y[order[:k]], Z[order[k:]], y[order[k:]]
        assert data.warned(*parts) == []


@pytest.mark.parametrize("m", [2, 3, 5, 9])
def test_few_validation_rows_do_not_warn(m):
    """What so few rows are is no evidence."""
    data = Split("wine", m=m)
    assert data.warned(data.Z, data.y, data.Z_val, data.y_val) == []
    assert data.warned(data.X, data.y, data.X_val, data.y_val) == []
