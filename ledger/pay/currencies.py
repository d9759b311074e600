"""Currencies by ISO 4217, and exact amounts brought to their smallest coin.

The table is ISO's list one of 2026-01-01, without fund codes, metals and test codes, which nobody is paid in. Codes
withdrawn since 2019 stay: books of those years name them, and no library that was found keeps both them and ISO's
decimals (CLDR's differ: it has none for IQD, ISO has 3).
"""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from kempelen.errors import BadData

_WITHDRAWN = "ANG BGN CUC HRK SLL ZWL"

_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
    CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
    KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY
    TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """
    + _WITHDRAWN,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

DECIMALS = {code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()}
"""How many decimals the smallest coin of a currency has."""


def known(currency: str) -> str:
    """The code itself. BadData when it is none that people are paid in.

    >>> known("EUR")
    'EUR'
    """
    if currency not in DECIMALS:
        raise BadData(f"{currency!r} is no currency.", hint="Write its ISO 4217 code in capitals, as EUR or USD.")
    return currency


def smallest_coin(currency: str) -> Decimal:
    """What amounts of a currency are rounded to.

    >>> smallest_coin("EUR"), smallest_coin("JPY")
    (Decimal('0.01'), Decimal('1'))
    """
    return Decimal(1).scaleb(-DECIMALS[known(currency)])


def coins_up(amount: Fraction, currency: str) -> Decimal:
    """The least payable amount that is not below `amount`.

    >>> coins_up(Fraction(1, 3), "EUR"), coins_up(Fraction(1, 3), "JPY"), coins_up(Fraction(1, 3), "KWD")
    (Decimal('0.34'), Decimal('1'), Decimal('0.334'))
    """
    decimals = DECIMALS[known(currency)]
    return _amount(ceil(amount * 10**decimals), decimals)


def coins_down(amount: Fraction, currency: str) -> Decimal:
    """The largest payable amount that is not above `amount`.

    >>> coins_down(Fraction(-1, 3), "EUR")
    Decimal('-0.34')
    """
    decimals = DECIMALS[known(currency)]
    return _amount(floor(amount * 10**decimals), decimals)


def _amount(coins: int, decimals: int) -> Decimal:
    return Decimal(f"{coins}E-{decimals}")  # made from text, it is exact at any size
