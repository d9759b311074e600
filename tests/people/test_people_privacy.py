"""No addition or subtraction of published figures isolates fewer than k people, over filters, versions and time."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from kempelen.errors import ConfigError
from ledger.people.privacy import Cell, Key, Publication, publishable
from ledger.people.releases import Part, Releases, cells, since

NOW = datetime(2020, 1, 24, tzinfo=UTC)
Vector = dict[tuple[Key, bool, bool, str], int]
"""How a published figure depends on what each person gave to each cell."""


def cell(*key: str, people: str, s: int | None = 10, annotations: int = 1, counts: bool = True) -> Cell:
    seconds = None if s is None else Decimal(s)
    return Cell(
        key=key, people=frozenset(people), low_s=seconds, high_s=seconds, annotations=annotations, counts=counts
    )


def part(key: Key, person: str | None, s: int | None = 10, annotations: int = 1) -> Part:
    seconds = None if s is None else Decimal(s)
    return Part(key=key, person=person, low_s=seconds, high_s=seconds, annotations=annotations)


def keys(publication: Publication) -> list[list[Key]]:
    return [[one.key for one in cells] for cells in publication.sets]


# --- the rule, by hand -----------------------------------------------------------------------------------------------


def test_a_cell_of_three_people_stands_alone() -> None:
    shown = publishable([cell("2", "preparation", people="abc")], 3)
    assert keys(shown) == [[("2", "preparation")]]
    assert (shown.held_back, shown.sentence) == ((), "")


def test_two_small_cells_of_three_people_together_are_one_figure() -> None:
    shown = publishable([cell("2", "skipped", people="ab", s=4), cell("2", "withdrawn", people="c", s=5)], 3)
    assert keys(shown) == [[("2", "skipped"), ("2", "withdrawn")]]
    assert shown.total(lambda key: key[0] == "2").high_s == 9
    assert shown.total(lambda key: key[1] == "skipped").complete is False
    assert shown.total(lambda key: key[1] == "skipped").annotations == 0
    assert shown.sentence == (
        "Shown as one figure, because fewer than 3 people stand behind a part: 2 / skipped and 2 / withdrawn."
    )


def test_a_single_small_cell_takes_the_smallest_one_beside_it_in_so_that_the_total_does_not_give_it_away() -> None:
    shown = publishable(
        [
            cell("2", "preparation", people="abcde", s=100),
            cell("2", "verification", people="abc", s=50),
            cell("2", "skipped", people="a", s=7),
        ],
        3,
    )
    assert sorted(keys(shown)) == [[("2", "preparation")], [("2", "skipped"), ("2", "verification")]]
    assert shown.total(lambda _: True).high_s == 157
    assert shown.total(lambda key: key[1] == "verification").high_s is None


def test_another_versions_total_is_not_spoiled_and_what_is_left_is_held_back() -> None:
    shown = publishable([cell("1", "skipped", people="a"), cell("2", "preparation", people="abc", s=30)], 3)
    assert keys(shown) == [[("2", "preparation")]]
    assert [one.key for one in shown.held_back] == [("1", "skipped")]
    assert shown.total(lambda key: key[0] == "2").complete
    everything = shown.total(lambda _: True)
    assert (everything.high_s, everything.complete) == (30, False)
    assert "Held back, because fewer than 3 people stand behind it: 1 / skipped." in shown.sentence


def test_what_is_left_of_several_versions_is_shown_together() -> None:
    shown = publishable([cell("1", "skipped", people="ab"), cell("2", "skipped", people="bc")], 3)
    assert keys(shown) == [[("1", "skipped"), ("2", "skipped")]]
    assert shown.total(lambda key: key[0] == "1").complete is False


def test_with_within_0_nothing_is_held_back_while_there_are_k_people() -> None:
    small = [cell("1", "skipped", people="a"), cell("2", "preparation", people="abc")]
    assert publishable(small, 3, within=0).held_back == ()
    assert len(publishable(small[:1], 3, within=0).held_back) == 1


def test_seconds_of_two_people_do_not_hide_behind_the_count_of_five() -> None:
    shown = publishable([cell("2", "a", people="ab"), cell("2", "b", people="cde", s=None)], 3)
    assert shown.total(lambda _: True).high_s is None
    assert shown.total(lambda _: True).annotations == 1


def test_one_annotators_count_does_not_hide_behind_two_reviewers_who_gave_none() -> None:
    shown = publishable(
        [cell("2", "a", people="a", annotations=5), cell("2", "b", people="rs", annotations=0, counts=False)], 3
    )
    assert shown.sets == ()


def test_what_nobody_stands_behind_needs_no_protection() -> None:
    declared = cell("1", "declared", people="", s=None, annotations=900)
    shown = publishable([declared], 3)
    assert (shown.free, shown.held_back) == ((declared,), ())
    assert shown.total(lambda _: True).annotations == 900


@pytest.mark.parametrize("k", [1, 0, -3])
def test_a_k_that_protects_nobody_is_refused(k: int) -> None:
    with pytest.raises(ConfigError, match="figures of one person"):
        publishable([], k)


def test_keys_of_different_lengths_and_with_empty_parts_are_told_apart_or_folded_and_never_loop() -> None:
    shown = publishable([cell("2", people="a"), cell("2", "", people="b"), cell("2", "x", "y", people="c")], 3)
    assert sum(len(one) for one in shown.sets) == 3


def test_lines_are_sums_of_whole_sets_and_name_all_that_is_in_them() -> None:
    shown = publishable(
        [
            cell("2", "c1", "prep", people="abc", s=10),
            cell("2", "c2", "prep", people="abcd", s=20),
            cell("2", "c1", "veri", people="a", s=3),
            cell("2", "c2", "veri", people="bc", s=4),
        ],
        3,
    )
    lines = shown.lines(lambda key: key[0] == "2", lambda key: (key[2],))
    # Each cycle puts its small cell together with the one beside it.
    assert [(one.keys, one.high_s) for one in lines] == [((("prep",), ("veri",)), Decimal(37))]
    assert shown.lines(lambda key: key[2] == "veri", lambda key: (key[2],)) == []


# --- the attack ------------------------------------------------------------------------------------------------------


def rank(vectors: Sequence[Vector], on: Iterable[object]) -> int:
    """The dimension that the vectors span on these variables, in exact arithmetic."""
    names = sorted(on, key=repr)
    rows = [[Fraction(vector.get(name, 0)) for name in names] for vector in vectors]  # type: ignore[call-overload]
    found = 0
    for column in range(len(names)):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for i in range(found + 1, len(rows)):
            factor = rows[i][column] / rows[found][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def isolated(views: Sequence[Vector], k: int) -> list[tuple[str, ...]]:
    """Groups of fewer than k people of whom some linear combination of the views tells, and of nobody else.

    It exists exactly if the views span less once these people's variables are struck out: some combination is then
    zero on everybody else's, and not on theirs. So this is all combinations, not only small ones.
    """
    variables = {name for view in views for name in view}
    people = sorted({name[3] for name in variables})
    return [
        some
        for size in range(1, k)
        for some in combinations(people, size)
        if rank(views, [name for name in variables if name[3] not in some]) < rank(views, variables)
    ]


def by_small_numbers(views: Sequence[Vector], k: int) -> list[tuple[int, ...]]:
    """The same by trying: coefficients from -2 to 2, over every three of the views."""
    found = []
    for some in combinations(views, min(3, len(views))):
        for coefficients in product(range(-2, 3), repeat=len(some)):
            total: dict[object, int] = {}
            for c, view in zip(coefficients, some, strict=True):
                for name, amount in view.items():
                    total[name] = total.get(name, 0) + c * amount
            touched = {name[3] for name, amount in total.items() if amount}  # type: ignore[index]
            if 0 < len(touched) < k:
                found.append(coefficients)
    return found


def questions(universe: Iterable[Key]) -> list[Callable[[Key], bool]]:
    """Every filter of the pages: all, by version, up to a version, by kind, by both, by reason."""
    every = sorted(universe)
    asked: list[Callable[[Key], bool]] = [lambda _: True]
    for depth in range(3):
        asked += [lambda key, p=key[: depth + 1]: key[: len(p)] == p for key in every]  # type: ignore[misc]
        asked += [lambda key, d=depth, value=key[depth]: key[d] == value for key in every]  # type: ignore[misc]
    asked += [lambda key, last=key[0]: key[0] <= last for key in every]  # type: ignore[misc]
    asked += [lambda key, last=key[0], kind=key[1]: key[0] <= last and key[1] == kind for key in every]  # type: ignore[misc]
    return asked


def view(
    publication: Publication,
    asked: Callable[[Key], bool],
    *,
    timed: bool,
    only: Callable[[Sequence[Cell]], bool] = lambda _: True,
) -> Vector:
    """What a published total depends on: everybody in each set that is in it, cell by cell, seconds or counts."""
    seen: Vector = {}
    for i, cells_of in enumerate(publication.sets):
        if all(asked(one.key) for one in cells_of) and only(cells_of):
            for one in cells_of:
                if one.sort[0] if timed else one.sort[1]:
                    for person in one.people:
                        name = ((str(i), *one.key), *one.sort, person)
                        seen[name] = 1
    return seen


def line_views(publication: Publication, depth: int, *, timed: bool) -> list[Vector]:
    """What each line of a statement by one part of the key depends on."""
    lines = publication.lines(lambda _: True, lambda key: (key[depth],))
    return [
        view(
            publication,
            lambda _: True,
            timed=timed,
            only=lambda cells_of, keys=line.keys: tuple(sorted({(one.key[depth],) for one in cells_of})) == keys,  # type: ignore[misc]
        )
        for line in lines
    ]


def views(publications: Sequence[Publication]) -> list[Vector]:
    found = []
    for publication in publications:
        universe = {one.key for some in publication.sets for one in some}
        for timed in (True, False):
            found += [view(publication, asked, timed=timed) for asked in questions(universe)]
            found += [one for depth in range(3) for one in line_views(publication, depth, timed=timed)]
    return [dict(one) for one in {tuple(sorted(v.items())) for v in found if v}]


PEOPLE = "abcdefg"
a_key = st.tuples(st.sampled_from("123"), st.sampled_from(["prep", "veri"]), st.sampled_from(["used", "skip"]))
a_part = st.builds(
    part,
    a_key,
    st.sampled_from(PEOPLE),
    st.one_of(st.none(), st.integers(0, 50)),
    st.integers(0, 3),
).filter(lambda p: p.annotations or p.high_s)
days = st.lists(st.lists(a_part, max_size=12), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(a_part, max_size=24), st.integers(2, 4), st.integers(0, 2))
def test_no_combination_of_published_figures_isolates_fewer_than_k_people(
    parts: list[Part], k: int, within: int
) -> None:
    shown = publishable(cells(since(parts, [])), k, within=within)
    found = views([shown])
    assert isolated(found, k) == []
    assert by_small_numbers(found[:8], k) == []


@settings(max_examples=50, deadline=None, derandomize=True)
@given(days, st.integers(2, 3))
def test_no_combination_over_days_does_either(told: list[list[Part]], k: int) -> None:
    published: list[list[Part]] = []
    seen: list[Publication] = []
    so_far: list[Part] = []
    for new in told:
        so_far += new
        pending = since(so_far, [p for one in published for p in one])
        for some in publishable(cells(pending), k).sets:
            names = {(one.key, one.sort) for one in some}
            published.append([p for p in pending if (p.key, p.sort) in names])
        seen.append(Publication(k=k, sets=tuple(tuple(cells(one)) for one in published), held_back=()))
    assert isolated(views(seen), k) == []


def test_the_attack_finds_out_whoever_hides_small_cells_and_shows_the_true_total() -> None:
    big, small = cell("2", "prep", "used", people="abc"), cell("2", "veri", "used", people="d")
    careless = [
        Publication(k=3, sets=((big,),), held_back=(small,)),
        Publication(k=3, sets=((big, small),), held_back=()),
    ]
    # Both say "set 0"; what is in it is the same effort, so it must be the same variable.
    found = [view(one, lambda _: True, timed=True) for one in careless]
    assert isolated(found, 3) == [("d",), *[pair for pair in combinations("abcd", 2) if "d" in pair]]
    assert by_small_numbers(found, 3)


def test_the_attack_finds_out_whoever_publishes_each_late_answer_at_once() -> None:
    before = [part(("2", "prep", "used"), who) for who in "abc"]
    late = part(("2", "prep", "late"), "d")
    today, tomorrow = (tuple(cells(since(all_of, []))) for all_of in (before, [*before, late]))
    careless = [Publication(k=3, sets=(day,), held_back=()) for day in (today, tomorrow)]
    assert ("d",) in isolated([view(one, lambda _: True, timed=True) for one in careless], 3)


# --- over time, in the database --------------------------------------------------------------------------------------


@pytest.fixture
def releases(engine: Engine) -> Releases:
    return Releases(engine)


CHARGED = ("2", "prep", "used")


def test_a_late_answer_waits_until_k_people_have_added(releases: Releases) -> None:
    parts = [part(CHARGED, who) for who in "abc"]
    first = releases.advance("m", parts, 3, at=NOW)
    assert first.total(lambda _: True).high_s == 30
    late = [*parts, part(CHARGED, "a", 7), part(CHARGED, "d", 8)]
    second = releases.advance("m", late, 3, at=NOW)
    assert second.total(lambda _: True).high_s == 30
    assert [one.people for one in second.held_back] == [frozenset("ad")]
    assert releases.published("m", late, 3) == second
    third = releases.advance("m", [*late, part(CHARGED, "b", 1)], 3, at=NOW)
    assert third.total(lambda _: True).high_s == 46
    assert third.held_back == ()


def test_publishing_again_moves_nothing(releases: Releases) -> None:
    parts = [part(CHARGED, who) for who in "abc"]
    assert releases.advance("m", parts, 3, at=NOW) == releases.advance("m", parts, 3, at=NOW)
    assert len(releases.published("m", parts, 3).sets) == 1


def test_one_persons_correction_is_not_seen_by_itself(releases: Releases) -> None:
    parts = [part(CHARGED, who) for who in "abc"]
    releases.advance("m", parts, 3, at=NOW)
    corrected = [*parts[:2], part(("2", "prep", "declared"), "c", 600)]  # taken back there, booked anew here
    shown = releases.advance("m", corrected, 3, at=NOW)
    assert shown.total(lambda _: True).high_s == 30
    assert {one.key[2]: one.high_s for one in shown.held_back} == {"used": Decimal(-10), "declared": Decimal(600)}


def test_each_model_has_its_own_releases(releases: Releases) -> None:
    parts = [part(CHARGED, who) for who in "abc"]
    releases.advance("m", parts, 3, at=NOW)
    assert releases.published("other", parts, 3).sets == ()


def test_declared_and_simulated_parts_are_always_up_to_date(releases: Releases) -> None:
    declared = part(("1", "prep", "declared"), None, None, 900)
    assert releases.advance("m", [declared], 3, at=NOW).total(lambda _: True).annotations == 900


def test_seconds_survive_to_the_millisecond(releases: Releases) -> None:
    exact = Decimal("12.345")
    parts = [Part(key=CHARGED, person=who, low_s=exact, high_s=exact, annotations=1) for who in "abc"]
    releases.advance("m", parts, 3, at=NOW)
    assert releases.published("m", parts, 3).total(lambda _: True).low_s == 3 * exact
