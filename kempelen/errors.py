"""What can go wrong, each with what was found and what to do.

KempelenError
|-- ConfigError            kempelen.toml or an environment variable is wrong
|-- BadData                a file, row or payload cannot be what it claims to be
|-- NotEnoughData          a detector, a gate or an estimate has too little to answer from
|-- IllegalMove            a cycle was asked to go where it cannot go from its state
|-- LedgerError            an entry does not balance, or contradicts one already booked
`-- ConnectorError         an outside system
    |-- ConnectorUnavailable   no answer; trying again can help
    `-- ConnectorRefused       an answer, and it is no; trying again cannot help
"""

from dataclasses import dataclass


class KempelenError(Exception):
    """An error a person can act on: `str(error)` says what was found, `hint` what to do."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(KempelenError):
    """A setting is missing, unknown or impossible."""


class BadData(KempelenError):
    """A file, row or payload cannot be what it claims to be."""


class NotEnoughData(KempelenError):
    """Too little to answer from. Never to be read as "nothing has changed"."""


class IllegalMove(KempelenError):
    """A cycle cannot go there from the state it is in."""


class LedgerError(KempelenError):
    """An entry does not balance, or contradicts one already booked."""


class ConnectorError(KempelenError):
    """An outside system failed us; `system` is its name."""

    def __init__(self, message: str, *, system: str, hint: str) -> None:
        super().__init__(f"{system}: {message}", hint=hint)
        self.system = system


class ConnectorUnavailable(ConnectorError):
    """No answer. Trying again can help."""


class ConnectorRefused(ConnectorError):
    """The system answered, and the answer is no. Trying again cannot help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that could not be used, kept beside those that could."""

    stage: str
    subject: str
    message: str
    hint: str
