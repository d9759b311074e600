"""The card's figures as people say them; every written form of the card says the same."""

from collections.abc import Sequence

from kempelen.records import Kind, Provenance
from kempelen.words import counted
from ledger.card.content import CardContent, Line, Seconds
from ledger.card.terms import TITLES
from ledger.durations import interval
from ledger.labour import Share
from ledger.pay.cost import Cost, Range

KINDS = {
    Kind.PREPARATION: "labels that models are trained on",
    Kind.VERIFICATION: "checks of a model",
    Kind.IMPERSONATION: "answers people gave in the model's place",
    Kind.FEEDBACK: "corrections by the people who use it, unpaid",
}
"""The four kinds of human effort, each with what it is."""

SIMULATED_NOTE = "No person gave this; it is in none of the figures above."


def span(seconds: Seconds) -> str:
    """A sum, and what more there is beside it.

    >>> span(Seconds(low_s=None, high_s=None, unknown=True))
    'unknown'
    """
    more = [*(["effort of unknown length"] * seconds.unknown), *(["effort that is held back"] * seconds.held_back)]
    if seconds.low_s is None:
        return " and ".join(["unknown"] * seconds.unknown + ["held back"] * seconds.held_back)
    return ", and ".join([interval(seconds.low_s, seconds.high_s), *more])


def people(content: CardContent) -> str:
    """How many people: never exactly, because the difference of two such numbers could be one person."""
    if content.people:
        return f"{content.min_people} or more people"
    return f"fewer than {content.min_people} people" if content.held_back else "nobody known by name"


def number_of_people(content: CardContent) -> str:
    """The same as a tag."""
    if content.people:
        return f"{content.min_people} or more"
    return f"fewer than {content.min_people}" if content.held_back else "0"


def kinds(line: Line) -> str:
    """What it was for."""
    return " and ".join(kind.value for kind in line.kinds) + (" (unpaid)" if line.unpaid else "")


def share(line: Line) -> str:
    """Whether it was given for this version, or for earlier ones that share the labels."""
    inherited = f"inherited from {', '.join(line.charged_to)}"
    told = {Share.DIRECT: "direct", Share.INHERITED: inherited}
    return " and ".join(told[each] for each in line.shares)


def provenance(line: Line) -> str:
    """Where the figures come from."""
    named = " and ".join(each.value for each in line.provenances)
    return f"{named} ({', '.join(line.sources)})" if line.sources else named


def reasons(line: Line) -> str:
    """Why it served no version."""
    return " and ".join(reason.replace("_", " ") if reason else "used" for reason in line.reasons)


def quantity(line: Line) -> str:
    """How much was given, by the count that it has."""
    counts = (
        (line.amounts.labels, "label"),
        (line.amounts.events, "correction"),
        (line.amounts.annotations, "annotation"),
    )
    return next((counted(number, noun) for number, noun in counts if number), counted(0, "annotation"))


def effort(line: Line) -> str:
    """How long it took."""
    said = interval(line.amounts.low_s, line.amounts.high_s)
    return f"{said}: {line.note}" if line.note else said


def parts(content: CardContent) -> str:
    """What the human effort was for, in percent that sum to 100."""
    told = [
        f"{_percent(tenths)} {' and '.join(share.value for share in shares)} {' and '.join(k.value for k in kinds)}"
        for (shares, kinds), tenths in sorted(content.parts().items(), key=lambda part: -part[1])
    ]
    return ", ".join(told)


def costs(content: CardContent) -> list[str]:
    """What it cost, one sentence a currency, and why anything is missing."""
    told = [_cost(cost) for cost in content.costs]
    return told + ([f"{'part of it is ' if told else ''}{content.cost_note}"] if content.cost_note else [])


def ratings(content: CardContent) -> str:
    """How annotators rated the asking; empty where too few did."""
    rated = content.ratings
    if rated.clarity is None or rated.pay is None or rated.load is None:
        return ""
    return (
        f"clarity {rated.clarity:.1f}, pay {rated.pay:.1f}, load {rated.load:.1f} "
        f"(means of {counted(rated.ratings, 'rating')} from 1, poor, to 5, good)"
    )


def unknown(content: CardContent) -> list[str]:
    """What nobody knows or nobody said: a gap that is named is no zero."""
    untimed = [line for line in (*content.effort, *content.unused, *content.undivided) if line.amounts.high_s is None]
    told = [f"how long {quantity(line)} took: {kinds(line)}, {share(line)}, {provenance(line)}" for line in untimed]
    if any(Provenance.DECLARED in line.provenances for line in content.effort):
        told.append("how exact declared figures are: nobody measured them here")
    told += [
        f"held back, because fewer than {content.min_people} people stand behind it: {w}" for w in content.held_back
    ]
    if not content.ratings.ratings:
        told.append(f"how annotators found the asking: fewer than {content.min_people} rated it")
    if unsaid := content.terms.unsaid():
        told.append("not stated: " + ", ".join(_lowered(TITLES[name]) for name in unsaid))
    return told


def short(seconds: Seconds, *, simulated: bool) -> str:
    """A sum in a few words, for a badge. What is simulated is no human effort and only said to be there."""
    if seconds.low_s is None:
        return "held back" if seconds.held_back and not seconds.unknown else "unknown"
    if not seconds.high_s and not (seconds.unknown or seconds.held_back):
        return "none, simulated only" if simulated else "none on record"
    known = [interval(seconds.low_s, seconds.high_s).replace(" to ", " \u2013 ")] if seconds.high_s else []
    return " + ".join([*known, *["unknown"] * seconds.unknown, *["held back"] * seconds.held_back])


def _cost(cost: Cost) -> str:
    inside = [("pay", cost.pay), ("beyond it", cost.beyond), ("fees", cost.fee)]
    told = [f"{what} {money(amount)}" for what, amount in inside if amount.high is None or amount.high]
    return f"{money(cost.total)} {cost.currency}" + (f" ({', '.join(told)})" if len(told) > 1 else "")


def money(amount: Range) -> str:
    """An amount between two bounds.

    >>> from decimal import Decimal
    >>> money(Range(low=Decimal("3.10"), high=None))
    'at least 3.10'
    """
    if amount.high is None:
        return f"at least {amount.low:f}"
    return f"{amount.low:f}" if amount.low == amount.high else f"{amount.low:f} to {amount.high:f}"


def _percent(tenths: int) -> str:
    return f"{tenths / 10:.1f} %"


def _lowered(title: str) -> str:
    return title[0].lower() + title[1:]


def simulated_rows(content: CardContent) -> list[tuple[str, ...]]:
    """Kind, share or reason, quantity and effort of what no person gave."""
    rows: list[tuple[str, ...]] = [(kinds(one), share(one), quantity(one), effort(one)) for one in content.simulated]
    wasted = content.simulated_unused
    return rows + [(kinds(one), f"not used: {reasons(one)}", quantity(one), effort(one)) for one in wasted]


def effort_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Kind, share, provenance, quantity and effort."""
    return [(kinds(line), share(line), provenance(line), quantity(line), effort(line)) for line in lines]


def unused_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Reason, kind, provenance, quantity and effort."""
    return [(reasons(line), kinds(line), provenance(line), quantity(line), effort(line)) for line in lines]
