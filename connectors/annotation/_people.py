"""Who answers: by a number, never by name; simulated or not, an expert or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SIMULATED_DOMAIN = "@simulated.invalid"
"""Addresses of simulated annotators. RFC 2606 reserves `.invalid`: nobody real can have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user of Label Studio."""

    simulated: bool = False
    expert: bool = False


def people(users: Iterable[Any], experts: frozenset[str]) -> dict[int, Person]:
    """Every user by number; `experts` are addresses in lower case."""
    addresses = {user.id: (user.email or "").strip().lower() for user in users}
    return {
        user: Person(simulated=address.endswith(SIMULATED_DOMAIN), expert=address in experts)
        for user, address in addresses.items()
    }
