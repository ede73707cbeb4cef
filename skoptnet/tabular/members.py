"""Members: networks that are trained side by side, each on its own fold."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from joblib import effective_n_jobs

from .._sklearn import begin_callbacks, with_callbacks
from .._types import Array, Int, Rows
from ..estimators.base import MLP
from ..estimators.convergence_warnings import context_of_call
from ..estimators.fitting import Fit
from ..estimators.progress_displays import print_line
from ..estimators.validation import OwnData
from ..estimators.verbose import BAR, bar, end, running
from ..threads import one_worker
from ..training import Diverged, TrainingSet, Watcher
from ..training.stopping import ranked
from .folds import Fold

# A cycle of fewer epochs may pass without gain by chance.
_SHORTEST_CYCLE = 10


# Seconds between two looks for Ctrl-C.
_PAUSE = 0.2


class Members:
    """The members of one fit.

    Each is trained on one thread, so the number of jobs does not change the result.
    After Ctrl-C, the networks keep the weights of their best epoch so far, and those
    that have not begun stay unfitted.

    Parameters
    ----------
    networks : list of MLPClassifierX or MLPRegressorX
        The networks; they are fitted in place.
    folds : list of Fold
        The fold of each.
    data : TrainingSet
        The preprocessed rows of all members, with targets that are not encoded, and
        weights of any mean: each member encodes and normalises those of its rows.
    cycle_ends : sequence of int
        The epochs at which a network stops if it has not improved since the one
        before.
    verbose : int
        As of the estimators.

    Attributes
    ----------
    interrupted : threading.Event
        Set after Ctrl-C, and after an error.
    by_user : bool
        Whether Ctrl-C stopped members in threads, each after its epoch.
    reading : threading.Lock
        Held by the member that checks its rows.
    failures : list of (int, Exception)
        The members whose training diverged without a usable epoch.
    """

    def __init__(
        self,
        networks: list[MLP],
        folds: list[Fold],
        data: TrainingSet,
        cycle_ends: Sequence[int],
        verbose: int,
    ):
        self.networks, self.folds, self.data = networks, folds, data
        self.cycle_ends, self.verbose = cycle_ends, verbose
        self.interrupted, self.by_user = threading.Event(), False
        self.reading = threading.Lock()
        self.failures: list[tuple[int, Exception]] = []

    def fit(self, n_jobs: Int | None, around: Callable[[int, MLP], Any]) -> None:
        """Fit all members.

        Parameters
        ----------
        n_jobs : int or None
            Number of members at a time, in joblib's sense.
        around : callable
            Returns the context in which a member is fitted, for its number and itself.
        """
        n_members = len(self.networks)
        n_workers = min(effective_n_jobs(n_jobs), n_members)
        n_epochs = sum(int(network.max_iter) for network in self.networks)
        with _progress(self.verbose, n_epochs) as show:
            jobs = [partial(self._fit_one, i, around, show) for i in range(n_members)]
            if n_workers == 1:
                for job in jobs:
                    job()
            else:
                self._in_threads(jobs, n_workers)

    def _in_threads(self, jobs: Sequence[Callable[[], None]], n_workers: int) -> None:
        """Run jobs in threads; Ctrl-C lets each finish its epoch."""
        context = context_of_call()
        with _ctrl_c_calls(self._stop), ThreadPoolExecutor(n_workers) as pool:
            try:
                futures = [pool.submit(context.copy().run, job) for job in jobs]
                _wait_for(futures)
            finally:
                self.interrupted.set()  # for those that still run, after an error
        for future in futures:
            future.result()

    def _stop(self) -> None:
        self.by_user = True
        self.interrupted.set()

    def _fit_one(
        self, i: int, around: Callable[[int, MLP], Any], show: Callable[[dict], None]
    ) -> None:
        if self.interrupted.is_set():
            return
        network, (train, held_out) = self.networks[i], self.folds[i]
        try:
            own = OwnData(*self._part(held_out))
            with one_worker(), around(i, network), ExitStack() as reading:
                # scikit-learn's checks set warning filters, which threads share.
                reading.enter_context(self.reading)
                watcher = _Member(
                    show, reading.close, self.interrupted, self.cycle_ends
                )
                _fit(network, *self._part(train), own, watcher)
            if self.verbose == 1 and network.__sklearn_is_fitted__():
                self._print(i)
        except KeyboardInterrupt:
            self.interrupted.set()
        except ValueError as error:
            if not isinstance(error.__context__, Diverged):
                self.interrupted.set()
                raise
            self.failures.append((i, error))
            return
        except BaseException:
            self.interrupted.set()
            raise
        if getattr(network, "stop_reason_", "") == "interrupted":
            self.interrupted.set()

    def _part(self, rows: Array) -> tuple[Rows, Array, Array | None]:
        """Return copies of some rows, of their targets and weights."""
        part = self.data.subset(rows)
        return part.select(part.X), part.select(part.Y), part.weights

    def _print(self, i: int) -> None:
        network: Any = self.networks[i]
        loss = network.history_["validation_loss"][network.best_epoch_ - 1]
        print_line(
            f"Network {i + 1} of {len(self.networks)}: epoch {network.best_epoch_} of"
            f" {network.n_iter_} kept, validation loss = {loss:.8f}"
        )


def _wait_for(futures: Sequence[Future[None]]) -> None:
    """Wait until all are done, or one has failed.

    A signal that comes just before a wait is handled after it, so each wait is short.
    """
    done: set[Future[None]] = set()
    while len(done) < len(futures) and not any(f.exception() for f in done):
        done, _ = wait(futures, timeout=_PAUSE, return_when=FIRST_EXCEPTION)


@contextmanager
def _ctrl_c_calls(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C call a function.

    KeyboardInterrupt might be raised while a lock of the threads is held.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    if not in_main_thread or handler is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@with_callbacks
def _fit(
    network: MLP, Z: Rows, y: Array, w: Array | None, own: OwnData, watcher: Watcher
) -> None:
    """Fit a member as its own ``fit`` would, with a watcher."""
    has_callbacks = begin_callbacks(network, network.max_iter)
    fit = Fit(network, has_callbacks=has_callbacks, watch=lambda _: watcher)
    fit.run_on(Z, y, w, own)


class _Member(Watcher):
    """Reports the epochs of a member; stops it after Ctrl-C or a cycle without gain.

    Parameters
    ----------
    show : callable
        Called with the metrics of every epoch.
    begun : callable
        Called before every epoch.
    interrupted : threading.Event
        Set after Ctrl-C.
    cycle_ends : sequence of int
        The epochs in which the cycles of the schedule end. If a cycle has no epoch
        better than those before, training stops at its end, unless the cycle is short.
    """

    def __init__(
        self,
        show: Callable[[dict], None],
        begun: Callable[[], None],
        interrupted: threading.Event,
        cycle_ends: Sequence[int],
    ):
        self.show, self.begun, self.interrupted = show, begun, interrupted
        self.cycle_ends = cycle_ends
        self.best, self.has_gained = (-math.inf, -math.inf), False
        self.last_end = 0

    def before_epoch(self) -> None:
        self.begun()

    def after_epoch(self, metrics: dict[str, Any]) -> bool:
        self.show(metrics)
        score, loss = ranked(metrics)
        if (score, -loss) > self.best:
            self.best, self.has_gained = (score, -loss), True
        return self._has_lost_a_cycle(metrics["epoch"]) or self.interrupted.is_set()

    def _has_lost_a_cycle(self, epoch: int) -> bool:
        """Tell whether a cycle ends in which no epoch was the best so far."""
        if epoch not in self.cycle_ends:
            return False
        length, self.last_end = epoch - self.last_end, epoch
        has_gained, self.has_gained = self.has_gained, False
        return not has_gained and length >= _SHORTEST_CYCLE


@contextmanager
def _progress(verbose: int, n_epochs: int) -> Iterator[Callable[[dict], None]]:
    """Yield a function that reports an epoch; with ``verbose=2``, to a common bar."""
    display = bar(n_epochs) if verbose == BAR else None
    if display is None:
        yield lambda metrics: None
        return
    lock = threading.Lock()
    with running(display) as shown:

        def show(metrics: dict[str, Any]) -> None:
            with lock:
                shown.after_epoch({"validation_loss": metrics["validation_loss"]})

        yield show
        end(shown, "max_iter")
