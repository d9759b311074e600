"""Made-up numbers of persons with right check digits, by rules written apart from those that are measured."""

from collections.abc import Callable, Sequence

from numpy.random import Generator

_VERHOEFF = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_ITALIAN_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def digits(rng: Generator, count: int) -> str:
    """So many random digits, the first not 0."""
    return str(rng.integers(1, 10)) + "".join(map(str, rng.integers(0, 10, count - 1)))


def letters(rng: Generator, count: int, among: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
    """So many random letters."""
    return "".join(among[n] for n in rng.integers(0, len(among), count))


def luhn(body: str) -> str:
    """`body` and its check digit (ISO/IEC 7812-1).

    >>> luhn("7992739871")
    '79927398713'
    """
    doubled = (int(d) * (2 - n % 2) for n, d in enumerate(reversed(body)))
    return body + str(-sum(sum(divmod(one, 10)) for one in doubled) % 10)


def verhoeff(body: str) -> str:
    """`body` and its check digit in the dihedral group of order ten.

    >>> verhoeff("236")
    '2363'
    """
    check = 0
    for place, digit in enumerate(reversed(body), start=1):
        value = int(digit)
        for _ in range(place % 8):
            value = _VERHOEFF[value]
        check = _dihedral(check, value)
    return body + str(check if check >= 5 else -check % 5)  # noqa: PLR2004 - reflections are their own inverse


def _dihedral(a: int, b: int) -> int:
    turned = (a + b) % 5 if a < 5 else (a - b) % 5  # noqa: PLR2004 - five rotations, five reflections
    return turned + 5 * ((a >= 5) != (b >= 5))  # noqa: PLR2004


def weighted(body: str, weights: Sequence[int]) -> int:
    """The sum of the digits times their weights."""
    return sum(int(d) * w for d, w in zip(body, weights, strict=True))


def _born(rng: Generator) -> tuple[str, str, str]:
    return f"{rng.integers(50, 100)}", f"{rng.integers(1, 13):02}", f"{rng.integers(1, 29):02}"


def _until(draw: Callable[[], str | None]) -> str:
    """The first number that the rule allows: some have no check digit for some bodies."""
    return next(one for one in iter(draw, "never") if one)


def us_ssn(rng: Generator) -> str:
    """Area, group and serial."""
    return f"{rng.integers(100, 600)}-{rng.integers(10, 100)}-{rng.integers(1000, 10000)}"


def ca_sin(rng: Generator) -> str:
    """Nine digits, Luhn."""
    n = luhn(str(rng.integers(1, 8)) + digits(rng, 7))
    return f"{n[:3]} {n[3:6]} {n[6:]}"


def uk_nino(rng: Generator) -> str:
    """Two letters, six digits, a suffix."""
    return f"{letters(rng, 2, 'ABCEHJLMPRSWXY')}{digits(rng, 6)}{letters(rng, 1, 'ABCD')}"


def uk_nhs(rng: Generator) -> str:
    """Ten digits modulo 11."""

    def draw() -> str | None:
        body = digits(rng, 9)
        check = -weighted(body, range(10, 1, -1)) % 11
        return None if check == 10 else f"{body}{check}"  # noqa: PLR2004 - no such digit

    n = _until(draw)
    return f"{n[:3]} {n[3:6]} {n[6:]}"


def de_tax_id(rng: Generator) -> str:
    """Eleven digits, ISO 7064 MOD 11,10; one digit twice among the first ten."""
    kinds = [str(n) for n in rng.permutation(10)][:9]
    body = [*kinds, kinds[int(rng.integers(0, 9))]]
    while True:
        body = [body[n] for n in rng.permutation(10)]
        if body[0] != "0":
            break
    product = 10
    for digit in body:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return "".join(body) + str((11 - product) % 10)


def es_nif(rng: Generator) -> str:
    """Eight digits and their letter modulo 23."""
    body = digits(rng, 8)
    return body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]


def es_nie(rng: Generator) -> str:
    """X, Y or Z for 0, 1 or 2, seven digits and the letter."""
    lead, body = int(rng.integers(0, 3)), digits(rng, 7)
    return "XYZ"[lead] + body + "TRWAGMYFPDXBNJZSQVHLCKE"[int(f"{lead}{body}") % 23]


def it_codice_fiscale(rng: Generator) -> str:
    """Sixteen characters, the last a check letter."""
    year, _, day = _born(rng)
    names = letters(rng, 6, "BCDFGLMNPRSTV")
    body = f"{names}{year}{letters(rng, 1, 'ABCDEHLMPRST')}{day}{letters(rng, 1, 'ABCDEFGHL')}{rng.integers(100, 1000)}"
    values = [int(c) if c.isdigit() else ord(c) - ord("A") for c in body]
    return body + chr(ord("A") + sum(v if n % 2 else _ITALIAN_ODD[v] for n, v in enumerate(values)) % 26)


def pl_pesel(rng: Generator) -> str:
    """A day of birth, four digits, a check digit."""
    body = "".join(_born(rng)) + digits(rng, 4)
    return body + str(-weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def fi_hetu(rng: Generator) -> str:
    """A day of birth, a number, a check character modulo 31."""
    year, month, day = _born(rng)
    number = f"{rng.integers(2, 900):03}"
    return f"{day}{month}{year}-{number}" + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(f"{day}{month}{year}{number}") % 31]


def se_personnummer(rng: Generator) -> str:
    """A day of birth, three digits, Luhn."""
    n = luhn("".join(_born(rng)) + digits(rng, 3))
    return f"{n[:6]}-{n[6:]}"


def tr_kimlik(rng: Generator) -> str:
    """Eleven digits with two check digits."""
    body = digits(rng, 9)
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    tenth = (7 * odd - even) % 10
    return f"{body}{tenth}{(odd + even + tenth) % 10}"


def in_aadhaar(rng: Generator) -> str:
    """Twelve digits, Verhoeff."""
    n = verhoeff(str(rng.integers(2, 10)) + digits(rng, 10))
    return f"{n[:4]} {n[4:8]} {n[8:]}"


def in_pan(rng: Generator) -> str:
    """Of a person: the fourth letter is P."""
    return f"{letters(rng, 3)}P{letters(rng, 1)}{rng.integers(1000, 10000)}{letters(rng, 1)}"


def sg_nric(rng: Generator) -> str:
    """S, seven digits, a check letter."""
    body = digits(rng, 7)
    return f"S{body}" + "JZIHGFEDCBA"[weighted(body, (2, 7, 6, 5, 4, 3, 2)) % 11]


def th_id(rng: Generator) -> str:
    """Thirteen digits modulo 11."""
    body = f"{rng.integers(1, 9)}{rng.choice([1, 3, 4])}{digits(rng, 10)}"
    return body + str((11 - weighted(body, range(13, 1, -1)) % 11) % 10)


def kr_rrn(rng: Generator) -> str:
    """A day of birth, a sex, a check digit."""
    body = f"{''.join(_born(rng))}{rng.integers(1, 3)}{digits(rng, 5)}"
    check = (11 - weighted(body, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return f"{body[:6]}-{body[6:]}{check}"


def za_id(rng: Generator) -> str:
    """A day of birth, a sex, a nationality, Luhn."""
    return luhn(f"{''.join(_born(rng))}{digits(rng, 4)}08")


def au_tfn(rng: Generator) -> str:
    """Nine digits modulo 11."""

    def draw() -> str | None:
        n = digits(rng, 9)
        return n if weighted(n, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 else None

    n = _until(draw)
    return f"{n[:3]} {n[3:6]} {n[6:]}"


def br_cpf(rng: Generator) -> str:
    """Eleven digits, two of them check digits modulo 11."""
    n = digits(rng, 9)
    for size in (10, 11):
        n += str(weighted(n, range(size, 1, -1)) * 10 % 11 % 10)
    return f"{n[:3]}.{n[3:6]}.{n[6:9]}-{n[9:]}"


def cn_resident(rng: Generator) -> str:
    """Region, day of birth, number, check character."""
    year, month, day = _born(rng)
    body = f"{rng.choice([110101, 310104, 440305, 510107])}19{year}{month}{day}{rng.integers(100, 1000)}"
    return body + "10X98765432"[weighted(body, [2**n % 11 for n in range(17, 0, -1)]) % 11]


def fr_nir(rng: Generator) -> str:
    """Sex, year, month, place, order, key."""
    year, month, _ = _born(rng)
    body = f"{rng.integers(1, 3)}{year}{month}{rng.integers(10, 96)}{rng.integers(100, 1000)}{rng.integers(100, 1000)}"
    key = f"{97 - int(body) % 97:02}"
    return " ".join((body[0], body[1:3], body[3:5], body[5:7], body[7:10], body[10:], key))


def be_nrn(rng: Generator) -> str:
    """A day of birth, an order, a key modulo 97."""
    year, month, day = _born(rng)
    order = f"{rng.integers(1, 998):03}"
    return f"{year}.{month}.{day}-{order}.{97 - int(year + month + day + order) % 97:02}"


def no_fnr(rng: Generator) -> str:
    """A day of birth, three digits, two check digits modulo 11."""

    def draw() -> str | None:
        year, month, day = _born(rng)
        body = f"{day}{month}{year}{rng.integers(100, 500)}"
        first = -weighted(body, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
        second = -(weighted(body, (5, 4, 3, 2, 7, 6, 5, 4, 3)) + 2 * first) % 11
        return None if 10 in (first, second) else f"{body}{first}{second}"  # noqa: PLR2004 - no such digit

    return _until(draw)


def ch_ahv(rng: Generator) -> str:
    """756 and nine digits, EAN-13."""
    body = "756" + digits(rng, 9)
    n = body + str(-weighted(body, (1, 3) * 6) % 10)
    return f"{n[:3]}.{n[3:7]}.{n[7:11]}.{n[11:]}"


def dk_cpr(rng: Generator) -> str:
    """A day of birth and four digits."""
    year, month, day = _born(rng)
    return f"{day}{month}{year}-{digits(rng, 4)}"


def mx_curp(rng: Generator) -> str:
    """Letters of the name, a day of birth, sex, state, consonants."""
    name, sex, inner = letters(rng, 4, "ABCDEGHLMOPRS"), letters(rng, 1, "HM"), letters(rng, 3, "BCDFGLMNPRST")
    return f"{name}{''.join(_born(rng))}{sex}DF{inner}{rng.integers(10, 100)}"


OF_STATES: dict[str, Callable[[Generator], str]] = {
    one.__name__: one
    for one in (
        *(us_ssn, ca_sin, uk_nino, uk_nhs, de_tax_id, es_nif, es_nie, it_codice_fiscale, pl_pesel, fi_hetu),
        *(se_personnummer, tr_kimlik, in_aadhaar, in_pan, sg_nric, th_id, kr_rrn, za_id, au_tfn),
        *(br_cpf, cn_resident, fr_nir, be_nrn, no_fnr, ch_ahv, dk_cpr, mx_curp),
    )
}
