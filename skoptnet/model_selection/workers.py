"""Workers: tasks of a search in processes of this machine, or on Dask or Ray.

joblib runs the tasks. What its engines do differently is here: how arrays reach the
workers, those that many tasks share only once, and which error means that a worker was
lost.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import islice
from typing import Any

from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from .stored import Stored, TemporaryFolder, stored

#: The fraction of a worker's share of the waiting tasks that goes into one batch.
_FRACTION = 1 / 4

#: Number of times that tasks of lost workers are run again.
_MAX_LOSSES = 3

#: Seconds in which Dask may start workers in place of lost ones.
_TIME_TO_RESTART = 10


class WorkerLost(RuntimeError):
    """Raised if workers are lost again and again."""


class Workers:
    """Runs tasks in parallel; a context manager, to keep worker processes.

    A task is a pure function of its arguments, so it can be run again after a worker
    was lost, for instance because it was killed or its machine ran out of memory.

    Parameters
    ----------
    n_jobs : int or None
        As for scikit-learn's searches.

    Attributes
    ----------
    is_sequential : bool
        Whether tasks run one after the other, in this process.
    folder : Path or None
        A folder for files by which tasks and this process exchange arrays; None if
        workers may be on other machines, are threads, or if none can be made.
    """

    def __init__(self, n_jobs: int | None):
        # joblib must not join batches: `batch_sizes` says how large they are.
        self.options: dict[str, Any] = {"n_jobs": n_jobs, "batch_size": 1}
        backend, _ = get_active_backend()
        self.engine = _engine_of(backend)
        self.backend = backend
        if getattr(backend, "supports_return_generator", False):
            self.options["return_as"] = "generator_unordered"
        if self.engine == "local":  # no worker waits for its next batch
            self.options["pre_dispatch"] = "all"
        if self.engine == "ray":
            restarts = {"max_restarts": -1, "max_task_retries": -1}
            self.options["ray_remote_args"] = restarts | (backend.ray_remote_args or {})
        self._shared: list[Any] = []
        self._sent: dict[int, Any] = {}

    def __enter__(self) -> Workers:
        if self.engine == "dask":
            self._n_workers = len(self.backend.client.ncores())
        self.parallel = Parallel(**self.options).__enter__()
        self.is_sequential = self.parallel.n_jobs == 1
        is_local = self.engine == "local" and not self.is_sequential
        self._files = TemporaryFolder() if is_local else None
        self.folder = self._files.path if self._files else None
        return self

    def __exit__(self, *error: Any) -> None:
        self.parallel.__exit__(*error)
        if self._files:
            self._files.remove()

    def keep_only(self, values: Iterable[Any]) -> None:
        """Remove the files of stored values but these and the shared ones."""
        if not self.folder:
            return
        values = *values, *self._shared, *self._sent.values()
        kept = {value.path for value in values if isinstance(value, Stored)}
        for path in set(self.folder.iterdir()) - kept:
            with suppress(OSError):  # Windows does not remove mapped files
                path.unlink()

    def share(self, value: Any) -> int:
        """Return the number of a value that `run` passes to many tasks."""
        self._shared.append(value)
        return len(self._shared) - 1

    def run(
        self, function: Callable, tasks: Sequence[tuple]
    ) -> Iterator[tuple[int, Any]]:
        """Run tasks; yield the number of each and its result, as they come.

        Parameters
        ----------
        function : callable
            Called with a shared value and the other arguments of a task.
        tasks : sequence of tuple
            Of each task, the number of the shared value, or None for no such argument,
            and the other arguments.
        """
        waiting = dict(enumerate(tasks))
        for attempt in range(_MAX_LOSSES + 1):
            try:
                for i, result in self._attempt(function, waiting):
                    del waiting[i]
                    yield i, result
                return
            except _lost() as error:
                self._after_loss(error, len(waiting), last=attempt == _MAX_LOSSES)

    def _attempt(
        self, function: Callable, waiting: dict[int, tuple]
    ) -> Iterator[tuple[int, Any]]:
        n_workers = effective_n_jobs(self.parallel.n_jobs)
        numbers, batches = iter(waiting), []
        for size in batch_sizes(len(waiting), n_workers):
            batch = [(i, *self._with_shared(waiting[i])) for i in islice(numbers, size)]
            batches.append(delayed(_run_batch)(function, batch))
        for results in self.parallel(batches):
            yield from results

    def _with_shared(self, task: tuple) -> tuple:
        shared, *others = task
        if shared is None:
            return tuple(others)
        if shared not in self._sent:
            self._sent[shared] = self._send(shared, self._shared[shared])
        return (self._sent[shared], *others)

    def _send(self, number: int, value: Any) -> Any:
        """Send a value to the workers; return what stands for it in a task."""
        if self.engine == "dask":
            return self.backend.client.scatter(value, broadcast=True, hash=False)
        if self.engine == "ray":
            import ray

            return _OnRay(value, ray.put(value))
        return stored(value, self.folder and self.folder / f"shared-{number}")

    def _after_loss(self, error: BaseException, n_waiting: int, last: bool) -> None:
        name = type(error).__name__
        if last:
            raise WorkerLost(
                f"Workers were lost {_MAX_LOSSES + 1} times ({name}: {error})."
                f" {n_waiting} tasks have no result. They may need more memory than a"
                " worker has: reduce n_jobs, or the number of rows."
            ) from error
        warnings.warn(
            f"A worker was lost ({name}: {error}). Its tasks are run again.",
            RuntimeWarning,
            stacklevel=2,
        )
        self._sent.clear()
        with suppress(*_lost()):
            self.parallel.__exit__(None, None, None)
        if self.engine == "dask":
            # While there is one thread only, joblib runs all tasks in this process.
            with suppress(TimeoutError):
                self.backend.client.wait_for_workers(self._n_workers, _TIME_TO_RESTART)
        # A new one: results of aborted tasks may still arrive in the old one.
        self.parallel = Parallel(**self.options).__enter__()


class _OnRay:
    """Stands for a value in Ray's object store; arrives in a task as the value."""

    def __init__(self, value: Any, reference: Any):
        self.value, self.reference = value, reference

    def __reduce__(self) -> tuple:
        return _from_ray, (self.reference,)


def _from_ray(reference: Any) -> Any:
    import ray

    return ray.get(reference)


def batch_sizes(n_tasks: int, n_workers: int) -> Iterator[int]:
    """Yield the sizes of batches of tasks; a single worker gets them one by one.

    Tasks may be short, and a batch passes a shared value only once, so the first
    batches are large. The last ones are small, so that all workers finish at about the
    same time.
    """
    while n_tasks:
        size = max(int(n_tasks * _FRACTION / n_workers), 1) if n_workers > 1 else 1
        yield size
        n_tasks -= size


def _run_batch(function: Callable, batch: list[tuple]) -> list[tuple[int, Any]]:
    return [(i, function(*map(_arrived, arguments))) for i, *arguments in batch]


def _arrived(argument: Any) -> Any:
    """Return the value that an argument stands for, if a task runs in this process.

    joblib runs all tasks here if a cluster has a single thread.
    """
    if isinstance(argument, _OnRay):
        return argument.value
    if type(argument).__module__ == "distributed.client":
        return argument.result()
    if isinstance(argument, Stored):
        return argument.value
    return argument


def _engine_of(backend: Any) -> str:
    module = type(backend).__module__
    if module == "joblib._dask":
        return "dask"
    if module.startswith("ray."):
        return "ray"
    is_local = module == "joblib._parallel_backends"
    has_threads = getattr(backend, "uses_threads", False)
    return "local" if is_local and not has_threads else ""


def _lost() -> tuple[type[BaseException], ...]:
    """Return the errors of the engines in use that mean the loss of a worker."""
    found: list[type[BaseException]] = [CancelledError]
    for module, name in (
        # Not its base class, which also means that a task cannot be read.
        ("joblib.externals.loky.process_executor", "TerminatedWorkerError"),
        ("distributed", "KilledWorker"),
        ("ray.exceptions", "RayError"),
    ):
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)
