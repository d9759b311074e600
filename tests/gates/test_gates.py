"""A challenger replaces the champion only on evidence."""

import numpy as np
import pytest

from gates.paired import sign_test
from kempelen.errors import NotEnoughData
from kempelen.plugins import available, build
from kempelen.records import PairedAnswer, Slice

gates = pytest.mark.parametrize("name", available("gates"))


def answers(slice_: Slice, *, n: int, better: int = 0, worse: int = 0, wrong: int = 0, weight: float = 1.0) -> list:
    """`n` items of which the challenger corrects some and spoils some, and both get `wrong` wrong."""
    said = [("x", "right")] * better + [("right", "x")] * worse + [("x", "x")] * wrong
    said += [("right", "right")] * (n - len(said))
    return [
        PairedAnswer(query=f"{slice_} {i}", slice=slice_, label="right", champion=old, challenger=new, weight=weight)
        for i, (old, new) in enumerate(said)
    ]


BEFORE = answers(Slice.BEFORE, n=500, wrong=25)


@gates
def test_a_better_challenger_passes(name: str) -> None:
    report = build("gates", name, {}).judge([*answers(Slice.TODAY, n=30, better=9, worse=1), *BEFORE])
    assert report.passed
    assert all(check.summary for check in report.checks)


@gates
def test_an_equal_challenger_does_not_pass(name: str) -> None:
    assert not build("gates", name, {}).judge([*answers(Slice.TODAY, n=30, wrong=5), *BEFORE]).passed


@gates
def test_a_challenger_that_forgot_what_was_before_does_not_pass(name: str) -> None:
    before = answers(Slice.BEFORE, n=500, worse=40, wrong=25)
    report = build("gates", name, {}).judge([*answers(Slice.TODAY, n=30, better=12), *before])
    assert not report.passed


@gates
@pytest.mark.parametrize("given", [[], BEFORE, answers(Slice.TODAY, n=30, better=12)])
def test_a_missing_slice_is_no_pass_but_an_error(name: str, given: list) -> None:
    with pytest.raises(NotEnoughData):
        build("gates", name, {}).judge(given)


@gates
def test_luck_passes_no_more_often_than_alpha(name: str) -> None:
    rng, alpha, trials = np.random.default_rng(2), 0.05, 1_000
    gate = build("gates", name, {"alpha": alpha})
    passed = 0
    for _ in range(trials):
        better = int(rng.binomial(20, 0.5))
        passed += gate.judge([*answers(Slice.TODAY, n=40, better=better, worse=20 - better), *BEFORE]).passed
    assert passed <= alpha * trials + 3 * (trials * alpha * (1 - alpha)) ** 0.5


def test_the_sign_test_is_the_binomial_tail() -> None:
    assert sign_test(9, 1) == pytest.approx(11 / 1024)
    assert sign_test(0, 0) == 1.0


def test_accuracy_is_weighted_with_the_traffic() -> None:
    light = answers(Slice.TODAY, n=8, better=8, weight=1.0)
    heavy = PairedAnswer(query="h", slice=Slice.TODAY, label="right", champion="right", challenger="x", weight=92.0)
    report = build("gates", "paired", {}).judge([*light, heavy, *BEFORE])
    assert report.checks[0].challenger_accuracy == pytest.approx(0.08)
    assert not report.passed
