"""Metrics of each epoch: monitored validation rows and training scores."""

import json

import numpy as np
import pandas as pd
import pytest
from held_out import (
    TARGETS,
    TRAIN,
    VAL,
    W,
    both,
    own_loss,
    parts,
    score_of,
    stopping,
    tasks,
)
from passes import counted_passes
from problems import (
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    batched,
    has_callbacks,
    peak_of,
    small,
    target,
)
from quick_schedules import quick
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.metrics import (
    log_loss,
    make_scorer,
    mean_absolute_error,
    r2_score,
)
from sklearn.utils.class_weight import compute_sample_weight

from skoptnet import (
    SGD,
    Adam,
    MLPClassifierX,
    MLPRegressorX,
    Nesterov,
    Plateau,
    Warmup,
)
from skoptnet.callbacks import Checkpoint, History, StopOnPlateau
from skoptnet.estimators.validation_split import split
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning",
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning",
    "ignore:The network predicts:sklearn.exceptions.ConvergenceWarning",
    "ignore:Training ended at a loss:sklearn.exceptions.ConvergenceWarning",
)

#: One of every kind of solver: plain, with a point of its own for the gradient, with
#: weights that are an average, with a line search.
KINDS_OF_SOLVERS = {
    "sgd": SGD(),
    "nesterov": Nesterov(),
    "adam": "adam",
    "average": Adam(average=0.9),
    "schedule-free": "schedule_free_adamw",
    "lbfgs": "lbfgs",
}
solvers = pytest.mark.parametrize(
    "solver", KINDS_OF_SOLVERS.values(), ids=KINDS_OF_SOLVERS
)
weights = pytest.mark.parametrize("w", [None, W], ids=["", "weights"])

#: For each task: scores by name, for the parameter; the first decides.
SCORINGS = {
    "binary": ["roc_auc", "loss", "accuracy", "neg_log_loss"],
    "multiclass": ["loss", "balanced_accuracy", "f1_macro"],
    "multilabel": ["f1_micro", "loss"],
    "regression": ["neg_mean_absolute_error", "r2"],
    "multi-output": ["r2", "neg_root_mean_squared_error", "loss"],
}


def state_of(model):
    """Return all that training leaves but metrics and times."""
    history = {name: model.history_[name] for name in ("epoch", "update", "loss")} | {
        "learning_rate": model.history_.get("learning_rate")
    }
    kind, keys, position, *_ = model._run.rng.get_state()
    return {
        "theta": model._run.theta,
        "dtype": model._run.theta.dtype,
        "state": vars(model._run.state),
        "random": (kind, keys, position),
        "history": history,
        **{
            name: getattr(model, name)
            for name in ("loss_", "best_loss_", "n_iter_", "t_", "stop_reason_")
        },
    }  # fmt: skip


def monitored(model, X, y, **keywords):
    """Fit a clone with all that can be monitored."""
    settings = {"return_train_score": True, "scoring": ["loss", "r2"]}
    if isinstance(model, MLPClassifierX):
        settings["scoring"] = {"a": "accuracy", "b": None}
    return clone(model).set_params(**settings).fit(X, y, **keywords)


# ------------------------------------------------------- monitoring changes nothing


@pytest.mark.parametrize("schedule", [*SCHEDULES, None])
@pytest.mark.parametrize("solver", [*OPTIMIZERS, "lbfgs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@tasks
@pytest.mark.each_value
def test_monitoring_changes_no_bit_of_the_training(
    Estimator, y, dtype, solver, schedule
):
    schedule = {} if schedule is None else {"lr_schedule": quick(schedule)}
    if solver == "lbfgs":
        schedule = {}
    settings = {"max_iter": 8, "solver": solver, "dropout": 0.1, **schedule}
    if solver == "lbfgs":
        settings.pop("dropout")
    model = Estimator((6,), random_state=0, n_iter_no_change=3, tol=1e-3, **settings)
    rows, truth, own = parts(y)
    plain = clone(model).fit(rows.astype(dtype), truth)
    watched = monitored(model, rows.astype(dtype), truth, **own)
    np.testing.assert_equal(state_of(watched), state_of(plain))
    assert len(watched.history_["validation_loss"]) == plain.n_iter_
    further = [m.set_params(warm_start=True, max_iter=2) for m in (plain, watched)]
    further[0].fit(rows, truth)
    further[1].fit(rows, truth, **own)
    np.testing.assert_equal(state_of(watched), state_of(plain))


@both
@pytest.mark.parametrize(
    "settings",
    [
        {"n_iter_no_change": 2, "tol": 0.05},
        {"lr_schedule": "adaptive", "n_iter_no_change": 1, "tol": 0.01},
        {"learning_rate_init": 3e4, "solver": "sgd"},
        {"l1_ratio": 0.5, "max_grad_norm": 0.1},
        {"solver": "lbfgs", "tol": 0.05},
    ],
    ids=["converges", "adaptive", "diverges", "own formulas", "lbfgs"],
)
def test_monitoring_changes_no_end_of_the_training(Estimator, settings):
    """Of many epochs, which the kernels otherwise make in one call."""
    model = Estimator((6,), random_state=0, batch_size=20, max_iter=200)
    model.set_params(**settings)
    rows, truth, own = parts(target(Estimator))
    ends = []
    for keywords in ({}, own):
        one = clone(model)
        if keywords:
            one.set_params(scoring=[*SCORINGS["regression"]] if Estimator is
                           MLPRegressorX else ["accuracy"])  # fmt: skip
        try:
            ends.append(state_of(one.fit(rows, truth, **keywords)))
        except ValueError as error:
            ends.append(str(error))
    np.testing.assert_equal(*ends)


@tasks
def test_metrics_that_fall_do_not_stop_the_training(Estimator, y):
    """The weights are those of the last epoch, and the attributes say what was seen."""
    falls = iter(range(0, -100, -1))
    rows, truth, own = parts(y)
    model = batched(Estimator, max_iter=12, n_iter_no_change=3, tol=0.0,
                    scoring=lambda *args: next(falls))  # fmt: skip
    model.fit(rows, truth, **own)
    plain = batched(Estimator, max_iter=12, n_iter_no_change=3, tol=0.0)
    plain.fit(rows, truth)
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
    assert model.stop_reason_ == plain.stop_reason_
    assert model.n_iter_ == plain.n_iter_ > 4
    assert model.validation_scores_ == [-float(i) for i in range(model.n_iter_)]
    assert (model.best_validation_score_, model.best_epoch_) == (0.0, 1)
    assert model.loss_ == model.loss_curve_[-1] == plain.loss_
    assert model.best_loss_ == min(model.loss_curve_)


def test_of_equal_scores_the_best_epoch_is_the_first_of_the_lowest_loss():
    rows, truth, own = parts(LABELS)
    model = batched(MLPClassifierX, max_iter=20, scoring=lambda *args: 0.5)
    model.fit(rows, truth, **own)
    assert model.best_validation_score_ == 0.5
    assert model.best_epoch_ == 1 + np.argmin(model.history_["validation_loss"])


@both
@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_monitored_score_may_not_be_finite(Estimator, score):
    """Early stopping could not use it; a curve can."""
    rows, truth, own = parts(target(Estimator))
    scores = [0.5, score, 0.75]
    given = iter(scores)
    model = small(Estimator, scoring=lambda *args: next(given))
    model.fit(rows, truth, **own)
    np.testing.assert_equal(model.validation_scores_, scores)
    best = np.nanmax(scores)
    assert model.best_validation_score_ == best
    assert model.best_epoch_ == 1 + scores.index(best)
    given = iter(scores)
    with pytest.raises(ValueError, match="return a finite number"):
        small(Estimator, early_stopping=True, scoring=lambda *args: next(given)).fit(
            rows, truth, **own
        )


@both
def test_predictions_that_overflow_are_no_reason_to_stop(Estimator):
    rows, truth, own = parts(target(Estimator))
    few = VAL[:9]  # too few to compare their unit
    own = {"X_val": np.full_like(X[few], 1e308), "y_val": target(Estimator)[few]}
    plain = small(Estimator).fit(rows, truth)
    model = small(Estimator).fit(rows, truth, **own)
    np.testing.assert_equal(state_of(model), state_of(plain))
    assert np.isnan(model.history_["validation_loss"]).all()
    assert np.isnan(model.best_validation_score_)
    assert model.best_epoch_ is None


@both
def test_an_error_in_a_monitored_scorer_keeps_the_last_epoch(Estimator):
    def scorer(model, rows, truth):
        if len(model._run.metrics().get("epoch", [])) == 2:
            raise ArithmeticError("no more")
        return -float(len(model._run.metrics().get("epoch", [])))

    rows, truth, own = parts(target(Estimator))
    model = batched(Estimator, scoring=scorer)
    with pytest.raises(ArithmeticError, match="no more"):
        model.fit(rows, truth, **own)
    assert (model.n_iter_, model.stop_reason_, model.best_epoch_) == (2, "failed", 1)


@both
def test_a_warm_start_may_begin_and_end_to_monitor(Estimator):
    rows, truth, own = parts(target(Estimator))
    model = small(Estimator, warm_start=True, max_iter=2).fit(rows, truth)
    model.fit(rows, truth, **own)
    losses = model.history_["validation_loss"]
    assert np.isnan(losses).tolist() == [True, True, False, False]
    assert model.best_validation_score_ == -min(losses[2:])
    assert model.best_epoch_ == 3 + np.argmin(losses[2:])
    model.fit(rows, truth)
    assert (model.best_validation_score_, model.best_epoch_) == (None, None)
    assert model.validation_scores_ is None
    plain = small(Estimator, warm_start=True, max_iter=2)
    for _ in range(3):
        plain.fit(rows, truth)
    np.testing.assert_equal(state_of(model), state_of(plain))


@both
@pytest.mark.parametrize("inner", [False, True])
def test_a_schedule_that_monitors_the_validation_loss_takes_x_val(Estimator, inner):
    """It is the one exception: its rates follow from the losses of these rows."""
    rows, truth, own = parts(target(Estimator))
    schedule = Plateau(monitor="validation_loss", patience=0, factor=0.5, threshold=0.2)
    given = Warmup(schedule, epochs=1) if inner else schedule
    model = batched(Estimator, lr_schedule=given, max_iter=12, n_iter_no_change=99)
    message = assert_fit_refused("monitors the validation loss", model, rows, truth)
    assert "early_stopping=True, or X_val and y_val in fit" in message
    with pytest.raises(ValueError, match="monitors the validation loss"):
        clone(model).partial_fit(rows, truth, **(
            {"classes": np.unique(LABELS)} if Estimator is MLPClassifierX else {}
        ))  # fmt: skip
    model.fit(rows, truth, **own)
    rates, losses = (model.history_[k] for k in ("learning_rate", "validation_loss"))
    expected, good = [0.02], losses[0] - 0.2 * losses[0]
    for loss in losses[1:-1]:
        expected.append(expected[-1])
        if loss < good:
            good = loss - 0.2 * loss
        else:
            expected[-1] *= 0.5
    np.testing.assert_allclose(rates[1:], expected)
    assert len(set(rates)) > 2
    np.testing.assert_equal(model.stop_reason_, "max_iter")


@both
def test_groups_have_no_effect_beside_monitored_rows(Estimator):
    rows, truth, own = parts(target(Estimator))
    with pytest.warns(UserWarning, match="no effect with X_val"):
        small(Estimator).fit(rows, truth, groups=np.arange(len(rows)), **own)


@both
def test_validation_rows_in_another_unit_are_warned_of(Estimator):
    rows, truth, own = parts(target(Estimator))
    own["X_val"] = own["X_val"] * [1, 20, 300, 4] + [5, 60, 7, 8]
    with pytest.warns(UserWarning, match="X_val seems to be in another unit"):
        small(Estimator).fit(rows, truth, **own)


# --------------------------------------------------------------- what the numbers are


def assert_metrics(model, scoring, part, rows, y, w, epoch):
    """Compare an epoch's metrics with scikit-learn's, of a model with its weights."""
    history = model[0].history_
    loss = history[f"{part}_loss"][epoch - 1]
    assert loss == pytest.approx(own_loss(model[1], rows, y, w), rel=1e-9)
    for i, name in enumerate(scoring):
        score = score_of(model[1], name, rows, y, w)
        if name != "loss":
            assert history[f"{part}_{name}"][epoch - 1] == pytest.approx(score, 1e-9)
        if i == 0:
            assert history[f"{part}_score"][epoch - 1] == pytest.approx(score, 1e-9)


@pytest.mark.parametrize("task", SCORINGS)
@solvers
@weights
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.each_pair
def test_metrics_are_those_of_the_weights_at_the_end_of_the_epoch(
    task, solver, w, early_stopping
):
    """Recomputed from a model that was trained no longer."""
    Estimator, y = TARGETS[task]
    scoring = SCORINGS[task]
    model = batched(Estimator, solver=solver, max_iter=4, n_iter_no_change=99, tol=0,
                    scoring=scoring, return_train_score=True)  # fmt: skip
    model.set_params(early_stopping=early_stopping)
    if solver == "lbfgs":
        model = clone(model).set_params(batch_size="auto", learning_rate_init="auto")
    rows, truth, own = parts(y)
    own |= {} if w is None else {"sample_weight_val": w[VAL]}
    w_train, w_val = (None, None) if w is None else (w[TRAIN], w[VAL])
    model.fit(rows, truth, w_train, **own)
    for epoch in range(1, 5):
        shorter = clone(model).set_params(
            max_iter=epoch, early_stopping=False, scoring="loss",
            return_train_score=False,
        ).fit(rows, truth, w_train)  # fmt: skip
        both = model, shorter
        assert_metrics(both, scoring, "validation", X[VAL], y[VAL], w_val, epoch)
        assert_metrics(both, scoring, "train", rows, truth, w_train, epoch)
    names = {name for name in scoring if name != "loss"} | {"loss", "score"}
    columns = {f"{part}_{name}" for part in ("train", "validation") for name in names}
    found = {name for name in model.history_ if name.startswith(("train_", "valid"))}
    assert found == columns
    lengths = {len(values) for values in model.history_.values()}
    assert lengths == {4}


@solvers
def test_a_scorer_sees_the_weights_that_are_scored(solver):
    """Also where it predicts other rows than those it is given."""
    rows, truth, own = parts(NUMBERS)
    seen = []

    def scorer(model, given, y):
        np.testing.assert_allclose(model.predict(given.copy()), model.predict(given))
        seen.append(model.coefs_[0].copy())
        return r2_score(y, model.predict(given.copy()))

    model = batched(MLPRegressorX, solver=solver, scoring=scorer, n_iter_no_change=99)
    if solver == "lbfgs":
        model.set_params(batch_size="auto", learning_rate_init="auto",
                         n_iter_no_change=10)  # fmt: skip
    model.fit(rows, truth, **own)
    assert len(seen) == model.n_iter_
    np.testing.assert_array_equal(seen[-1], model.coefs_[0])


@tasks
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_and_single_precision(Estimator, y, container, dtype):
    rows, truth, own = parts(y)
    plain = monitored(batched(Estimator), rows, truth, **own)
    own["X_val"] = container(own["X_val"].astype(dtype))
    model = monitored(batched(Estimator), container(rows.astype(dtype)), truth, **own)
    assert model.coefs_[0].dtype == dtype
    for name in ("train_loss", "train_score", "validation_loss", "validation_score"):
        values = model.history_[name]
        assert {type(value) for value in values} == {float}
        np.testing.assert_allclose(values, plain.history_[name], rtol=2e-3, atol=0.02)


def test_class_weights_count_in_the_loss_and_the_default_score():
    rows, truth, own = parts(LABELS)
    by_class = {"setosa": 0.5, "virginica": 4.0}
    model = batched(MLPClassifierX, class_weight=by_class, return_train_score=True,
                    scoring={"own": None, "plain": "accuracy"})  # fmt: skip
    model.fit(rows, truth, W[TRAIN], **own, sample_weight_val=W[VAL])
    for part, X_, y_, w in (
        ("train", rows, truth, W[TRAIN]),
        ("validation", X[VAL], LABELS[VAL], W[VAL]),
    ):
        heavy = w * compute_sample_weight(by_class, y_)
        last = {name: values[-1] for name, values in model.history_.items()}
        assert last[f"{part}_loss"] == pytest.approx(
            log_loss(y_, model.predict_proba(X_), sample_weight=heavy), rel=1e-9
        )
        hits = model.predict(X_) == y_
        assert last[f"{part}_own"] == pytest.approx(np.average(hits, weights=heavy))
        assert last[f"{part}_score"] == last[f"{part}_own"]
        assert last[f"{part}_plain"] == pytest.approx(np.average(hits, weights=w))


@pytest.mark.parametrize("normalize_y", [False, True])
def test_scores_of_a_regressor_are_in_the_unit_of_y(normalize_y):
    y = 50 + 10 * NUMBERS
    rows, truth, own = parts(y)
    scoring = {"mae": make_scorer(mean_absolute_error), "R2": "r2"}
    model = small(MLPRegressorX, normalize_y=normalize_y, return_train_score=True,
                  scoring=scoring)  # fmt: skip
    model.fit(rows, truth, **own)
    last = {name: values[-1] for name, values in model.history_.items()}
    for part, X_, y_ in (("train", rows, truth), ("validation", X[VAL], y[VAL])):
        predicted = model.predict(X_)
        assert last[f"{part}_mae"] == pytest.approx(mean_absolute_error(y_, predicted))
        assert last[f"{part}_R2"] == pytest.approx(r2_score(y_, predicted))


@both
@weights
def test_training_rows_are_those_that_are_trained_on(Estimator, w, monkeypatch):
    """Of a split, those that are not set aside."""
    held_out, y = [], target(Estimator)

    def watched(*args):
        both = split(*args)
        held_out.extend(part.rows for part in both)
        return both

    monkeypatch.setattr("skoptnet.estimators.fitting.split", watched)
    scoring = ["f1_macro" if y is LABELS else "neg_mean_absolute_error"]
    model = stopping(Estimator, return_train_score=True, scoring=scoring).fit(X, y, w)
    (rows, _), epoch = held_out, model.best_epoch_
    w = None if w is None else w[rows]
    assert_metrics((model, model), scoring, "train", X[rows], y[rows], w, epoch)


def test_the_second_training_of_refit_all_leaves_the_metrics():
    model = stopping(MLPClassifierX, refit_all=True, return_train_score=True)
    first = stopping(MLPClassifierX, return_train_score=True).fit(X, LABELS)
    model.fit(X, LABELS)
    for name in ("train_loss", "validation_loss"):
        assert model.history_[name] == first.history_[name]
    assert not np.array_equal(model.coefs_[0], first.coefs_[0])
    assert (first.best_loss_, model.best_loss_) == (None, None)


@both
def test_partial_fit_measures_the_rows_of_the_call(Estimator):
    y = target(Estimator)
    classes = {"classes": np.unique(y)} if Estimator is MLPClassifierX else {}
    model = small(Estimator, return_train_score=True)
    plain = small(Estimator)
    for rows in (TRAIN[:60], TRAIN[60:]):
        model.partial_fit(X[rows], y[rows], **classes)
        plain.partial_fit(X[rows], y[rows], **classes)
        loss = own_loss(model, X[rows], y[rows])
        assert model.history_["train_loss"][-1] == pytest.approx(loss, rel=1e-9)
    np.testing.assert_equal(state_of(model), state_of(plain))


def test_the_training_loss_has_neither_penalty_nor_dropout():
    model = batched(MLPClassifierX, alpha=20.0, dropout=0.5, return_train_score=True)
    model.fit(X, LABELS)
    loss = log_loss(LABELS, model.predict_proba(X))
    assert model.history_["train_loss"][-1] == pytest.approx(loss, rel=1e-9)
    assert model.history_["loss"][-1] > loss + 0.05


# ------------------------------------------------------------------------ their cost


@both
def test_one_forward_pass_per_epoch_and_part(Estimator, monkeypatch):
    passes = counted_passes(monkeypatch)
    rows, truth, own = parts(target(Estimator))
    names = ["r2", "loss", "neg_mean_absolute_error"]
    if Estimator is MLPClassifierX:
        names = ["accuracy", "loss", "neg_log_loss", "f1_macro"]
    for early_stopping in (False, True):
        model = small(Estimator, scoring=names, early_stopping=early_stopping)
        for train in (False, True):
            passes.clear()
            model.set_params(return_train_score=train).fit(rows, truth, **own)
            assert len(passes) == model.n_iter_ * (1 + train)


def test_memory_does_not_grow_with_hidden_activations():
    """The training rows are processed in blocks."""
    rng = np.random.RandomState(0)
    rows = rng.uniform(-1, 1, (80_000, 5))
    y = (rows[:, 0] > 0).astype(int)
    model = MLPClassifierX((300,), max_iter=1, random_state=0)
    plain = peak_of(clone(model).fit, rows, y)
    model.set_params(return_train_score=True, scoring=["accuracy"])
    peak = peak_of(model.fit, rows, y)
    activations = 80_000 * 300 * 8
    assert peak < plain + 0.15 * activations


# -------------------------------------------------------------------- who reads them


def test_lines_and_bars_take_metrics_of_any_name(capsys):
    rows, truth, own = parts(LABELS)
    for verbose in (1, 2):
        model = small(MLPClassifierX, scoring={"A b": "accuracy", "c": None},
                      return_train_score=True, verbose=verbose)  # fmt: skip
        model.fit(rows, truth, **own)
        assert "loss" in capsys.readouterr().out


@has_callbacks
def test_stop_on_plateau_knows_losses_from_scores():
    """A name that ends in "loss" may be that of a score, which is better if higher."""
    rows, truth, own = parts(LABELS)
    names = ["neg_log_loss", "accuracy"]
    for monitor in (
        "loss", "train_loss", "validation_loss", "validation_neg_log_loss",
        "train_neg_log_loss", "validation_score",
    ):  # fmt: skip
        model = MLPClassifierX(
            (6,), scoring=names, return_train_score=True, random_state=0, max_iter=40,
            n_iter_no_change=99,
        )  # fmt: skip
        model.set_callbacks(StopOnPlateau(monitor, patience=3)).fit(rows, truth, **own)
        assert model.n_iter_ == 40, monitor
    model.set_callbacks(StopOnPlateau("validation_f1")).set_params(max_iter=2)
    with pytest.raises(ValueError, match=r"'train_neg_log_loss'.*early_stop"):
        model.fit(rows, truth, **own)


@has_callbacks
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_history_file_has_all_columns_in_every_row(ending, tmp_path):
    scores = iter([0.5, np.nan, 0.25])
    rows, truth, own = parts(LABELS)
    path = tmp_path / f"history.{ending}"
    scoring = {"a": lambda *args: next(scores), "b": None}
    model = small(MLPClassifierX, scoring=scoring, warm_start=True)
    model.set_callbacks(History(path)).fit(rows, truth, **own)
    read = pd.read_csv if ending == "csv" else lambda f: pd.read_json(f, lines=True)
    table = read(path)
    assert list(table.columns) == list(model.history_)
    np.testing.assert_equal(table["validation_a"].tolist(), [0.5, np.nan, 0.25])
    if ending == "jsonl":
        refuse = {"parse_constant": lambda name: pytest.fail(name)}
        lines = [json.loads(line, **refuse) for line in path.read_text().splitlines()]
        assert lines[1]["validation_a"] is None
    model.set_params(scoring="loss").fit(rows, truth)  # without validation
    line = path.read_text().splitlines()[0]
    header = line.split(",") if ending == "csv" else list(json.loads(line))
    assert header == [name for name in model.history_ if not name.startswith("valid")]


def by_epoch(model, rows, truth):
    """A scorer that prefers the second epoch."""
    return -abs(len(model._run.metrics().get("epoch", [])) - 1)


@has_callbacks
def test_a_checkpoint_is_that_of_the_best_monitored_epoch(tmp_path):
    rows, truth, own = parts(LABELS)
    model = small(MLPClassifierX, max_iter=4, scoring=by_epoch)
    path = tmp_path / "model.pickle"
    model.set_callbacks(Checkpoint(path)).fit(rows, truth, **own)
    saved = Checkpoint.load(path)
    assert saved.n_iter_ == model.best_epoch_ == 2
    assert not np.array_equal(saved.coefs_[0], model.coefs_[0])


@both
def test_conversion_to_scikit_learn(Estimator):
    rows, truth, own = parts(target(Estimator))
    model = small(Estimator, return_train_score=True, max_iter=30).fit(
        rows, truth, **own
    )
    twin = model.to_sklearn()
    ours, theirs = model.predict(X), twin.predict(X)
    if truth.dtype.kind == "U":
        assert ours.tolist() == theirs.tolist()
    else:
        np.testing.assert_allclose(theirs, ours, rtol=1e-9)
    assert twin.validation_scores_ == model.validation_scores_
