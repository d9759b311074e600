"""How many different people are behind a count, so that one of them alone cannot raise an alarm."""

from math import isinf

import numpy as np

from drift._once import once
from kempelen.errors import NotEnoughData
from kempelen.profile import CONFIDENCE_BINS, USER_BITS, Floats, Ints, Profile, users_likely
from kempelen.records import Window

MOST_PER_USER = 3.0
"""Predictions that one user is believed to make with one word."""

FEWEST_USERS = 5
"""Users below which something is not known to concern more than a few people."""

_ABOUT = np.array([users_likely(certain) for certain in range(USER_BITS + 1)])

_BITS = np.int64(1) << np.arange(USER_BITS, dtype=np.int64)


def at_least(sketches: Ints) -> Ints:
    """Distinct users that are certain, of the shape of `sketches` (see `kempelen.profile.users_at_least`)."""
    return np.bitwise_count(sketches).astype(np.int64)


def about(sketches: Ints) -> Floats:
    """The most likely number of users, of the shape of `sketches`; infinite for full ones (`users_about`).

    >>> about(np.array([0, 0b1011, 2**63 - 1])).round(2)
    array([0.  , 3.07,  inf])
    """
    return np.asarray(_ABOUT[np.bitwise_count(sketches)])


def likely(certain: int) -> str:
    """How many users there are, as a sentence says it, if so many are certain: two digits, for it is an estimate.

    >>> likely(5), likely(51), likely(62), likely(63)
    ('about 5 users', 'about 100 users', 'about 260 users', 'more than 200 users')
    """
    users = users_likely(certain)
    if isinf(users):
        return "more than 200 users"
    rounded = round(users, -1 if users >= 100 else None)  # noqa: PLR2004 - from there on two digits are tens
    return f"about {rounded:.0f} {'user' if rounded == 1 else 'users'}"


def require_people(profile: Profile, fewest: int) -> None:
    """NotEnoughData unless `fewest` users of the profile are certain: nothing in it could then concern so many."""
    certain = int(at_least(np.bitwise_or.reduce(profile.row_users)))
    if certain < fewest:
        raise NotEnoughData(
            f"The current window has {certain} users for certain, and what {fewest} do not share raises no alarm.",
            hint="Wait for more users; or does the service log everybody as the same `user`?",
        )


def sketches(profile: Profile, place: Ints, subjects: int) -> Ints:
    """The users of each of S subjects by day, shape (S, D). `place` maps the profile's words to subjects, or to -1."""
    subject = place[profile.row_term] if len(profile.row_term) else np.zeros(0, dtype=np.int64)
    kept = subject >= 0
    found = np.zeros((subjects, len(profile.days)), dtype=np.int64)
    np.bitwise_or.at(found, (subject[kept], profile.row_day[kept]), profile.row_users[kept])
    return found


def as_logged(profile: Profile) -> Ints:
    """The table `confidence` of a profile as it is, shape (D, L, CONFIDENCE_BINS)."""
    return profile.confidence


@once
def unrepeated(profile: Profile) -> Ints:
    """The table `confidence` of a profile without what a few users repeated, shape (D, L, CONFIDENCE_BINS).

    If a word was in more predictions of a day and label than MOST_PER_USER for each of its users, the surplus
    is taken from the bin of their mean confidence: a query said again and again has one confidence. Of several such
    words the one with the largest surplus counts, for they may be of the same query. Different words each time
    from one user are not seen. In a log that tells no users apart nothing is taken away. Where nothing is, it is
    the table itself.
    """
    if at_least(np.bitwise_or.reduce(profile.row_users)) < FEWEST_USERS:
        return profile.confidence
    often = np.flatnonzero(profile.row_predictions > MOST_PER_USER)
    surplus = profile.row_predictions[often] - MOST_PER_USER * about(profile.row_users[often])
    often, surplus = often[surplus >= 1], surplus[surplus >= 1].astype(np.int64)
    if not often.size:
        return profile.confidence
    table = profile.confidence.copy()
    for place in np.argsort(surplus, kind="stable"):
        row = often[place]
        day, label = profile.row_day[row], profile.row_label[row]
        mean = profile.row_confidence[row] / profile.row_predictions[row]
        fullest = min(int(mean * CONFIDENCE_BINS + 1e-6), CONFIDENCE_BINS - 1)
        table[day, label] = profile.confidence[day, label]  # the largest surplus comes last, and alone stays
        table[day, label, fullest] -= min(surplus[place], table[day, label, fullest])
    return table


def repeats(window: Window) -> bool:
    """Whether `unrepeated` takes anything away."""
    return any(unrepeated(profile) is not profile.confidence for profile in (window.reference, window.current))


def without_bursts(counts: Ints, users: Ints) -> Floats:
    """Occurrences of W words by day, shape (D,), in which no single user weighs much. Both arguments are (W, D).

    A word of several users counts at most MOST_PER_USER for each. The words of one user each are added up by the bit
    that stands for the user, and no bit counts more than MOST_PER_USER times the median one (or once).

    One user with 50 words beside two users with one each:

    >>> without_bursts(np.array([[50], [1], [1]]), np.array([[1], [2], [4]]))
    array([5.])
    """
    known = at_least(users)
    shared = np.where(known > 1, np.minimum(counts, MOST_PER_USER * about(users)), 0).sum(axis=0)
    word, day = np.nonzero(known == 1)
    by_bit = np.zeros((counts.shape[1], USER_BITS))
    np.add.at(by_bit, (day, np.searchsorted(_BITS, users[word, day])), counts[word, day])
    most = MOST_PER_USER * np.maximum(np.median(by_bit, axis=1, keepdims=True), 1)
    return np.asarray(shared + np.minimum(by_bit, most).sum(axis=1))
