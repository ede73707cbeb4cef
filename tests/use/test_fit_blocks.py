"""`fit_blocks`: the model of `fit`, from blocks that are read again in every epoch."""

import pickle
import re
import weakref
from functools import partial

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import assert_refused, has_callbacks, rate_for
from quick_schedules import quick
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.model_selection import KFold

from skoptnet import AdamW, MLPClassifierX, MLPRegressorX, _kernels
from skoptnet.callbacks import Callback, History, StopOnPlateau
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")

X, CODES = make_classification(
    230, 6, n_informative=4, n_classes=3, random_state=0, flip_y=0.1
)
LABELS = np.array(["ant", "bee", "cat"])[CODES]
TARGETS = np.c_[X[:, 0] + X[:, 1] ** 2, X[:, 2]]
KINDS = np.c_[X[:, 0] > 0, X[:, 1] > 1].astype(int)
COUNTS = 1 + np.arange(len(X)) % 3
#: Ends of blocks: one row, none, fewer than a minibatch of 32, and more.
ENDS = (1, 1, 20, 40, 110, 210, 230)


def cut(rows, y, w=None, ends=ENDS):
    """Return the blocks that end at these rows."""
    arrays = [rows, y] if w is None else [rows, y, w]

    def part(values, a, b):
        return values.iloc[a:b] if hasattr(values, "iloc") else values[a:b]

    starts = (0, *ends[:-1])
    return [
        tuple(part(values, a, b) for values in arrays)
        for a, b in zip(starts, ends, strict=True)
    ]


def model_of(Estimator, **parameters):
    defaults = {"max_iter": 4, "batch_size": 32, "learning_rate_init": 0.01}
    defaults |= {"random_state": 0, "shuffle": False, "tol": 0}
    return Estimator(**{"hidden_layer_sizes": (5,), **defaults, **parameters})


classifier, regressor = partial(model_of, MLPClassifierX), partial(
    model_of, MLPRegressorX
)  # fmt: skip


def curves(model):
    """Return the history without its times."""
    return {name: v for name, v in model.history_.items() if name != "seconds"}


def assert_same(one, other):
    """Check that two models are the same, bit for bit."""
    assert curves(one) == curves(other)
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_,
                    strict=True):  # fmt: skip
        np.testing.assert_array_equal(a, b)
    for name in ("n_iter_", "t_", "loss_", "stop_reason_", "learning_rate_",
                 "best_epoch_", "n_features_in_"):  # fmt: skip
        assert getattr(one, name) == getattr(other, name), name


def assert_close(one, other, rtol=1e-9):
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=rtol)
    for a, b in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


def compare(model, rows, y, w=None, check=assert_same, ends=ENDS, **own):
    """Compare fit and fit_blocks of the same rows in order."""
    whole = pickle.loads(pickle.dumps(model)).fit(rows, y, w, **own)
    check(model.fit_blocks(cut(rows, y, w, ends), **own), whole)
    return model


class Source:
    """Blocks by __iter__ only, new arrays each time; ``at`` gets their numbers."""

    def __init__(self, blocks, at=lambda epoch, number: None):
        self.blocks, self.at, self.n_passes = blocks, at, 0

    def __iter__(self):
        self.n_passes += 1
        for number, (rows, *others) in enumerate(self.blocks):
            self.at(self.n_passes, number)
            yield rows.copy(), *others


# The model of fit.


@pytest.mark.parametrize("solver", OPTIMIZERS)
@pytest.mark.parametrize("make", [classifier, partial(regressor, normalize_y=False)])
def test_every_solver_ends_where_fit_does(solver, make):
    rate = rate_for(solver, 0.01)
    model = make(solver=solver, learning_rate_init=rate)
    is_regressor = isinstance(model, MLPRegressorX)
    check = assert_close if OPTIMIZERS[solver]().full_batch else assert_same
    compare(model, X, TARGETS if is_regressor else LABELS, check=check)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_sees_the_clock_of_the_whole_stream(name):
    compare(
        classifier(lr_schedule=quick(name), solver="momentum", max_iter=8), X, CODES
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"dropout": 0.4},
        {"dropout": 0.4, "max_grad_norm": 0.05},
        {"alpha": 5, "l1_ratio": 0.5},
        {"input_scaling": True, "parametrization": "ntk"},
        {"solver": AdamW(average=0.9), "label_smoothing": 0.1},
        {"hidden_layer_sizes": (), "batch_size": 7},
        {"batch_size": 100},
        {"n_iter_no_change": 1, "tol": 0.1},
    ],
    ids=str,
)
def test_settings(parameters):
    compare(classifier(**parameters), X, LABELS)


@pytest.mark.parametrize("batch_size", [1, 229, 230])
def test_minibatches_of_one_and_of_nearly_all_rows(batch_size):
    check = assert_close if batch_size == 230 else assert_same
    compare(classifier(batch_size=batch_size, max_iter=2), X, CODES, check=check)


@pytest.mark.parametrize("parameters", [{"dropout": 0.4}, {"max_grad_norm": 0.05}, {}])
@pytest.mark.parametrize("rows", [X, csr_array(X)], ids=["dense", "sparse"])
def test_full_batches_are_added_up(parameters, rows):
    compare(classifier(solver="gd", **parameters), rows, CODES, check=assert_close)


def test_without_kernels(monkeypatch):
    monkeypatch.setenv(_kernels.VARIABLE, "0")
    assert not _kernels.enabled()
    for solver in ("nesterov", "adam"):
        compare(classifier(solver=solver), X, LABELS)
    compare(regressor(solver="gd"), csr_array(X), TARGETS, check=assert_close)
    compare(classifier(), csr_array(X), KINDS)


@pytest.mark.parametrize(
    ("rows", "y"),
    [
        (X.astype(np.float32), LABELS),
        (csr_array(X), LABELS),
        (csr_array(X.astype(np.float32)), CODES),
        (np.asfortranarray(X), CODES),
        ((10 * X).astype(int), CODES),
        (pd.DataFrame(X, columns=list("abcdef")), pd.Series(LABELS)),
        (pl.DataFrame(X, schema=list("abcdef")), pl.Series(LABELS)),
        (X, pd.Series(LABELS, dtype="category")),
        (X, KINDS),
        (X, csr_array(KINDS)),
        (X, CODES == 1),
    ],
    ids=lambda values: f"{type(values).__name__} {getattr(values, 'dtype', '')}",
)
def test_kinds_of_data(rows, y):
    model, plain = compare(classifier(), rows, y), classifier().fit(rows, y)
    assert hasattr(model, "feature_names_in_") == hasattr(plain, "feature_names_in_")
    if hasattr(plain, "feature_names_in_"):
        assert list(model.feature_names_in_) == list(rows.columns)
    assert type(model.predict(rows[:3])) is type(plain.predict(rows))


def test_float32_if_all_blocks_are():
    mixed = cut(X.astype(np.float32), CODES)
    mixed[-1] = (X[210:], CODES[210:])
    assert classifier().fit_blocks(mixed).coefs_[0].dtype == np.float64
    assert classifier().fit_blocks(mixed[:-1]).coefs_[0].dtype == np.float32


def test_numbers_of_rows_as_weights_are_exact():
    compare(classifier(), X, LABELS, COUNTS)
    compare(regressor(normalize_y=False), csr_array(X), TARGETS, COUNTS)


@pytest.mark.parametrize("y", [LABELS, KINDS], ids=["multiclass", "multilabel"])
@pytest.mark.parametrize("w", [None, np.linspace(0, 1, len(X))], ids=["", "weights"])
def test_sums_of_weights_are_equal_up_to_rounding(y, w):
    """The first blocks have rows of weight zero only."""
    for class_weight in ("balanced", None):
        model = classifier(class_weight=class_weight)
        compare(model, X, y, w, check=assert_close)
    given = {"ant": 0, "bee": 2} if y is LABELS else [{0: 3}, {1: 0.5}]
    compare(classifier(class_weight=given), X, y, w, check=assert_close)


@pytest.mark.parametrize("loss", ["squared_error", "quantile", "poisson"])
@pytest.mark.parametrize("w", [None, np.linspace(0, 1, len(X))], ids=["", "weights"])
def test_targets_are_scaled_up_to_rounding(loss, w):
    y = 1e6 + 1e3 * TARGETS if loss != "poisson" else np.exp(TARGETS / 3)
    model = compare(regressor(loss=loss), X, y, w, check=assert_close)
    whole = regressor(loss=loss).fit(X, y, w)
    np.testing.assert_allclose(model.y_mean_, whole.y_mean_, rtol=1e-12)
    np.testing.assert_allclose(model.y_scale_, whole.y_scale_, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:The network predicts its training rows")
def test_constant_targets():
    y = np.full(len(X), 0.1)
    assert (compare(regressor(), X, y).predict(X) == 0.1).all()


def test_classes_that_only_the_last_block_has():
    order = np.argsort(CODES, kind="stable")
    model = compare(classifier(), X[order], LABELS[order], ends=(60, 70, 230))
    assert list(model.classes_) == ["ant", "bee", "cat"]


@settings(max_examples=25, deadline=None)
@given(
    ends=st.lists(st.integers(0, len(X)), max_size=12),
    batch_size=st.integers(1, 240),
    shuffled=st.booleans(),
)
def test_any_cuts_give_the_same_model(ends, batch_size, shuffled):
    ends = (*sorted(ends), len(X))
    size = min(batch_size, len(X) - 1)  # one minibatch is summed up by blocks
    model = classifier(batch_size=size, max_iter=2)
    compare(model, X, CODES, ends=ends)
    # All blocks in memory: then the order of the rows is drawn from all of them.
    model.set_params(shuffle=shuffled).fit_blocks(
        cut(X, CODES, ends=ends), blocks_in_memory=len(ends)
    )
    assert model.t_ == 2 * len(X)


def test_own_validation_rows():
    own = {"X_val": X[:50], "y_val": LABELS[:50]}
    own["sample_weight_val"] = np.linspace(1, 2, 50)
    model = classifier(max_iter=60, early_stopping=True, n_iter_no_change=3, tol=1e-3)
    compare(model, X[50:], LABELS[50:], ends=(3, 100, 180), **own)
    assert model.stop_reason_ == "early_stopping"
    monitored = classifier(scoring=["loss", "accuracy"], lr_schedule="plateau")
    compare(monitored, X, LABELS, **own)


@has_callbacks
def test_callbacks(tmp_path):
    models = [classifier(max_iter=30) for _ in range(2)]
    for name, model in zip(("fit.csv", "blocks.csv"), models, strict=True):
        stop = StopOnPlateau("loss", patience=2, tol=0.02)
        model.set_callbacks(History(tmp_path / name), stop)
    models[0].fit(X, LABELS)
    models[1].fit_blocks(cut(X, LABELS))
    assert_same(*models)
    assert models[0].stop_reason_ == "callback"
    assert 1 < models[0].n_iter_ < 30
    one, other = (pd.read_csv(path).drop(columns="seconds")
                  for path in sorted(tmp_path.iterdir()))  # fmt: skip
    assert one.equals(other)


@has_callbacks
def test_callbacks_get_a_sample_of_the_rows():
    class Rows(Callback):
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
            self.rows = X, y, metadata["sample_weight"]

        def on_fit_task_end(self, estimator, context): ...

    model = classifier().set_callbacks(callback := Rows())
    model.fit_blocks(cut(X, LABELS, COUNTS))
    for expected, passed in zip((X, LABELS, COUNTS), callback.rows, strict=True):
        np.testing.assert_array_equal(expected, passed)


def test_progress_is_printed_per_epoch(capsys):
    classifier(verbose=True, max_iter=3).fit_blocks(cut(X, CODES))
    assert len(re.findall("Iteration [123], loss", capsys.readouterr().out)) == 3


# Held-out rows.


class Seen:
    """A scorer that notes the rows it scores."""

    def __call__(self, model, rows, y):
        self.rows = rows.copy()
        return model.score(rows, y)


@pytest.mark.parametrize("make", [classifier, partial(regressor, normalize_y=False)])
def test_held_out_rows_serve_as_validation_rows(make):
    seen = Seen()
    model = make(early_stopping=True, scoring=seen, validation_fraction=0.2)
    y = TARGETS if isinstance(model, MLPRegressorX) else CODES
    model.fit_blocks(cut(X, y))
    held_out = (X[:, None] == seen.rows).all(axis=2).any(axis=1)
    assert 20 < held_out.sum() < 75  # 46 expected, deviation 6
    own = {"X_val": X[held_out], "y_val": y[held_out]}
    same = make(early_stopping=True, scoring=seen).fit(
        X[~held_out], y[~held_out], **own
    )
    assert_same(model, same)


def test_other_blocks_and_a_warm_start_hold_out_the_same_rows():
    rows = {}
    model = classifier(early_stopping=True, warm_start=True, scoring=Seen())
    for name, ends in {"few": (100, 230), "many": ENDS, "one": (230,)}.items():
        model.fit_blocks(cut(X, CODES, ends=ends))
        rows[name] = model.scoring.rows
    np.testing.assert_array_equal(rows["few"], rows["many"])
    np.testing.assert_array_equal(rows["few"], rows["one"])
    other = classifier(early_stopping=True, scoring=Seen(), random_state=1)
    other.fit_blocks(cut(X, CODES))
    assert not np.array_equal(rows["few"], other.scoring.rows)


def test_shares_of_rows_with_weights_and_classes():
    model = classifier(early_stopping=True, class_weight="balanced", shuffle=True)
    model.fit_blocks(cut(X, LABELS, COUNTS))
    assert 3 * len(X) < model.t_ < 4 * len(X)


def test_too_few_rows_to_train_or_to_validate():
    most = classifier(early_stopping=True, validation_fraction=0.98)
    rare = np.where(np.arange(len(X)) < 3, "dog", LABELS)
    with pytest.raises(ValueError, match="lack the classes"):
        most.fit_blocks(cut(X, rare))
    with pytest.raises(ValueError, match="at least 2 validation rows"):
        classifier(early_stopping=True).fit_blocks([(X[:3], [0, 1, 0])])


# Shuffling and resuming.


@pytest.mark.parametrize("kind", [list, Source, lambda blocks: lambda: iter(blocks)])
@pytest.mark.parametrize("n_mixed", [1, 3, 10])
@pytest.mark.parametrize("rows", [X, csr_array(X)], ids=["dense", "sparse"])
def test_k_epochs_and_k_more_are_2_k(kind, n_mixed, rows):
    source = kind(cut(rows, LABELS, COUNTS))
    parameters = {"shuffle": True, "lr_schedule": "step", "decay_epochs": 2}
    parameters |= {"dropout": 0.2}
    once = classifier(max_iter=6, **parameters)
    once.fit_blocks(source, blocks_in_memory=n_mixed)
    twice = classifier(max_iter=3, warm_start=True, **parameters)
    twice.fit_blocks(source, blocks_in_memory=n_mixed)
    twice = pickle.loads(pickle.dumps(twice))
    twice.fit_blocks(source, blocks_in_memory=n_mixed)
    assert curves(once) == curves(twice)
    for a, b in zip(once.coefs_, twice.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_shuffles_depend_on_the_seed():
    fits = [
        classifier(shuffle=True, random_state=seed).fit_blocks(cut(X, CODES))
        for seed in (0, 0, 1)
    ]
    assert_same(*fits[:2])
    assert fits[0].loss_curve_ != fits[2].loss_curve_
    assert fits[0].loss_curve_ != classifier().fit(X, CODES).loss_curve_


def test_fit_and_fit_blocks_continue_each_other():
    blocks = cut(X, LABELS)
    one = classifier(max_iter=3, warm_start=True).fit(X, LABELS).fit_blocks(blocks)
    other = classifier(max_iter=3, warm_start=True).fit_blocks(blocks).fit(X, LABELS)
    whole = classifier(max_iter=6).fit(X, LABELS)
    assert one.loss_curve_ == other.loss_curve_ == whole.loss_curve_


def test_shuffled_rows_sorted_by_class_are_learnt():
    order = np.argsort(CODES, kind="stable")
    blocks = cut(X[order], CODES[order], ends=tuple(range(23, 231, 23)))
    model = classifier(max_iter=100, shuffle=True, batch_size=10, hidden_layer_sizes=30)
    model.fit_blocks(blocks, blocks_in_memory=5)
    whole = classifier(max_iter=100, shuffle=True, batch_size=10, hidden_layer_sizes=30)
    assert model.score(X, CODES) > whole.fit(X, CODES).score(X, CODES) - 0.1


# Memory, and what was passed in.


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("n_mixed", [1, 3])
def test_few_blocks_are_in_memory(shuffle, n_mixed):
    """When another one is read: the one in use, unless it has been copied."""
    alive, most, blocks = [], [0], cut(X, CODES, ends=tuple(range(20, 231, 10)))

    def read():
        most.append(0)
        for rows, y in blocks:
            most[-1] = max(most[-1], sum(block() is not None for block in alive))
            new = rows.copy()
            alive.append(weakref.ref(new))
            yield new, y
            del new

    model = classifier(shuffle=shuffle, early_stopping=n_mixed == 3)
    model.fit_blocks(read, blocks_in_memory=n_mixed)
    assert len(most) == 2 + model.n_iter_
    copied = shuffle and n_mixed == 3
    assert most == [0, 0] + [0 if copied else 1] * model.n_iter_


def test_nothing_passed_in_is_modified():
    blocks = cut(X, TARGETS, COUNTS) + cut(X.astype(np.float32), TARGETS, COUNTS)
    before = joblib.hash(blocks)
    for shuffle in (False, True):
        regressor(shuffle=shuffle, early_stopping=True).fit_blocks(blocks)
    assert joblib.hash(blocks) == before


def test_the_blocks_are_not_pickled():
    many = [(np.tile(X, (40, 1)), np.tile(CODES, 40))]
    small = pickle.dumps(classifier(max_iter=1).fit_blocks(cut(X, CODES)))
    large = pickle.dumps(classifier(max_iter=1).fit_blocks(many))
    assert len(large) < len(small) + 100


# Sources that change, fail or are interrupted.


def stop_at(at, error):
    def check(n_pass, number):
        if (n_pass, number) == at:
            raise error

    return check


def test_ctrl_c_while_reading_keeps_the_last_epoch():
    source = Source(cut(X, CODES), stop_at((4, 4), KeyboardInterrupt()))
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = classifier().fit_blocks(source)
    assert model.stop_reason_ == "interrupted"
    two = classifier(max_iter=2).fit(X, CODES)
    assert model.loss_curve_ == two.loss_curve_
    np.testing.assert_array_equal(model.coefs_[0], two.coefs_[0])
    for early in ((1, 3), (2, 3)):
        model = classifier()
        with pytest.raises(KeyboardInterrupt):
            model.fit_blocks(Source(cut(X, CODES), stop_at(early, KeyboardInterrupt())))
        assert not hasattr(model, "coefs_")


def test_an_error_of_the_source_keeps_the_last_epoch():
    source = Source(cut(X, CODES), stop_at((3, 2), OSError("the disk is gone")))
    model = classifier()
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit_blocks(source)
    assert (model.stop_reason_, model.n_iter_) == ("failed", 1)
    assert model.loss_curve_ == classifier(max_iter=1).fit(X, CODES).loss_curve_


def nan_in(rows):
    rows = rows.copy()
    rows[0, 0] = np.nan
    return rows


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: (b[0][:-1], b[1][:-1]), r"Block 4 \(.*\) has 69 row.* had 70"),
        (lambda b: (nan_in(b[0]), b[1]), r"Block 4 \(.*contains NaN"),
        (lambda b: (b[0], b[1] + 5), r"Block 4 \(.*classes that are not in y: \[5"),
        (lambda b: (b[0][:, 1:], b[1]), r"Block 4 \(.*5 features"),
        (lambda b: (b[0], b[1], np.ones(70)), r"Block 4 \(.*have sample weights"),
    ],
    ids=["rows", "NaN", "classes", "columns", "weights"],
)
def test_later_passes_are_checked(change, says, shuffle):
    blocks = cut(X, CODES)

    def swap(n_pass, number):
        if (n_pass, number) == (2, 0):  # for the next pass
            source.blocks = [*blocks[:4], change(blocks[4]), *blocks[5:]]

    source, model = Source(blocks, swap), classifier(shuffle=shuffle)
    with pytest.raises(ValueError, match=says):
        model.fit_blocks(source)
    assert (model.stop_reason_, model.n_iter_) == ("failed", 1)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("n_blocks", "says"),
    [(5, r"5 block\(s\) only"), (8, "had only 7"), (0, r"0 block\(s\) only")],
)
def test_later_passes_have_as_many_blocks(n_blocks, says):
    passes, blocks, model = [], cut(X, CODES), classifier()

    def more_or_fewer():
        passes.append(1)
        return iter(blocks if len(passes) == 1 else (blocks * 2)[:n_blocks])

    with pytest.raises(ValueError, match=says):
        model.fit_blocks(more_or_fewer)
    assert not hasattr(model, "coefs_")


@pytest.mark.filterwarnings("ignore:Training diverged")
@pytest.mark.parametrize("n_good_epochs", [0, 2])
def test_divergence_ends_as_in_fit(n_good_epochs):
    def rise(clock):
        return 1.0 if clock.epoch < n_good_epochs else 1e200

    def end(fit):
        linear = {"hidden_layer_sizes": (), "solver": "sgd", "normalize_y": False}
        model = regressor(lr_schedule=rise, max_iter=50, **linear)
        try:
            fit(model)
        except ValueError as error:
            return str(error)
        return curves(model), model.coefs_[0].tolist(), model.stop_reason_

    y = TARGETS
    found = end(lambda model: model.fit_blocks(cut(X, y)))
    assert found == end(lambda model: model.fit(X, y))
    assert "diverged" in found if n_good_epochs == 0 else found[2] == "diverged"


# Refusals.


GENERATOR = (block for block in [])


@pytest.mark.parametrize(
    ("blocks", "error", "says"),
    [
        (iter([]), TypeError, "must not be an iterator or generator"),
        (GENERATOR, TypeError, "must not be an iterator or generator"),
        (5, TypeError, "must be an iterable of tuples"),
        ([], ValueError, "at least one row"),
        ([(X[:0], CODES[:0])], ValueError, "at least one row"),
        (X, TypeError, "Got a ndarray as block 0"),
        ((X, CODES), TypeError, "Got a ndarray as block 0"),
        ([(X, CODES, None, 1)], TypeError, "Got a tuple of length 4"),
        ([(X, CODES), X], TypeError, "as block 1"),
        ([(X, CODES), (X[:, 1:], CODES)], ValueError, "Block 1 .* 5 features"),
        ([(X, CODES), (nan_in(X), CODES)], ValueError, "Block 1 .* contains NaN"),
        ([(X, CODES), (X, CODES[1:])], ValueError, "Block 1 .* inconsistent numbers"),
        ([(X, CODES), (csr_array(X), CODES)], ValueError, "Block 1 .* sparse rows"),
        ([(X, CODES, COUNTS), (X, CODES)], ValueError, "Block 1 .* sample weights"),
        ([(X, CODES), (X, LABELS)], ValueError, "Block 1 .* labels of one type"),
        ([(X, CODES), (X, KINDS)], ValueError, "Block 1 .* one label per row"),
        ([(X, KINDS), (X, KINDS[:, [0, 1, 1]])], ValueError, "Block 1 .* 2 columns"),
        ([(X, CODES), (X, TARGETS[:, 0])], ValueError, "Block 1 .* Unknown label"),
        ([(X, CODES, -COUNTS)], ValueError, "Block 0 .* must not be negative"),
        ([(X, CODES, 0 * COUNTS)], ValueError, "must not be zero for all rows"),
        ([(X, CODES, 1e300 * COUNTS)], ValueError, "must have a sum in"),
        ([(X, 0 * CODES)], ValueError, "needs at least 2 classes"),
    ],
)  # fmt: skip
def test_bad_blocks_are_refused(blocks, error, says):
    with pytest.raises(error, match=says):
        classifier().fit_blocks(blocks)
    assert not hasattr(classifier(), "coefs_")


def test_columns_are_checked_by_name():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    blocks = [(frame, CODES), (frame[list("bacdef")], CODES)]
    assert_refused("Block 1 (counted from 0)", "fit_blocks", blocks, model=classifier())


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ([(X, TARGETS), (X, TARGETS[:, 0])], "Block 1 .* 2 column"),
        ([(X, TARGETS), (X, nan_in(TARGETS))], "Block 1 .* NaN"),
        ([(X.astype(np.float32), TARGETS * 1e300)], "cannot hold"),
    ],
)
def test_bad_numbers_are_refused(blocks, says):
    assert_refused(says, "fit_blocks", blocks, model=regressor(), exact=False)
    poisson = regressor(loss="poisson")
    zeros = [(X, np.zeros(len(X)))] * 2
    assert_refused(r"sum\(y\) > 0", "fit_blocks", zeros, model=poisson, exact=False)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"solver": "lbfgs"}, "solver='lbfgs'"),
        ({"refit_all": True, "early_stopping": True}, "refit_all=True"),
        ({"return_train_score": True}, "return_train_score=True"),
        ({"early_stopping": True, "validation_fraction": KFold()}, "a splitter needs"),
    ],
)
def test_what_needs_all_rows_in_memory_is_refused(parameters, says):
    model = classifier(**parameters)
    assert_refused(says, "fit_blocks", cut(X, CODES), model=model)


@pytest.mark.parametrize("n_mixed", [0, -1, 1.5, "all", None])
def test_the_number_of_blocks_is_checked(n_mixed):
    with pytest.raises(ValueError, match="'blocks_in_memory' parameter"):
        classifier().fit_blocks(cut(X, CODES), blocks_in_memory=n_mixed)


def test_a_warm_start_is_checked():
    model = classifier(warm_start=True).fit(X, LABELS)
    says = "same classes as in the previous call"
    assert_refused(says, "fit_blocks", cut(X, CODES), model=model)
    two = LABELS != "cat"
    assert_refused(says, "fit_blocks", [(X[two], LABELS[two])], model=model)
    assert_refused(
        "5 features", "fit_blocks", cut(X[:, 1:], LABELS), model=model, exact=False
    )
