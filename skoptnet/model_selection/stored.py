"""Stored values: arrays reach worker processes of this machine through files.

Processes exchange the rest of a value by pipes, which are slow for arrays.
"""

from __future__ import annotations

import mmap
import os
import pickle
import shutil
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


def temporary_folder() -> TemporaryDirectory[str]:
    """Return a new folder, in memory if there is much room, as joblib's own.

    The environment variable JOBLIB_TEMP_FOLDER sets where it is.
    """
    where: Any = os.environ.get("JOBLIB_TEMP_FOLDER")
    if where is None and os.access(_IN_MEMORY, os.W_OK):
        where = _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free > _ENOUGH else None
    # Windows does not remove files that a process has mapped into its memory.
    return TemporaryDirectory(prefix="search-", dir=where, ignore_cleanup_errors=True)


def stored(value: Any, path: Path | None) -> Any:
    """Return a `Stored` value, or the value itself without a path or without room."""
    if path is None or isinstance(value, Stored):
        return value
    try:
        return Stored(value, path)
    except OSError:
        path.unlink(missing_ok=True)
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

    def load(self) -> Any:
        """Return the value; its arrays are changed in this process only."""
        if not (self.places and self.places[-1].stop):
            return pickle.loads(self.rest, buffers=[bytearray() for _ in self.places])
        with self.path.open("rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        return pickle.loads(self.rest, buffers=[content[p] for p in self.places])
