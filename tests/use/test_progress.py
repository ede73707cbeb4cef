"""``verbose=2``: a bar in terminals and notebooks, a line in files and workers.

The terminal is a pseudo-terminal with a process of its own; the notebook is executed.
"""

import io
import os
import re
import select
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from pages import ROOT
from processes import environment, execute
from sklearn.datasets import load_iris

from skoptnet import MLPClassifierX
from skoptnet.estimators import progress_displays
from skoptnet.estimators.progress import Progress, duration, short
from skoptnet.estimators.progress_displays import Log, NotebookBar, _Row, as_html
from skoptnet.estimators.verbose import format_metrics

X, y = load_iris(return_X_y=True)

METRICS = {
    "epoch": 41,
    "update": 410,
    "loss": 0.123456,
    "validation_loss": 0.145,
    "validation_score": 0.9,
    "learning_rate": 0.001,
    "seconds": 0.5,
}
SEVERAL = METRICS | {
    "validation_f1_macro": 0.875,
    "train_loss": 0.11,
    "train_score": 0.95,
    "something_new": 12.0,
}


class Clock:
    """A clock that stands still until it is set."""

    now = 100.0

    def __call__(self):
        return self.now


def progress(n_epochs=100, done=41, seconds=12.0, metrics=METRICS, title=""):
    """Return the progress of a training after some epochs of equal length."""
    clock = Clock()
    state = Progress(n_epochs, title, clock)
    for epoch in range(1, done + 1):
        clock.now += seconds / done
        state.update(metrics | {"epoch": epoch})
    return state


def drawn(state, width, **options):
    """Return a row as a terminal of a width gets it."""
    console = pytest.importorskip("rich.console")
    out = io.StringIO()
    settings = {"force_terminal": True, "color_system": None, "legacy_windows": False}
    console.Console(file=out, width=width, **settings | options).print(_Row(state))
    return out.getvalue().rstrip("\n")


# The row.


@pytest.mark.parametrize(
    ("width", "shown", "left_out"),
    [
        (40, ["41/100", "━", "0:12, 0:18 left"], ["loss", "val", "rate"]),
        (60, ["41/100", "━", "0:12, 0:18 left", "loss 0.1235"], ["val", "rate"]),
        (61, ["0:12, 0:18 left", "loss 0.1235", "val 0.1450"], ["score", "rate"]),
        (80, ["loss 0.1235", "val 0.1450", "score 0.9000"], ["rate"]),
        (120, ["loss 0.1235", "val 0.1450", "score 0.9000", "rate 0.001"], []),
    ],
)
def test_metrics_are_left_out_by_width(width, shown, left_out):
    row = drawn(progress(), width)
    assert "\n" not in row
    places = [row.index(text) for text in shown]
    assert places == sorted(places)
    assert not any(text in row for text in left_out)


@pytest.mark.parametrize("metrics", [{}, METRICS, SEVERAL])
@pytest.mark.parametrize("reason", [None, "max_iter", "early_stopping", "failed"])
def test_a_row_is_never_broken_or_cut(metrics, reason):
    state = progress(metrics=metrics)
    if reason:
        state.end(reason, metrics | {"epoch": 31})
    whole = [text for _, text in state.fields()]
    numbers = []
    for width in range(200, 24, -1):
        row = drawn(state, width)
        assert len(row.splitlines()) == 1
        assert len(row.rstrip()) < width  # Ctrl-C prints ^C after it
        fields = [text for text in re.split(" {2,}", row) if text.strip("━ ")]
        assert fields == whole[: len(fields)]
        numbers.append(len(fields))
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] == len(whole)
    assert numbers[-1] <= 2


def test_the_bar_is_as_full_as_the_count_says():
    for done, full in ((0, 0), (25, 7), (50, 15), (100, 30)):
        row = drawn(progress(done=done, seconds=done / 10, metrics={}), 80)
        assert row.count("━") == full  # without colours the rest is blank
    early = progress(done=50, metrics={})
    early.end("early_stopping")
    assert drawn(early, 80).count("━") == 30
    failed = progress(done=50, metrics={})
    failed.end("failed")
    assert drawn(failed, 80).count("━") == 15


def test_a_terminal_of_ascii_gets_ascii():
    class Ascii(io.StringIO):
        encoding = "ascii"

    console = pytest.importorskip("rich.console")
    out = Ascii()
    console.Console(file=out, width=80, force_terminal=True, color_system=None).print(
        _Row(progress())
    )
    assert out.getvalue().isascii()
    assert "-----" in out.getvalue()


def test_fields_stay_where_they_are():
    """A shorter number does not move those after it."""
    state = progress(n_epochs=100, done=1, metrics={"loss": 1.5e-10, "epoch": 1})
    before = drawn(state, 120)
    state.update({"loss": 0.5, "learning_rate": 0.1, "epoch": 2})
    after = drawn(state, 120)
    assert "loss 1.500e-10" in before
    assert after.index("rate 0.1") == before.index("loss") + len("loss 1.500e-10  ")


def test_time_left_counts_down_between_epochs():
    state = progress(n_epochs=4, done=1, seconds=100)
    assert state.text(30) == "1/4  1:40, 5:00 left"
    state.clock.now += 60
    assert state.text(30) == "1/4  2:40, 4:00 left"
    state.clock.now += 10_000
    assert ", 0:00 left" in state.text(40)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "1:00:00"),
        (86_399, "23:59:59"), (360_000, "4 days"), (1e20, "1157407407407407 days"),
    ],
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"), (1.0, "1.000"), (1234.5, "1234"), (12345.0, "1.234e+04"),
        (-2e-12, "-2.000e-12"), (np.float32(0.5), "0.5000"), (np.nan, "nan"),
        (-np.inf, "-inf"), (7, "7.000"), (None, "None"), ("a\nb", "a b"),
    ],
)  # fmt: skip
def test_metrics_have_four_digits(value, text):
    assert short(value) == text


def test_an_early_end_says_so():
    state = progress(n_epochs=200)
    state.end("early_stopping", METRICS | {"epoch": 31})
    begin = "41/200 early stopping  epoch 31 kept  12"
    assert state.text().startswith("41/200 early stopping  epoch 31 kept  0:12  loss")
    assert begin[:22] in drawn(state, 40)
    assert "left" not in state.text()


def test_the_last_epoch_need_not_be_named():
    state = progress(done=100)
    state.end("max_iter", METRICS | {"epoch": 100})
    assert state.text(20) == "100/100  0:12"


def test_all_metrics_are_shown_and_none_twice():
    text = progress(metrics=SEVERAL).text()
    for label in (
        "loss 0.1235", "val 0.1450", "score 0.9000", "val f1 macro 0.8750",
        "train 0.1100", "train score 0.9500", "something new 12.00",
    ):  # fmt: skip
        assert text.count(label) == 1
    assert text.endswith("rate 0.001")
    negative = METRICS | {"validation_score": -0.145}
    assert "score" not in progress(metrics=negative).text()
    named = METRICS | {"validation_f1": 0.9}
    assert "  score" not in progress(metrics=named).text()
    assert "val f1 0.9000" in progress(metrics=named).text()


def test_a_score_of_the_training_rows_is_not_shown_twice():
    negative = SEVERAL | {"train_score": -0.11}
    named = SEVERAL | {"train_accuracy": 0.95}
    for text in (progress(metrics=negative).text(), format_metrics(negative)):
        assert "train score" not in text
    for text in (progress(metrics=named).text(), format_metrics(named)):
        assert "train score" not in text
        assert "train accuracy" in text
    assert "train score = 0.950000" in format_metrics(SEVERAL)


def test_names_of_scorers_may_have_any_characters():
    bad = {"epoch": 1, "validation_[red]<b>\x1b[2J\n{x}": 0.5, "loss": 1.0}
    state = progress(metrics=bad)
    assert state.text().isprintable()
    assert "[red]<b> [2J {x} 0.5000" in drawn(state, 120)
    assert "<b>" not in as_html(state)
    line = format_metrics(bad)
    assert line.endswith("{x} = 0.500000")
    assert line.isprintable()


def test_lines_have_further_metrics_before_the_rate():
    line = format_metrics(SEVERAL)
    assert line.startswith("loss = 0.12345600, train loss = 0.11000000, validation")
    assert "validation f1 macro = 0.875000, " in line
    assert line.endswith("learning rate = 0.001, 0.500 s")


def test_a_huge_number_of_epochs():
    state = progress(n_epochs=2**63 - 1)
    assert state.text(30) == "                 41/9223372036854775807"
    assert "days left" in state.text(120)
    assert state.share < 1e-9


# Where the output is no terminal.


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_file_gets_one_line_without_control_characters(capsys):
    model = MLPClassifierX((5,), max_iter=3, random_state=0, verbose=2).fit(X, y)
    out = capsys.readouterr().out
    assert re.fullmatch(
        rf"3/3  \d+\.\d s  loss {short(model.loss_)}  rate 0\.\d+\n", out
    )
    assert out[:-1].isprintable()


def test_the_line_shows_the_kept_epoch(capsys):
    settings = {"early_stopping": True, "max_iter": 500, "learning_rate_init": 0.3}
    model = MLPClassifierX((5,), random_state=0, verbose=2, **settings).fit(X, y)
    out = capsys.readouterr().out
    assert model.best_epoch_ < model.n_iter_ < 500
    assert out.startswith(
        f"{model.n_iter_}/500 early stopping  epoch {model.best_epoch_} kept  "
    )
    assert f"  loss {short(model.loss_)}  " in out
    assert f"  val {short(-model.best_validation_score_)}  " in out


def test_refit_has_a_line_of_its_own(capsys):
    settings = {"early_stopping": True, "refit_all": True, "learning_rate_init": 0.1}
    model = MLPClassifierX((5,), max_iter=500, random_state=0, verbose=2, **settings)
    model.fit(X, y)
    first, second = capsys.readouterr().out.splitlines()
    n = model.best_epoch_
    assert " early stopping  " in first
    assert second.startswith(f"refit {n}/{n}  ")


def test_partial_fit_has_a_line_for_its_epoch(capsys):
    model = MLPClassifierX((5,), random_state=0, verbose=2)
    model.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Iteration 1, loss = ")
    assert second.startswith("Iteration 2, loss = ")


def test_training_that_fails_has_a_line(capsys):
    def schedule(clock):
        if clock.epoch == 2:
            raise RuntimeError("on purpose")
        return 1.0

    model = MLPClassifierX((5,), lr_schedule=schedule, random_state=0, verbose=2)
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(X, y)
    assert capsys.readouterr().out.startswith("2/200 failed  ")
    model.set_params(lr_schedule="constant", solver="sgd", learning_rate_init=1e300)
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X * 1e100, y)
    assert capsys.readouterr().out.startswith("0/200 diverged  ")


def test_a_log_has_a_line_a_minute(capsys):
    clock = Clock()
    log = Log(Progress(200, clock=clock))
    for epoch in range(1, 151):
        clock.now += 1
        log.after_epoch({"epoch": epoch, "loss": 1 / epoch})
    log.end("converged")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == [
        "60/200", "120/200", "150/200 converged",
    ]  # fmt: skip
    assert "1:00, 2:20 left" in lines[0]


def test_without_a_standard_output(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    model = MLPClassifierX((5,), solver="lbfgs", random_state=0, verbose=2)
    assert model.fit(X, y).stop_reason_ == "converged"


class Full(io.StringIO):
    """A standard output on a full disk."""

    def write(self, text):
        raise OSError(28, "No space left on device")


def test_an_output_that_fails_as_training_ends_does_not_cost_the_model(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Full())
    model = MLPClassifierX((5,), solver="lbfgs", random_state=0, verbose=2)
    assert model.fit(X, y).stop_reason_ == "converged"


def test_an_output_that_fails_hides_no_error(monkeypatch):
    def scorer(model, X, y):
        raise RuntimeError("the scorer")

    monkeypatch.setattr(sys, "stdout", Full())
    model = MLPClassifierX(early_stopping=True, scoring=scorer, verbose=2)
    with pytest.raises(RuntimeError, match="the scorer"):
        model.fit(X, y)


def test_the_standard_output_may_be_replaced_while_a_line_is_printed():
    """As a bar in another thread does; `print` would then use freed memory."""
    code = """
    import sys
    from skoptnet.estimators.progress_displays import print_line
    written = []
    class Replaced:
        def write(self, text):
            written.append(text)
            sys.stdout = sys.__stdout__  # the last reference but that of the caller
        def flush(self):
            written.append("flushed")
    sys.stdout = Replaced()
    print_line("a line")
    sys.stdout = sys.__stdout__
    print(written)
    """
    call = [sys.executable, "-c", textwrap.dedent(code)]
    out = subprocess.run(
        call, capture_output=True, text=True, check=True, env=environment()
    ).stdout
    assert out.strip() == "['a line\\n', 'flushed']"


# In a terminal.

SETUP = """
import signal, sys, warnings
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has none
warnings.simplefilter("ignore")
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skoptnet import MLPClassifierX
X, y = load_iris(return_X_y=True)
def model(**settings):
    settings = {"max_iter": 9, "random_state": 0, "verbose": 2} | settings
    return MLPClassifierX((5,), **settings)
"""
KINDS = """
print("= early stopping")
model(early_stopping=True, max_iter=500, learning_rate_init=0.3).fit(X, y)
print("= lbfgs")
model(solver="lbfgs", early_stopping=True).fit(X, y)
print("= refit_all")
model(early_stopping=True, refit_all=True).fit(X, y)
print("= warm start")
network = model(warm_start=True, early_stopping=True)
network.fit(X, y).fit(X, y)
print("= pipeline")
make_pipeline(StandardScaler(), model(early_stopping=True)).fit(X, y)
print("= search")
GridSearchCV(model(early_stopping=True), {"alpha": [0, 1]}, cv=2, n_jobs=2).fit(X, y)
print("= inside another display")
from rich.progress import track
for _ in track(range(2), "outer"):
    model().fit(X, y)
print("= no terminal")
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()) as out:
    model().fit(X, y)
print(repr(out.getvalue()))
"""


def in_terminal(code, columns=80, interrupt_at=None):
    """Return what a script writes to a terminal; interrupt it once it writes a text."""
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals in the standard library")
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    hidden = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"}
    # For the workers of a search, which older releases give no filters.
    env = environment(TERM="xterm", PYTHONIOENCODING="utf-8", PYTHONWARNINGS="ignore")
    script = subprocess.Popen(
        [sys.executable, "-c", SETUP + textwrap.dedent(code)],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={name: value for name, value in env.items() if name not in hidden},
    )  # fmt: skip
    os.close(theirs)
    out = b""
    while True:
        if not select.select([ours], [], [], 120)[0]:
            script.kill()
        try:
            chunk = os.read(ours, 10_000)
        except OSError:  # Linux: the script has ended
            break
        if not chunk:
            break
        out += chunk
        if interrupt_at and interrupt_at in out:
            script.send_signal(signal.SIGINT)
            interrupt_at = None
    os.close(ours)
    assert script.wait() == 0, out.decode()
    return out.decode()


def lines_of(out):
    """Return the text of each line as it was left, without colours."""
    out = re.sub(r"\x1b\[[\d;?]*[A-JL-Za-z]", "", out)  # all but "erase the line"
    lines = [line.split("\x1b[2K")[-1] for line in out.split("\n")]
    return [line.strip("\r").split("\r")[-1].rstrip() for line in lines]


@pytest.fixture(scope="module")
def kinds():
    """What each kind of training leaves in a terminal, by its name."""
    pytest.importorskip("rich")
    left = {}
    for line in lines_of(in_terminal(KINDS)):
        if line.startswith("= "):
            name = line[2:]
            left[name] = []
        elif line:
            left[name].append(line)
    return left


@pytest.mark.once
def test_a_bar_with_early_stopping(kinds):
    (line,) = kinds["early stopping"]
    assert re.match(r"\d+/500 early stopping  ", line)
    assert re.search(r"  epoch \d+ kept  .* s  loss \S+  val ", line)


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("lbfgs", [r"9/9  ━+  "]),
        ("refit_all", [r"9/9  ━+  ", r"refit 9/9  ━+  "]),
        ("warm start", [r"9/9  ━+  ", r"9/9  ━+  "]),
        ("pipeline", [r"9/9  ━+  "]),
        # Workers share the terminal; the last fit is at home.
        ("search", [r"9/9  \d"] * 4 + [r"9/9  ━+  "]),
        # A bar, too, from rich 14.1 on.
        ("inside another display", [r"9/9  (━+  )?\d"] * 2 + ["outer .*100%"]),
    ],
)
@pytest.mark.once
def test_all_kinds_of_trainings_have_a_bar(kinds, kind, begins):
    assert len(kinds[kind]) == len(begins)
    for line, begin in zip(kinds[kind], begins, strict=True):
        assert re.match(begin, line)


@pytest.mark.once
def test_redirected_in_a_terminal(kinds):
    (line,) = kinds["no terminal"]
    assert re.fullmatch(r"'9/9  \d\.\d s  loss \S+  rate \S+\\n'", line)


@pytest.mark.parametrize(
    "columns",
    [40, 120, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (60, 80))],
)
def test_the_terminal_is_whole_after_an_interruption(columns):
    pytest.importorskip("rich")
    code = """
    network = model(max_iter=10**6, n_iter_no_change=float("inf")).fit(X, y)
    print(network.stop_reason_, sys.stdout is sys.__stdout__)
    """
    out = in_terminal(code, columns, interrupt_at=b" left")
    assert out.rindex("\x1b[?25h") > out.rindex("\x1b[?25l")  # the cursor is back
    *_, line, said, _ = lines_of(out)
    assert re.match(r"\d+/1000000 interrupted", line)
    assert said == "interrupted True"


def test_the_terminal_is_whole_after_an_interruption_of_its_start():
    pytest.importorskip("rich")
    code = """
    from rich.live import Live
    start = Live.start
    def interrupted(live, **options):
        start(live, **options)
        raise KeyboardInterrupt
    Live.start = interrupted
    try:
        model().fit(X, y)
    except KeyboardInterrupt:
        print("interrupted", sys.stdout is sys.__stdout__)
    Live.start = start
    model().fit(X, y)
    """
    out = in_terminal(code)
    assert out.rindex("\x1b[?25h") > out.rindex("\x1b[?25l")
    first, said, after, _ = lines_of(out)
    assert first.startswith("0/9 interrupted  ")
    assert said == "interrupted True"
    assert re.match("9/9  ━+  ", after)


def test_the_terminal_is_whole_after_an_error():
    pytest.importorskip("rich")
    code = """
    def schedule(clock):
        if clock.epoch == 5:
            raise RuntimeError
        return 1.0
    try:
        model(lr_schedule=schedule).fit(X, y)
    except RuntimeError:
        print("error", sys.stdout is sys.__stdout__)
    model().fit(X, y)
    """
    out = in_terminal(code)
    assert out.rindex("\x1b[?25h") > out.rindex("\x1b[?25l")
    failed, said, after, _ = lines_of(out)
    assert re.match("5/9 failed  ", failed)
    assert said == "error True"
    assert re.match("9/9  ━+  ", after)


@pytest.mark.once
def test_without_rich_it_is_said_once():
    code = """
    sys.modules["rich"] = None
    model(max_iter=2).fit(X, y)
    model(max_iter=2).fit(X, y)
    """
    said, *lines, _ = lines_of(in_terminal(code))
    assert said == 'The progress bar needs rich: pip install "skoptnet[progress]"'
    assert [line[:11] for line in lines] == ["Iteration 1", "Iteration 2"] * 2


@pytest.mark.once
def test_a_terminal_that_cannot_move_its_cursor():
    pytest.importorskip("rich")
    out = in_terminal("import os; os.environ['TERM'] = 'dumb'; model().fit(X, y)")
    assert "\x1b" not in out
    assert re.match(r"9/9  \d", out)


# In a notebook.

CELL = """
import sys
sys.modules["rich"] = sys.modules["ipywidgets"] = None  # neither is needed
settings = {"early_stopping": True, "max_iter": 500, "learning_rate_init": 0.3}
network = model(**settings).fit(X, y)
print(network.n_iter_, network.best_epoch_, len(network.history_["loss"]))
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """An executed notebook: a cell with a bar, one that fails, and a search."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    search = "GridSearchCV(model(), {'alpha': [0, 1]}, cv=2, n_jobs=2).fit(X, y);"
    fails = "model(lr_schedule=lambda clock: 1 / 0).fit(X, y)"
    cells = [SETUP + CELL, fails, search]
    made = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    made.cells[1].metadata["tags"] = ["raises-exception"]
    execute(made, tmp_path_factory.mktemp("notebook"))
    return made


def bars(cell):
    return [out.data for out in cell.outputs if out.output_type == "display_data"]


def printed(cell):
    return "".join(out.text for out in cell.outputs if out.output_type == "stream")


notebook_warnings = pytest.mark.filterwarnings("ignore")


@notebook_warnings
@pytest.mark.once
def test_a_notebook_has_the_last_state_in_one_output(notebook):
    (bar,) = bars(notebook.cells[0])
    n_epochs, kept, _ = printed(notebook.cells[0]).split()
    begin = f"{n_epochs}/500 early stopping  epoch {kept} kept  "
    assert bar["text/plain"].startswith(begin)
    assert f">{n_epochs}/500 early stopping</span>" in bar["text/html"]
    assert '<progress value="1.0000" max="1"' in bar["text/html"]


@notebook_warnings
@pytest.mark.once
def test_a_notebook_shows_that_training_failed(notebook):
    (bar,) = bars(notebook.cells[1])
    assert bar["text/plain"].startswith("0/9 failed")
    assert '<progress value="0.0000"' in bar["text/html"]
    assert notebook.cells[1].outputs[-1].ename == "ZeroDivisionError"


@notebook_warnings
@pytest.mark.once
def test_a_search_in_a_notebook(notebook):
    """The bar is that of the last fit, which is no worker's."""
    (bar,) = bars(notebook.cells[2])
    assert bar["text/plain"].startswith("9/9  ")


def test_a_notebook_is_updated_ten_times_a_second(monkeypatch):
    display = pytest.importorskip("IPython.display")
    sent = []

    class Handle:
        def update(self, data, raw):
            assert raw
            sent.append(data["text/plain"].strip().split("  ")[0])

    monkeypatch.setattr(display, "display", lambda *_, **__: Handle())
    clock = Clock()
    bar = NotebookBar(Progress(1000, clock=clock)).started()
    for epoch in range(1, 996):
        clock.now += 1 / 64  # exact
        bar.after_epoch({"epoch": epoch})
    bar.end("converged")
    assert sent == [f"{n}/1000" for n in range(7, 996, 7)] + ["995/1000 converged"]


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch):
    pytest.importorskip("IPython")
    from IPython.terminal.interactiveshell import TerminalInteractiveShell

    shell = TerminalInteractiveShell.__new__(TerminalInteractiveShell)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    assert not progress_displays.shell_is("ZMQInteractiveShell")
    assert progress_displays.shell_is("TerminalInteractiveShell")


# The page.


def fields_of(progress):
    return [text.strip() for _, text in progress.fields()]


def test_the_rows_of_the_page_are_those_of_the_display():
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = re.findall(r"^```\n(.*━.*)\n```$", page, re.MULTILINE)
    running, interrupted = [re.split(r"  +(?:━+  +)?", row.strip()) for row in rows]

    clock = Clock()
    progress = Progress(400, clock=clock)
    progress.done, clock.now = 87, clock.now + 2.4
    progress.update(
        {"epoch": 88, "loss": 0.1555, "validation_loss": 0.2956}
        | {"validation_score": 0.918, "learning_rate": 0.001}
    )
    shown = fields_of(progress)
    assert shown[: len(running)] == running

    progress = Progress(400, clock=clock)
    progress.done, clock.now = 99, clock.now + 2.7
    progress.update({"epoch": 100, "loss": 0.1, "validation_loss": 0.3})
    progress.end(
        "interrupted", {"epoch": 15, "loss": 0.2271, "validation_loss": 0.2595}
    )
    assert fields_of(progress)[: len(interrupted)] == interrupted
