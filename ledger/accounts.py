"""The accounts between which effort moves, by name; what is simulated lives under a prefix of its own."""

from enum import StrEnum
from functools import lru_cache

from kempelen.errors import LedgerError

SIMULATED = "simulated:"
"""Accounts of effort that no human gave. No entry may touch both sides of this line."""

_ROLES = frozenset({"annotator", "reviewer", "pool", "model_version", "unused", "declared", "payer", "platform"})
_PEOPLE = frozenset({"annotator", "reviewer"})


class Unused(StrEnum):
    """Why effort ended in no model version."""

    SKIPPED = "skipped"
    WITHDRAWN = "withdrawn"
    NO_CONSENSUS = "no_consensus"
    REJECTED_ANSWER = "rejected_answer"
    NOT_SERVED = "not_served"
    REJECTED_CHALLENGER = "rejected_challenger"
    ABANDONED = "abandoned"


def annotator(pseudonym: str) -> str:
    """Who gave annotations.

    >>> annotator("k7qx")
    'annotator:k7qx'
    """
    return checked(f"annotator:{pseudonym}")


def reviewer(pseudonym: str) -> str:
    """Who settled or approved what others gave."""
    return checked(f"reviewer:{pseudonym}")


def pool(cycle: str) -> str:
    """Effort that a cycle has received and not yet assigned; empty once the cycle is closed."""
    return checked(f"pool:{cycle}")


def model_version(model: str, version: str) -> str:
    """Effort charged to a version.

    >>> model_version("intents", "3")
    'model_version:intents/3'
    """
    return checked(f"model_version:{model}/{version}")


def unused(reason: str) -> str:
    """Effort that no version was trained on or checked with, by reason."""
    return checked(f"unused:{reason}")


def declared(source: str) -> str:
    """Where labels came from that nobody gave through this system."""
    return checked(f"declared:{source}")


def payer(name: str) -> str:
    """Whose money it was."""
    return checked(f"payer:{name}")


def platform(name: str) -> str:
    """Where work was placed, for a fee."""
    return checked(f"platform:{name}")


def simulated(account: str) -> str:
    """The account's counterpart for simulated effort; one that is simulated already stays as it is.

    >>> simulated("pool:c1")
    'simulated:pool:c1'
    """
    return account if is_simulated(account) else SIMULATED + account


def is_simulated(account: str) -> bool:
    """Whether only simulated effort may be posted here."""
    return account.startswith(SIMULATED)


def is_person(account: str) -> bool:
    """Whether one human being stands behind it.

    >>> is_person("annotator:k7qx"), is_person("simulated:annotator:ada"), is_person("pool:c1")
    (True, False, False)
    """
    return role(account) in _PEOPLE and not is_simulated(account)


def role(account: str) -> str:
    """What kind of account it is, simulated or not.

    >>> role("simulated:pool:c1")
    'pool'
    """
    return account.removeprefix(SIMULATED).partition(":")[0]


def name(account: str) -> str:
    """What follows the role.

    >>> name("simulated:pool:c1")
    'c1'
    """
    return account.removeprefix(SIMULATED).partition(":")[2]


@lru_cache(maxsize=65_536)
def checked(account: str) -> str:
    """The account itself, or LedgerError: a misspelt account would hide effort without a trace."""
    rest = name(account)
    if role(account) not in _ROLES or not rest or rest != rest.strip() or not rest.isprintable():
        raise LedgerError(
            f"{account!r} is no account.",
            hint=f"Write a role ({', '.join(sorted(_ROLES))}), a colon, and a name on one line.",
        )
    if role(account) == "unused" and rest not in set(Unused):
        raise LedgerError(f"{rest!r} is no reason for unused effort.", hint=f"Use one of {', '.join(Unused)}.")
    return account
