"""Ctrl-C at a chosen point: KeyboardInterrupt by a trace function."""

import dis
import os
import sys
from pathlib import Path
from threading import Thread

import skoptnet
from skoptnet import threads

_ROOT = os.path.dirname(skoptnet.__file__)


def is_within_package(frame):
    """Tell whether skoptnet's code has called the function of a frame.

    pytest's hook for exceptions that cannot be raised is left out: pytest reports an
    interrupt of it as a failure of the test.
    """
    while frame and not frame.f_code.co_filename.startswith(_ROOT):
        if Path(frame.f_code.co_filename).stem == "unraisableexception":
            return False
        frame = frame.f_back
    return frame is not None


def is_of_training(frame):
    """Tell whether Ctrl-C may come in a frame: it is skoptnet's.

    The limit of BLAS threads is left out: where its lock is let go, a line begins, but
    no signal comes.
    """
    name = frame.f_code.co_filename
    return name.startswith(_ROOT) and name != threads.__file__


class Interrupts:
    """A context: Ctrl-C at the points of skoptnet's code that have certain numbers.

    The points are the begin of each line, and those at which Python looks for signals:
    where a function begins, after a call, and where a loop goes back.

    Parameters
    ----------
    at : iterable of int
        The numbers, from 0.
    only_signals : bool
        Whether only points count at which a signal can arrive.
    has_points : callable
        Whether a frame has such points.

    Attributes
    ----------
    n_points : int
        The number of points that were reached.
    reached : list of tuple
        Code object and line of each.
    places : list of tuple
        Where Ctrl-C came: function and line.
    is_lost : bool
        Whether it came in a finalizer, where Python prints it and goes on.
    """

    def __init__(self, at=(), only_signals=False, has_points=is_of_training):
        self.at, self.only_signals = frozenset(at), only_signals
        self.has_points = has_points
        self.n_points, self.places, self.is_on = 0, [], False
        self.is_lost, self.reached, self.frames = False, [], []

    def call(self, function):
        """Call a function in a thread of its own, and raise what it raises.

        Python keeps an exception for good as the one being dealt with where Ctrl-C
        comes just before it would forget it; so it is kept with the thread.
        """
        raised = []

        def called():
            try:
                with self:
                    function()
            except BaseException as error:
                error.__context__ = None
                raised.append(error)

        thread = Thread(target=called)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]

    def __enter__(self):
        self.before, self.hook_before = sys.gettrace(), sys.unraisablehook
        self.is_on, sys.unraisablehook = True, self._lose
        sys.settrace(self.trace)
        return self

    def __exit__(self, *_):
        self.is_on = False
        for points in self.frames:  # no cycle keeps a frame, and what it refers to
            points.frame = None
        sys.settrace(self.before)
        sys.unraisablehook = self.hook_before

    def _lose(self, unraisable):
        self.is_lost = True

    def trace(self, frame, *_):
        """Trace a frame of the package; called where it begins."""
        if not self.is_on or not self.has_points(frame):
            return None
        frame.f_trace_opcodes = True
        points = _PointsOfFrame(self, frame)
        self.frames.append(points)
        points.reach()
        return points


class _PointsOfFrame:
    """The trace function of a frame."""

    def __init__(self, owner, frame):
        self.owner, self.frame, self.before = owner, frame, ""

    def __call__(self, frame, event, _):
        if event == "line" and not self.owner.only_signals:
            self.reach()
        elif event == "opcode":
            before = self.before
            self.before = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if before.startswith(("CALL", "JUMP_BACKWARD")):
                self.reach()
        return self

    def reach(self):
        """Count a point; raise if it is one of those asked for."""
        owner, frame = self.owner, self.frame
        if not owner.is_on:
            return
        owner.n_points += 1
        owner.reached.append((frame.f_code, frame.f_lineno))
        if owner.n_points - 1 in owner.at:
            owner.places.append((frame.f_code.co_qualname, frame.f_lineno))
            frame.f_trace = _SwitchOnAgain(self)
            raise KeyboardInterrupt


class _SwitchOnAgain:
    """Switches tracing on as it goes.

    Where a trace function raises, Python drops that of the frame and traces no longer.
    """

    def __init__(self, points):
        self.points = points

    def __del__(self):
        owner = self.points.owner
        if owner.is_on:
            sys.settrace(owner.trace)
            self.points.frame.f_trace = self.points
