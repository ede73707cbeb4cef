"""The files of Checkpoint and History: refused, replaced, left over, full, damaged."""

import contextlib
import csv
import json
import os
import pickle
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX
from skoptnet.callbacks import Callback, Checkpoint, History
from skoptnet.optimizers import Adam

pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
on_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")

X, y = load_iris(return_X_y=True)
X = scale(X)

#: Both callbacks with a file, each with the name of one.
KINDS = {"model.pickle": Checkpoint, "log.csv": History, "log.jsonl": History}
kinds = pytest.mark.parametrize("name", KINDS)


def model(**parameters):
    return MLPClassifierX((5,), **{"random_state": 0, "max_iter": 4, **parameters})


def callback_of(path):
    kind = KINDS[path.name]
    return Checkpoint(path, every=1) if kind is Checkpoint else History(path)


def epochs_in(path):
    """Return the numbers of the epochs that a file knows."""
    if path.suffix == ".pickle":
        return Checkpoint.load(path).history_["epoch"]
    with path.open(newline="") as file:
        if path.suffix == ".jsonl":
            return [json.loads(line)["epoch"] for line in file]
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def assert_refused(path, error, match):
    """The fit ends before it trains, with an error that names callback and path."""
    refused, kind = model(), KINDS[path.name].__name__
    refused.set_callbacks(callback_of(path))
    with pytest.raises(error, match=match) as caught:
        refused.fit(X, y)
    assert f"'path' of {kind} must" in str(caught.value)
    assert repr(str(path)) in str(caught.value)
    assert not hasattr(refused, "n_iter_")


class At(Callback):
    """Calls functions at the begin of epochs, by their numbers from 0."""

    def __init__(self, calls):
        self.calls = calls

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id in self.calls:
            self.calls[context.task_id]()


# ------------------------------------------------------------------ where to write


@kinds
def test_a_folder_that_is_missing_or_no_folder_is_refused(tmp_path, name):
    assert_refused(tmp_path / "nowhere" / name, FileNotFoundError, "folder that exists")
    (tmp_path / "file").write_text("mine")
    assert_refused(tmp_path / "file" / name, FileNotFoundError, "is not a folder")
    assert (tmp_path / "file").read_text() == "mine"


@kinds
def test_a_path_that_is_a_folder_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    assert_refused(tmp_path / name, IsADirectoryError, "Add a file name")
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@kinds
@on_linux
@pytest.mark.parametrize("folder", ["/proc", "/sys"])
def test_a_folder_in_which_nobody_can_write_is_refused(name, folder):
    """Not root either: the kernel's own folders take no files."""
    assert_refused(Path(folder) / name, OSError, "that can be written.*fails")


@contextlib.contextmanager
def without_root():
    """Give the rights of root up for a while."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@kinds
@on_posix
def test_a_folder_without_permission_is_refused(name):
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o555)
        with without_root():
            assert_refused(folder / name, PermissionError, "check the permissions")
        assert list(folder.iterdir()) == []
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@on_posix
def test_a_history_that_may_not_be_written_is_refused():
    folder = Path(tempfile.mkdtemp())
    path = folder / "log.csv"
    try:
        path.write_text("mine")
        folder.chmod(0o777)
        path.chmod(0o444)
        with without_root():
            assert_refused(path, PermissionError, "Permission denied")
        assert path.read_text() == "mine"
    finally:
        shutil.rmtree(folder)


@on_posix
def test_a_checkpoint_replaces_no_pipe_and_no_device(tmp_path):
    path = tmp_path / "model.pickle"
    os.mkfifo(path)
    assert_refused(path, OSError, "device, a pipe")
    assert stat.S_ISFIFO(path.stat().st_mode)
    path.unlink()
    path.symlink_to("/dev/null")
    assert_refused(path, OSError, "device, a pipe")
    path.unlink()
    path.symlink_to(path)
    assert_refused(path, OSError, "link to itself")


@kinds
def test_the_path_is_that_of_when_the_fit_began(tmp_path, monkeypatch, name):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.chdir(first)
    elsewhere = At({1: lambda: os.chdir(second)})
    model().set_callbacks(callback_of(Path(name)), elsewhere).fit(X, y)
    assert epochs_in(first / name) == [1, 2, 3, 4]
    assert list(second.iterdir()) == []


@kinds
def test_a_fit_that_is_refused_overwrites_nothing(tmp_path, name):
    path = tmp_path / name
    model().set_callbacks(callback_of(path)).fit(X, y)
    before = path.read_bytes()
    for bad in ({"max_iter": 0}, {"solver": "nestrov"}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            model(**bad).set_callbacks(callback_of(path)).fit(X, y)
        assert path.read_bytes() == before
    with pytest.raises(ValueError, match="NaN"):
        model().set_callbacks(callback_of(path)).fit(X * np.nan, y)
    assert path.read_bytes() == before


def test_a_model_that_has_no_pickle_is_refused(tmp_path):
    path = tmp_path / "model.pickle"
    refused = model(lr_schedule=lambda clock: 1.0).set_callbacks(Checkpoint(path))
    with pytest.raises(TypeError, match=r"with pickle.*lambda"):
        refused.fit(X, y)
    assert not hasattr(refused, "n_iter_")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------ mode, owner and links


@kinds
@on_posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o777])
def test_the_mode_of_an_old_file_is_kept(tmp_path, name, mode):
    path = tmp_path / name
    path.write_text("")
    path.chmod(mode)
    owner = os.geteuid(), os.getegid()
    with contextlib.suppress(OSError):  # only root may, and not in every container
        os.chown(path, 12345, 23456)
        owner = 12345, 23456
    model().set_callbacks(callback_of(path)).fit(X, y)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    if os.geteuid() == 0:
        assert (path.stat().st_uid, path.stat().st_gid) == owner
    assert epochs_in(path) == [1, 2, 3, 4]


class Looks(Adam):
    """Notes the modes of the files in a folder whenever it is pickled."""

    folder, modes = None, []

    def __getstate__(self):
        self.modes += [stat.S_IMODE(f.stat().st_mode) for f in self.folder.iterdir()]
        return super().__getstate__()


@on_posix
def test_what_is_being_written_has_the_old_mode_already(tmp_path):
    """Nobody can read the new file who could not read the old one."""
    path = tmp_path / "model.pickle"
    path.write_text("")
    path.chmod(0o600)
    Looks.folder, modes = tmp_path, Looks.modes
    model(solver=Looks()).set_callbacks(Checkpoint(path, every=1)).fit(X, y)
    assert len(modes) >= 8  # old and new file, in each of 4 epochs
    assert set(modes) == {0o600}


@kinds
@on_posix
def test_a_new_file_has_the_mode_of_any_other(tmp_path, name):
    for mask in (0o022, 0o077):
        before = os.umask(mask)
        try:
            model().set_callbacks(callback_of(tmp_path / name)).fit(X, y)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~mask
        (tmp_path / name).unlink()


@kinds
@on_posix
@pytest.mark.parametrize("exists", [False, True])
def test_a_link_is_followed(tmp_path, name, exists):
    target, path = tmp_path / "there" / "file", tmp_path / name
    target.parent.mkdir()
    path.symlink_to(Path("there") / "file")
    if exists:
        target.write_text("")
    model().set_callbacks(callback_of(path)).fit(X, y)
    assert path.is_symlink()
    assert not target.is_symlink()
    assert epochs_in(path) == [1, 2, 3, 4]
    assert sorted(file.name for file in target.parent.iterdir()) == ["file"]


# ------------------------------------------------- temporary files of other processes

#: Trains; while a second checkpoint is written, it does something.
SCRIPT = """
import os, signal, sys, warnings
import numpy as np
from skoptnet import MLPClassifierX
from skoptnet.callbacks import Checkpoint
from skoptnet.optimizers import Adam

class Mine(Adam):
    first = True
    def __getstate__(self):
        files = os.listdir("..")
        if Mine.first and sys.argv[1] in files and len(files) > 2:
            Mine.first = False
            {what}
        return super().__getstate__()

warnings.simplefilter("ignore")
X = np.random.RandomState(0).randn(30, 4)
model = MLPClassifierX((50,), solver=Mine(), max_iter=4, random_state=0)
model.set_callbacks(Checkpoint("../" + sys.argv[1], every=1)).fit(X, X[:, 0] > 0)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
WAIT = "print('writing', flush=True); sys.stdin.readline()"


def start(what, path):
    """Start the script as a module, whose class this process can load, too."""
    code = path.parent / "code"
    code.mkdir(exist_ok=True)
    (code / "mine.py").write_text(SCRIPT.format(what=what))
    return subprocess.Popen(
        [sys.executable, "-c", "import mine", path.name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=code,
    )  # fmt: skip


def temporary(path):
    return [file for file in path.parent.iterdir() if file.name.endswith(".new")]


@on_posix
@pytest.mark.once
def test_the_temporary_file_of_a_killed_process_is_removed(tmp_path, monkeypatch):
    path = tmp_path / "model.pickle"
    for n in (1, 2):
        process = start(KILL, path)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert len(temporary(path)) == 1, n  # the second run removed the first's
    # What it saved before is whole. The class is not at hand: the message says so.
    with pytest.raises(ValueError, match=r"model\.pickle.*is whole.*No module.*mine"):
        Checkpoint.load(path)
    model().set_callbacks(Checkpoint(path)).fit(X, y)
    assert temporary(path) == []
    assert epochs_in(path)[-1] == 4


@on_posix
def test_a_temporary_file_that_is_empty_is_removed_after_an_hour(tmp_path):
    """Its process was killed before it wrote; a young one may be about to."""
    path = tmp_path / "model.pickle"
    old, young = (tmp_path / f"model.pickle.{16 * c}.new" for c in "ab")
    for file, age in ((old, 3700), (young, 3500)):
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    model().set_callbacks(Checkpoint(path)).fit(X, y)
    assert temporary(path) == [young]


@pytest.mark.parametrize("Callback", [Checkpoint, History])
@pytest.mark.parametrize("path", [None, 3, b"model.csv"])
def test_a_path_is_a_string_or_a_path(Callback, path):
    name = Callback.__name__
    with pytest.raises(TypeError, match=f"'path' of {name} must be .* Got {path!r} in"):
        Callback(path)


@on_posix
@pytest.mark.once
def test_the_temporary_file_of_a_live_process_stays(tmp_path):
    path = tmp_path / "model.pickle"
    process = start(WAIT, path)
    assert process.stdout.readline() == "writing\n"
    [theirs] = temporary(path)
    model().set_callbacks(Checkpoint(path, every=1)).fit(X, y)
    assert temporary(path) == [theirs]
    assert len(Checkpoint.load(path).coefs_[0]) == 4
    process.communicate("go on\n")
    assert process.returncode == 0
    assert temporary(path) == []
    with pytest.raises(ValueError, match="mine"):  # it is theirs now
        Checkpoint.load(path)


def test_files_that_are_not_ours_stay(tmp_path):
    path = tmp_path / "model.pickle"
    model().set_callbacks(Checkpoint(path)).fit(X, y)
    ours = path.read_bytes()
    others = {
        "model.pickle.0123456789abcdef.new": b"a user's",
        "model.pickle.0123456789abcde0.new": b"",
        "model.pickle.0123456789abcdef.new2": ours,
        "model.pickle.0123.new": ours,
        "model.pickle.new": ours,
        "model.pickle.0123456789abcdeg.new": ours,
        "other.pickle.0123456789abcdef.new": ours,
        "modelXpickle.0123456789abcdef.new": ours,
    }
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    folder = tmp_path / "model.pickle.fedcba9876543210.new"
    folder.mkdir()
    if os.name == "posix":
        (tmp_path / "model.pickle.aaaaaaaaaaaaaaaa.new").symlink_to(path)
    before = {file.name for file in tmp_path.iterdir()}
    model().set_callbacks(Checkpoint(path)).fit(X, y)
    assert {file.name for file in tmp_path.iterdir()} == before
    for name, content in others.items():
        assert (tmp_path / name).read_bytes() == content


# --------------------------------------------------------------------- no more space


def limit_of_file_size(size):
    """Return functions that set a limit as a full disk would, and lift it."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    return (
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1])),
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before),
    )


@kinds
@on_posix
def test_a_write_that_fails_leaves_the_file_of_before(tmp_path, name):
    """Training goes on, with one warning; once there is space, writing does, too."""
    path, seen = tmp_path / name, {}
    whole = model(max_iter=8).fit(X, y)
    size = {"model.pickle": 500, "log.csv": 220, "log.jsonl": 300}[name]
    fill, free = limit_of_file_size(size)

    def look(epoch):
        seen[epoch] = epochs_in(path)

    calls = {
        2: fill,
        5: lambda: look(5),
        6: lambda: (look(6), free()),
        7: lambda: look(7),
    }
    fitted = model(max_iter=8).set_callbacks(callback_of(path), At(calls))
    try:
        with pytest.warns(UserWarning, match="Training continues") as caught:
            fitted.fit(X, y)
    finally:
        free()
    messages = [str(w.message) for w in caught if "continues" in str(w.message)]
    assert len(messages) == 1
    for part in (str(path), "File too large", "epoch", KINDS[name].__name__):
        assert part in messages[0]
    assert caught[0].filename == __file__
    assert fitted.loss_curve_ == whole.loss_curve_
    assert seen[5] == seen[6]
    assert seen[5][-1] in (2, 3, 4)  # rows that still fit in the space are written
    assert seen[7] == [*range(1, 8)]
    assert epochs_in(path) == [*range(1, 9)]
    assert list(tmp_path.iterdir()) == [path]


@on_linux
def test_a_history_on_a_device_that_is_always_full(tmp_path):
    path = tmp_path / "log.csv"
    path.symlink_to("/dev/full")
    fitted = model().set_callbacks(History(path))
    with pytest.warns(UserWarning, match=r"epoch 1 to '/dev/full'.*No space left"):
        fitted.fit(X, y)
    assert len(fitted.loss_curve_) == 4


ON_A_FULL_DISK = """
import os, sys, warnings
from pathlib import Path
import numpy as np
from skoptnet import MLPClassifierX
from skoptnet.callbacks import Callback, Checkpoint, History

class Fills(Callback):
    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 3:
            try:
                with open("filler", "wb", buffering=0) as file:
                    while file.write(bytes(512)):
                        pass
            except OSError as error:
                print(error.strerror)

X = np.random.RandomState(0).randn(30, 4)
model = MLPClassifierX((60,), max_iter=6, random_state=0)
model.set_callbacks(Checkpoint("model.pickle", every=1), History("log.csv"), Fills())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.fit(X, X[:, 0] > 0)
print(*(w.message for w in caught if "continues" in str(w.message)), sep="\\n")
print(len(model.loss_curve_), Checkpoint.load("model.pickle").n_iter_)
print(sorted(os.listdir()))
"""


@on_linux
def test_a_disk_that_fills_up(tmp_path):
    """A small file system of its own, in a name space of its own."""
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path}"
    enter = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    try:
        subprocess.run([*enter, mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    call = f'{mount} && cd {tmp_path} && exec "$0" -c "$1"'
    out = subprocess.run(
        [*enter, call, sys.executable, ON_A_FULL_DISK],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    lines = out.splitlines()
    assert lines[0] == "No space left on device"
    assert "Checkpoint could not save epoch 4 to" in lines[1]
    assert "No space left on device. Training continues" in lines[1]
    assert "the file is still that of epoch 3" in lines[1]
    assert lines[-2:] == ["6 3", "['filler', 'log.csv', 'model.pickle']"]


@on_posix
def test_the_best_that_could_not_be_saved_does_not_hide_the_next(tmp_path):
    """The next save is due where an epoch is better than the saved one."""
    path = tmp_path / "model.pickle"
    fill, free = limit_of_file_size(500)
    fitted = model(max_iter=6, learning_rate_init=1.5, solver="momentum", momentum=0.99)
    losses = clone(fitted).fit(X, y).loss_curve_
    best = np.minimum.accumulate(losses)
    at = next(  # an epoch is the best, and the one after it is second
        k for k in range(1, 5) if best[k] == losses[k] < losses[k + 1] < best[k - 1]
    )
    fitted.set_callbacks(Checkpoint(path), At({at: fill, at + 1: free}))
    try:
        with pytest.warns(UserWarning, match="Training continues"):
            fitted.set_params(max_iter=at + 2).fit(X, y)
    finally:
        free()
    assert epochs_in(path)[-1] == at + 2


# -------------------------------------------------------------------- what is loaded


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.pickle"
    model(max_iter=2).set_callbacks(Checkpoint(path)).fit(X, y)
    return path


def assert_not_loaded(path, match):
    with pytest.raises(ValueError, match=match) as caught:
        Checkpoint.load(path)
    assert str(caught.value).startswith(f"{str(path)!r} cannot be loaded: ")


def test_an_empty_file_is_not_loaded(saved):
    saved.write_bytes(b"")
    assert_not_loaded(saved, "is empty")


def test_a_cut_file_is_not_loaded(saved):
    whole = saved.read_bytes()
    for n in [*range(1, 80), *range(80, len(whole), 97), len(whole) - 1]:
        saved.write_bytes(whole[:n])
        assert_not_loaded(saved, "cut")
    saved.write_bytes(whole + b"\0")
    assert_not_loaded(saved, f"written with {len(whole)} bytes, but has")
    saved.write_bytes(whole)
    assert Checkpoint.load(saved).n_iter_ == 2


def test_no_flipped_bit_is_loaded(saved):
    whole, rng = saved.read_bytes(), np.random.RandomState(0)
    for i in [*range(100), *rng.choice(len(whole), 200, replace=False)]:
        flipped = bytearray(whole)
        flipped[i] ^= 1 << rng.randint(8)
        saved.write_bytes(flipped)
        assert_not_loaded(saved, "damaged")


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(model(), protocol=5), pickle.dumps(model(), protocol=0),
        b"epoch,loss\n1,0.5\n", b"\x89PNG\r\n", b"s", b"\0" * 1000,
    ],
)  # fmt: skip
def test_a_foreign_file_is_not_loaded(tmp_path, content):
    path = tmp_path / "model.pickle"
    path.write_bytes(content)
    if content == b"s":  # the first letter of ours
        assert_not_loaded(path, "truncated after 1 bytes")
    else:
        assert_not_loaded(path, r"no checkpoint.*pickle.load or joblib")


def test_foreign_pickles_do_not_run(tmp_path):
    """Nothing of a file that is not ours is carried out."""

    class Touch:
        def __reduce__(self):
            return Path.touch, (tmp_path / "touched",)

    path = tmp_path / "model.pickle"
    joblib.dump(Touch(), path)
    assert_not_loaded(path, "no checkpoint")
    assert not (tmp_path / "touched").exists()
    pickle.loads(pickle.dumps(Touch()))
    assert (tmp_path / "touched").exists()


def test_a_file_of_a_later_format_is_not_loaded(saved):
    saved.write_bytes(saved.read_bytes().replace(b"checkpoint 1", b"checkpoint 2", 1))
    assert_not_loaded(saved, "later release")


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pickle"):
        Checkpoint.load(tmp_path / "nowhere.pickle")


# ------------------------------------------------------------- one path in a search


@kinds
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_after_a_search_the_file_is_that_of_the_refit(tmp_path, name, n_jobs):
    path = tmp_path / name
    watched = model().set_callbacks(callback_of(path))
    search = GridSearchCV(
        watched, {"alpha": [1e-4, 1e-2], "max_iter": [3, 5]}, cv=2, n_jobs=n_jobs
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # also in the workers
        search.fit(X, y)
    n = search.best_params_["max_iter"]
    assert epochs_in(path) == [*range(1, n + 1)]
    if path.suffix == ".pickle":
        kept = Checkpoint.load(path)
        assert kept.get_params() == search.best_estimator_.get_params()
        np.testing.assert_array_equal(
            kept.predict_proba(X), search.best_estimator_.predict_proba(X)
        )
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_without_a_refit_the_checkpoint_is_that_of_the_last_save(tmp_path, n_jobs):
    path = tmp_path / "model.pickle"
    watched = model().set_callbacks(Checkpoint(path, every=1))
    candidates = {"alpha": [1e-4, 1e-2, 1.0]}
    search = GridSearchCV(watched, candidates, cv=2, n_jobs=n_jobs, refit=False)
    search.fit(X, y)
    kept = Checkpoint.load(path)
    assert kept.alpha in candidates["alpha"]
    assert len(kept.loss_curve_) in range(1, 5)
    if n_jobs is None:
        assert (kept.alpha, len(kept.loss_curve_)) == (1.0, 4)
    assert list(tmp_path.iterdir()) == [path]
