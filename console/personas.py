"""Five simulated annotators with known faults and an expert, each a real user of Label Studio with an own token.

They exist for the demo and the tests, whose queries have labels that only they may read. Their
addresses end in `@simulated.invalid`, by which their effort is told from human effort for ever.

What a persona answers to an item depends on nothing but the seed, the persona and the item, and so
does who answers it: a run that was killed and started again gives the same answers.
"""

import csv
import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.annotation.label_studio import SIMULATED_DOMAIN, speaking
from console._persona_accounts import Account, accounts, client
from console._persona_desk import Item, Post, open_items, open_projects, send
from kempelen.errors import BadData
from kempelen.protocols import Progress

__all__ = [
    "EXPERTS",
    "EXPERT_ADDRESSES",
    "PERSONAS",
    "Answer",
    "Persona",
    "answer",
    "answer_all",
    "confusion",
    "order",
    "seconds",
]

_EFFORT = Path(__file__).parent / "data" / "effort" / "seconds_per_item.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """A simulated annotator: how often right, what mixed up with what, how quick, how often skipping.

    `confuses` names labels that are mixed up: of the errors on such a label, four in five are the
    named one. All other errors are spread evenly.
    """

    name: str
    accuracy: float
    pace: float
    skips: float
    confuses: Mapping[str, str]


PERSONAS = (
    Persona(name="ada", accuracy=0.98, pace=1.3, skips=0.01, confuses={}),
    Persona(name="bruno", accuracy=0.95, pace=1.0, skips=0.02, confuses={"news": "health", "health": "news"}),
    Persona(
        name="chiara",
        accuracy=0.96,
        pace=0.9,
        skips=0.02,
        confuses={"food_and_drink": "shopping", "shopping": "travel"},
    ),
    Persona(name="dmitri", accuracy=0.90, pace=0.55, skips=0.01, confuses={}),
    Persona(
        name="esther",
        accuracy=0.94,
        pace=1.1,
        skips=0.06,
        confuses={"small_talk": "entertainment", "entertainment": "small_talk"},
    ),
)

EXPERTS = (Persona(name="felicia", accuracy=0.99, pace=1.6, skips=0.0, confuses={}),)
"""Who answers in the experts' queue, and nowhere else."""

EXPERT_ADDRESSES = tuple(f"{persona.name}{SIMULATED_DOMAIN}" for persona in EXPERTS)
"""What `annotation.experts` must name for their answers to decide."""

_CONFUSED = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a persona does with an item; no label is a skip."""

    label: str | None
    seconds: float


def confusion(persona: Persona, labels: Sequence[str]) -> NDArray[np.float64]:
    """The chance of each answer (column) for each true label (row), shape (n, n); rows sum to 1."""
    wrong = 1 - persona.accuracy
    matrix = np.empty((len(labels), len(labels)))
    for row, label in enumerate(labels):
        others = len(labels) - 1
        matrix[row] = wrong / others
        favourite = persona.confuses.get(label)
        if favourite in labels and others > 1:
            matrix[row] = wrong * (1 - _CONFUSED) / (others - 1)
            matrix[row, labels.index(favourite)] = wrong * _CONFUSED
        matrix[row, row] = persona.accuracy
    return matrix


def answer(persona: Persona, item_id: str, truth: str, labels: Sequence[str], seed: int) -> Answer:
    """What `persona` answers to this item. BadData when `truth` is not among the labels."""
    if truth not in labels:
        raise BadData(
            f"The simulated annotators are told that item {item_id} is {truth!r}, which is no choice of its project.",
            hint=f"Its choices are {', '.join(labels)}. Use the scenario with the labels it was made for.",
        )
    rng = _generator(seed, persona.name, item_id)
    skips, chosen, took = rng.random(), rng.random(), rng.random()
    cumulative = np.cumsum(confusion(persona, labels)[labels.index(truth)])
    position = min(int(np.searchsorted(cumulative, chosen, side="right")), len(labels) - 1)
    return Answer(
        label=None if skips < persona.skips else labels[position],
        seconds=round(persona.pace * float(seconds(np.array([took]))[0]), 3),
    )


def order(item_id: str, seed: int, among: Sequence[Persona] = PERSONAS) -> list[Persona]:
    """Who is asked about the item first, second, ...; the next one is asked when somebody skips."""
    positions = _generator(seed, "order", item_id).permutation(len(among))
    return [among[position] for position in positions]


def seconds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds that an answer takes, at these shares (in [0, 1]) of the published distribution.

    Between the published quantiles the logarithm is interpolated. The lowest twentieth goes on with
    the slope of the next part; the highest ends where the mean is the published one.

    >>> [round(float(value), 1) for value in seconds(np.array([0.05, 0.25, 0.5, 0.95]))]
    [4.0, 8.5, 13.5, 41.5]
    """
    positions, logarithms = _curve()
    return np.exp(np.interp(shares, positions, logarithms))


def answer_all(  # noqa: PLR0913 - the server, the cycle, and what makes the answers reproducible
    url: str,
    admin_token: str,
    cycle_id: str,
    *,
    truth: Callable[[str], str],
    state_folder: Path,
    seed: int,
    progress: Progress,
) -> int:
    """Let the personas answer whatever is open in the cycle; how many annotations they made.

    Each sees the list of items once and sends its own answers through Label Studio's API; until an
    item has the answers it wants (a third one, when it was asked again), or everybody was asked about it. What
    lies in the experts' queue is left to the experts. `truth` gives the label of an item id.

    Raises BadData for a truth that is no choice, ConnectorUnavailable or ConnectorRefused when
    Label Studio does not answer or says no. Calling again goes on where it stopped.
    """
    with speaking(url):
        people = accounts(url, admin_token, [persona.name for persona in PERSONAS], state_folder)
        with client(url, people[PERSONAS[0].name].token) as reader:
            items = [item for project in open_projects(reader, cycle_id) for item in open_items(reader, project)]
        if any(item.for_experts for item in items):
            people |= accounts(url, admin_token, [persona.name for persona in EXPERTS], state_folder)
    posts = [post for item in items for post in _posts(item, people, truth, seed)]
    if not posts:
        return 0
    with progress(f"{len(people)} simulated annotators give {len(posts)} answers"), speaking(url):
        return send(url, people, posts)


def _posts(item: Item, people: Mapping[str, Account], truth: Callable[[str], str], seed: int) -> list[Post]:
    """The answers that the personas still owe the item; those they gave count, and those of people do, too."""
    asked = order(item.item_id, seed, EXPERTS if item.for_experts else PERSONAS)
    personas = {people[persona.name].user_id for persona in asked}
    wanted = item.answers_wanted - sum(count for user, count in item.answers_of.items() if user not in personas)
    posts = []
    for persona in asked:
        if wanted <= 0:
            break
        given = answer(persona, item.item_id, truth(item.item_id), item.labels, seed)
        wanted -= given.label is not None
        if people[persona.name].user_id not in item.answered_by:
            key = uuid.uuid5(uuid.NAMESPACE_URL, f"kempelen:{item.project}:{item.item_id}:{persona.name}")
            posts.append(
                Post(
                    persona=persona.name,
                    task_id=item.task_id,
                    unique_id=str(key),
                    label=given.label,
                    seconds=given.seconds,
                )
            )
    return posts


def _generator(seed: int, *parts: str) -> np.random.Generator:
    digest = hashlib.sha256("\0".join((str(seed), *parts)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


@cache
def _curve() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares and the logarithms of seconds between which `seconds` interpolates."""
    with _EFFORT.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    shares = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    quantiles = np.array([float(row[f"p{round(100 * share):02d}_s"]) for share in shares])
    slope = np.log(quantiles[1] / quantiles[0]) / (shares[1] - shares[0])
    lowest = quantiles[0] * np.exp(-slope * shares[0])
    positions = np.concatenate([[0.0], shares, [1.0]])
    body = np.concatenate([[lowest], quantiles])
    known = float(np.sum(np.diff(positions[:-1]) * np.diff(body) / np.log(body[1:] / body[:-1])))
    highest = _end_with_mean(quantiles[-1], (float(row["mean_s"]) - known) / (1 - shares[-1]))
    return positions, np.log(np.append(body, highest))


def _end_with_mean(start: float, mean: float) -> float:
    """The end of a log-linear stretch from `start` whose mean is `mean`, by bisection."""
    low, high = start * (1 + 1e-9), start * 1e3
    for _ in range(100):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if (middle - start) / np.log(middle / start) < mean else (low, middle)
    return high
