"""Seconds as people say them."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

MINUTE, HOUR = 60, 3600


def duration(seconds: Decimal | None, rounding: str = ROUND_HALF_EVEN) -> str:
    """Hours and minutes, or minutes and seconds; None is unknown.

    >>> duration(Decimal("4325.5"))
    '1 h 12 min'
    >>> duration(Decimal("83.2"))
    '1 min 23 s'
    """
    if seconds is None:
        return "unknown"
    whole = _round(seconds, rounding)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, "min", "s")
    return _two(_round(seconds / MINUTE, rounding), "h", "min")


def interval(low_s: Decimal | None, high_s: Decimal | None) -> str:
    """From the low to the high bound, rounded outwards so that what is said still holds.

    >>> interval(Decimal(4320), Decimal(4799))
    '1 h 12 min to 1 h 20 min'
    >>> interval(None, None)
    'unknown'
    """
    low, high = duration(low_s, ROUND_FLOOR), duration(high_s, ROUND_CEILING)
    return low if low == high else f"{low} to {high}"


def _round(amount: Decimal, rounding: str) -> int:
    return int(amount.to_integral_value(rounding))


def _two(amount: int, large: str, small: str) -> str:
    wholes, rest = divmod(amount, 60)
    return f"{wholes:,} {large} {rest} {small}" if rest else f"{wholes:,} {large}"
