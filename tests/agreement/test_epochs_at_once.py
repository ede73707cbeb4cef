"""Several small epochs in one call of the kernels: nothing but the time may differ."""

import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule, _kernels, compiled
from skoptnet.estimators.stages import Stage, fit_stage
from skoptnet.model_selection import EpochHalvingGridSearchCV
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES, Piecewise, Warmup
from skoptnet.training import Watcher

pytestmark = [
    pytest.mark.skipif(
        not _kernels.enabled(), reason="only kernels make several epochs"
    ),
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
    pytest.mark.filterwarnings("ignore:Training ended at a loss"),
    pytest.mark.filterwarnings("ignore:Training diverged"),
]

X, y = load_iris(return_X_y=True)


@pytest.fixture
def calls(monkeypatch):
    """Count the epochs of each call into the kernels."""
    counted, epochs = [], compiled.Kernel.epochs

    def counting(self, order, rates, *others):
        counted.append(len(rates))
        return epochs(self, order, rates, *others)

    monkeypatch.setattr(compiled.Kernel, "epochs", counting)
    return counted


def model(Estimator=MLPClassifierX, **parameters):
    settings = {"batch_size": 50, "max_iter": 70, "random_state": 0, "tol": 0}
    settings |= {"n_iter_no_change": np.inf, "hidden_layer_sizes": (10,)}
    return Estimator().set_params(**settings | parameters)


def told_of(net):
    """Return all that a training leaves behind, but for the seconds."""
    history = {name: net.history_[name] for name in net.history_ if name != "seconds"}
    return [
        *net.coefs_, *net.intercepts_, history, net.stop_reason_, net.n_iter_, net.t_,
        net.loss_, net.learning_rate_, vars(net._run.state), net._run.rng.get_state(),
        net._run.stopping, net._run.shuffles, net._run.dropout_seed,
    ]  # fmt: skip


def trained(most, monkeypatch, again=0, **parameters):
    """Fit with so many epochs at once, and go on."""
    monkeypatch.setattr(compiled, "_EPOCHS_AT_ONCE", most)
    net = model(**parameters, warm_start=again > 0)
    for _ in range(1 + again):
        try:
            net.fit(X, y)
        except ValueError as error:  # there is no epoch to fall back on
            return net, str(error)
    return net, told_of(net)


def assert_nothing_differs(monkeypatch, **options):
    net, told = trained(32, monkeypatch, **options)
    _, one_by_one = trained(1, monkeypatch, **options)
    np.testing.assert_equal(told, one_by_one)
    return net


@pytest.mark.parametrize("rate", ["auto", 3.0, 1e3, 1e6, 1e60])
@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
@pytest.mark.each_value
def test_a_training_is_the_same_whatever_its_rate(solver, rate, monkeypatch):
    """With most solvers one of them diverges, at once or amidst several epochs."""
    options = {"solver": solver, "hidden_layer_sizes": (4,)}
    assert_nothing_differs(monkeypatch, learning_rate_init=rate, **options)


@pytest.mark.parametrize("at", [1, 2, 31, 32, 40, 63])
@pytest.mark.parametrize("solver", ["sgd", "nesterov", "nadam", "schedule_free_adamw"])
@pytest.mark.each_pair
def test_a_training_that_diverges_amidst_several_epochs(solver, at, calls, monkeypatch):
    """Which epoch it was, and which was the best, is found by going back."""
    explodes = Piecewise(milestones=[at], factor=1e200)
    options = {"solver": solver, "lr_schedule": explodes, "learning_rate_init": 0.01}
    net, told = trained(32, monkeypatch, **options)
    assert max(calls) == 32
    assert calls[-1] == 1
    calls.clear()
    _, one_by_one = trained(1, monkeypatch, **options)
    np.testing.assert_equal(told, one_by_one)
    if isinstance(told, list):
        assert net.stop_reason_ == "diverged"
        assert at <= net.n_iter_ <= at + 2


@pytest.mark.parametrize("at", [1, 40])
def test_a_training_that_diverges_keeps_the_seed_of_its_dropout(at, monkeypatch):
    explodes = Piecewise(milestones=[at], factor=1e200)
    net = assert_nothing_differs(monkeypatch, lr_schedule=explodes, dropout=0.2)
    assert net.stop_reason_ == "diverged"
    assert net._run.dropout_seed is not None


OPTIONS = [
    {"shuffle": False},
    {"solver": "gd"},
    {"dropout": 0.2},
    {"average": 0.9},
    {"solver": "schedule_free_adamw"},
    {"solver": "nadam"},
    {"solver": "adan", "weight_decay": 0.1},
    {"l1_ratio": 0.5},
    {"class_weight": "balanced"},
    {"early_stopping": True, "n_iter_no_change": 8},
    {"early_stopping": True, "refit_all": True},
    {"n_iter_no_change": 1, "tol": 1e-3},
    {"n_iter_no_change": 3, "tol": 1e-2},
    {"n_iter_no_change": 3.5, "tol": 1e-2},
]
PAIRS = [(name, {}) for name in sorted(set(SCHEDULES) - {"warmup"})]
PAIRS += [(name, option) for option in OPTIONS for name in ("adaptive", "step")]
PAIRS += [
    ("one_cycle", {"solver": name})
    for name, solver in OPTIMIZERS.items()
    if solver.momentum_name
]


@pytest.mark.parametrize(("name", "options"), PAIRS, ids=str)
@pytest.mark.each_value
def test_nothing_but_the_time_differs(name, options, monkeypatch):
    own = {key: options[key] for key in ("average", "weight_decay") if key in options}
    options = {key: value for key, value in options.items() if key not in own}
    if own:
        options["solver"] = OPTIMIZERS[options.get("solver", "adam")](**own)
    assert_nothing_differs(monkeypatch, again=2, lr_schedule=name, **options)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_epochs_are_made_at_once_where_the_rates_are_known(name, calls):
    schedule = SCHEDULES[name]() if name != "warmup" else SCHEDULES[name]("step")
    net = model(lr_schedule=schedule).fit(X, y)
    assert max(calls) == (1 if schedule.reads_losses else 32)
    assert sum(calls) == net.n_iter_


@pytest.mark.parametrize("inner", ["constant", "cosine", "plateau"])
def test_a_ramp_is_as_fast_as_what_it_leads_to(inner, calls):
    model(lr_schedule=Warmup(inner, epochs=2), max_iter=40).fit(X, y)
    assert calls == ([1] * 40 if inner == "plateau" else [32, 8])


def test_patience_ends_a_training_where_it_runs_out(calls):
    """No epoch is made that would have to be taken back."""
    net = model(n_iter_no_change=4, tol=0.02, max_iter=500).fit(X, y)
    assert net.stop_reason_ == "converged"
    assert sum(calls) == net.n_iter_ < 500
    assert max(calls) == 4


@pytest.mark.parametrize(
    "options",
    [{"verbose": 1}, {"early_stopping": True}, {"lr_schedule": lambda clock: 1.0}],
    ids=lambda options: next(iter(options)),
)
def test_who_looks_at_every_epoch_gets_every_epoch(options, calls, capsys):
    net = model(max_iter=5, **options).fit(X, y)
    assert calls == [1] * net.n_iter_


class Reader(Watcher):
    reads_only = True

    def __init__(self):
        self.seen = []

    def read(self, theta, metrics):
        self.seen.append((theta.copy(), {**metrics, "seconds": None}))


def test_who_only_reads_gets_the_weights_of_every_epoch(calls, monkeypatch):
    def seen(most):
        monkeypatch.setattr(compiled, "_EPOCHS_AT_ONCE", most)
        reader = Reader()
        fit_stage(model(), X, y, Stage(40), watch=lambda fit: reader)
        return reader.seen

    at_once = seen(32)
    assert calls == [32, 8]
    np.testing.assert_equal(at_once, seen(1))
    assert [metrics["epoch"] for _, metrics in at_once] == list(range(1, 41))


def test_searches_with_transformed_targets_score_every_epoch(monkeypatch):
    """Their scorers predict anew, by the weights of each epoch."""

    def curves(at_once):
        monkeypatch.setattr(compiled, "_EPOCHS_AT_ONCE", at_once)
        search = EpochHalvingGridSearchCV(
            TransformedTargetRegressor(model(MLPRegressorX), func=np.log1p,
                                       inverse_func=np.expm1),
            {"regressor__learning_rate_init": [0.001, 0.01]}, scoring="r2", cv=2,
            min_resources=20,
        )  # fmt: skip
        return search.fit(X[:, :3], X[:, 3]).epoch_results_

    table = curves(32)
    assert len(set(table["score"])) > 40
    np.testing.assert_equal(table, curves(1))


def test_searches_score_rows_of_a_class_that_is_not_trained(monkeypatch):
    """The network cannot read these rows: their loss is unknown."""
    labels = np.where(np.arange(150) == 0, 3, y)

    def curves(at_once):
        monkeypatch.setattr(compiled, "_EPOCHS_AT_ONCE", at_once)
        search = EpochHalvingGridSearchCV(
            model(), {"learning_rate_init": [0.001, 0.01]}, scoring="accuracy", cv=3,
            min_resources=20,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return search.fit(X, labels).epoch_results_

    table = curves(32)
    assert np.isnan(table["validation_loss"]).any()
    np.testing.assert_equal(table, curves(1))


def of_whole_estimator(pipeline, X, y):
    network = pipeline[-1]
    return network.n_iter_ + network.coefs_[0].sum()


@pytest.mark.parametrize(
    ("scoring", "most"),
    [
        (None, 20),
        ("accuracy", 20),
        (["accuracy", "neg_log_loss"], 20),
        (of_whole_estimator, 1),
    ],
    ids=["own", "one", "two", "of the whole estimator"],
)
@pytest.mark.parametrize("scaled", [False, True])
def test_searches_score_every_epoch(scoring, most, scaled, calls, monkeypatch):
    steps = [StandardScaler()] if scaled else []
    name = "mlpclassifierx__learning_rate_init"
    refit = scoring[0] if isinstance(scoring, list) else True

    def curves(at_once):
        monkeypatch.setattr(compiled, "_EPOCHS_AT_ONCE", at_once)
        search = EpochHalvingGridSearchCV(
            make_pipeline(*steps, model()), {name: [0.001, 0.1]}, scoring=scoring,
            cv=2, min_resources=20, refit=refit,
        )  # fmt: skip
        return search.fit(X, y).epoch_results_

    table = curves(32)
    assert max(calls[:4]) == most
    np.testing.assert_equal(table, curves(1))


@pytest.mark.parametrize(
    ("rows", "hidden"), [(150, (90_000,)), (15_000, (500,)), (150_000, ())], ids=str
)
def test_epochs_that_are_not_small_are_made_one_by_one(rows, hidden, calls):
    more = np.resize(np.arange(150), rows)
    model(hidden_layer_sizes=hidden, max_iter=3).fit(X[more], y[more])
    assert calls == [1] * 3


def test_large_weights_go_on_epoch_by_epoch(calls, monkeypatch):
    """Each epoch has to be looked at, then: they may overflow."""
    options = {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 40}

    def fit(most):
        monkeypatch.setattr(compiled, "_EPOCHS_AT_ONCE", most)
        net = model(MLPRegressorX, hidden_layer_sizes=(), normalize_y=False, **options)
        return told_of(net.fit(X, 3e6 + X[:, 0]))

    told = fit(32)
    assert calls[0] > 1
    assert calls[-1] == 1
    np.testing.assert_equal(told, fit(1))


@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_interrupt_leaves_the_last_finished_epochs(at, monkeypatch):
    epochs, made = compiled.Kernel.epochs, []

    def interrupted(self, *arguments):
        epochs(self, *arguments)
        made.append(len(arguments[1]))
        if len(made) == at:
            raise KeyboardInterrupt

    monkeypatch.setattr(compiled.Kernel, "epochs", interrupted)
    net = model(max_iter=90)
    if at == 1:
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, y)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(X, y)
    monkeypatch.undo()
    assert net.stop_reason_ == "interrupted"
    assert net.n_iter_ == 32 * (at - 1)
    whole = model(max_iter=net.n_iter_).fit(X, y)
    whole.stop_reason_ = net.stop_reason_
    np.testing.assert_equal(told_of(net), told_of(whole))


class Fails(Schedule):
    reads_losses = False

    def __call__(self, clock):
        if clock.epoch == 40:
            raise ArithmeticError("no rate for epoch 40")
        return 1.0


def test_a_schedule_that_fails_leaves_the_epochs_before(calls):
    net, whole = model(lr_schedule=Fails()), model(max_iter=40)
    with pytest.raises(ArithmeticError, match="epoch 40"):
        net.fit(X, y)
    assert calls == [32] + [1] * 8
    assert net.stop_reason_ == "failed"
    whole.fit(X, y).stop_reason_ = "failed"
    np.testing.assert_equal(told_of(net), told_of(whole))


def test_the_seconds_of_epochs_made_at_once_are_shared_out(calls):
    net = model(max_iter=64).fit(X, y)
    seconds = net.history_["seconds"]
    assert calls == [32, 32]
    assert len(set(seconds[:32])) == len(set(seconds[32:])) == 1
    assert min(seconds) > 0
