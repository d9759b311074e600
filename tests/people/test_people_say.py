"""Links open one statement for a while, ratings are means of at least k people, names stand while they are wanted."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kempelen.errors import BadData, ConfigError, LedgerError
from kempelen.records import Briefing
from ledger.people.credit import Credits
from ledger.people.links import Links
from ledger.people.ratings import Rating, Ratings, Summary
from ledger.people.terms import ToldTerms


@pytest.fixture
def week(noon: datetime) -> datetime:
    return noon + timedelta(days=7)


# --- links -----------------------------------------------------------------------------------------------------------


def test_a_link_opens_for_one_person_until_it_expires(engine: Engine, noon: datetime, week: datetime) -> None:
    links = Links(engine)
    token = links.issue("ada", by="Grace", at=noon, expires=week)
    found = links.find(token, noon)
    assert found is not None
    assert (found.person, found.issued_by, found.expires_at) == ("ada", "Grace", week)
    assert links.find(token, week - timedelta(microseconds=1)) is not None
    assert links.find(token, week) is None
    assert links.find(token, noon - timedelta(seconds=1)) is None


def test_a_revoked_link_opens_nothing(engine: Engine, noon: datetime, week: datetime) -> None:
    links = Links(engine)
    one, two = (links.issue("ada", by="Grace", at=noon, expires=week) for _ in range(2))
    assert links.revoke(one, at=noon)
    assert not links.revoke(one, at=noon)
    assert (links.find(one, noon), links.find(two, noon) is None) == (None, False)
    assert links.revoke_all("ada", at=noon) == 1
    assert links.find(two, noon) is None


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_token_has_256_random_bits_and_is_nowhere_in_the_database(
    engine: Engine, noon: datetime, week: datetime, tmp_path: Path
) -> None:
    links = Links(engine)
    tokens = {links.issue("ada", by="Grace", at=noon, expires=week) for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) == 43 and token.replace("-", "a").replace("_", "a").isalnum() for token in tokens)
    files = b"".join(file.read_bytes() for file in tmp_path.glob("kempelen.db*"))
    assert not [token for token in tokens if token.encode() in files]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("token", ["", "x", "ada", "a" * 10_000, "\ud800", "é"])
def test_what_is_no_token_opens_nothing(engine: Engine, noon: datetime, token: str) -> None:
    assert Links(engine).find(token, noon) is None


def test_a_link_that_would_have_expired_or_is_nobodys_is_refused(
    engine: Engine, noon: datetime, week: datetime
) -> None:
    with pytest.raises(BadData, match="expired"):
        Links(engine).issue("ada", by="Grace", at=noon, expires=noon)
    with pytest.raises(BadData, match="names nobody"):
        Links(engine).issue("ada", by="", at=noon, expires=week)


# --- ratings ---------------------------------------------------------------------------------------------------------


def rated(
    engine: Engine,
    at: datetime,
    who: str,
    figure: int,
    *,
    cycle: str = "c1",
    comment: str | None = None,
    k: int = 3,
) -> None:
    rating = Rating(model="intents", cycle=cycle, person=who, clarity=figure, pay=1, load=5, comment=comment, at=at)
    Ratings(engine).rate(rating, k)


def test_fewer_than_k_ratings_are_not_shown_at_all(engine: Engine, noon: datetime) -> None:
    rated(engine, noon, "ada", 1)
    rated(engine, noon, "ben", 2)
    assert Ratings(engine).summary(3, cycle="c1") == Summary()
    rated(engine, noon, "cy", 5)
    assert Ratings(engine).summary(3, cycle="c1") == Summary(ratings=3, clarity=8 / 3, pay=1.0, load=5.0)


def test_the_fourth_rating_does_not_show_before_the_sixth(engine: Engine, noon: datetime) -> None:
    for who in "abc":
        rated(engine, noon, who, 3)
    before = Ratings(engine).summary(3, cycle="c1")
    rated(engine, noon, "d", 5)
    rated(engine, noon, "e", 5)
    assert Ratings(engine).summary(3, cycle="c1") == before
    rated(engine, noon, "f", 5)
    assert Ratings(engine).summary(3, cycle="c1").clarity == 4.0


@pytest.mark.parametrize(("k", "later_k"), [(3, 2), (2, 3)])
def test_another_k_shows_no_single_rating_by_difference(engine: Engine, noon: datetime, k: int, later_k: int) -> None:
    """Three ratings by a k of 3, and two of the same by a k of 2, would tell the third one."""
    for who in "abc":
        rated(engine, noon, who, ord(who) - ord("a") + 1, k=k)
    before = Ratings(engine).summary(k, cycle="c1")
    later = Ratings(engine).summary(later_k, cycle="c1")
    assert before.ratings == k
    assert later in {before, Summary()}
    rated(engine, noon, "d", 5, k=later_k)
    assert abs(Ratings(engine).summary(later_k, cycle="c1").ratings - before.ratings) in {0, 2}


def test_a_model_shows_no_more_than_its_cycles_do(engine: Engine, noon: datetime) -> None:
    for who in "abc":
        rated(engine, noon, who, 4)
    rated(engine, noon, "a", 1, cycle="c2")
    rated(engine, noon, "d", 1, cycle="c2")
    assert Ratings(engine).summary(3, model="intents") == Ratings(engine).summary(3, cycle="c1")
    assert Ratings(engine).summary(3, model="another") == Summary()


def test_a_rating_can_be_changed_until_it_is_public(engine: Engine, noon: datetime) -> None:
    rated(engine, noon, "a", 1)
    rated(engine, noon, "a", 5)
    assert [one.clarity for one in Ratings(engine).of("a")] == [5]
    assert not Ratings(engine).is_public("c1", "a")
    rated(engine, noon, "b", 5)
    rated(engine, noon, "c", 5)
    assert Ratings(engine).is_public("c1", "a")
    with pytest.raises(LedgerError, match="public already"):
        rated(engine, noon, "a", 1)
    assert Ratings(engine).summary(3, cycle="c1").clarity == 5.0


def test_what_people_wrote_is_by_alphabet_and_only_once_k_have_rated(engine: Engine, noon: datetime) -> None:
    rated(engine, noon, "a", 1, comment="too long")
    rated(engine, noon, "b", 1, comment=" ")
    assert Ratings(engine).comments("c1", 3) == []
    rated(engine, noon, "c", 1, comment="breaks are short")
    assert Ratings(engine).comments("c1", 3) == ["breaks are short", "too long"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("figure", [0, 6, -1])
def test_a_figure_that_is_none_from_1_to_5_is_refused(engine: Engine, noon: datetime, figure: int) -> None:
    with pytest.raises(BadData, match="Clarity is not rated"):
        rated(engine, noon, "a", figure)


def test_a_summary_of_single_people_is_refused(engine: Engine) -> None:
    with pytest.raises(ConfigError, match="one person"):
        Ratings(engine).summary(1, cycle="c1")


# --- credit ----------------------------------------------------------------------------------------------------------


def test_names_stand_by_alphabet_beside_the_versions_their_people_worked_for(engine: Engine, noon: datetime) -> None:
    credits_ = Credits(engine)
    credits_.give("p1", "intents", "  grace   Hopper ", at=noon)
    credits_.give("p2", "intents", "Ada Lovelace", at=noon)
    credits_.give("p3", "intents", "Alan Turing", at=noon)
    credits_.give("p2", "another", "A. L.", at=noon)
    assert credits_.names("intents", ["p1", "p2"]) == ["Ada Lovelace", "grace Hopper"]
    assert credits_.of("p2") == {"intents": "Ada Lovelace", "another": "A. L."}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_name_is_changed_and_withdrawn_as_easily_as_given(engine: Engine, noon: datetime, tmp_path: Path) -> None:
    credits_ = Credits(engine)
    credits_.give("p1", "intents", "Ada Byron", at=noon)
    credits_.give("p1", "intents", "Ada Lovelace", at=noon)
    assert credits_.names("intents", ["p1"]) == ["Ada Lovelace"]
    assert credits_.withdraw("p1", "intents")
    assert not credits_.withdraw("p1", "intents")
    assert credits_.names("intents", ["p1"]) == []
    assert b"Lovelace" not in b"".join(file.read_bytes() for file in tmp_path.glob("kempelen.db*"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\0b"])
def test_what_is_no_name_is_refused(engine: Engine, noon: datetime, name: str) -> None:
    with pytest.raises(BadData, match="The name"):
        Credits(engine).give("p1", "intents", name, at=noon)


# --- terms -----------------------------------------------------------------------------------------------------------


def test_what_people_were_told_first_stands(engine: Engine, noon: datetime, week: datetime) -> None:
    told = Briefing(
        cycle_id="c1", title="t", asker="Example Ltd", model="intents", use="routing", contact="ada@example.org",
        labels=("a",), answers_per_item=2, pay="An hour is paid 15 EUR.", data_handling="Kept a year.",
    )  # fmt: skip
    terms = ToldTerms(engine)
    terms.record(told, at=noon)
    changed = Briefing(**{name: getattr(told, name) for name in told.__slots__} | {"pay": "Nothing."})
    terms.record(changed, at=week)
    assert [(one.cycle, one.pay, one.at) for one in terms.of(["c1", "c9"])] == [("c1", "An hour is paid 15 EUR.", noon)]
    assert terms.of([]) == []
