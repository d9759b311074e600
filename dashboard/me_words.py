"""How a person's own records are said to them: what a time rests on, and what became of their work."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from dashboard.words import REASONS
from kempelen.records import Kind, Provenance
from ledger.pay.currencies import DECIMALS
from ledger.people.own import End, Work

PROVENANCES: Mapping[Provenance, str] = {
    Provenance.MEASURED: "measured",
    Provenance.DECLARED: "declared, not measured",
    Provenance.UNKNOWN: "not known",
    Provenance.SIMULATED: "simulated",
}

_CENTS = 2
"""Decimals of most currencies."""

WHY_UNUSED: Mapping[str, str] = {
    **REASONS,
    "skipped": "you skipped the item",
    "withdrawn": "the answer was deleted later",
    "no_consensus": "the answers to this item did not agree",
    "rejected_answer": "the answer was rejected",
}
"""Why effort served no version, as it is said to whose effort it was."""

_RULES: Mapping[str, str] = {
    "lead-time/1": "as the page reported it; its lower figure stops at {idle_cap_s} s, in case the page stood idle",
    "lead-time/2": "as the page reported it; above {idle_cap_s} s nobody knows what was work and what a break",
    "first-draft/1": "no time was reported; at most the time since your first draft",
    "stated-time/1": "as the file of answers states it",
    "added-time/1": "what a later change of the answer added",
    "stated/1": "as you stated it",
    "shown-to-answered/1": "from showing to your answer; above {idle_cap_s} s nobody knows what was work",
    "lapsed/1": "it was before you and you left it: at most as long as it was held for you",
    "as-declared/1": "as the place where you worked declares it",
    "page-start-to-submit/1": "from the start of the page to your submission, as that place declares it",
    "accept-to-submit/1": "from your acceptance to your submission, waiting included, as that place declares it",
    "start-to-completion/1": "from start to completion, as that place declares it",
    "corrected-by-request/1": "as you said, and as it was accepted",
}


def rule(policy: str) -> str:
    """By what rule a time was taken, in words; a rule without words is named.

    >>> rule("lead-time/2 idle_cap_s=60")
    'as the page reported it; above 60 s nobody knows what was work and what a break'
    >>> rule("wall-clock/7")
    'by the rule wall-clock/7'
    """
    name, *rest = policy.split()
    values = dict(part.partition("=")[::2] for part in rest)
    try:
        said = _RULES[name].format(**values)
    except KeyError:
        return f"by the rule {policy}"
    return f"{said}; cut to {values['cut_to_s']} s" if "cut_to_s" in values else said


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount to the smallest coin, further where it is finer.

    >>> money(Decimal(10), "EUR"), money(Decimal(1200), "JPY"), money(Decimal("0.0125"), "USD"), money(None, "EUR")
    ('10.00 EUR', '1,200 JPY', '0.0125 USD', 'unknown')
    """
    if amount is None or currency is None:
        return "unknown"
    exponent = amount.normalize().as_tuple().exponent
    finest = -exponent if isinstance(exponent, int) else 0
    return f"{amount:,.{max(DECIMALS.get(currency, _CENTS), finest)}f} {currency}"


def went(work: Work) -> str:
    """What became of a piece of work."""
    end = work.end
    if end.unused is not None:
        return f"not used: {WHY_UNUSED.get(end.unused, end.unused.replace('_', ' '))}{_later(end)}"
    if end.version is None:
        return "not decided yet: its cycle is under way"
    said = {
        Kind.PREPARATION: f"version {end.version} was trained on it",
        Kind.VERIFICATION: f"it helped to check version {end.version}",
        Kind.IMPERSONATION: f"it was served in place of an answer of version {end.version}",
    }
    known = said.get(work.kind) if work.kind is not None else None
    return (known or f"it went into version {end.version}") + _later(end)


def _later(end: End) -> str:
    return f"; so {_were(end.later)}" if end.later else ""


def _were(versions: Sequence[str]) -> str:
    if len(versions) == 1:
        return f"was version {versions[0]}"
    return f"were versions {', '.join(versions[:-1])} and {versions[-1]}"
