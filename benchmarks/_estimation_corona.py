"""The last days of January 2020: what the champion says, and how a challenger sees that.

The champion was trained on queries to December; the challengers on those and on some answers of the week before.
The audited traffic is that of 28 to 31 January, so neither was trained on it.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from benchmarks._estimation_scenes import Floats, Traffic
from console.demo import stream
from console.demo.traffic import users_of
from kempelen import plugins, text
from kempelen.protocols import Classifier
from kempelen.records import Example, TrainingSet

SEED = 20200128
TAUGHT = (date(2020, 1, 21), date(2020, 1, 27))
AUDITED = (date(2020, 1, 28), date(2020, 1, 31))
MIN_USERS = 2
TEACHING_ANSWERS = 200
ANSWER_WEIGHT = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """The queries that could be shown to people, with their traffic and what most people meant by them."""

    queries: tuple[str, ...]
    share: Floats
    labels: tuple[str, ...]


def week() -> Week:
    """The traffic of `AUDITED`, each normalised query once."""
    meant: dict[str, Counter[str]] = defaultdict(Counter)
    for row in _between(*AUDITED):
        meant[text.normalise(row.text)][row.label] += users_of(row.id)
    shown = sorted(query for query, votes in meant.items() if votes.total() >= MIN_USERS)
    share = np.array([meant[query].total() for query in shown], dtype=np.float64)
    return Week(
        queries=tuple(shown),
        share=share / share.sum(),
        labels=tuple(meant[query].most_common(1)[0][0] for query in shown),
    )


def traffics(challengers: int) -> dict[str, list[Traffic]]:
    """The traffic with the champion's own confidence as surrogate, and with that of each challenger."""
    audited, champion = week(), _trained([])
    said = champion.predict(audited.queries)
    labels = [champion.labels[place] for place in said.argmax(axis=1)]
    right = np.array([one == other for one, other in zip(labels, audited.labels, strict=True)], dtype=np.float64)

    def traffic(belief: Floats) -> Traffic:
        return Traffic(share=audited.share, right=right, surrogate=belief, doubt=np.sqrt(belief * (1 - belief)))

    beliefs = [_belief(_trained(_answers(seed)), audited.queries, labels) for seed in range(challengers)]
    return {"champion": [traffic(said.max(axis=1))], "challenger": [traffic(belief) for belief in beliefs]}


def _belief(model: Classifier, queries: Sequence[str], labels: Sequence[str]) -> Floats:
    """The model's probability of the label that the champion gave."""
    places = [model.labels.index(label) for label in labels]
    return np.asarray(model.predict(queries)[np.arange(len(places)), places], dtype=np.float64)


def _answers(seed: int) -> list[Example]:
    rows = _between(*TAUGHT)
    picked = np.random.default_rng([SEED, seed]).choice(len(rows), TEACHING_ANSWERS, replace=False)
    return [
        Example(query=text.normalise(rows[n].text), label=rows[n].label, weight=ANSWER_WEIGHT, source="answers")
        for n in picked
    ]


def _trained(answers: Sequence[Example]) -> Classifier:
    base = [
        Example(query=text.normalise(r.text), label=r.label, weight=1.0, source="base") for r in stream.train_fold()
    ]
    classifier: Classifier = plugins.build("models", "linear", {}).fit(TrainingSet(examples=(*base, *answers)), SEED)
    return classifier


def _between(first: date, last: date) -> list[stream.Row]:
    return [row for row in stream.rows() if first <= row.day <= last]
