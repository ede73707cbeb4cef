"""The environment variable SKOPTNET_KERNELS: formulas, kernels, instruction sets."""

import numpy as np
import pytest
from compiled import INSTRUCTION_SETS, needs_kernels
from sklearn.datasets import load_iris

from skoptnet import MLPClassifierX, _kernels, show_versions

X, y = load_iris(return_X_y=True)

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def model(**parameters):
    settings = {"hidden_layer_sizes": (10,), "max_iter": 20, "tol": 0}
    return MLPClassifierX(**settings | parameters, random_state=0)


def bits(net):
    return np.concatenate([W.ravel() for W in net.coefs_]).tobytes()


@pytest.fixture
def choose(monkeypatch):
    def set_or_unset(value):
        if value is None:
            monkeypatch.delenv(_kernels.VARIABLE, raising=False)
        else:
            monkeypatch.setenv(_kernels.VARIABLE, value)

    return set_or_unset


@pytest.fixture
def not_compiled(monkeypatch):
    monkeypatch.setattr(_kernels, "COMPILED", False)
    monkeypatch.setattr(_kernels, "INSTRUCTION_SETS", ())
    monkeypatch.setattr(_kernels, "WHY_NOT", "no compiler")


@needs_kernels
@pytest.mark.parametrize("value", [None, "", "1"])
def test_the_highest_instruction_set_unless_told_otherwise(value, choose, capsys):
    choose(value)
    assert _kernels.chosen() == INSTRUCTION_SETS[-1]
    show_versions()
    assert (
        f"runs on: compiled kernels ({INSTRUCTION_SETS[-1]})\n"
        in capsys.readouterr()[0]
    )


def test_each_instruction_set_has_results_of_its_own(instruction_set, choose, capsys):
    """In the last bits; the highest is what runs without the variable."""
    assert _kernels.chosen() == instruction_set
    show_versions()
    how = f"{instruction_set}, chosen by SKOPTNET_KERNELS={instruction_set}"
    assert f"runs on: compiled kernels ({how})\n" in capsys.readouterr().out
    chosen = bits(model().fit(X, y))
    choose(None)
    is_highest = instruction_set == INSTRUCTION_SETS[-1]
    assert (chosen == bits(model().fit(X, y))) == is_highest


@needs_kernels
def test_predictions_go_by_the_variable_too(choose):
    choose(None)
    net = model(hidden_layer_sizes=(100, 50)).fit(X, y)
    highest = net.predict_proba(X)
    choose("base")
    base = net.predict_proba(X)
    assert (base.tobytes() == highest.tobytes()) == (len(INSTRUCTION_SETS) == 1)
    np.testing.assert_allclose(base, highest, rtol=0, atol=1e-12)


def test_a_fit_keeps_the_instruction_set_that_it_began_with(instruction_set, choose):
    right = bits(model().fit(X, y))

    def changes(clock):
        choose(None if clock.epoch % 2 else "0")
        return 1.0

    assert bits(model(lr_schedule=changes).fit(X, y)) == right


def test_zero_switches_the_kernels_off(choose, capsys):
    choose("0")
    assert not _kernels.enabled()
    show_versions()
    said = capsys.readouterr().out
    if _kernels.COMPILED:
        assert "readable formulas (kernels switched off: SKOPTNET_KERNELS=0)" in said
    model().fit(X, y).predict(X)


CALLS = {
    "fit": lambda net: net.fit(X, y),
    "warm fit": lambda net: net.set_params(warm_start=True).fit(X, y),
    "fit by l-bfgs": lambda net: net.set_params(solver="lbfgs").fit(X, y),
    "fit without a kernel": lambda net: net.set_params(solver="muon").fit(X, y),
    "partial_fit": lambda net: net.partial_fit(X, y),
    "predict": lambda net: net.predict(X[:1]),
    "score": lambda net: net.score(X, y),
}


@pytest.mark.parametrize("value", ["AVX2", " base", "baseline", "2", "on"])
@pytest.mark.parametrize("call", CALLS)
def test_other_words_are_refused(call, value, choose, capsys):
    net = model().fit(X, y)
    choose(value)
    with pytest.raises(ValueError, match=f"SKOPTNET_KERNELS is '{value}'") as refusal:
        CALLS[call](net)
    for allowed in ("0", "1", *INSTRUCTION_SETS):
        assert repr(allowed) in str(refusal.value)
    show_versions()
    assert f"runs on: nothing ({refusal.value})" in capsys.readouterr().out


@needs_kernels
def test_what_the_machine_does_not_have_is_refused(choose, monkeypatch):
    monkeypatch.setattr(_kernels, "INSTRUCTION_SETS", ("base",))
    choose("avx2")
    with pytest.raises(ValueError, match=r"is 'avx2'.* can be '0', '1', 'base', or"):
        model().fit(X, y)


@pytest.mark.parametrize("value", [None, "", "0", "1"])
def test_the_formulas_run_where_nothing_is_compiled(value, not_compiled, choose):
    choose(value)
    assert not _kernels.enabled()
    model().fit(X, y).predict(X)


def test_an_instruction_set_is_refused_where_nothing_is_compiled(not_compiled, choose):
    choose("base")
    with pytest.raises(ValueError, match=r"'base'.* were not compiled: no compiler\."):
        model().fit(X, y)
