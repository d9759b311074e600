"""Numbers that states give to people, with the check digits by which they are told from other numbers.

Presidio knows those of many states; here are some large ones that it does not. Each function takes the number
without its blanks and marks, in capitals.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple


class Identity(NamedTuple):
    """One kind of number: whose it is, how it is written, and whether it can be one."""

    name: str
    pattern: str
    valid: Callable[[str], bool]


def brazil(number: str) -> bool:
    """CPF: two check digits modulo 11, weights 10 to 2 and 11 to 2.

    >>> brazil("52998224725"), brazil("52998224724"), brazil("11111111111")
    (True, False, False)
    """
    return len(set(number)) > 1 and all(_cpf_digit(number[:size]) == int(number[size]) for size in (9, 10))


def _cpf_digit(digits: str) -> int:
    return _weighted(digits, range(len(digits) + 1, 1, -1)) * 10 % 11 % 10


def china(number: str) -> bool:
    """Resident identity number (GB 11643-1999): a day of birth, and a check character (ISO 7064 MOD 11-2).

    >>> china("11010519491231002X"), china("110105194912310021"), china("11010519491331002X")
    (True, False, False)
    """
    check = sum(2 ** (17 - place) * int(digit) for place, digit in enumerate(number[:17])) % 11
    return number[17] == "10X98765432"[check] and _is_day(number[6:14])


def france(number: str) -> bool:
    """NIR: the last two digits are 97 less the rest modulo 97; Corsica's 2A and 2B count as 19 and 18.

    >>> france("255081416802538"), france("255081416802539")
    (True, False)
    """
    body = number[:13].replace("2A", "19").replace("2B", "18")
    return body.isdecimal() and 97 - int(body) % 97 == int(number[13:])


def belgium(number: str) -> bool:
    """National register number: 97 less the rest modulo 97, with a 2 before it for those born from 2000 on.

    >>> belgium("85073003328"), belgium("85073003329"), belgium("17073003384")
    (True, False, True)
    """
    body, check = number[:9], int(number[9:])
    return check in {97 - int(body) % 97, 97 - int("2" + body) % 97}


def norway(number: str) -> bool:
    """Fødselsnummer: two check digits modulo 11.

    >>> norway("15076500565"), norway("15076500566")
    (True, False)
    """
    first = -_weighted(number[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -_weighted(number[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return number[9:] == f"{first}{second}"


def switzerland(number: str) -> bool:
    """AHV number: 756 for the country, and the check digit of an EAN-13.

    >>> switzerland("7569217076985"), switzerland("7569217076984")
    (True, False)
    """
    return -_weighted(number[:12], (1, 3) * 6) % 10 == int(number[12])


def denmark(number: str) -> bool:
    """CPR: a day of birth; the check digit has not been used since 2007.

    >>> denmark("2110625629"), denmark("3202625629")
    (True, False)
    """
    return _is_day(f"2000{number[2:4]}{number[:2]}")


def mexico(number: str) -> bool:
    """CURP: a day of birth among its letters.

    >>> mexico("HEGG560427MVZRRL04"), mexico("HEGG561427MVZRRL04")
    (True, False)
    """
    return _is_day(f"2000{number[6:10]}")


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _is_day(digits: str) -> bool:
    """Whether YYYYMMDD is a day."""
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


IDENTITIES = (
    Identity("BR_CPF", r"(?<!\d)\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)", brazil),
    Identity("CN_RESIDENT", r"(?<![0-9a-z])[1-9]\d{16}[\dx](?![0-9a-z])", china),
    Identity("FR_NIR", r"(?<!\d)[12] ?\d\d ?\d\d ?(?:\d\d|2[ab]) ?\d{3} ?\d{3} ?\d\d(?!\d)", france),
    Identity("BE_NRN", r"(?<!\d)\d\d\.?\d\d\.?\d\d[- ]?\d{3}\.?\d\d(?!\d)", belgium),
    Identity("NO_FNR", r"(?<!\d)\d{6} ?\d{5}(?!\d)", norway),
    Identity("CH_AHV", r"(?<!\d)756\.?\d{4}\.?\d{4}\.?\d\d(?!\d)", switzerland),
    Identity("DK_CPR", r"(?<!\d)\d{6}-\d{4}(?!\d)", denmark),
    Identity("MX_CURP", r"(?<!\w)[a-z]{4}\d{6}[hmx][a-z]{5}[0-9a-z]\d(?!\w)", mexico),
)
