"""Take out what identifies people by its shape: Microsoft's Presidio, without a language model and without a network.

Found are e-mail addresses, telephone numbers, cards, IBANs, wallets, IP and MAC addresses, UUIDs, what stands behind
the host of a URL, the numbers of persons of some thirty states, and numbers that a word before them calls an account
or a passport. **Names of people and postal addresses are not found**: that takes a language model, and search terms are
too short for one. docs/scrubbing.md has what was measured, and what is missed.
"""

import functools
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kempelen.protocols import Scrubber
from kempelen.records import Scrubbed

if TYPE_CHECKING:
    from connectors.scrubbing._recognisers import Recogniser

LEAST_SCORE = 0.4
"""Findings below it are left: shapes that Presidio itself wants other words to confirm."""

LONGEST = 500
"""Characters of a text that is searched: the time grows with their square, and whoever means it can make it seconds."""

_COULD_HOLD_SOMETHING = re.compile(
    r"""[@/]                                          # an address of mail, the part behind a host
      | \ (?:at|ät|arroba|arobase)\                   # an address that is spoken
      | (?:\d\D*){5}                                 # numbers of every kind
      | :.*:                                          # IPv6, MAC
      | (?:[0-9a-f]{2}-){5} | (?:[0-9a-f]{4}\.){2}    # MAC with few digits
      | bc1 | [13][1-9a-z]{25}                        # wallets with few digits
      | [a-z]\d{4}[a-z]                               # PAN of India
    """,
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
"""Every recogniser needs one of these; most queries have none, and are passed over."""


_KINDS = {
    "EMAIL_ADDRESS": "email",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "CRYPTO": "wallet",
    "IP_ADDRESS": "ip",
    "MAC_ADDRESS": "mac",
    "UUID": "uuid",
    "PHONE_NUMBER": "phone",
    "URL": "url",
    "phone": "phone",
    "passport": "passport",
    "account": "account",
}
"""Our word for what a recogniser found: whatever has none is a number that a state gave."""


_TOO_LONG = Scrubbed(text="<too_long>", kinds=("too_long",))


class Finding(NamedTuple):
    """Personal data of one kind at `start` to `end` of a text."""

    start: int
    end: int
    kind: str
    score: float


class PresidioScrubber:
    """Presidio's recognisers, asked one by one: its engine adds a language pipeline, which queries have no use for.

    Parameters
    ----------
    least_score
        Findings of which a recogniser is less sure than this, in [0, 1], are left.
    """

    def __init__(self, least_score: float = LEAST_SCORE) -> None:
        self._least_score = least_score

    def scrub(self, texts: Sequence[str]) -> list[Scrubbed]:
        """Each text with `<kind>` for what was found in it, and the sorted kinds.

        Of a text of more than LONGEST characters that could hold something nothing is left: `<too_long>`.
        """
        return [self._scrubbed(text) for text in texts]

    def _scrubbed(self, text: str) -> Scrubbed:
        searched = could_hold_something(text)
        if searched and len(text) > LONGEST:
            return _TOO_LONG
        found = self.findings(text) if searched else []
        for finding in reversed(found):
            text = f"{text[: finding.start]}<{finding.kind}>{text[finding.end :]}"
        return Scrubbed(text=text, kinds=tuple(sorted({finding.kind for finding in found})))

    def findings(self, text: str) -> list[Finding]:
        """What is taken out of a text, from left to right, without overlaps."""
        read = readings(text)
        asked = ((one, recogniser) for one in read for recogniser in _recognisers())
        results = [r for one, recogniser in asked for r in recogniser.analyze(one, recogniser.supported_entities)]
        sure = [r for r in results if r.score >= self._least_score and not is_a_quantity(read[0], r.start, r.end)]
        return without_overlaps(
            Finding(r.start, r.end, _KINDS.get(r.entity_type, "national_id"), r.score) for r in sure
        )


@functools.cache
def _recognisers() -> "list[Recogniser]":
    # It writes what it could not check, personal data as that may be, to the log; and talks when it is imported.
    logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL)
    from connectors.scrubbing._recognisers import recognisers

    return recognisers()


def could_hold_something(text: str) -> bool:
    """Whether a text has what any recogniser needs; False is certain, and cheap.

    >>> could_hold_something("set alarm for 555"), could_hold_something("call 030 1234567")
    (False, True)
    """
    return _COULD_HOLD_SOMETHING.search(text) is not None


def readings(text: str) -> list[str]:
    """A text as recognisers read it, every place as it was: digits of all scripts as 0 to 9.

    Where a script is written without blanks, a second time with blanks in its place: recognisers look for a number
    between blanks, and see a letter beside it.

    >>> readings("call +٤٩ 30"), readings("电话5550123")
    (['call +49 30'], ['电话5550123', '  5550123'])
    """
    if text.isascii():
        return [text]
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    return list(dict.fromkeys((plain, _WITHOUT_BLANKS.sub(" ", plain))))


# Thai, Lao and Khmer; Hangul, whose particles follow without a blank; Kana and Han.
_WITHOUT_BLANKS = re.compile(
    r"[\u0e00-\u0eff\u1780-\u17ff\u1100-\u11ff\uac00-\ud7af\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)


def is_a_quantity(text: str, start: int, end: int) -> bool:
    """Whether digits are an amount, and so nobody's: round, in money, with decimals, or a part of a longer number.

    >>> is_a_quantity("7 800 000 000 people", 0, 13), is_a_quantity("$2127365000", 1, 11)
    (True, True)
    >>> is_a_quantity("2127365000.50", 0, 10), is_a_quantity("call 2127365000.", 5, 15)
    (True, False)
    """
    digits = _MARKS.sub("", text[start:end])
    if not digits.isdecimal():
        return False
    in_money = start > 0 and unicodedata.category(text[start - 1]) == "Sc"
    return (
        digits.endswith("0" * _ZEROS)
        or in_money
        or bool(_GOES_ON.match(text, end) or _WENT_BEFORE.search(text[:start]))
    )


_ZEROS = 6
_MARKS = re.compile(r"[ .-]")
_GOES_ON = re.compile(r"[.,]?\d")
_WENT_BEFORE = re.compile(r"\d[.,]?$")


def without_overlaps(found: Iterable[Finding]) -> list[Finding]:
    """One finding for each stretch of overlapping ones, all of it, called what the widest and surest of them is.

    >>> without_overlaps([Finding(0, 9, "phone", 0.4), Finding(4, 20, "card", 1.0), Finding(22, 30, "ip", 0.6)])
    [Finding(start=0, end=20, kind='card', score=1.0), Finding(start=22, end=30, kind='ip', score=0.6)]
    """
    stretches: list[list[Finding]] = []
    for finding in sorted(found):
        if stretches and finding.start < max(one.end for one in stretches[-1]):
            stretches[-1].append(finding)
        else:
            stretches.append([finding])
    return [_all_of(stretch) for stretch in stretches]


def _all_of(stretch: Sequence[Finding]) -> Finding:
    leading = max(stretch, key=lambda one: (one.end - one.start, one.score))
    return leading._replace(start=stretch[0].start, end=max(one.end for one in stretch))


def build(least_score: float = LEAST_SCORE) -> Scrubber:
    """What kempelen.toml calls for `scrubber = "presidio"`. Presidio itself is imported when a text may need it."""
    return PresidioScrubber(least_score)
