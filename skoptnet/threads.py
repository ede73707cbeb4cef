"""BLAS threads: how many of them matrix products use.

Products of moderate size run on one thread: a second one costs more than it gives, and
the last bits of a product depend on the number of threads.

Whose a number of threads is depends on the BLAS library:

- OpenBLAS with threads of its own, as in the wheels of NumPy and SciPy: the process's,
  even where ``openblas_set_num_threads_local`` sets it. Calls that overlap share one
  limit, and the last to end lifts it.
- OpenBLAS with OpenMP, MKL, recent versions of BLIS: the calling thread's. Each thread
  has a limit of its own.

threadpoolctl finds the libraries. From version 3.8 on, its limits obey one Python
thread at a time where the process shares OpenBLAS, and do nothing, silently, in the
others. So OpenBLAS is called directly there.

A number of threads that the user sets during a call is kept: what is put back is only
what was changed and is still one. Two cases are beyond this: a limit to one thread that
the user sets during a call is lifted at its end; and a limit of threadpoolctl's that
begins in another thread during a call, and ends after it, puts back the one thread that
it found. A large product beside a limited one in another thread is limited, too. A
process that is forked during a call starts without its limit.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Any, NamedTuple

from threadpoolctl import ThreadpoolController

# Multiplications in one matrix product from which a second BLAS thread pays.
_THREADED_PRODUCT = 10**8

# Multiplications in one matrix product up to which no BLAS takes a second thread.
SMALL_PRODUCT = 10**5


class _Library(NamedTuple):
    """A BLAS library: the functions that tell and set its number of threads."""

    get: Callable[[], int]
    set: Callable[[int], Any]
    is_shared: bool


class _Limit:
    """Holds libraries to one thread while it has users.

    Parameters
    ----------
    libraries : sequence of _Library
        What is limited.

    Attributes
    ----------
    users : dict of int to list of int
        By the id of each user, the oldest first: for each library the number that this
        user has to put back; 0 where it changed nothing.
    """

    def __init__(self, libraries: Sequence[_Library]):
        self.libraries = libraries
        self.users: dict[int, list[int]] = {}
        # A signal handler or a finalizer may fit or predict in the middle of a change.
        self.lock = threading.RLock()

    def enter(self, user: int) -> None:
        """Limit the libraries; if an exception ends this, `leave` undoes it."""
        with self.lock:
            numbers = self.users[user] = [0] * len(self.libraries)
            for i, library in enumerate(self.libraries):
                n = library.get()
                if n > 1:
                    numbers[i] = n
                    library.set(1)

    def leave(self, user: int) -> None:
        """Put back what this user changed, or leave that to the next who came.

        It may be called again, also where an exception ended the first call.
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
        """Return the numbers of threads that the libraries have without the limit."""
        with self.lock:
            now = [library.get() for library in self.libraries]
            for i, n in enumerate(now):
                if n == 1:
                    kept = [numbers[i] for numbers in self.users.values()]
                    now[i] = next(filter(None, reversed(kept)), n)
            return now

    def restart(self) -> None:
        """End all use: in a forked child, where the other threads do not exist."""
        self.lock = threading.RLock()
        for user in reversed(list(self.users)):
            self.leave(user)


class _LimitPerThread(_Limit, threading.local):
    """As `_Limit`, for libraries of which each thread has its own number."""


class OneThread:
    """Context in which BLAS runs on one thread.

    Enter it once. Ctrl-C may come at any point, also for a second time while the first
    is dealt with: the limit is lifted all the same.
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
        # Reached where Ctrl-C comes before the first line of `__exit__`.
        if self.held:
            self.__exit__()

    def _leave(self) -> None:
        for limit in _limits():
            limit.leave(id(self))
        self.held = False


def blas_threads(multiplications: int) -> AbstractContextManager[None]:
    """Hold BLAS to one thread where a second one would cost more than it does.

    Parameters
    ----------
    multiplications : int
        Number of multiplications in the largest matrix product to come.
    """
    small = multiplications <= SMALL_PRODUCT
    large = multiplications >= _THREADED_PRODUCT
    return nullcontext() if small or large else OneThread()


def limit_this_thread() -> None:
    """Hold BLAS to one thread in the calling thread, to the end of its life.

    For a thread that helps one that has entered `OneThread`. Where the process shares
    the number of threads, that is enough for both.
    """
    for limit in _limits():
        if isinstance(limit, _LimitPerThread):
            limit.enter(0)


def blas_limit() -> int:
    """Return the number of threads that the user lets BLAS use."""
    return min((n for limit in _limits() for n in limit.numbers()), default=1)


def blas_libraries() -> list[dict[str, Any]]:
    """Return what threadpoolctl says of the BLAS libraries that are loaded."""
    return [controller.info() for controller in _controllers()]


def _controllers() -> list[Any]:
    return ThreadpoolController().select(user_api="blas").lib_controllers


# The limits, found once, since that takes milliseconds. Libraries that are loaded later
# do not matter: NumPy and SciPy have loaded those that they multiply with.
_FOUND: dict[None, list[_Limit]] = {}


def _limits() -> list[_Limit]:
    """Return the limits of the libraries: the same ones in every thread."""
    return _FOUND[None] if _FOUND else _FOUND.setdefault(None, _find_limits())


def _find_limits() -> list[_Limit]:
    libraries = [_library(controller) for controller in _controllers()]
    shared = [library for library in libraries if library.is_shared]
    others = [library for library in libraries if not library.is_shared]
    limits = [_Limit(shared), _LimitPerThread(others)]
    return [limit for limit in limits if limit.libraries]


def _library(controller: Any) -> _Library:
    """Return a library with OpenBLAS's own functions where its threads are shared."""
    is_openblas = controller.internal_api == "openblas"
    if is_openblas and controller.threading_layer != "openmp":
        # Calls through PyDLL keep the GIL: waiting for it again would take longer.
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
