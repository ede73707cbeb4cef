"""Atomic writes: files that are whole at any time, with a checksum.

A file is written under a temporary name beside the old one, and then takes its place. A
process that is killed while it writes leaves its temporary file; the next one removes
it. A lock protects the files that other processes, or other machines, are writing.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom, BufferedReader
from pathlib import Path
from secrets import token_hex
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where temporary files of killed processes remain
    fcntl = None

# Seconds after which an empty temporary file counts as abandoned: the process that
# makes one writes to it at once.
_ABANDONED = 3600

# A file begins with its kind and format, and the length and digest of what follows.
_KIND = b"skoptnet checkpoint "
_FORMAT = _KIND + b"1\n"
_SUMS = struct.Struct(">Q32s")
_HEADER = len(_FORMAT) + _SUMS.size


def as_path(owner: str, path: Any) -> Path:
    """Return the ``path`` of a class of that name as an object of pathlib."""
    try:
        return Path(path)
    except TypeError:
        raise TypeError(
            f"The 'path' of {owner} must be a string or a pathlib.Path. Got {path!r}"
            " instead."
        ) from None


def check_writable(owner: str, path: Path, *, replaces: bool) -> Path:
    """Refuse a path that cannot be written; return it absolute, links followed.

    Parameters
    ----------
    owner : str
        The class whose ``path`` it is, for the error messages.
    path : Path
        The path.
    replaces : bool
        Whether the file will be replaced, or else written in place.

    Raises
    ------
    OSError
        Of the class that fits, such as `FileNotFoundError` or `PermissionError`.
    """
    target = Path(os.path.realpath(path))
    must = f"The 'path' of {owner} must"
    if not os.path.isdir(target.parent):
        raise FileNotFoundError(
            f"{must} be in a folder that exists. Got {str(path)!r}, but"
            f" {str(target.parent)!r} is not a folder. Create it first."
        )
    if os.path.isdir(target):
        raise IsADirectoryError(
            f"{must} be the path of a file. Got {str(path)!r}, which is a folder. Add"
            " a file name."
        )
    if replaces and os.path.lexists(target) and not os.path.isfile(target):
        raise OSError(
            f"{must} be the path of a file that can be replaced. Got {str(path)!r},"
            " which is a device, a pipe, or a link to itself."
        )
    try:
        if replaces:
            _with_temporary(target, lambda new, file: None)
        else:
            target.open("ab").close()
    except OSError as error:
        raise OSError(
            error.errno,
            f"{must} be a file that can be written. Got {str(path)!r}; writing it"
            f" fails: {reason(error)}. Choose another path, or check the permissions"
            f" and the free space of {str(target.parent)!r}.",
        ) from error
    return target


def reason(error: OSError) -> str:
    """Return the operating system's message of an error."""
    return error.strerror or str(error)


def remedy(error: OSError) -> str:
    """Return advice about a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some space on the disk"
    return "Check that the folder exists and may be written to"


def replace(target: Path, write: Callable[[Any], None]) -> None:
    """Replace a file atomically; ``write`` is called with the new file.

    The owner and mode of an old file are kept. ``target`` is absolute and no link.
    """

    def finish(new: Path, file: BufferedRandom) -> None:
        write(file)
        length = file.tell() - _HEADER
        file.seek(_HEADER)
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(len(_FORMAT))
        file.write(_SUMS.pack(length, digest))
        file.flush()
        os.fsync(file.fileno())
        if not fcntl:  # Windows replaces no open file
            file.close()
        os.replace(new, target)

    _with_temporary(target, finish)


def _with_temporary(target: Path, use: Callable[[Path, BufferedRandom], None]) -> None:
    """Call a function with a locked temporary file beside another, then remove it."""
    new = target.with_name(f"{target.name}.{token_hex(8)}.new")
    try:
        try:
            with new.open("x+b") as file:
                _prepare(new, file, target)
                use(new, file)
        finally:
            new.unlink(missing_ok=True)
    finally:  # Ctrl-C may have come just before the file was removed
        new.unlink(missing_ok=True)


def _prepare(new: Path, file: BufferedRandom, target: Path) -> None:
    """Lock a temporary file, give it the mode of its target, and begin the header."""
    if fcntl:
        with suppress(OSError):  # where files cannot be locked, none is removed
            fcntl.flock(file, fcntl.LOCK_EX)
    with suppress(FileNotFoundError):
        _take_over(os.stat(target), new)
    file.write(_FORMAT + bytes(_SUMS.size))
    file.flush()


def _take_over(old: os.stat_result, new: Path) -> None:
    """Give a new file the owner and the mode of the old one, where this is allowed."""
    with suppress(AttributeError, OSError):  # Windows has no owners
        os.chown(new, old.st_uid, old.st_gid)
    with suppress(OSError):
        os.chmod(new, stat.S_IMODE(old.st_mode))


def remove_leftovers(target: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote.

    A process that is writing one holds its lock, so files that cannot be locked stay.
    """
    if not fcntl:
        return
    name = re.compile(re.escape(target.name) + r"\.[0-9a-f]{16}\.new")
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if name.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    _remove_unlocked(Path(entry.path))


def _remove_unlocked(path: Path) -> None:
    """Remove a temporary file of this module that no process is writing."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        head, made = file.read(len(_FORMAT)), os.fstat(file.fileno()).st_mtime
        # A new one is still empty, and perhaps not yet locked.
        if head == _FORMAT or (not head and time.time() > made + _ABANDONED):
            path.unlink()


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file that `replace` wrote, after its header.

    Raises
    ------
    ValueError
        If the file is truncated or damaged.
    """
    with path.open("rb") as file:
        fault = _fault(file)
        if fault:
            raise ValueError(f"{str(path)!r} cannot be loaded: {fault}")
        file.seek(_HEADER)
        yield file


def _fault(file: BufferedReader) -> str:
    """Return a message about a truncated or damaged file, "" if it is whole."""
    size, head = os.fstat(file.fileno()).st_size, file.read(len(_FORMAT))
    damaged = "Load an earlier copy, or train again."
    if not size:
        return f"the file is empty. {damaged}"
    if head != _FORMAT[: len(head)]:
        if head.startswith(_KIND):
            return (
                "the format of this checkpoint is unknown. A later release of skoptnet"
                " wrote it and can load it, or its first bytes are damaged."
            )
        return (
            "this is no checkpoint, or its first bytes are damaged. Only files that"
            " Checkpoint wrote can be loaded; for others, use pickle.load or"
            " joblib.load."
        )
    if size < _HEADER:
        return f"the checkpoint is truncated after {size} bytes. {damaged}"
    length, digest = _SUMS.unpack(file.read(_SUMS.size))
    if size != _HEADER + length:
        return (
            f"the checkpoint was written with {_HEADER + length} bytes, but has {size},"
            f" so it is truncated or damaged. {damaged}"
        )
    if hashlib.file_digest(file, "sha256").digest() != digest:
        return f"the checkpoint is damaged: its checksum does not match. {damaged}"
    return ""
