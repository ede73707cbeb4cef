"""BLAS threads and processes: one limit, whatever overlaps, forks or is interrupted."""

import os
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import permutations

import numpy as np
import pytest
from interrupts import Interrupts
from threadpoolctl import ThreadpoolController, threadpool_limits

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule, compiled, threads
from skoptnet.threads import OneThread, blas_limit, limit_this_thread

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning",
    # Python 3.12 and later say it of every fork where threads run.
    "ignore:.*fork.*:DeprecationWarning",
)

BLAS = ThreadpoolController().select(user_api="blas").lib_controllers
THREE = [3] * len(BLAS)
ONE = [1] * len(BLAS)

shared_blas = pytest.mark.skipif(
    not BLAS
    or any(
        library.internal_api != "openblas" or library.threading_layer != "pthreads"
        for library in BLAS
    ),
    reason="this BLAS does not have one number of threads for the process",
)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
compiled_only = pytest.mark.skipif(not compiled._kernels.COMPILED, reason="no kernels")


def crashes(library):
    """Whether products in more threads than the library started with may crash."""
    version = tuple(map(int, library.version.split(".")[:3]))
    return version < (0, 3, 29) and library.num_threads < 3


more_threads = pytest.mark.skipif(
    any(library.internal_api == "openblas" and crashes(library) for library in BLAS),
    reason="OpenBLAS before 0.3.29 crashes in more threads than it started with",
)

# The readable formulas, and the kernels with each instruction set.
KERNELS = ["0", *getattr(compiled._kernels, "INSTRUCTION_SETS", ["1"])]

# Enter and leave 0, 1 and 2, in every order: the first time a number comes it enters.
ORDERS = sorted(set(permutations([0, 0, 1, 1, 2, 2])))


class FakeBLAS:
    """A library whose number of threads is the process's or each thread's own.

    Ctrl-C comes at the end of the calls, of whichever library, numbered in ``at``.
    """

    at, n_calls = frozenset(), 0

    def __init__(self, is_shared):
        self.of = type("", (object if is_shared else threading.local,), {"n": 3})()
        self.library = threads._Library(self.get, self.set, is_shared)

    def get(self):
        self.end_call()
        return self.of.n

    def set(self, n):
        self.of.n = n
        self.end_call()

    @classmethod
    def end_call(cls):
        cls.n_calls += 1
        if cls.n_calls - 1 in cls.at:
            raise KeyboardInterrupt


@pytest.fixture
def fakes(monkeypatch):
    """A shared library and one of which each thread has its own number."""
    shared, own = FakeBLAS(True), FakeBLAS(False)
    limits = [
        threads._Limit([shared.library]),
        threads._LimitPerThread([own.library]),
    ]
    monkeypatch.setattr(threads, "_FOUND", {None: limits})
    return shared, own


@pytest.fixture
def three():
    """The user lets BLAS use three threads; threadpoolctl obeys this thread only."""
    with threadpool_limits(3, user_api="blas"):
        assert numbers() == THREE
        yield


@pytest.fixture
def workers():
    """Three threads that do what they are given and live on."""
    pools = [ThreadPoolExecutor(1) for _ in range(3)]
    yield [lambda f, *args, pool=pool: pool.submit(f, *args).result() for pool in pools]
    for pool in pools:
        pool.shutdown()


def rows(n, n_features=60):
    X = np.random.RandomState(0).randn(n, n_features)
    return X, X[:, 0] + X[:, 1] ** 2 > 1


@contextmanager
def in_another_thread(context):
    """Another thread is within ``context``."""
    entered, end = threading.Event(), threading.Event()

    def hold():
        with context:
            entered.set()
            end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join()


def numbers():
    return [library.num_threads for library in BLAS]


def assert_unused():
    """No call is noted, and every lock is free."""
    for limit in threads._limits():
        assert not limit.users
        lock = limit.lock

        def try_lock(lock=lock):
            return lock.acquire(timeout=5) and (lock.release() or True)

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(try_lock).result()


# -------------------------------------------------------------- overlapping calls


def held_after_each_step(order, workers, look):
    """Enter and leave in an order, each in its own thread; look in all three."""
    contexts, inside = [OneThread() for _ in range(3)], set()
    for i in order:
        if i in inside:
            inside.remove(i)
            workers[i](contexts[i].__exit__, None, None, None)
        else:
            inside.add(i)
            workers[i](contexts[i].__enter__)
        yield inside, [worker(look) for worker in workers]


@shared_blas
@pytest.mark.parametrize("in_threads", [True, False])
def test_calls_overlap_in_every_order_and_leave_no_trace(three, workers, in_threads):
    if not in_threads:  # all in this one, as generators do
        workers = [lambda f, *args: f(*args)] * 3
    for order in ORDERS:
        for inside, seen in held_after_each_step(order, workers, numbers):
            assert seen == [ONE if inside else THREE] * 3, order
    assert_unused()


def test_each_thread_has_its_own_limit_where_blas_has_its_own_number(fakes, workers):
    shared, own = fakes
    for order in ORDERS:
        for inside, seen in held_after_each_step(
            order, workers, lambda: (shared.get(), own.get())
        ):
            assert seen == [
                (1 if inside else 3, 1 if i in inside else 3) for i in range(3)
            ], order
    assert [worker(own.get) for worker in workers] == [3, 3, 3]


@shared_blas
def test_the_number_that_the_user_allows_is_known_during_a_call(three, workers):
    """Else the second of two fits at a time would make its sums in another order."""
    with OneThread():
        assert numbers() == ONE
        assert workers[0](blas_limit) == blas_limit() == 3
        with threadpool_limits(2, user_api="blas"), OneThread():
            assert blas_limit() == 2
    assert blas_limit() == 3


@pytest.mark.parametrize("is_shared", [True, False])
def test_threads_that_help_are_limited_where_the_limit_is_the_threads(
    is_shared, fakes, workers
):
    blas = fakes[0 if is_shared else 1]
    with OneThread():
        if not is_shared:
            assert workers[0](blas.get) == 3
        workers[0](limit_this_thread)
        assert workers[0](blas.get) == 1
    assert blas.get() == 3


@compiled_only
def test_kernels_limit_the_threads_that_help(fakes, monkeypatch):
    seen = []
    limit = compiled.limit_this_thread
    monkeypatch.setattr(compiled, "_WORK_OF_A_THREAD", 1)
    monkeypatch.setattr(
        compiled, "limit_this_thread", lambda: (limit(), seen.append(fakes[1].get()))
    )
    monkeypatch.setenv("SKOPTNET_KERNELS", "1")
    X, y = rows(200)
    MLPClassifierX((64, 10), max_iter=1, batch_size=200, random_state=0).fit(X, y)
    assert len(seen) >= 2  # two in the updates, and two in each prediction
    assert set(seen) == {1}
    assert [fake.get() for fake in fakes] == [3, 3]


# ------------------------------------------------------------- the user's numbers


@shared_blas
def test_a_number_that_the_user_sets_during_a_call_is_kept(three, workers):
    with OneThread():
        threadpool_limits(2, user_api="blas")
        assert set(numbers()) == {2}
    assert set(numbers()) == {2}
    first, second = OneThread(), OneThread()
    workers[0](first.__enter__)
    threadpool_limits(4, user_api="blas")
    workers[1](second.__enter__)
    assert numbers() == ONE
    workers[0](first.__exit__, None, None, None)
    assert numbers() == ONE
    workers[1](second.__exit__, None, None, None)
    assert set(numbers()) == {4}


@shared_blas
def test_limits_of_the_user_and_calls_may_be_nested(three):
    seen = []
    with OneThread():
        seen += sorted({*numbers()})
        with threadpool_limits(2, user_api="blas"):
            seen += sorted({*numbers()})
            with OneThread():
                seen += sorted({*numbers()})
            seen += sorted({*numbers()})
        seen += sorted({*numbers()})
    assert seen == [1, 2, 1, 2, 1]
    assert numbers() == THREE
    with threadpool_limits(1, user_api="blas"), OneThread():
        pass
    assert numbers() == THREE


# ------------------------------------------------------------------ interruptions


def is_finalizing(frame):
    while frame and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


def is_of_limit(frame):
    return frame.f_code.co_filename == threads.__file__ and not is_finalizing(frame)


def run_with_interrupts(at):
    """Enter and leave, with Ctrl-C where signals can arrive in threads.py.

    Returns the number of these points, and the number of interrupts that came.
    """
    interrupts = Interrupts(at, only_signals=True, has_points=is_of_limit)
    try:
        with interrupts, OneThread():
            pass
    except KeyboardInterrupt as error:
        *_, last = (
            frame.f_code.co_name
            for frame, _ in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename in (threads.__file__, __file__)
        )
        # Before its first line, `__exit__` can do nothing: the finalizer does it.
        if len(at) == 1 and last != "__exit__":
            assert not any(limit.users for limit in threads._limits()), last
    return interrupts.n_points, len(interrupts.places)


def test_ctrl_c_at_any_point_leaves_neither_limit_nor_lock(fakes):
    n_points, _ = run_with_interrupts(())
    assert n_points > 30
    for i in range(n_points):
        run_with_interrupts((i,))
        assert [fake.get() for fake in fakes] == [3, 3], i
        assert_unused()


def test_a_second_ctrl_c_while_the_first_is_dealt_with(fakes, monkeypatch):
    """Both come in calls of the libraries, on the way in or while they are restored."""

    def run(at):
        monkeypatch.setattr(FakeBLAS, "at", frozenset(at))
        monkeypatch.setattr(FakeBLAS, "n_calls", 0)
        with suppress(KeyboardInterrupt), OneThread():
            pass
        monkeypatch.setattr(FakeBLAS, "at", frozenset())
        return FakeBLAS.n_calls

    pairs = [(i, j) for i in range(run(())) for j in range(i + 1, run((i,)))]
    assert len(pairs) > 5
    for pair in pairs:
        run(pair)
        assert [fake.get() for fake in fakes] == [3, 3], pair
        assert_unused()


# ---------------------------------------------------------------- forked children


class Call(Schedule):
    """A constant rate; calls a function at every update."""

    def __init__(self, function):
        self.function = function

    def __deepcopy__(self, memo):
        return self

    def __call__(self, clock):
        self.function(clock)
        return 1.0


def exit_status(work):
    """Fork, and return the exit status of ``work`` in the child; -14 if it hung."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            signal.alarm(60)
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def fit_in_child():
    """0 if the child begins unlimited, fits on one thread and ends unlimited."""
    if numbers() != THREE:
        return 1
    seen = []
    X, y = rows(200)
    schedule = Call(lambda clock: seen.extend(numbers()))
    os.environ["SKOPTNET_KERNELS"] = "0"
    MLPClassifierX((64, 10), max_iter=1, batch_size=200, lr_schedule=schedule).fit(X, y)
    if set(seen) != {1}:
        return 2
    return 0 if numbers() == THREE else 3


@forks
@shared_blas
@pytest.mark.parametrize("where", ["before", "within", "beside"])
def test_a_child_is_not_limited_and_works(three, where):
    context = OneThread()
    if where == "before":
        assert exit_status(fit_in_child) == 0
    elif where == "within":
        with context:
            assert exit_status(fit_in_child) == 0
            assert numbers() == ONE
    else:
        with in_another_thread(context):
            assert exit_status(fit_in_child) == 0
            assert numbers() == ONE
    assert numbers() == THREE


@forks
@shared_blas
def test_a_child_works_though_another_thread_had_the_lock(three):
    threads._limits()
    for limit in threads._limits():
        with in_another_thread(limit.lock):
            assert exit_status(fit_in_child) == 0


@forks
@compiled_only
def test_a_child_goes_on_with_a_fit_that_several_threads_share(monkeypatch):
    """The helpers do not exist in it; it must not wait for them."""
    monkeypatch.setattr(compiled, "_WORK_OF_A_THREAD", 1)
    monkeypatch.setattr(compiled, "blas_limit", lambda: 3)
    monkeypatch.setenv("SKOPTNET_KERNELS", "1")
    X, y = rows(200)
    parent, children = os.getpid(), []

    def fork(clock):
        if clock.epoch == 1 and clock.step == 0 and not children:
            assert threading.active_count() >= 3
            children.append(os.fork())
            if children == [0]:
                signal.alarm(60)

    model = MLPClassifierX(
        (30, 10), max_iter=3, batch_size=100, random_state=0, lr_schedule=Call(fork)
    )
    try:
        model.fit(X, y)
    finally:
        if os.getpid() != parent:
            os._exit(len(getattr(model, "loss_curve_", [])))
    status = os.waitpid(children[0], 0)[1]
    assert os.waitstatus_to_exitcode(status) == len(model.loss_curve_) == 3


# ------------------------------------------------------- the same bits in any thread


@shared_blas
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(
    ("n", "hidden"),
    [
        pytest.param(300, (110, 50), id="moderate"),
        pytest.param(900, (500, 300), id="large", marks=more_threads),
    ],
)
def test_a_fit_gives_the_same_bits_in_any_thread(
    n, hidden, kernels, dtype, three, workers, monkeypatch
):
    """One product of the large network is left to as many threads as BLAS has."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    X, y = rows(n)
    X, y = X.astype(dtype), y.astype(dtype)
    largest = n * hidden[0] * max(X.shape[1], hidden[1])
    assert largest > threads.SMALL_PRODUCT
    assert (largest >= threads._THREADED_PRODUCT) == (n == 900)

    def fit():
        model = MLPRegressorX(
            hidden, max_iter=2, batch_size=n, learning_rate_init=1e-4, random_state=0
        )
        return [array.tobytes() for array in model.fit(X, y).coefs_]

    first = fit()
    assert workers[0](fit) == first
    assert workers[1](fit) == first
    if n != 900:
        with in_another_thread(OneThread()):
            assert fit() == workers[0](fit) == first
