"""Queries with numbers that identify nobody: dates, prices, versions, products."""

from collections.abc import Callable, Iterator

from numpy.random import Generator

from benchmarks._check_digits import digits
from kempelen import text


def queries(rng: Generator, each: int) -> Iterator[str]:
    """`each` normalised queries of every pattern of numbers that identify nobody."""
    for make in NOBODYS:
        yield from (text.normalise(make(rng)) for _ in range(each))


def _number(low: int, high: int) -> Callable[[Generator], int]:
    return lambda rng: int(rng.integers(low, high))


_YEAR, _SMALL, _TENS, _HUNDREDS = _number(1950, 2035), _number(1, 30), _number(10, 90), _number(100, 1000)

NOBODYS: tuple[Callable[[Generator], str], ...] = (
    lambda rng: f"corona {_YEAR(rng)}",
    lambda rng: f"weather on {_number(1, 13)(rng)}/{_SMALL(rng)}/{_YEAR(rng)}",
    lambda rng: f"events {_YEAR(rng)}-{_number(10, 13)(rng)}-{_number(10, 29)(rng)}",
    lambda rng: f"termine {_SMALL(rng):02}.{_number(1, 13)(rng):02}.{_YEAR(rng)}",
    lambda rng: f"photo {_YEAR(rng)}{_number(10, 13)(rng)}{_number(10, 29)(rng)}",
    lambda rng: f"season {(year := _YEAR(rng))}-{year + 1} final {year + 2}",
    lambda rng: f"table at {_number(10, 24)(rng)}:{_number(10, 60)(rng)}:{_number(10, 60)(rng)} pm",
    lambda rng: f"set alarm for {_HUNDREDS(rng)}",
    lambda rng: f"{rng.choice(['lh', 'ba', 'ua'])} {_number(100, 10000)(rng)} {_YEAR(rng)}",
    lambda rng: f"{_number(10**6, 10**7)(rng)}",
    lambda rng: f"is {_number(10**6, 10**7)(rng)} prime",
    lambda rng: f"${_SMALL(rng)},{_HUNDREDS(rng)}.{_number(10, 100)(rng)} in euro",
    lambda rng: f"{_SMALL(rng)}.{_HUNDREDS(rng)}.{_HUNDREDS(rng)},{_number(10, 100)(rng)} €",
    lambda rng: f"{_number(10**9, 10**10)(rng)}.50 in words",
    lambda rng: f"{_SMALL(rng)} {_HUNDREDS(rng)} {_HUNDREDS(rng)} in words",
    lambda rng: f"population {_number(1, 9)(rng)},{_HUNDREDS(rng)},{_HUNDREDS(rng)},{_HUNDREDS(rng)}",
    lambda rng: f"{_number(1, 10)(rng)}{'0' * int(rng.integers(6, 12))} in words",
    lambda rng: f"firmware {_SMALL(rng)}.{_SMALL(rng)}.{_SMALL(rng)}.{_HUNDREDS(rng)}",
    lambda rng: f"itunes {_SMALL(rng)}.{_SMALL(rng)}.{_SMALL(rng)}.{_SMALL(rng)}",
    lambda rng: f"chrome {_number(60, 90)(rng)}.0.{_number(3000, 5000)(rng)}.{_HUNDREDS(rng)}",
    lambda rng: f"windows 10.0.{_number(10000, 20000)(rng)}.{_HUNDREDS(rng)}",
    lambda rng: f"192.168.{_number(0, 5)(rng)}.{_number(1, 255)(rng)} login",
    lambda rng: f"call of duty {_YEAR(rng)} {_YEAR(rng)}",
    lambda rng: f"nie wieder {_YEAR(rng)} {_SMALL(rng)}",
    lambda rng: f"zip code {_number(10000, 99999)(rng)}-{_number(1000, 9999)(rng)}",
    lambda rng: f"rug w{_number(10**8, 10**9)(rng)}",
    lambda rng: f"{_TENS(rng)}.{_number(1000, 9999)(rng)}, -{_TENS(rng)}.{_number(1000, 9999)(rng)}",
    lambda rng: f"lottery {' '.join(str(_number(1, 50)(rng)) for _ in range(6))}",
    lambda rng: f"isbn 978{digits(rng, 10)}",
    lambda rng: f"www.{rng.choice(['petrova', 'bbc', 'kowalski'])}.com",
    lambda rng: f"{_SMALL(rng)}/{_SMALL(rng)} inch and/or {_HUNDREDS(rng)}mm",
    lambda rng: f"{_HUNDREDS(rng)}x{_HUNDREDS(rng)} pixel {_YEAR(rng)}",
    lambda rng: f"pi 3.{digits(rng, 12)}",
    lambda rng: f"iphone {_SMALL(rng)} {_HUNDREDS(rng)}gb at {_HUNDREDS(rng)} euro in {_YEAR(rng)}",
)  # fmt: skip
