"""Presidio's recognisers of personal data that need no language model, and ours for what they miss in queries.

Queries are lower-case, short, and in any language, so upper case and the words around a number cannot be relied on:
check digits and shapes are. Importing this file imports Presidio, which takes seconds.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import phonenumbers
import tldextract
from presidio_analyzer import EntityRecognizer, LocalRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer import predefined_recognizers as presidio

from connectors.scrubbing._identity import IDENTITIES
from connectors.scrubbing._named import NAMED, pattern

REGIONS = (
    *("US", "GB", "DE", "FR", "IT", "ES", "PT", "NL", "BE", "CH", "AT", "PL", "SE", "RU", "TR"),
    *("IN", "CN", "JP", "KR", "ID", "AU", "BR", "MX", "AR", "ZA", "NG", "EG", "IL"),
)
"""Whose telephone numbers are known in national form; with a country code in front those of all countries are."""

_FEWEST_PHONE_DIGITS = 8
_MOST_PHONE_GROUPS = 5
_VERSION_PART = 32


class Email(presidio.EmailRecognizer):
    """Addresses of any domain: Presidio asks for a public one, and fetches the list of these from the internet."""

    def __init__(self) -> None:
        no_dot = Pattern("without a dot", r"(?<![\w@.])\w[\w.+-]*@[a-z][\w-]+\b", 0.5)
        spoken = Pattern(
            "spoken", rf"\b\w+(?: {_SPOKEN} \w+)* (?:at|ät|arroba|arobase) {_PROVIDERS} {_DOT} [a-z]{{2,4}}\b", 0.5
        )
        super().__init__(patterns=[*self.PATTERNS, no_dot, spoken])

    def validate_result(self, pattern_text: str) -> None:
        """Nothing to add to the shape."""


_DOT = "(?:dot|punkt|punto|point|ponto)"
_SPOKEN = "(?:dot|punkt|punto|point|ponto|dash|underscore|minus)"
_PROVIDERS = "(?:gmail|googlemail|yahoo|hotmail|outlook|icloud|gmx|web|aol|proton ?mail|live|msn|yandex|mail|qq)"


class Card(presidio.CreditCardRecognizer):
    """Cards with their check digit (Luhn): also the newer ranges, longer ones, and those written with dots."""

    def __init__(self) -> None:
        newer = Pattern("ranges since 2017", r"\b2[2-7]\d\d[-. ]?\d{4}[-. ]?\d{4}[-. ]?\d{4}\b", 0.3)
        longer = Pattern("up to 19 digits", r"\b(?:62|60|50|5[6-9]|63|67)\d\d(?:[-. ]?\d{4}){3}[-. ]?\d{2,3}\b", 0.3)
        dots = Pattern("with dots", r"\b(?:[3-6]\d{3}(?:\.\d{4}){3}|3\d{3}\.\d{6}\.\d{4,5})\b", 0.3)
        super().__init__(
            patterns=[*self.PATTERNS, newer, longer, dots], replacement_pairs=[("-", ""), (" ", ""), (".", "")]
        )


class Iban(presidio.IbanRecognizer):
    """In lower case, too, where words may follow: the longest beginning that has its country's length and checks."""

    def __init__(self) -> None:
        super().__init__(exact_match=True)

    def analyze(self, text: str, *_: Any, **__: Any) -> list[RecognizerResult]:
        """Findings with their place in the text."""
        ends = ((m.start(), self._end(text, m.start(), m.end(1))) for m in _IBAN.finditer(text))
        return [RecognizerResult("IBAN_CODE", start, end, EntityRecognizer.MAX_SCORE) for start, end in ends if end]

    def _end(self, text: str, start: int, last: int) -> int | None:
        ends = [n for n in range(last, start + _SHORTEST_IBAN - 1, -1) if text[n - 1].isalnum()]
        return next((n for n in ends if self.validate_result(text[start:n].upper())), None)


# Looks ahead, and takes nothing: a word like `zu12` may stand before.
_IBAN = re.compile(r"(?<![^\W_])(?=([a-z]{2}\d{2}(?:[ -]?[a-z0-9]){11,30}))", re.IGNORECASE | re.ASCII)
_SHORTEST_IBAN = 15


class Wallet(presidio.CryptoRecognizer):
    """Bitcoin addresses with their check digits, of which lower case leaves none: then by their shape. Ethereum's."""

    def __init__(self) -> None:
        lower = Pattern("Bitcoin in lower case", r"\b[13](?=[1-9]*[a-z])[1-9a-z]{25,34}\b", 0.5)
        ethereum = Pattern("Ethereum", r"\b0x[0-9a-f]{40}\b", 0.9)
        super().__init__(patterns=[*self.PATTERNS, lower, ethereum])

    def validate_result(self, pattern_text: str) -> bool | None:  # type: ignore[override]  # as the base class's own
        """Whether the check digits are right; None where case was lost and they cannot be."""
        if pattern_text.startswith("0x") or (pattern_text.islower() and not pattern_text.startswith("bc1")):
            return None
        return bool(super().validate_result(pattern_text))


class Address(presidio.IpRecognizer):
    """IP addresses that may lead to a person: neither private ones, which millions share, nor numbers of versions."""

    _OF_A_VERSION = (
        r"(?<!\b(?:v|ver|version|versión|versione|release|build|firmware|update|kernel|os|ios|driver)\W{0,2})"
    )

    def __init__(self) -> None:
        super().__init__(patterns=[Pattern(p.name, self._OF_A_VERSION + p.regex, p.score) for p in self.PATTERNS])

    def invalidate_result(self, pattern_text: str) -> bool:
        """Whether it is no address, or none of anybody."""
        try:
            address = ipaddress.ip_interface(pattern_text).ip
        except ValueError:
            return True
        return not address.is_global or (address.version == 4 and max(address.packed[1:]) < _VERSION_PART)  # noqa: PLR2004 - IPv4


class Phone(presidio.PhoneRecognizer):
    """Valid numbers by Google's libphonenumber that are written as people write them."""

    def __init__(self) -> None:
        super().__init__(supported_regions=REGIONS, leniency=phonenumbers.Leniency.VALID)

    def analyze(self, text: str, *_: Any, **__: Any) -> list[RecognizerResult]:
        """Findings with their place in the text."""
        if "+" not in text and sum(character.isdecimal() for character in text) < _FEWEST_PHONE_DIGITS:
            return []
        return [r for r in super().analyze(text, []) if _written_as_a_phone_number(text[r.start : r.end])]


def _written_as_a_phone_number(number: str) -> bool:
    """Neither a date nor `4 8 15 16 23 42` nor the parts of a version; a country code in front settles it."""
    if "+" in number:
        return True
    groups = re.findall(r"\d+", number)
    if len(groups) > _MOST_PHONE_GROUPS or any(len(group) == 1 for group in groups[1:]):
        return False
    if sum(map(len, groups)) <= _FEWEST_PHONE_DIGITS:
        # So few are a date as often; those of telephones begin with the 0 of a trunk call.
        return sum(map(len, groups)) == _FEWEST_PHONE_DIGITS and _TRUNK_CALL.match(number) is not None
    return not _OTHER_NUMBER.fullmatch(number)


_TRUNK_CALL = re.compile(r"\(?0(?!.*(?:19|20)\d\d$)")
_OTHER_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[1-9]\d*\.\d+|\d{5}-\d{4}")  # version, decimals, ZIP code


class Url(LocalRecognizer):
    """What stands behind a host, and whoever signs in there: the host itself is a place, as a shop's name is."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["URL"], name="Url")
        # With no addresses to ask and nowhere to keep an answer, the list that is installed with it is used.
        self._split = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, *_: Any, **__: Any) -> list[RecognizerResult]:
        """Findings with their place in the text."""
        signed_in = [m.span(1) for m in _SIGNED_IN.finditer(text)]
        tails = [m.span("tail") for m in _URL.finditer(text) if m["scheme"] or self._split(m["host"]).suffix]
        return [RecognizerResult("URL", start, end, 0.6) for start, end in (*signed_in, *tails)]


_SIGNED_IN = re.compile(r"\b[a-z][a-z0-9+.-]{1,9}://([^\s/@]+@\S+)", re.IGNORECASE)
_URL = re.compile(
    r"(?<![\w@.-])(?P<scheme>[a-z]{2,9}://)?(?P<host>(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24})(?::\d{1,5})?[/?#](?P<tail>[^\s/?#]\S*)",
    re.IGNORECASE,
)


class Checked(PatternRecognizer):
    """A number of a person that is told from others by a rule."""

    def __init__(self, name: str, shape: str, valid: Callable[[str], bool]) -> None:
        super().__init__(supported_entity=name, name=name, patterns=[Pattern(name, shape, 0.5)])
        self._valid = valid

    def validate_result(self, pattern_text: str) -> bool:
        """Whether it can be one."""
        return self._valid("".join(filter(str.isalnum, pattern_text)).upper())


_OF_STATES = (
    *(presidio.UsSsnRecognizer, presidio.UsItinRecognizer, presidio.UsMbiRecognizer, presidio.CaSinRecognizer),
    *(presidio.NhsRecognizer, presidio.UkNinoRecognizer, presidio.UkDrivingLicenceRecognizer),
    *(presidio.DeTaxIdRecognizer, presidio.DeSocialSecurityRecognizer, presidio.DeHealthInsuranceRecognizer),
    *(presidio.EsNifRecognizer, presidio.EsNieRecognizer, presidio.ItFiscalCodeRecognizer, presidio.PlPeselRecognizer),
    *(presidio.FiPersonalIdentityCodeRecognizer, presidio.SePersonnummerRecognizer, presidio.TrNationalIdRecognizer),
    *(presidio.InAadhaarRecognizer, presidio.InPanRecognizer, presidio.SgFinRecognizer, presidio.ThTninRecognizer),
    *(presidio.KrRrnRecognizer, presidio.KrFrnRecognizer, presidio.NgNinRecognizer, presidio.ZaIdNumberRecognizer),
    *(presidio.AuTfnRecognizer, presidio.AuMedicareRecognizer),
)
"""Left out are those of companies, and those that have so little shape that they would find words and prices."""

Recogniser = PatternRecognizer | Phone | Url


def recognisers() -> list[Recogniser]:
    """All of them, each ready to be asked; they keep no state between texts."""
    general: list[Recogniser] = [Email(), Card(), Iban(), Wallet(), Address(), Phone(), Url()]
    devices = [presidio.MacAddressRecognizer(), presidio.UuidRecognizer()]
    states = [recogniser() for recogniser in _OF_STATES]
    more = [Checked(*identity) for identity in IDENTITIES]
    named = [PatternRecognizer(one.kind, patterns=[Pattern(one.kind, pattern(one), 0.5)]) for one in NAMED]
    return [*general, *devices, *states, *more, *named]
