"""Made-up queries that hold personal data, each with its kind and form."""

import hashlib
import ipaddress
import itertools
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

import phonenumbers
from numpy.random import Generator

from benchmarks import _check_digits
from benchmarks._check_digits import digits, letters, luhn
from kempelen import text

CARRIERS = (
    "{}",
    "who is {}",
    "{} contact",
    "find {} online",
    "was ist {}",
    "¿de quién es {}?",
    "{}とは",
    "please send it to {} now",
)
"""What may stand around. None of these words announces a kind of number."""

_GIVEN = ("jane", "mehmet", "olga", "wei", "lucía", "priya", "jan", "amina", "tom", "björn")
_FAMILY = ("doe", "yilmaz", "petrova", "zhang", "garcía", "sharma", "kowalski", "okafor", "smith", "lindqvist")
_DOMAINS = (
    "example.com",
    "gmail.com",
    "uni-example.de",
    "mail.example.co.uk",
    "ejemplo.es",
    "example.museum",
    "corp.internal",
)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

KNOWN_REGIONS = (
    "US",
    "GB",
    "DE",
    "FR",
    "IT",
    "ES",
    "NL",
    "PL",
    "SE",
    "RU",
    "TR",
    "IN",
    "CN",
    "JP",
    "BR",
    "MX",
    "AU",
    "ZA",
)
OTHER_REGIONS = (
    "DK",
    "NO",
    "FI",
    "CZ",
    "GR",
    "HU",
    "RO",
    "UA",
    "NZ",
    "SG",
    "MY",
    "TH",
    "VN",
    "PH",
    "PK",
    "KE",
    "CL",
    "CO",
    "PE",
    "SA",
)

_IBANS = {
    "DE": "n18", "GB": "a4n14", "FR": "n10c11n2", "ES": "n20", "IT": "a1n10c12", "NL": "a4n10", "BE": "n12",
    "AT": "n16", "CH": "n5c12", "PL": "n24", "NO": "n11", "SE": "n20", "TR": "n6c16", "SA": "n2c18", "BR": "n23a1c1",
    "MT": "a4n5c18",
}  # fmt: skip
"""The part behind the check digits, from the registry of ISO 13616: n digits, a letters, c either."""


class Labelled(NamedTuple):
    """A query, the kind of what it holds, and in which form."""

    kind: str
    form: str
    query: str


def corpus(rng: Generator, each: int) -> Iterator[Labelled]:
    """`each` normalised queries of every kind and form."""
    for (kind, form), make in FORMS.items():
        for carrier in itertools.islice(itertools.cycle(CARRIERS), each):
            around = "{}" if "word" in form else carrier
            yield Labelled(kind, form, text.normalise(around.format(make(rng))))


def _pick(rng: Generator, among: tuple[str, ...]) -> str:
    return among[int(rng.integers(0, len(among)))]


def _name(rng: Generator, between: str) -> str:
    return f"{_pick(rng, _GIVEN)}{between}{_pick(rng, _FAMILY)}"


def _local_part(rng: Generator) -> str:
    return _name(rng, _pick(rng, (".", "_", "", "-"))) + _pick(rng, ("", "", "84", "+news"))


def _phone(rng: Generator, regions: tuple[str, ...], style: int) -> str:
    """A valid number: the region's example with other last digits."""
    while True:
        region = _pick(rng, regions)
        kind = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)[int(rng.integers(0, 2))]
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        number.national_number = (number.national_number or 0) + int(rng.integers(-400, 400))
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, style)


def _compact(number: str) -> str:
    return "".join(c for c in number if c.isdigit() or c == "+")


def _card(rng: Generator, style: str) -> str:
    prefix, length = (
        ("4", 16),
        ("51", 16),
        ("2221", 16),
        ("34", 15),
        ("6011", 16),
        ("3528", 16),
        ("36", 14),
        ("62", 19),
    )[int(rng.integers(0, 8))]
    number = luhn(prefix + digits(rng, length - 1 - len(prefix)))
    groups = (4, 6, 5) if length == 15 else (4, 6, 4) if length == 14 else (4, 4, 4, 4, 3)  # noqa: PLR2004 - as on the card
    starts = itertools.accumulate(groups, initial=0)
    return style.join(
        number[start : start + size] for start, size in zip(starts, groups, strict=False) if number[start:]
    )


def _iban(rng: Generator, *, spaced: bool) -> str:
    country = _pick(rng, tuple(_IBANS))
    shape = _IBANS[country]
    parts = ["".join(run) for _, run in itertools.groupby(shape, str.isdigit)]
    make: dict[str, Callable[[int], str]] = {"n": lambda n: digits(rng, n), "a": lambda n: letters(rng, n)}
    make["c"] = make["n"]
    bban = "".join(make[kind](int(size)) for kind, size in zip(parts[::2], parts[1::2], strict=True))
    check = 98 - int("".join(str(int(c, 36)) for c in f"{bban}{country}00")) % 97
    whole = f"{country}{check:02}{bban}"
    return " ".join(whole[n : n + 4] for n in range(0, len(whole), 4)) if spaced else whole


def _bitcoin(rng: Generator) -> str:
    body = bytes([(0, 5)[int(rng.integers(0, 2))]]) + rng.bytes(20)
    whole = body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number, encoded = int.from_bytes(whole, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        encoded = _BASE58[rest] + encoded
    return "1" * (len(whole) - len(whole.lstrip(b"\0"))) + encoded


def _segwit(rng: Generator) -> str:
    """A witness program of version 0 with its check characters (BIP 173)."""
    values = [0, *(int(n) for n in rng.integers(0, 32, 32))]
    checked = 1
    for value in (3, 3, 0, 2, 3, *values, 0, 0, 0, 0, 0, 0):
        top, checked = checked >> 25, ((checked & 0x1FFFFFF) << 5) ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checked ^= generator if top >> bit & 1 else 0
    check = [(checked ^ 1) >> 5 * (5 - n) & 31 for n in range(6)]
    return "bc1" + "".join(_BECH32[value] for value in (*values, *check))


def _ip4(rng: Generator) -> str:
    while True:
        address = ipaddress.IPv4Address(int(rng.integers(2**24, 224 * 2**24)))
        if address.is_global:
            return str(address)


def _ip6(rng: Generator) -> str:
    return str(ipaddress.IPv6Address(0x2A00_1450 << 96 | int.from_bytes(rng.bytes(8), "big")))


def _mac(rng: Generator) -> str:
    return rng.bytes(6).hex(_pick(rng, (":", "-")))


def _url(rng: Generator) -> str:
    host = _pick(
        rng, ("linkedin.com/in/", "https://www.example.org/u?id=", "https://forum.example.de/profile/", "t.me/")
    )
    return f"{host}{_pick(rng, _GIVEN)}-{_pick(rng, _FAMILY)}"


def _announced(words: tuple[str, ...], number: Callable[[Generator], str]) -> Callable[[Generator], str]:
    return lambda rng: f"{_pick(rng, words)} {number(rng)}"


_PHONE_WORDS = (
    "call",
    "phone number",
    "ruf mich an unter telefon",
    "tel",
    "téléphone",
    "teléfono",
    "мой телефон",
    "电话",
    "電話番号は",
)
_PASSPORT_WORDS = (
    "passport",
    "passport number",
    "reisepass nr",
    "passeport",
    "pasaporte",
    "passaporto",
    "паспорт",
    "护照",
    "パスポート",
)
_ACCOUNT_WORDS = (
    "account",
    "account number",
    "kontonummer",
    "konto nr",
    "compte",
    "cuenta",
    "conto",
    "rekening",
    "счет",
    "账号",
    "口座番号",
)
_ID_WORDS = (
    "ssn",
    "social security number",
    "bsn",
    "dni",
    "steuernummer",
    "codice fiscale",
    "снилс",
    "マイナンバー",
    "身份证",
)

_ALL_REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
_NATIONAL, _INTERNATIONAL = phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL

FORMS: dict[tuple[str, str], Callable[[Generator], str]] = {
    ("email", "as it is"): lambda rng: f"{_local_part(rng)}@{_pick(rng, _DOMAINS)}",
    ("email", "without the last part"): lambda rng: f"{_local_part(rng)}@{_pick(rng, ('gmail', 'hotmail', 'web'))}",
    ("email", "spoken"): lambda rng: f"{_name(rng, ' dot ')} at {_pick(rng, ('gmail', 'yahoo'))} dot com",
    ("phone", "international, 240 countries"): lambda rng: _phone(rng, _ALL_REGIONS, _INTERNATIONAL),
    ("phone", "international, compact"): lambda rng: _compact(_phone(rng, _ALL_REGIONS, _INTERNATIONAL)),
    ("phone", "national, known countries"): lambda rng: _phone(rng, KNOWN_REGIONS, _NATIONAL),
    ("phone", "national, compact, known countries"): lambda rng: _compact(_phone(rng, KNOWN_REGIONS, _NATIONAL)),
    ("phone", "national, other countries"): lambda rng: _phone(rng, OTHER_REGIONS, _NATIONAL),
    ("phone", "national, other countries, after a word"): _announced(
        _PHONE_WORDS, lambda rng: _phone(rng, OTHER_REGIONS, _NATIONAL)
    ),
    ("card", "as it is"): lambda rng: _card(rng, ""),
    ("card", "in groups"): lambda rng: _card(rng, _pick(rng, (" ", "-", "."))),
    ("iban", "as it is"): lambda rng: _iban(rng, spaced=False),
    ("iban", "in groups"): lambda rng: _iban(rng, spaced=True),
    ("wallet", "Bitcoin"): _bitcoin,
    ("wallet", "Bitcoin, segregated witness"): _segwit,
    ("wallet", "Ethereum"): lambda rng: f"0x{rng.bytes(20).hex()}",
    ("ip", "version 4"): _ip4,
    ("ip", "version 6"): _ip6,
    ("mac", "as it is"): _mac,
    ("uuid", "random"): lambda rng: str(uuid.UUID(bytes=rng.bytes(16), version=4)),
    ("url", "behind the host"): _url,
    **{("national_id", name): make for name, make in _check_digits.OF_STATES.items()},
    ("national_id", "after a word, without check digits"): _announced(_ID_WORDS, lambda rng: digits(rng, 9)),
    ("passport", "after a word"): _announced(_PASSPORT_WORDS, lambda rng: letters(rng, 2) + digits(rng, 7)),
    ("account", "after a word"): _announced(_ACCOUNT_WORDS, lambda rng: digits(rng, int(rng.integers(7, 13)))),
    ("number", "eight digits of an identity (Peru, Argentina)"): lambda rng: digits(rng, 8),
    ("plate", "of a car (Germany, Britain)"): lambda rng: f"{letters(rng, 1)}-{letters(rng, 2)} {digits(rng, 4)}",
    ("name", "of a person"): lambda rng: _name(rng, " "),
    ("address", "street and number"): lambda rng: f"{digits(rng, 2)} {_pick(rng, ('baker', 'oak'))} street dayton",
}  # fmt: skip
