"""What every query strategy keeps to; a new file in selection/ is tested by existing."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kempelen.errors import ConfigError
from kempelen.plugins import available, build
from kempelen.protocols import QueryStrategy
from kempelen.records import Answered, Candidate, Pool
from kempelen.text import item_id

every = pytest.mark.parametrize("name", available("selection"))

LABELS = ("food", "health", "travel")


def candidate(query: str, predictions: int, probabilities: list[float]) -> Candidate:
    return Candidate(
        item_id=item_id(query),
        query=query,
        predictions=predictions,
        users=predictions,
        model_version="1",
        probabilities=dict(zip(LABELS, probabilities, strict=True)),
    )


def ordinary(n: int = 40) -> Pool:
    rng = np.random.default_rng(7)
    words = ["corona", "beer", "virus", "flight", "to", "rome", "pasta", "near", "me", "flu"]
    queries = dict.fromkeys(" ".join(rng.choice(words, size=rng.integers(1, 5), replace=False)) for _ in range(3 * n))
    said = rng.dirichlet([0.5] * 3, size=n)
    return Pool(
        candidates=tuple(
            candidate(query, int(rng.integers(1, 30)), said[i].tolist()) for i, query in enumerate([*queries][:n])
        ),
        labels=LABELS,
        surging=("corona", "virus"),
        segments=("food",),
        challenger=rng.dirichlet([0.5] * 3, size=n),
        answered=(
            Answered(query="corona beer me", label="food", suggestion="food"),
            Answered(query="corona me", label="health", suggestion="food"),
        ),
    )


POOL = ordinary()


def shuffled(pool: Pool, order: NDArray[np.int64]) -> Pool:
    return replace(
        pool,
        candidates=tuple(pool.candidates[n] for n in order),
        challenger=None if pool.challenger is None else pool.challenger[order],
    )


def first(pool: Pool, n: int) -> Pool:
    return shuffled(pool, np.arange(n))


EXTREMES = {
    "ordinary": POOL,
    "no challenger, nothing answered": replace(POOL, challenger=None, answered=()),
    "no alarm": replace(POOL, surging=(), segments=()),
    "one candidate": first(POOL, 1),
    "no candidate": first(POOL, 0),
    "no words": Pool(candidates=(candidate("?!", 1, [1.0, 0, 0]), candidate("...", 2, [0, 1.0, 0])), labels=LABELS),
    "the same words": Pool(candidates=tuple(candidate("corona " * n, 1, [1.0, 0, 0]) for n in (1, 2)), labels=LABELS),
    "one label": Pool(
        candidates=(replace(POOL.candidates[0], probabilities={"food": 1.0}),),
        labels=("food",),
        surging=("corona",),
        challenger=np.ones((1, 1)),
    ),
    "sure of everything": replace(POOL, challenger=np.eye(3)[np.arange(40) % 3]),
    "all was answered": replace(
        POOL, answered=tuple(Answered(query=c.query, label="food", suggestion=c.label) for c in POOL.candidates)
    ),
    "others are surging": replace(POOL, surging=("unheard",)),
}

pools = pytest.mark.parametrize("pool", EXTREMES.values(), ids=EXTREMES)


def strategy(name: str) -> QueryStrategy:
    built: QueryStrategy = build("selection", name, {})
    return built


@every
@pools
def test_sizes_are_one_finite_figure_a_candidate_none_below_0(name: str, pool: Pool) -> None:
    with np.errstate(all="raise"):
        sizes = strategy(name).sizes(pool)
    assert sizes.shape == (len(pool.candidates),)
    assert sizes.dtype == np.float64
    assert np.isfinite(sizes).all()
    assert (sizes >= 0).all()


@every
def test_there_is_something_to_ask_about_in_an_ordinary_pool(name: str) -> None:
    sizes = strategy(name).sizes(POOL)
    assert sizes.sum() > 0
    assert len(np.unique(sizes)) > 1, "a strategy that prefers nothing is none"


@every
@pools
def test_an_item_counts_the_same_wherever_it_stands(name: str, pool: Pool) -> None:
    order = np.random.default_rng(1).permutation(len(pool.candidates))
    assert strategy(name).sizes(shuffled(pool, order)) == pytest.approx(strategy(name).sizes(pool)[order], rel=1e-9)


@every
def test_the_same_pool_gives_the_same_sizes(name: str) -> None:
    assert (strategy(name).sizes(POOL) == strategy(name).sizes(ordinary())).all()


@every
@pools
def test_every_choice_has_a_reason_in_words(name: str, pool: Pool) -> None:
    for place in range(len(pool.candidates)):
        reason = strategy(name).reason(pool, place)
        assert len(reason.split()) > 3
        assert reason == reason.strip().rstrip(".")


@every
def test_a_parameter_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        build("selection", name, {"no such parameter": 1})
