"""Who is forgotten cannot be found again, by nobody; what they gave stays, to the last second."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from kempelen.errors import BadData, ConnectorUnavailable
from kempelen.records import Annotation, Effort, Kind
from ledger import accounts, posting_rules
from ledger.database import reading
from ledger.entries import Entry, digest
from ledger.people.answers import names_on_record, under_names
from ledger.people.corrections import Corrections
from ledger.people.credit import Credits
from ledger.people.erasure import erasures, forget
from ledger.people.keys import read_keys
from ledger.people.links import Links
from ledger.people.pseudonyms import Pseudonyms, keyed, lookup
from ledger.people.ratings import Rating, Ratings
from ledger.people.tables import ANNOTATOR_KEYS
from ledger.store import Ledger

Maker = Callable[..., Entry]
SECRETS = (
    "it took an hour, I was ill",
    "the pay is too low, I have two children",
    "Ada Lovelace",
    "she told us she was ill",
)


def books_of(ledger: Ledger) -> tuple[dict[str, object], str, list[object]]:
    return dict(ledger.balances()), digest(entry.seal() for entry in ledger.entries()), list(ledger.check(()))


@pytest.fixture
def ada(names: Pseudonyms, ledger: Ledger, given: Maker, assigned: Maker, noon: datetime) -> str:
    """Ada has worked, asked for a correction and got an answer, rated, and is credited by name."""
    ada = names.of("ls:ada")
    first = given("ls/1", ada)
    ledger.book([first, assigned(first), given("ls/2", names.of("ls:ben"))])
    corrections = Corrections(names.engine)
    request = corrections.ask(ada, "given:ls/1", Decimal(3600), SECRETS[0], at=noon)
    corrections.decide(request.number, accepted=False, by="Grace", reason=SECRETS[3], at=noon)
    rating = Rating(model="intents", cycle="c1", person=ada, clarity=3, pay=1, load=2, comment=SECRETS[1], at=noon)
    Ratings(names.engine).rate(rating, 3)
    Credits(names.engine).give(ada, "intents", SECRETS[2], at=noon)
    return ada


def test_totals_balance_and_digest_are_the_same_before_and_after(
    names: Pseudonyms, ledger: Ledger, ada: str, noon: datetime
) -> None:
    before = books_of(ledger)
    assert before[0][accounts.annotator(ada)]
    forget(names, ada, by="Grace", at=noon)
    assert books_of(ledger) == before


def test_links_the_credited_name_and_all_that_they_wrote_are_gone(names: Pseudonyms, ada: str, noon: datetime) -> None:
    token = Links(names.engine).issue(ada, by="Grace", at=noon, expires=noon + timedelta(days=9))
    forget(names, ada, by="Grace", at=noon)
    assert Links(names.engine).find(token, noon) is None
    assert Links(names.engine).of(ada) == []
    assert Credits(names.engine).names("intents", [ada]) == []
    request = Corrections(names.engine).of(ada)[0]
    assert request.reason is None
    assert request.decision is not None
    assert (request.decision.by, request.decision.reason) == ("Grace", None)
    assert [(one.clarity, one.comment) for one in Ratings(names.engine).of(ada)] == [(3, None)]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_no_copy_of_it_is_left_in_the_files_of_the_database(
    names: Pseudonyms, ada: str, noon: datetime, tmp_path: Path
) -> None:
    with reading(names.engine) as connection:
        mine = ANNOTATOR_KEYS.c.pseudonym == ada
        key = connection.scalars(select(ANNOTATOR_KEYS.c.person_key).where(mine)).one()
    where = lookup(read_keys(tmp_path / "pseudonyms.key")[0], "ls:ada")
    traces = [key, where, *(secret.encode() for secret in SECRETS)]

    def left() -> list[bytes]:
        files = b"".join(file.read_bytes() for file in sorted(tmp_path.glob("kempelen.db*")))
        return [trace for trace in traces if trace in files]

    assert left() == traces
    forget(names, ada, by="Grace", at=noon)
    assert left() == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_copy_that_a_reader_keeps_is_told_of_and_goes_with_the_next_run(
    names: Pseudonyms, ada: str, noon: datetime, tmp_path: Path
) -> None:
    event.listen(names.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 1"))
    names.engine.dispose()

    def left() -> bool:
        return any(SECRETS[0].encode() in file.read_bytes() for file in tmp_path.glob("kempelen.db*"))

    with reading(names.engine) as connection:
        assert connection.scalar(select(func.count()).select_from(ANNOTATOR_KEYS)) == 2
        with pytest.raises(ConnectorUnavailable, match="still stands in the database's log") as told:
            forget(names, ada, by="Grace", at=noon)
        assert "again" in told.value.hint
        assert left()
    assert [one.pseudonym for one in erasures(names.engine)] == [ada]
    forget(names, ada, by="Grace", at=noon)
    assert not left()


def test_the_erasure_is_on_record_and_says_which_pseudonym_but_not_who(names: Pseudonyms, noon: datetime) -> None:
    ada = names.of("ls:ada")
    done = forget(names, ada, by=" Grace ", at=noon)
    assert (done.pseudonym, done.by, done.at, done.waits_for) == (ada, "Grace", noon, None)
    assert erasures(names.engine) == [done]


def test_forgetting_twice_is_harmless_and_keeps_the_first_record(names: Pseudonyms, noon: datetime) -> None:
    ada = names.of("ls:ada")
    first = forget(names, ada, by="Grace", at=noon)
    assert forget(names, ada, by="Alan", at=noon + timedelta(days=1)) == first


def test_the_same_person_coming_back_gets_another_pseudonym(names: Pseudonyms, noon: datetime) -> None:
    ada, ben = names.of("ls:ada"), names.of("ls:ben")
    forget(names, ada, by="Grace", at=noon)
    assert names.known("ls:ada") is None
    assert names.of("ls:ada") not in {ada, ben}
    assert names.of("ls:ben") == ben


def test_a_pseudonym_that_nothing_is_known_of_is_refused(names: Pseudonyms, noon: datetime) -> None:
    with pytest.raises(BadData, match="Nothing is on record"):
        forget(names, "nobody", by="Grace", at=noon)
    with pytest.raises(BadData, match="Nobody is named"):
        forget(names, names.of("ls:ada"), by=" ", at=noon)


def test_nothing_can_be_said_or_sent_in_the_name_of_who_was_forgotten(
    names: Pseudonyms, ada: str, noon: datetime
) -> None:
    forget(names, ada, by="Grace", at=noon)
    with pytest.raises(BadData, match="forgotten"):
        Links(names.engine).issue(ada, by="Grace", at=noon, expires=noon + timedelta(days=1))
    with pytest.raises(BadData, match="forgotten"):
        Credits(names.engine).give(ada, "intents", "Ada", at=noon)
    with pytest.raises(BadData, match="forgotten"):
        Corrections(names.engine).ask(ada, "given:ls/1", Decimal(1), "again", at=noon)


# --- pseudonyms from before persons had keys --------------------------------------------------------------------------


def test_an_old_pseudonym_is_cut_for_good_once_its_master_key_is_dropped(
    names: Pseudonyms, ledger: Ledger, given: Maker, noon: datetime, tmp_path: Path
) -> None:
    old = keyed(read_keys(tmp_path / "pseudonyms.key")[0], "ls:ada")
    ledger.book([given("ls/1", old)])
    assert names.of("ls:ada") == old
    done = forget(names, old, by="Grace", at=noon)
    assert done.waits_for is not None
    assert names.of("ls:ada") != old  # though it could still be computed
    names.rotate(["ls:ada"])
    names.drop_old_keys(booked=[old])
    assert erasures(names.engine)[0].waits_for is None
    assert old not in {keyed(key, "ls:ada") for key in read_keys(tmp_path / "pseudonyms.key")}


def test_an_old_pseudonym_can_be_forgotten_before_its_person_is_seen_again(
    names: Pseudonyms, ledger: Ledger, given: Maker, noon: datetime, tmp_path: Path
) -> None:
    old = keyed(read_keys(tmp_path / "pseudonyms.key")[0], "ls:ada")
    ledger.book([given("ls/1", old)])
    assert forget(names, old, by="Grace", at=noon).waits_for is not None
    assert names.of("ls:ada") != old


# --- what the annotation system still holds ---------------------------------------------------------------------------


def booked_again(ledger: Ledger, answers: list[Annotation]) -> tuple[list[Entry], int]:
    """What collecting does with answers under their names; the new entries, and how many contradict the books."""
    entries = [
        posting_rules.annotation_given(
            one,
            pseudonym=one.annotator,
            effort=Effort(low_s=Decimal(10), high_s=Decimal(10), policy="lead-time/2"),
            kind=Kind.PREPARATION,
            cycle="c1",
            model="intents",
            at=one.submitted_at,
        )
        for one in answers
    ]
    new, problems = ledger.unbooked(entries)
    return new, len(problems)


def test_an_edited_answer_of_somebody_forgotten_is_neither_booked_twice_nor_contradicted(
    names: Pseudonyms,
    ledger: Ledger,
    given: Maker,
    answer: Callable[..., Annotation],
    noon: datetime,
) -> None:
    ada = names.of("ls:ada")
    ledger.book([given("ls/1", ada)])
    forget(names, ada, by="Grace", at=noon)
    collected = [answer("ls/1", "ls:ada", label="virus", changed=True)]
    found = under_names(collected, names_on_record(ledger.entries(cycle="c1")), names.many)
    assert [one.annotator for one in found] == [ada]
    assert found[0].label == "virus"
    assert booked_again(ledger, found) == ([], 0)
    assert names.known("ls:ada") is None  # seeing an old answer makes nobody known again
    edit = posting_rules.edit_given(
        found[0],
        pseudonym=found[0].annotator,
        effort=Effort(low_s=Decimal(1), high_s=Decimal(5), policy="added-time/1"),
        kind=Kind.PREPARATION,
        cycle="c1",
        model="intents",
        at=noon,
    )
    assert ledger.book([edit]) == 1
    assert edit.person == accounts.annotator(ada)


def test_without_the_rule_the_same_answer_would_contradict_the_books(
    names: Pseudonyms, ledger: Ledger, given: Maker, answer: Callable[..., Annotation], noon: datetime
) -> None:
    ada = names.of("ls:ada")
    ledger.book([given("ls/1", ada)])
    forget(names, ada, by="Grace", at=noon)
    careless = [answer("ls/1", names.of("ls:ada"))]
    assert booked_again(ledger, careless) == ([], 1)


def test_a_new_answer_of_somebody_who_came_back_is_under_the_new_name(
    names: Pseudonyms, ledger: Ledger, given: Maker, answer: Callable[..., Annotation], noon: datetime
) -> None:
    ada = names.of("ls:ada")
    ledger.book([given("ls/1", ada)])
    forget(names, ada, by="Grace", at=noon)
    collected = [answer("ls/1", "ls:ada"), answer("ls/9", "ls:ada")]
    old, new = under_names(collected, names_on_record(ledger.entries(cycle="c1")), names.many)
    assert old.annotator == ada
    assert new.annotator not in {ada, "ls:ada"}


def test_answers_that_are_remembered_and_not_booked_keep_their_name_too(answer: Callable[..., Annotation]) -> None:
    on_record = names_on_record([], remembered=[answer("ls/1", "pseudonym")])
    assert under_names([answer("ls/1", "ls:ada")], on_record, lambda _: {})[0].annotator == "pseudonym"
