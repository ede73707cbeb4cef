"""BLAS threads: how many of them matrix products use."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import Lock
from typing import Any

from threadpoolctl import ThreadpoolController

# Multiplications in one matrix product from which a second BLAS thread pays.
_THREADED_PRODUCT = 10**8

# Multiplications in one matrix product up to which no BLAS takes a second thread.
SMALL_PRODUCT = 10**5


class _OneThread:
    """Holds BLAS to one thread while anybody asks for it.

    The number of threads is the process', so fits that run side by side in threads
    share one limit: the first sets it, the last one lifts it.
    """

    def __init__(self) -> None:
        self.lock, self.users = Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            if self.users == 0:
                self.limit = _threadpools().limit(limits=1, user_api="blas")
            self.users += 1

    def __exit__(self, *_: Any) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.limit.restore_original_limits()


@cache
def _threadpools() -> ThreadpoolController:
    """Return the process' thread pools; finding them takes milliseconds."""
    return ThreadpoolController()


one_thread = _OneThread()


def blas_threads(multiplications: int) -> AbstractContextManager[None]:
    """Hold BLAS to one thread where a second one would cost more than it does.

    Parameters
    ----------
    multiplications : int
        Number of multiplications in the largest matrix product to come.
    """
    small = multiplications <= SMALL_PRODUCT
    large = multiplications >= _THREADED_PRODUCT
    return nullcontext() if small or large else one_thread


def blas_libraries() -> list[dict[str, Any]]:
    """Return what threadpoolctl says of the BLAS libraries that are loaded."""
    return [library.info() for library in _blas()]


def _blas() -> list[Any]:
    return _threadpools().select(user_api="blas").lib_controllers


def blas_limit() -> int:
    """Return the number of threads that BLAS may use now."""
    return min((library.num_threads for library in _blas()), default=1)
