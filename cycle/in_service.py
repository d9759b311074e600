"""What a service calls while it answers its users: ask a person instead of the model, and take a user's correction.

>>> from kempelen import record_feedback, serve_human_answer
>>> serve_human_answer.__module__
'cycle.in_service'
"""

from functools import lru_cache
from pathlib import Path

from cycle import wiring
from cycle.feedback import SOURCE, Feedback
from cycle.human_answers import HumanAnswers
from kempelen.settings import load

DEFAULT_CONFIG = Path("kempelen.toml")


def serve_human_answer(
    query: str,
    *,
    suggestion: str | None = None,
    confidence: float | None = None,
    wait_s: float | None = None,
    config: str | Path = DEFAULT_CONFIG,
) -> str | None:
    """A person's answer in the model's place, or None: then serve the model's own.

    Parameters
    ----------
    query
        What the user asked. People see it without the personal data that the scrubber finds.
    suggestion, confidence
        What the model would answer, and how sure it is, in [0, 1]. At or above `fallback.below` nobody is asked.
    wait_s
        Seconds to wait for a person; `fallback.wait_s` by default. The call blocks so long at most.
    config
        The settings file.

    Notes
    -----
    People answer with `kempelen answer`. Their time is booked as *impersonation*, against the version in service.
    KempelenError when the books cannot be opened.
    """
    return _answers(_absolute(config)).serve(query, suggestion=suggestion, confidence=confidence, wait_s=wait_s)


def record_feedback(  # noqa: PLR0913 - an event is exactly these facts
    query: str,
    label: str,
    *,
    event_id: str,
    source: str = SOURCE,
    version: str | None = None,
    config: str | Path = DEFAULT_CONFIG,
) -> None:
    """Record that a user, unpaid, corrected what the model answered.

    Parameters
    ----------
    query, label
        What was asked, and what should have been answered. Of the query only a hash is kept.
    event_id
        Your own name for this event: told twice, it counts once.
    source
        Where it came from, as the name of your application.
    version
        The version that had answered; by default the one in service.

    Raises BadData for a label that the model does not have.
    """
    _feedback(_absolute(config)).record(query, label, event_id=event_id, source=source, version=version)


def _absolute(config: str | Path) -> Path:
    return Path(config).absolute()


# One of each for a settings file and process.
@lru_cache(maxsize=32)
def _answers(config: Path) -> HumanAnswers:
    return wiring.human_answers(load(config))


@lru_cache(maxsize=32)
def _feedback(config: Path) -> Feedback:
    return wiring.feedback(load(config))
