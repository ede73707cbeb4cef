"""The loop: minibatches, stopping, what is kept, and what is (not) allocated."""

from itertools import repeat

import numpy as np
import pytest
from problems import peak_of
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_info, threadpool_limits
from training import epochs_with, new_run, train_with

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule
from skoptnet.activations import ACTIVATIONS
from skoptnet.estimators.validation_split import split
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES
from skoptnet.threads import blas_threads
from skoptnet.training import Minibatches, Stopping, TrainingSet, Watcher

X, y = load_breast_cancer(return_X_y=True)
X, Y = scale(X), y[:, None].astype(float)

ignore_max_iter = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def start(solver="sgd", hidden=(5,), dtype=np.float64, seed=0):
    sigmas = (ACTIVATIONS["tanh"](),) * max(1, len(hidden))
    network = Network((X.shape[1], *hidden, 1), sigmas, LOSSES["binary"]())
    optimizer = OPTIMIZERS[solver]()
    return network, optimizer, new_run(network, optimizer, dtype, seed)


def scored(scores, losses=None):
    """Return a validation whose scores and losses are these, one after the other."""
    scores = iter(scores)
    losses = repeat(1.0) if losses is None else iter(losses)
    return lambda theta: {
        "validation_score": next(scores),
        "validation_loss": next(losses),
    }


def go(solver="sgd", data=None, run=None, **options):
    network, optimizer, fresh = start(solver)
    run = run or fresh
    options = {"learning_rate": 0.05, "batch_size": 50, "patience": np.inf, **options}
    outcome = train_with(
        network, optimizer, SCHEDULES["constant"](), run, data or TrainingSet(X, Y),
        **options,
    )  # fmt: skip
    return run, outcome


class TestMinibatches:
    def test_every_row_comes_once_per_epoch_in_a_new_order(self):
        data = TrainingSet(np.arange(23.0)[:, None], np.arange(23.0)[:, None])
        batches, rng = Minibatches(data, 5, True, 100), np.random.RandomState(0)
        epochs = []
        for _ in range(3):
            batches.shuffle(rng)
            rows = [
                chunk.X[:, 0].tolist()
                for batch in batches.ranges()
                for chunk in batches.chunks(batch)
            ]
            assert [len(batch) for batch in rows] == [5, 5, 5, 5, 3]
            epochs.append([row for batch in rows for row in batch])
        assert all(sorted(epoch) == list(range(23)) for epoch in epochs)
        assert epochs[0] != epochs[1] != epochs[2]

    @pytest.mark.parametrize("container", [np.asarray, csr_array])
    def test_rows_targets_and_weights_stay_together(self, container):
        n = np.arange(1.0, 24.0)
        data = TrainingSet(container(n[:, None]), 10 * n[:, None], 100 * n)
        batches, rng = Minibatches(data, 7, True, 3), np.random.RandomState(0)
        batches.shuffle(rng)
        for batch in batches.ranges():
            for chunk in batches.chunks(batch):
                assert len(chunk) <= 3
                x = np.asarray(chunk.X.sum(axis=1)).ravel()
                np.testing.assert_array_equal(chunk.Y[:, 0], 10 * x)
                np.testing.assert_array_equal(chunk.w, 100 * x)

    def test_without_shuffling_rows_are_not_copied(self):
        batches = Minibatches(TrainingSet(X, Y), 50, False, 1000)
        (chunk,) = batches.chunks(range(50, 100))
        assert np.shares_memory(chunk.X, X)


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.each_value
def test_large_minibatches_in_chunks_change_nothing(solver, shuffle, monkeypatch):
    """A whole training set as the minibatch goes through in blocks of rows."""
    w = np.random.RandomState(1).uniform(0, 2, len(X))
    data = TrainingSet(X, Y, w / w.mean())
    options = {"batch_size": 400, "shuffle": shuffle, "max_epochs": 5}
    whole, _ = go(solver, data, **options)
    monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", 61 * X.shape[1])
    chunks, _ = go(solver, data, **options)
    np.testing.assert_allclose(chunks.theta, whole.theta, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(chunks.metrics()["loss"], whole.metrics()["loss"])


@pytest.mark.parametrize(
    "solver", sorted(name for name in OPTIMIZERS if not OPTIMIZERS[name].layerwise)
)
def test_an_update_allocates_no_more_for_a_large_network(solver):
    """Workspaces are made once; temporaries stay within a block's worth."""
    network, optimizer, run = start(solver, hidden=(3000, 100))
    epochs = epochs_with(
        network, optimizer, run, TrainingSet(X, Y), shuffle=True, batch_size=50
    )
    epochs.train_epochs(1)  # NumPy's and the solver's own first-time buffers
    peak = peak_of(epochs.train_epochs, 1)
    activations = 50 * 3000 * 8
    assert run.theta.nbytes > 3_000_000
    assert peak < 1_200_000 <= activations


class TestStopping:
    def test_counts_epochs_without_improvement_of_tol(self):
        rule, scores = Stopping(tol=0.1, patience=2), (1, 1.05, 1.2, 1.2, 1.1)
        seen = [(rule.see(score), rule.at_plateau) for score in scores]
        assert seen == [
            (True, False),
            (True, False),  # the best so far, but not by 0.1
            (True, False),
            (False, False),
            (False, True),
        ]

    def test_a_score_that_is_not_a_number_is_no_improvement(self):
        rule = Stopping(tol=0, patience=1)
        assert not rule.see(float("nan"))
        assert rule.at_plateau

    def test_an_equal_score_improves_unless_the_rule_is_strict(self):
        for strict in (False, True):
            rule = Stopping(patience=1, strict=strict)
            rule.see(1.0)
            assert not rule.see(1.0)
            assert rule.at_plateau == strict

    def test_between_equal_scores_the_loss_decides(self):
        """Both which epoch is best, and whether it counts against patience."""
        rule = Stopping(tol=0.1, patience=2)
        seen = [
            (rule.see(*ranks), rule.n_no_improvement)
            for ranks in (
                (0.5, 2.0),
                (0.5, 1.5),  # as good, and of less loss
                (0.5, 1.45),  # better, but not by tol
                (0.5, 1.34),
                (0.4, 0.1),  # a lower score: no loss makes up for it
                (0.9, 3.0),  # a higher score: no loss stands against it
                (0.9, 3.2),
                (0.9, 2.9),
            )
        ]
        assert seen == [
            (True, 0), (True, 0), (True, 1), (True, 0),
            (False, 1), (True, 0), (False, 1), (True, 0),
        ]  # fmt: skip
        assert (rule.best, rule.best_loss) == (0.9, 2.9)

    @pytest.mark.parametrize(
        ("loss", "strict", "ends"),
        [(1.0, False, False), (1.0, True, True), (1.5, False, True), (1.5, True, True)],
    )
    def test_without_tolerance_an_equal_loss_improves_a_higher_one_does_not(
        self, loss, strict, ends
    ):
        rule = Stopping(patience=1, strict=strict)
        rule.see(0.5, 1.0)
        assert not rule.see(0.5, loss)
        assert rule.at_plateau == ends


def test_training_ends_after_exactly_patience_epochs_without_improvement():
    validate = scored([0.1, 0.5, 0.4, 0.4, 0.4, 0.4, 0.9])
    run, outcome = go(validate=validate, patience=3, max_epochs=7)
    assert outcome.reason == "early_stopping"
    assert run.metrics()["validation_score"] == [0.1, 0.5, 0.4, 0.4, 0.4]
    assert (outcome.kept_epoch, outcome.best) == (2, 0.5)


def test_the_weights_of_the_best_validation_epoch_are_kept():
    thetas, score = [], scored([0.1, 0.8, 0.3])

    def validate(theta):
        thetas.append(theta.copy())
        return score(theta)

    run, _ = go(validate=validate, max_epochs=3)
    np.testing.assert_array_equal(run.theta, thetas[1])


def test_going_on_never_ends_below_where_it_began():
    """The weights a call starts from are scored, too, and kept if none is better."""
    run, _ = go(max_epochs=2)
    before = run.theta.copy()
    run, outcome = go(run=run, validate=scored([0.7, 0.2, 0.1]), max_epochs=2)
    np.testing.assert_array_equal(run.theta, before)
    assert (outcome.best, outcome.kept_epoch) == (0.7, 2)


@pytest.mark.parametrize(("loss", "kept"), [(0.9, 4), (1.1, 2)])
def test_going_on_at_an_equal_score_needs_a_lower_loss(loss, kept):
    run, _ = go(max_epochs=2)
    validate = scored([0.7, 0.2, 0.7], [1.0, 0.5, loss])
    _, outcome = go(run=run, validate=validate, max_epochs=2)
    assert (outcome.best, outcome.kept_epoch) == (0.7, kept)


def test_of_equal_scores_the_weights_of_the_lowest_loss_are_kept():
    """With 1 % positives, accuracy is 0.99 from the first epoch on."""
    validate = scored([0.99] * 6, [0.5, 0.3, 0.1, 0.2, 0.2, 0.0])
    run, outcome = go(validate=validate, patience=2, max_epochs=9)
    assert outcome.reason == "early_stopping"
    assert (run.epoch, outcome.kept_epoch) == (5, 3)


def test_metrics_for_the_history_alone_rank_no_epoch():
    """Whatever they are called, and also if they are not finite."""
    scores, losses = [0.5, np.nan, -np.inf], [np.inf, 0.0, np.nan]
    thetas, give = [], scored(scores, losses)

    def measure(theta):
        thetas.append(theta.copy())
        return give(theta) | {"train_loss": 1.0}

    run, outcome = go(measure=measure, max_epochs=3)
    plain, expected = go(max_epochs=3)
    assert outcome == expected
    np.testing.assert_array_equal(run.theta, plain.theta)
    np.testing.assert_array_equal(run.theta, thetas[-1])
    history = run.metrics()
    np.testing.assert_array_equal(history["validation_score"], scores)
    np.testing.assert_array_equal(history["validation_loss"], losses)
    assert history["train_loss"] == [1.0] * 3
    assert history["loss"] == plain.metrics()["loss"]
    go(run=run, measure=measure_again(thetas), max_epochs=1)
    assert len(thetas) == 4


def measure_again(thetas):
    """Return a measure that notes the weights; first weights are not among them."""
    return lambda theta: thetas.append(theta.copy()) or {"train_loss": 0.0}


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_k_and_k_epochs_are_two_k_epochs(solver):
    """Without shuffling; every figure of the history but the seconds agrees."""
    options = {"shuffle": False, "tol": 0}
    whole, _ = go(solver, max_epochs=6, **options)
    halves, _ = go(solver, max_epochs=3, **options)
    halves, _ = go(solver, run=halves, max_epochs=3, **options)
    np.testing.assert_array_equal(whole.theta, halves.theta)
    for name in whole.metrics().keys() - {"seconds"}:
        assert whole.metrics()[name] == halves.metrics()[name]
    assert (whole.update, whole.epoch, whole.samples) == (
        halves.update, halves.epoch, halves.samples,
    )  # fmt: skip


def test_history_lists_stay_equally_long():
    run, _ = go(max_epochs=2)
    go(run=run, validate=scored([0.5, 0.6, 0.7]), max_epochs=2)
    go(run=run, max_epochs=1)
    assert {len(values) for values in run.metrics().values()} == {5}
    np.testing.assert_array_equal(
        run.metrics()["validation_score"], [np.nan, np.nan, 0.6, 0.7, np.nan]
    )


def test_watchers_see_every_epoch():
    class Noting(Watcher):
        def before_epoch(self):
            seen.append("begin")

        def after_epoch(self, metrics):
            seen.append(dict(metrics))

    seen = []
    run, _ = go(max_epochs=3, watchers=[Noting()])
    assert seen[::2] == ["begin"] * 3
    assert [metrics["epoch"] for metrics in seen[1::2]] == [1, 2, 3]
    assert [metrics["loss"] for metrics in seen[1::2]] == run.metrics()["loss"]


def test_a_watcher_can_end_the_training_and_all_are_notified():
    class EndsAtTwo(Watcher):
        def after_epoch(self, metrics):
            seen.append(metrics["epoch"])
            return metrics["epoch"] == 2

    seen = []
    run, outcome = go(max_epochs=5, watchers=[EndsAtTwo(), EndsAtTwo()])
    assert (run.epoch, outcome.reason) == (2, "callback")
    assert seen == [1, 1, 2, 2]


def test_loss_of_an_epoch_is_the_weighted_mean_over_its_rows():
    """At a vanishing rate the epoch's loss is the objective of the whole set."""
    w = np.random.RandomState(0).uniform(0, 3, len(X))
    data = TrainingSet(X, Y, w / w.mean())
    network, _, run = start()
    objective = network.loss_and_gradient(
        run.theta, X, Y, data.w, out=np.empty_like(run.theta)
    )
    run, _ = go(data=data, learning_rate=1e-300, max_epochs=1, batch_size=33)
    assert run.metrics()["loss"][0] == pytest.approx(objective, rel=1e-12)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
@pytest.mark.each_value
def test_an_explosion_in_the_last_update_is_seen(solver, early_stopping):
    """No later epoch would measure the loss of these finite, useless weights."""

    class Jump(Schedule):
        def __call__(self, clock):
            last = clock.epoch == 3 and clock.step == clock.updates_per_epoch - 1
            return 1e250 if last else 1.0

    model = MLPClassifierX((5, 5), "identity", solver=solver, lr_schedule=Jump(),
                           early_stopping=early_stopping, max_iter=4,
                           learning_rate_init=0.01, random_state=0)  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 4"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    assert np.isfinite(model.decision_function(X)).all()
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf])
def test_a_factor_that_is_no_rate_is_refused(factor):
    class Odd(Schedule):
        def __call__(self, clock):
            return factor if clock.epoch == 2 else 1.0

    model = MLPClassifierX((3,), lr_schedule=Odd(), random_state=0)
    with pytest.raises(ValueError, match=r"finite factor .* Odd\(\) returned"):
        model.fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (2, "failed")


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_full_batch_solvers_make_one_update_per_epoch(solver):
    run, _ = go(solver, max_epochs=4, batch_size=50)
    per_epoch = 1 if OPTIMIZERS[solver].full_batch else 12
    assert run.update == 4 * per_epoch
    assert run.samples == 4 * len(X)


@ignore_max_iter
@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
def test_early_stopping_watches_what_score_returns(Estimator, monkeypatch):
    """The fast scores of the loop are scikit-learn's accuracy and R2."""
    weights = np.random.RandomState(0).uniform(0, 2, len(X))
    held_out = []

    def watched(*args):
        parts = split(*args)
        held_out.append(parts[1])
        return parts

    monkeypatch.setattr("skoptnet.estimators.fitting.split", watched)
    target = y if Estimator is MLPClassifierX else X[:, :2] @ [[1.0, 2.0], [3.0, 0.5]]
    model = Estimator((3,), early_stopping=True, scoring=None, max_iter=7,
                      random_state=0)  # fmt: skip
    model.fit(X, target, sample_weight=weights)
    (data,) = held_out
    truth = data.select(data.Y)
    truth = truth[:, 0] if Estimator is MLPClassifierX else truth
    rows, w = data.X[data.rows], data.select(data.w)
    expected = model.score(rows, truth, sample_weight=w)
    assert model.best_validation_score_ == pytest.approx(expected, rel=1e-12)


def _blas_threads():
    info = threadpool_info()
    return [pool["num_threads"] for pool in info if pool["user_api"] == "blas"]


def test_products_run_on_one_blas_thread_where_it_matters_and_leave_no_trace():
    """Tiny ones take no second thread anyway, large ones should have it.

    Also when fits overlap in threads and end in the order they began.
    """
    with threadpool_limits(2, user_api="blas"):
        before = _blas_threads()
        first, second = blas_threads(10**6), blas_threads(10**6)
        with first:
            assert set(_blas_threads()) == {1}
            second.__enter__()
        assert set(_blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert _blas_threads() == before
        for neither in (1000, 10**10):
            with blas_threads(neither):
                assert _blas_threads() == before


@ignore_max_iter
def test_verbose_prints_a_line_per_epoch(capsys):
    model = MLPClassifierX((3,), verbose=True, max_iter=3, early_stopping=True)
    for scoring in ("loss", None):
        model.set_params(scoring=scoring).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 3
        assert lines[0].startswith("Iteration 1, loss = ")
        assert "validation loss = " in lines[0]
        # The negative loss would say the same again.
        assert ("validation score = " in lines[0]) == (scoring is None)
