"""BLAS threads: limits the number of threads of matrix products.

Products of moderate size run on one thread: a second thread would take more time than
it saves, and the last bits of a product depend on the number of threads.

The scope of the number of threads depends on the BLAS library:

- OpenBLAS with its own threads, as in the wheels of NumPy and SciPy: the process, even
  if ``openblas_set_num_threads_local`` sets the number. Overlapping calls share one
  limit, and the last one to end lifts it.
- OpenBLAS with OpenMP, MKL, recent versions of BLIS: the calling thread. Each thread
  has its own limit.

threadpoolctl finds the libraries. From version 3.8 on, its limits on an OpenBLAS of the
first kind work for one Python thread at a time, and silently do nothing in the others.
So OpenBLAS is called directly in that case.

If the user sets a number of threads during a call, it is kept: a number is restored
only if it was changed here and is still one. There are two exceptions. If the user sets
one thread during a call, the end of the call lifts this limit. And if a limit of
threadpoolctl begins in another thread during a call and ends after it, it restores the
one thread that it found. A large product at the same time as a limited one in another
thread is limited, too. A process that is forked during a call starts without the limit.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import product
from typing import Any, NamedTuple

from threadpoolctl import ThreadpoolController

# Multiplications in one matrix product from which a second BLAS thread saves time.
_THREADED_PRODUCT = 10**8

# Multiplications in one matrix product up to which no BLAS uses a second thread.
SMALL_PRODUCT = 10**5


class _Library(NamedTuple):
    """A BLAS library: the functions that get and set its number of threads."""

    get: Callable[[], int]
    set: Callable[[int], Any]
    is_shared: bool


class _Limit:
    """Limits libraries to one thread while it has users.

    Parameters
    ----------
    libraries : sequence of _Library
        The libraries.

    Attributes
    ----------
    users : dict of int to list of int
        By the id of each user, the oldest first: for each library the number of threads
        that this user has to restore, 0 if it changed nothing.
    """

    def __init__(self, libraries: Sequence[_Library]):
        self.libraries = libraries
        self.users: dict[int, list[int]] = {}
        # Reentrant: a signal handler or finalizer may fit or predict during a change.
        self.lock = threading.RLock()

    def enter(self, user: int) -> None:
        """Limit the libraries; after an exception here, `leave` restores them."""
        with self.lock:
            numbers = self.users[user] = [0] * len(self.libraries)
            for i, library in enumerate(self.libraries):
                n = library.get()
                if n > 1:
                    numbers[i] = n
                    library.set(1)

    def leave(self, user: int) -> None:
        """Restore the numbers that this user changed, or leave that to the next user.

        It may be called again, also after an exception in the first call.
        """
        with self.lock:
            if user not in self.users:
                return
            numbers, ids = self.users[user], list(self.users)
            later = ids[ids.index(user) + 1 :]
            for i, n in enumerate(numbers):
                if n and later:
                    heir = self.users[later[0]]
                    heir[i] = heir[i] or n
                elif n and self.libraries[i].get() == 1:
                    self.libraries[i].set(n)
            del self.users[user]

    def numbers(self) -> list[int]:
        """Return the number of threads of each library without the limit."""
        with self.lock:
            now = [library.get() for library in self.libraries]
            for i, n in enumerate(now):
                if n == 1:
                    kept = [numbers[i] for numbers in self.users.values()]
                    now[i] = next(filter(None, reversed(kept)), n)
            return now

    def restart(self) -> None:
        """Remove all users, in a forked child, where the other threads do not exist."""
        self.lock = threading.RLock()
        for user in reversed(list(self.users)):
            self.leave(user)


class _LimitPerThread(_Limit, threading.local):
    """As `_Limit`, for libraries whose number of threads is the calling thread's."""


class OneThread:
    """Context in which BLAS runs on one thread.

    Enter it once. Ctrl-C may come at any point, even again while the first is handled:
    the limit is lifted in any case.
    """

    held = False

    def __enter__(self) -> None:
        self.held = True
        try:
            for limit in _limits():
                limit.enter(id(self))
        except BaseException:
            self._leave()
            raise

    def __exit__(self, *_: Any) -> None:
        try:
            self._leave()
        except BaseException:
            self._leave()
            raise

    def __del__(self) -> None:
        # Lifts the limit if Ctrl-C came before the first line of `__exit__`.
        if self.held:
            self.__exit__()

    def _leave(self) -> None:
        for limit in _limits():
            limit.leave(id(self))
        self.held = False


def blas_threads(multiplications: int) -> AbstractContextManager[None]:
    """Limit BLAS to one thread if a second one would take more time than it saves.

    Parameters
    ----------
    multiplications : int
        Number of multiplications in the largest matrix product to come.
    """
    small = multiplications <= SMALL_PRODUCT
    large = multiplications >= _THREADED_PRODUCT
    return nullcontext() if small or large else OneThread()


def limit_this_thread() -> None:
    """Limit BLAS to one thread in the calling thread, until this thread ends.

    For the helpers of a thread that has entered `OneThread`. If the number of threads
    is the process's, the limit there applies to both.
    """
    for limit in _limits():
        if isinstance(limit, _LimitPerThread):
            limit.enter(0)


def blas_limit() -> int:
    """Return the number of threads that the user, or `one_worker`, lets BLAS use."""
    if _this_thread.is_worker:
        return 1
    return min((n for limit in _limits() for n in limit.numbers()), default=1)


class _ThisThread(threading.local):
    """Whether the calling thread is one of several workers."""

    is_worker = False


_this_thread = _ThisThread()


@contextmanager
def one_worker() -> Iterator[None]:
    """Let trainings in the calling thread use no thread besides it.

    For several trainings at a time, each in a thread of its own.
    """
    before, _this_thread.is_worker = _this_thread.is_worker, True
    try:
        yield
    finally:
        _this_thread.is_worker = before


def blas_libraries() -> list[dict[str, Any]]:
    """Return threadpoolctl's description of each BLAS library that is loaded."""
    return [controller.info() for controller in _controllers()]


def _controllers() -> list[Any]:
    return ThreadpoolController().select(user_api="blas").lib_controllers


# The limits; finding them takes milliseconds, so this is done once. Libraries that are
# loaded later do not matter: NumPy and SciPy have already loaded theirs.
_FOUND: dict[None, list[_Limit]] = {}


def _limits() -> list[_Limit]:
    """Return the limits of the libraries, the same objects in every thread."""
    return _FOUND[None] if _FOUND else _FOUND.setdefault(None, _find_limits())


def _find_limits() -> list[_Limit]:
    libraries = [_library(controller) for controller in _controllers()]
    shared = [library for library in libraries if library.is_shared]
    others = [library for library in libraries if not library.is_shared]
    limits = [_Limit(shared), _LimitPerThread(others)]
    return [limit for limit in limits if limit.libraries]


def _library(controller: Any) -> _Library:
    """Return a library; OpenBLAS with its own threads is called directly."""
    is_openblas = controller.internal_api == "openblas"
    if is_openblas and controller.threading_layer != "openmp":
        # PyDLL keeps the GIL: to release and take it again would take longer.
        functions = ctypes.PyDLL(controller.filepath)
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
            get, set_ = (
                getattr(functions, f"{prefix}openblas_{verb}_num_threads{suffix}", None)
                for verb in ("get", "set")
            )
            if get and set_:
                return _Library(get, set_, is_shared=True)
    return _Library(
        lambda: controller.num_threads or 1, controller.set_num_threads, is_shared=False
    )


def _restart_in_child() -> None:
    for limit in _FOUND.get(None, ()):
        limit.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_in_child)
