"""All four kinds of human effort, where their figures come from, whose they are, and how they share a version."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as draw
from hypothesis import strategies as st

from kempelen.records import DeclaredWork, Effort, Kind, Provenance
from ledger import posting_rules
from ledger.entries import Entry
from ledger.labour import Amounts, EffortLine, Givers, Share, VersionLabour
from ledger.statement import Books, labour

NOON = datetime(2020, 1, 24, 12, tzinfo=UTC)
Make = Callable[..., Entry]
Shelve = Callable[[list[Entry]], Books]
ABOUT: dict[str, Any] = {"model": "intents", "version": "2", "at": NOON}


def seconds(low: str, high: str, policy: str = "stated") -> Effort:
    return Effort(low_s=Decimal(low), high_s=Decimal(high), policy=policy)


def work(number: str, *, label: str | None = "health", accepted: bool | None = True) -> list[Entry]:
    """A piece of work at Mechanical Turk, with its reward and fee."""
    done = DeclaredWork(
        source="mechanical-turk",
        source_id=number,
        annotator="w",
        item="i",
        label=label,
        submitted_at=NOON,
        effort=seconds("0", "40", "accept-to-submit"),
        accepted=accepted,
        reward=Decimal("0.05"),
        fee=Decimal("0.01"),
        currency="USD",
    )
    kind = Kind.PREPARATION
    entry = posting_rules.declared_work(done, pseudonym=f"w{number}", kind=kind, item_id="i", **ABOUT)
    return [entry, *posting_rules.rewards(done, pseudonym=f"w{number}", payer="us", kind=kind, **ABOUT)]


def only(books: Books, version: str = "2") -> VersionLabour:
    (found,) = labour(books, "intents", {}, version=version)
    return found


def test_every_kind_has_a_line_of_its_own(shelf: Shelve, given: Make, assigned: Make) -> None:
    booked = [given("a", low="10", high="12"), given("d", low="7", high="9", kind=Kind.VERIFICATION)]
    booked += [assigned(entry) for entry in booked]
    booked.append(
        posting_rules.reviewed(
            source_id="r",
            pseudonym="eve",
            effort=seconds("60", "120"),
            provenance=Provenance.DECLARED,
            what="approved the promotion",
            worked_at=NOON,
            **ABOUT,
        )
    )
    booked.append(
        posting_rules.answer_served(
            source_id="q",
            pseudonym="ben",
            effort=seconds("4", "5", "lead-time/2"),
            item_id="i",
            worked_at=NOON,
            **ABOUT,
        )
    )
    for number, effort in (("1", seconds("0", "30")), ("2", None)):
        booked.append(
            posting_rules.feedback_given(
                source_id=number, source="app", events=3, effort=effort, worked_at=NOON, **ABOUT
            )
        )
    found = only(shelf(booked))
    lines = [
        (
            line.kind.value,
            line.provenance.value,
            line.source,
            line.amounts.high_s,
            line.amounts.annotations,
            line.people,
        )
        for line in found.effort
    ]
    assert lines == [
        ("feedback", "declared", "app", 30, 0, 0),
        ("feedback", "unknown", "app", None, 0, 0),
        ("impersonation", "measured", None, 5, 1, 1),
        ("preparation", "measured", None, 12, 1, 1),
        ("verification", "declared", None, 120, 0, 1),
        ("verification", "measured", None, 9, 1, 1),
    ]
    assert [line.amounts.events for line in found.effort] == [3, 3, 0, 0, 0, 0]
    assert found.effort[0].as_json()["events"] == 3
    assert (found.human.annotations, found.human.annotators) == (3, 2)  # the reviewer answered nothing
    assert (found.human_low_s, found.human_high_s, found.human_unknown) == (81, 176, True)


def test_work_elsewhere_is_declared_by_its_place_with_its_money_beside(shelf: Shelve) -> None:
    booked = [*work("1"), *work("2"), *work("3", accepted=False), *work("4", label=None)]
    found = only(shelf(booked))
    (line,) = found.effort
    assert (line.provenance, line.source, line.people, line.policies) == (
        Provenance.DECLARED,
        "mechanical-turk",
        2,
        ("accept-to-submit",),
    )
    assert (line.amounts.low_s, line.amounts.high_s) == (0, 80)
    assert [(u.reason, u.source, u.amounts.high_s) for u in found.unused] == [
        ("rejected_answer", "mechanical-turk", 40),
        ("skipped", "mechanical-turk", 40),
    ]
    assert found.rewards_by_currency == {"USD": Decimal("0.24")}
    assert found.as_json()["rewards_by_currency"] == {"USD": "0.24"}


def test_a_correction_stands_declared_and_what_it_replaces_vanishes(shelf: Shelve, given: Make, assigned: Make) -> None:
    wrong, right = given("a", low="10", high="300"), given("b", low="8", high="9", who="ben")
    booked = [wrong, right, assigned(wrong), assigned(right)]
    booked += posting_rules.corrected(
        wrong, booked[2], effort=seconds("10", "20"), number=1, at=NOON, reason="the tab was idle"
    )
    found = only(shelf(booked))
    assert [
        (line.provenance.value, line.amounts.high_s, line.amounts.annotations, line.people) for line in found.effort
    ] == [
        ("declared", 20, 1, 1),
        ("measured", 9, 1, 1),
    ]
    assert found.human.annotations == 2
    assert found.human.annotators == 2


def test_all_that_was_taken_back_leaves_no_line(shelf: Shelve, given: Make, assigned: Make) -> None:
    one, kept = given("a"), given("b")
    charged = assigned(one)
    undone = [posting_rules.reversal(entry, at=NOON, reason="booked by mistake") for entry in (charged, one)]
    found = only(shelf([one, kept, charged, *undone, assigned(kept, unused="skipped")]))
    assert found.effort == ()
    assert (found.human.annotations, [u.amounts.annotations for u in found.unused]) == (1, [1])


def test_people_are_counted_once_however_many_lines_they_are_in(shelf: Shelve, given: Make, assigned: Make) -> None:
    answers = [given(f"{v}-{who}", who=who, cycle=f"c{v}") for v in "12" for who in ("ada", "ben")]
    booked = [*answers, *(assigned(entry, entry.source_id[6]) for entry in answers)]
    robot = given("r", who="robot", simulated=True)
    (found,) = labour(shelf([*booked, robot, assigned(robot, "1")]), "intents", {"3": ["1", "2"]}, version="3")
    assert [(line.provenance.value, line.people, line.charged_to) for line in found.effort] == [
        ("measured", 2, ("1", "2")),
        ("simulated", 0, ("1",)),
    ]


def test_waste_is_named_by_reason_and_cycle(shelf: Shelve, given: Make, assigned: Make) -> None:
    lost = [given(f"l{n}", cycle=f"c{n}") for n in (1, 2)]
    ends = [assigned(entry, unused="abandoned") for entry in lost]
    rejected = given("x", cycle="c3")
    found = only(shelf([*lost, *ends, rejected, assigned(rejected, unused="rejected_challenger")]))
    assert [(u.reason, u.cycles) for u in found.unused] == [
        ("abandoned", ("c1", "c2")),
        ("rejected_challenger", ("c3",)),
    ]


# ---------------------------------------------------------------- shares


def version_of(*high_s: tuple[Share, Kind, Provenance, str | None]) -> VersionLabour:
    lines = tuple(
        EffortLine(
            share=share,
            kind=kind,
            provenance=provenance,
            amounts=Amounts(
                annotations=1,
                labels=0,
                low_s=None if s is None else Decimal(0),
                high_s=None if s is None else Decimal(s),
            ),
            source=None,
            note=None,
            charged_to=("1",),
            policies=(),
        )
        for share, kind, provenance, s in high_s
    )
    nobody = Givers(annotations=0, annotators=0)
    return VersionLabour(model="m", version="1", effort=lines, unused=(), human=nobody, simulated=nobody)


def test_shares_are_rounded_by_largest_remainders_to_a_whole() -> None:
    third = [(Share.DIRECT, kind, Provenance.MEASURED, "1") for kind in list(Kind)[:2]]
    found = version_of(*third, (Share.INHERITED, Kind.PREPARATION, Provenance.MEASURED, "1")).shares()
    assert found == {  # 333.3 each; of equal remainders the first gets the one that is left
        (Share.DIRECT, Kind.PREPARATION): 334,
        (Share.DIRECT, Kind.VERIFICATION): 333,
        (Share.INHERITED, Kind.PREPARATION): 333,
    }


def test_shares_are_of_human_effort_and_of_what_is_known() -> None:
    found = version_of(
        (Share.DIRECT, Kind.PREPARATION, Provenance.MEASURED, "30"),
        (Share.DIRECT, Kind.PREPARATION, Provenance.DECLARED, "10"),
        (Share.DIRECT, Kind.PREPARATION, Provenance.SIMULATED, "999"),
        (Share.INHERITED, Kind.PREPARATION, Provenance.UNKNOWN, None),
        (Share.DIRECT, Kind.FEEDBACK, Provenance.DECLARED, "40"),
    ).shares()
    assert found == {(Share.DIRECT, Kind.PREPARATION): 500, (Share.DIRECT, Kind.FEEDBACK): 500}


@pytest.mark.parametrize("high", [None, "0"])
def test_there_are_no_shares_of_nothing_known(high: str | None) -> None:
    assert version_of((Share.DIRECT, Kind.PREPARATION, Provenance.UNKNOWN, high)).shares() is None
    assert version_of().shares() is None


parts = st.tuples(
    st.sampled_from(Share), st.sampled_from(Kind), st.just(Provenance.MEASURED), st.integers(1, 10**9).map(str)
)


@draw(lines=st.lists(parts, min_size=1, max_size=12))
def test_shares_sum_to_the_whole_and_are_off_by_less_than_one(
    lines: list[tuple[Share, Kind, Provenance, str | None]],
) -> None:
    found = version_of(*lines).shares()
    assert found is not None
    assert sum(found.values()) == 1000
    total = sum(Decimal(s or 0) for *_, s in lines)
    for key, share in found.items():
        exact = 1000 * sum(Decimal(s or 0) for a, b, _, s in lines if (a, b) == key) / total
        assert abs(share - exact) < 1
