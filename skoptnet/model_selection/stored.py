"""Stored values: arrays reach worker processes of this machine through files.

Processes exchange the rest of a value by pipes, which are slow for arrays.
"""

from __future__ import annotations

import mmap
import os
import pickle
import shutil
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

try:
    import cloudpickle  # joblib requires it
except ImportError:  # joblib before 1.6 contains it
    from joblib.externals import cloudpickle

# A folder in memory, on Linux, and the number of free bytes from which it is used.
_IN_MEMORY, _ENOUGH = Path("/dev/shm"), 2 * 2**30

# Arrays begin at multiples of this number of bytes.
_ALIGNMENT = 64


class TemporaryFolder:
    """A new folder, in memory if there is much room.

    The environment variable JOBLIB_TEMP_FOLDER sets where it is, as for joblib's own.

    Attributes
    ----------
    path : Path or None
        The folder; None if none can be made.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        try:
            # Windows does not remove files that a process has mapped into its memory.
            self._folder = TemporaryDirectory(
                prefix="search-", dir=_place(), ignore_cleanup_errors=True
            )
        except OSError:
            return
        self.path = Path(self._folder.name)
        self._is_tracked = _track("register", self._folder.name)

    def remove(self) -> None:
        """Remove the folder and all files in it."""
        if self.path:
            self._folder.cleanup()
            if self._is_tracked:
                _track("unregister", self._folder.name)


def _place() -> str | None:
    """Return the folder in which to make another one; None is the system's choice."""
    given = os.environ.get("JOBLIB_TEMP_FOLDER")
    if given:
        place = Path(given).expanduser().absolute()  # workers may be in other folders
        place.mkdir(parents=True, exist_ok=True)
        return str(place)
    has_memory = os.access(_IN_MEMORY, os.W_OK)
    if has_memory and shutil.disk_usage(_IN_MEMORY).free > _ENOUGH:
        return str(_IN_MEMORY)
    return None


def _track(action: str, folder: str) -> bool:
    """Let joblib's tracker remove a folder if this process is killed, or no longer."""
    try:
        from joblib.externals.loky.backend import resource_tracker

        getattr(resource_tracker, action)(folder, "folder")
    except (ImportError, AttributeError, UnicodeEncodeError):
        return False
    return True


def stored(value: Any, path: Path | None) -> Any:
    """Return a `Stored` value, or the value itself without a path or without room."""
    if path is None or isinstance(value, Stored):
        return value
    try:
        return Stored(value, path)
    except OSError:
        with suppress(OSError):
            path.unlink()
        return value


class Stored:
    """A value whose arrays are in a file.

    A process that only passes it on does not read the file.

    Parameters
    ----------
    value : object
        The value.
    path : Path
        The file to write.

    Attributes
    ----------
    value : object
        The value as `load` returns it, for all tasks that get this object.
    """

    def __init__(self, value: Any, path: Path):
        self.path = path
        arrays: list[pickle.PickleBuffer] = []
        self.rest = cloudpickle.dumps(value, protocol=5, buffer_callback=arrays.append)
        self.places: list[slice] = []
        end = 0
        with path.open("wb") as file:
            for array in arrays:
                start = -(-end // _ALIGNMENT) * _ALIGNMENT
                file.write(bytes(start - end))
                end = start + file.write(array.raw())
                self.places.append(slice(start, end))

    @cached_property
    def value(self) -> Any:
        """See the attributes of the class."""
        return self.load()

    def __getstate__(self) -> dict[str, Any]:
        return {n: attribute for n, attribute in vars(self).items() if n != "value"}

    def load(self) -> Any:
        """Return the value; its arrays are changed in this process only."""
        if not (self.places and self.places[-1].stop):
            return pickle.loads(self.rest, buffers=[bytearray() for _ in self.places])
        with self.path.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        return pickle.loads(self.rest, buffers=[content[p] for p in self.places])
