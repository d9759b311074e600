"""The names of events in the books, made of names that other places gave them."""

PART = "#"
"""Stands between the name of an event and what is booked about it later, and in no event's own name."""


def event_name(what: str, *names: str) -> str:
    """One name of several, that no others make: `/` stands between them alone, and `#` before a later part.

    >>> event_name("work", "csv", "7/a#1")
    'work:csv/7/a%231'
    """
    *places, last = (name.replace("%", "%25").replace(PART, "%23") for name in names)
    return f"{what}:{'/'.join([*(place.replace('/', '%2F') for place in places), last])}"
