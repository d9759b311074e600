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
from ledger.card.published import card_of, published
from ledger.database import open_engine
from ledger.labour import Givers, VersionLabour
from ledger.people.privacy import Cell, Key, Publication, publishable, total_s
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


def seconds(publication: Publication) -> Decimal | None:
    """The high bound of everything that is published."""
    return total_s(one.high_s for cells in publication.sets for one in cells)


def keys(publication: Publication) -> list[list[Key]]:
    return [[one.key for one in cells] for cells in publication.sets]


# --- the rule, by hand -----------------------------------------------------------------------------------------------


def test_a_cell_of_three_people_stands_alone() -> None:
    shown = publishable([cell("2", "preparation", people="abc")], 3)
    assert keys(shown) == [[("2", "preparation")]]
    assert shown.held_back == ()


def test_two_small_cells_of_three_people_together_are_one_figure() -> None:
    shown = publishable([cell("2", "skipped", people="ab", s=4), cell("2", "withdrawn", people="c", s=5)], 3)
    assert keys(shown) == [[("2", "skipped"), ("2", "withdrawn")]]
    assert seconds(shown) == 9


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
    assert seconds(shown) == 157


def test_another_versions_total_is_not_spoiled_and_what_is_left_is_held_back() -> None:
    shown = publishable([cell("1", "skipped", people="a"), cell("2", "preparation", people="abc", s=30)], 3)
    assert keys(shown) == [[("2", "preparation")]]
    assert [one.key for one in shown.held_back] == [("1", "skipped")]
    assert seconds(shown) == 30


def test_what_is_left_of_several_versions_is_shown_together() -> None:
    shown = publishable([cell("1", "skipped", people="ab"), cell("2", "skipped", people="bc")], 3)
    assert keys(shown) == [[("1", "skipped"), ("2", "skipped")]]


def test_with_within_0_nothing_is_held_back_while_there_are_k_people() -> None:
    small = [cell("1", "skipped", people="a"), cell("2", "preparation", people="abc")]
    assert publishable(small, 3, within=0).held_back == ()
    assert len(publishable(small[:1], 3, within=0).held_back) == 1


def test_seconds_of_two_people_do_not_hide_behind_the_count_of_five() -> None:
    shown = publishable([cell("2", "a", people="ab"), cell("2", "b", people="cde", s=None)], 3)
    assert keys(shown) == [[("2", "b")]]
    assert seconds(shown) is None


def test_one_annotators_count_does_not_hide_behind_two_reviewers_who_gave_none() -> None:
    shown = publishable(
        [cell("2", "a", people="a", annotations=5), cell("2", "b", people="rs", annotations=0, counts=False)], 3
    )
    assert shown.sets == ()


def test_what_nobody_stands_behind_is_neither_protected_nor_needed_to_protect() -> None:
    shown = publishable([cell("1", "declared", people="", s=None, annotations=900), cell("1", "x", people="a")], 3)
    assert (keys(shown), [one.key for one in shown.held_back]) == ([], [("1", "x")])


@pytest.mark.parametrize("k", [1, 0, -3])
def test_a_k_that_protects_nobody_is_refused(k: int) -> None:
    with pytest.raises(ConfigError, match="figures of one person"):
        publishable([], k)


def test_keys_of_different_lengths_and_with_empty_parts_are_told_apart_or_folded_and_never_loop() -> None:
    shown = publishable([cell("2", people="a"), cell("2", "", people="b"), cell("2", "x", "y", people="c")], 3)
    assert sum(len(one) for one in shown.sets) == 3


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
    """Every filter that one could think of: all, by version, up to a version, by kind, by both, by reason."""
    every = sorted(universe)
    asked: list[Callable[[Key], bool]] = [lambda _: True]
    for depth in range(3):
        asked += [lambda key, p=key[: depth + 1]: key[: len(p)] == p for key in every]  # type: ignore[misc]
        asked += [lambda key, d=depth, value=key[depth]: key[d] == value for key in every]  # type: ignore[misc]
    asked += [lambda key, last=key[0]: key[0] <= last for key in every]  # type: ignore[misc]
    asked += [lambda key, last=key[0], kind=key[1]: key[0] <= last and key[1] == kind for key in every]  # type: ignore[misc]
    return asked


def view(publication: Publication, asked: Callable[[Key], bool], *, timed: bool) -> Vector:
    """What a total over whole sets depends on: everybody in each set that is in it, cell by cell, seconds or counts."""
    seen: Vector = {}
    for i, cells_of in enumerate(publication.sets):
        if all(asked(one.key) for one in cells_of):
            for one in cells_of:
                if one.sort[0] if timed else one.sort[1]:
                    for person in one.people:
                        name = ((str(i), *one.key), *one.sort, person)
                        seen[name] = 1
    return seen


def views(publications: Sequence[Publication]) -> list[Vector]:
    found = []
    for publication in publications:
        universe = {one.key for some in publication.sets for one in some}
        for timed in (True, False):
            found += [view(publication, asked, timed=timed) for asked in questions(universe)]
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


# --- the attack on what is really shown ------------------------------------------------------------------------------


Gift = tuple[Key, str, bool, bool]
"""What somebody gives: to which cell, who, and whether its seconds are known and it counts an answer."""

a_gift = st.tuples(
    st.tuples(
        st.sampled_from("123"),
        st.sampled_from(["used", "unused"]),
        st.sampled_from(["preparation", "verification"]),
        st.sampled_from(["measured", "declared"]),
        st.sampled_from(["", "skipped", "rejected_challenger"]),
        st.sampled_from(["", "mturk"]),
    ).map(lambda key: (*key[:4], key[4] or "skipped" if key[1] == "unused" else "", key[5])),
    st.sampled_from(PEOPLE),
    st.booleans(),
    st.booleans(),
).filter(lambda gift: gift[2] or gift[3])
LEARNED_FROM = {"1": (), "2": ("1",), "3": ("1",)}
MOST_GIFTS = 40


def given_in_bits(gifts: Sequence[Gift]) -> list[Part]:
    """Gift number i is 2**i seconds and 2**i answers, so that every sum tells what is in it."""
    return [
        part(key, who, 2**i if timed else None, 2**i if counts else 0)
        for i, (key, who, timed, counts) in enumerate(gifts)
    ]


def nothing_else(version: str) -> VersionLabour:
    """A version with effort of persons alone: that is taken from what was published."""
    nobody = Givers(annotations=0, annotators=0)
    return VersionLabour(model="m", version=version, effort=(), unused=(), human=nobody, simulated=nobody)


def figures(publication: Publication) -> set[tuple[str, int]]:
    """Every figure on the cards of all versions, and in their statements: of seconds or of answers."""
    told: set[tuple[str, int]] = set()
    for version, earlier in LEARNED_FROM.items():
        card = card_of(nothing_else(version), publication, earlier=earlier)
        statement = published(nothing_else(version), publication, earlier=earlier)
        for amounts in [
            *(line.amounts for line in (*card.effort, *card.unused, *card.undivided)),
            *(line.amounts for line in (*statement.effort, *statement.unused)),
        ]:
            told |= {("s", int(amounts.low_s or 0)), ("s", int(amounts.high_s or 0)), ("n", amounts.annotations)}
        for seconds in (card.human.low_s, card.wasted.high_s, statement.human_high_s, statement.unused_human_low_s):
            told.add(("s", int(seconds or 0)))
        told |= {("n", card.human_annotations), ("n", statement.human.annotations)}
    return told


def depends_on(figure: tuple[str, int], gifts: Sequence[Gift]) -> Vector:
    """The gifts in a figure, each a variable of whoever gave it."""
    what, amount = figure
    assert 0 <= amount < 2 ** len(gifts)
    return {((what, str(i)), True, True, gifts[i][1]): 1 for i in range(len(gifts)) if amount >> i & 1}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.lists(a_gift, min_size=4, max_size=MOST_GIFTS // 3), min_size=1, max_size=3), st.integers(2, 3))
def test_no_combination_of_all_cards_and_statements_isolates_fewer_than_k_people(
    told: list[list[Gift]], k: int
) -> None:
    engine = open_engine(":memory:")
    releases, gifts, seen = Releases(engine), list[Gift](), set[tuple[str, int]]()
    for of_the_day in told:
        gifts += of_the_day
        seen |= figures(releases.advance("m", given_in_bits(gifts), k, at=NOW))
        late = given_in_bits([*gifts, *of_the_day[:1]])
        assert figures(releases.published("m", late, k)) <= seen  # what came since is in no figure
    engine.dispose()
    assert isolated([vector for figure in seen if (vector := depends_on(figure, gifts))], k) == []


def test_that_attack_finds_out_a_release_of_too_few(releases: Releases) -> None:
    used = ("2", "used", "preparation", "measured", "", "")
    gifts: list[Gift] = [(used, who, True, True) for who in "abc"]
    one_more: Gift = (("2", "used", "verification", "measured", "", ""), "d", True, True)
    seen = figures(releases.advance("m", given_in_bits(gifts), 3, at=NOW))
    assert seen == {("s", 0), ("n", 0), ("s", 7), ("n", 7)}
    careless = publishable(cells(given_in_bits([*gifts, one_more])), 4)
    seen |= figures(careless)
    assert ("s", 15) in seen
    assert ("d",) in isolated([vector for f in seen if (vector := depends_on(f, [*gifts, one_more]))], 3)


# --- over time, in the database --------------------------------------------------------------------------------------


@pytest.fixture
def releases(engine: Engine) -> Releases:
    return Releases(engine)


CHARGED = ("2", "prep", "used")


def test_a_late_answer_waits_until_k_people_have_added(releases: Releases) -> None:
    parts = [part(CHARGED, who) for who in "abc"]
    first = releases.advance("m", parts, 3, at=NOW)
    assert seconds(first) == 30
    late = [*parts, part(CHARGED, "a", 7), part(CHARGED, "d", 8)]
    second = releases.advance("m", late, 3, at=NOW)
    assert seconds(second) == 30
    assert [one.people for one in second.held_back] == [frozenset("ad")]
    assert releases.published("m", late, 3) == second
    third = releases.advance("m", [*late, part(CHARGED, "b", 1)], 3, at=NOW)
    assert seconds(third) == 46
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
    assert seconds(shown) == 30
    assert {one.key[2]: one.high_s for one in shown.held_back} == {"used": Decimal(-10), "declared": Decimal(600)}


def test_each_model_has_its_own_releases(releases: Releases) -> None:
    parts = [part(CHARGED, who) for who in "abc"]
    releases.advance("m", parts, 3, at=NOW)
    assert releases.published("other", parts, 3).sets == ()


def test_seconds_survive_to_the_millisecond(releases: Releases) -> None:
    exact = Decimal("12.345")
    parts = [Part(key=CHARGED, person=who, low_s=exact, high_s=exact, annotations=1) for who in "abc"]
    releases.advance("m", parts, 3, at=NOW)
    assert seconds(releases.published("m", parts, 3)) == 3 * exact
