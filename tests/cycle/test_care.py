"""Nobody is shown more hazardous items a day than agreed, whatever people do; no page ranks them or urges them on."""

import ast
import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cycle.care import Hazards, hazards, released
from kempelen.errors import BadData, ConfigError
from kempelen.records import Annotation, LabelRequest, Purpose
from kempelen.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MORNING = datetime(2020, 1, 21, 9, tzinfo=UTC)


def request(item: str, *, hazardous: bool = True, cycle: str = "c0") -> LabelRequest:
    return LabelRequest(
        cycle_id=cycle, round=1, item_id=item, query=item, predictions=3, users=2, model_version="1",
        suggestion="food", confidence=0.9, strategy="margin", reason="because", purpose=Purpose.TRAINING,
        inclusion_probability=0.5, audit_probability=0.25, hazards=("violence",) if hazardous else (),
    )  # fmt: skip


def said(item: str, who: str, at: datetime, label: str | None = "food") -> Annotation:
    return Annotation(
        source_id=f"{item}/{who}", item_id=item, annotator=who, label=label, lead_time_s=9.0, started_at=None,
        submitted_at=at, simulated=False,
    )  # fmt: skip


def configured(care: dict[str, Any]) -> Settings:
    return Settings.model_validate(
        {"model": {"name": "queries", "labels": ["food", "crime"]}, "training": {"base": "base.csv"}, "care": care}
    )


# --- what is hazardous ---------------------------------------------------------------------------------------------


def test_a_word_or_a_predicted_label_marks_an_item() -> None:
    care = {"hazards": [{"name": "violence", "terms": ["Murder"], "labels": ["crime"]},
                        {"name": "illness", "terms": ["corona"]}]}  # fmt: skip
    items = [("the murder of roger ackroyd", "food"), ("corona murders", "food"), ("bank robbery", "crime"),
             ("corona murder", "crime"), ("pasta", "food")]  # fmt: skip
    assert hazards(configured(care)).tags_of(items) == [
        ("violence",),
        ("illness",),  # `murders` is another word
        ("violence",),
        ("violence", "illness"),
        (),
    ]


def test_a_term_of_several_words_marks_what_has_all_of_them() -> None:
    found = hazards(configured({"hazards": [{"name": "self-harm", "terms": ["self-harm"]}]}))
    assert found.tags_of([("harm to my self", "food"), ("self service", "food")]) == [("self-harm",), ()]


def test_without_hazards_nothing_is_marked() -> None:
    assert hazards(configured({})).tags_of([("murder", "crime")]) == [()]
    assert Hazards().tags_of([]) == []


@pytest.mark.parametrize(
    ("hazard", "message"),
    [({"name": "x", "terms": ["ok", "!?"]}, "no word"), ({"name": "x", "labels": ["crim"]}, "does not give")],
)
def test_a_mark_that_could_never_be_given_is_an_error(hazard: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hazards(configured({"hazards": [hazard]}))


@dataclass
class Tagger:
    """A classifier of hazards that says what it is told to."""

    answers: Any

    def tag(self, queries: Sequence[str]) -> list[tuple[str, ...]]:
        if isinstance(self.answers, Exception):
            raise self.answers
        found: list[tuple[str, ...]] = self.answers[: len(queries)]
        return found


def plug_in(monkeypatch: pytest.MonkeyPatch, answers: Any) -> Hazards:
    module = ModuleType("our_tagger")
    module.build = lambda: Tagger(answers)  # type: ignore[attr-defined]  # a module made for this test
    monkeypatch.setitem(sys.modules, "our_tagger", module)
    care = {"tagger": "our_tagger:build", "hazards": [{"name": "violence", "terms": ["murder"]}]}
    return hazards(configured(care))


def test_a_classifier_of_one_s_own_adds_to_what_the_words_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plug_in(monkeypatch, [("gore", "violence"), ("gore",), ()])
    items = [("murder", "food"), ("blood", "food"), ("pasta", "food")]
    assert found.tags_of(items) == [("violence", "gore"), ("gore",), ()]


@pytest.mark.parametrize(
    ("answers", "message"),
    [(ValueError("no model"), "no model"), ([()], "1 answers for 2"), (["gore", ()], "'gore'"), ([("",), ()], "named")],
)
def test_a_tagger_that_fails_stops_the_asking(monkeypatch: pytest.MonkeyPatch, answers: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plug_in(monkeypatch, answers).tags_of([("murder", "food"), ("pasta", "food")])


def test_a_tagger_s_own_clear_error_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadData, match="its words"):
        plug_in(monkeypatch, BadData("its words", hint="mend")).tags_of([("murder", "food")])


def test_a_tagger_must_be_named_with_its_package() -> None:
    with pytest.raises(ConfigError, match="no such classifier"):
        hazards(configured({"tagger": "toxic"}))
    with pytest.raises(ConfigError, match="cannot be imported"):
        hazards(configured({"tagger": "no_such_package:build"}))


# --- the router ----------------------------------------------------------------------------------------------------


def shown(requests: Sequence[LabelRequest], **known: Any) -> list[str]:
    facts = {"submitted": frozenset(), "elsewhere": 0, "answered": (), "now": MORNING, "cap": 3, **known}
    return [r.item_id for r in released(requests, **facts)]


HAZARDOUS = [request(f"h{place}") for place in range(6)]
MIXED = [HAZARDOUS[0], request("a", hazardous=False), *HAZARDOUS[1:5], request("b", hazardous=False)]


def test_hazardous_items_are_released_in_order_up_to_the_cap_and_harmless_ones_always() -> None:
    assert shown(MIXED) == ["h0", "a", "h1", "h2", "b"]


def test_with_a_cap_of_0_hazardous_items_are_never_shown() -> None:
    assert shown(MIXED, cap=0) == ["a", "b"]


def test_what_is_open_counts_and_stays() -> None:
    assert shown(HAZARDOUS, submitted={"h0", "h4"}) == ["h0", "h1", "h4"]
    assert shown(HAZARDOUS, submitted={"h0", "h1", "h2", "h3"}) == ["h0", "h1", "h2", "h3"]  # the cap was lowered
    assert shown(HAZARDOUS, elsewhere=2) == ["h0"]
    assert shown(HAZARDOUS, elsewhere=9) == []


def test_what_anybody_answered_today_counts_for_everybody() -> None:
    # Three people closed an item each. Any of them may have read the other two before, and left them.
    answers = [said("x", "ann", MORNING), said("y", "ben", MORNING, None), said("z", "cat", MORNING)]
    assert shown(HAZARDOUS, answered=answers) == []
    assert shown(HAZARDOUS, answered=[*answers[:2], said("x", "cat", MORNING)]) == ["h0"]


def test_an_item_that_is_open_and_was_answered_counts_once() -> None:
    assert shown(HAZARDOUS, submitted={"h0"}, answered=[said("h0", "ann", MORNING)]) == ["h0", "h1", "h2"]


def test_a_further_opinion_needs_room_unless_everybody_may_have_seen_the_item_today() -> None:
    yesterday = [said("h0", who, MORNING - timedelta(days=1)) for who in ("ann", "ben")]
    today = [said("h0", who, MORNING) for who in ("ann", "ben")]
    assert shown(HAZARDOUS[:1], answered=yesterday, elsewhere=3) == []
    assert shown(HAZARDOUS[:1], answered=yesterday, elsewhere=2) == ["h0"]
    assert shown(HAZARDOUS[:1], answered=today, elsewhere=3) == ["h0"]


def test_the_day_ends_at_midnight_utc() -> None:
    late = datetime(2020, 1, 20, 23, 59, 59, tzinfo=UTC)
    answers = [said(item, "ann", late) for item in "xyz"]
    assert shown(HAZARDOUS, answered=answers, now=late) == []
    assert shown(HAZARDOUS, answered=answers, now=late + timedelta(seconds=1)) == ["h0", "h1", "h2"]
    in_tokyo = (late + timedelta(seconds=1)).astimezone(datetime.fromisoformat("2020-01-21T09:00+09:00").tzinfo)
    assert shown(HAZARDOUS, answered=answers, now=in_tokyo) == ["h0", "h1", "h2"]


CAP, PEOPLE, CYCLES = 3, ("ann", "ben", "cat"), ("c0", "c1")


@dataclass
class Item:
    """A hazardous item as the annotation system holds it."""

    wanted: int = 2
    answers: list[Annotation] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return sum(not answer.skipped for answer in self.answers) < self.wanted


def needs(answers: Sequence[Annotation]) -> int:
    """Two answers, a third if they differ."""
    labels = [answer.label for answer in answers if not answer.skipped]
    return 3 if len(set(labels)) > 1 else 2


class Labelling(RuleBasedStateMachine):
    """Two cycles with 12 hazardous items each, and people who at every moment look at all that is open."""

    @initialize(hour=st.integers(0, 23))
    def begin(self, hour: int) -> None:
        self.now = MORNING.replace(hour=hour)
        self.requests = {c: [request(f"{c}-{place}", cycle=c) for place in range(12)] for c in CYCLES}
        self.held: dict[str, dict[str, Item]] = {c: {} for c in CYCLES}
        self.collected: dict[str, list[Annotation]] = {c: [] for c in CYCLES}
        self.doubted: set[str] = set()
        self.seen: dict[tuple[str, str], set[str]] = {}
        self.look()

    def look(self) -> None:
        """Everybody looks at every open item that is not answered by themselves."""
        for who in PEOPLE:
            for items in self.held.values():
                open_ = {i for i, it in items.items() if it.open and who not in {a.annotator for a in it.answers}}
                self.seen.setdefault((who, f"{self.now:%Y-%m-%d}"), set()).update(open_)

    def given(self, cycle: str) -> Counter[str]:
        """How often each item was answered, as far as is known."""
        return Counter(answer.item_id for answer in self.collected[cycle] if not answer.skipped)

    def needed(self, cycle: str, item: str) -> int:
        """Two answers, a third if they differ or if the consensus rule doubts them."""
        needed = needs([answer for answer in self.collected[cycle] if answer.item_id == item])
        return 3 if item in self.doubted else needed

    def wants_answers(self, cycle: str) -> list[LabelRequest]:
        """What is not done as far as is known: what was not collected yet seems open."""
        given = self.given(cycle)
        return [r for r in self.requests[cycle] if given[r.item_id] < self.needed(cycle, r.item_id)]

    def before_people(self, cycle: str) -> set[str]:
        """What has fewer answers, as far as is known, than it was put before people for."""
        given = self.given(cycle)
        return {name for name, item in self.held[cycle].items() if given[name] < item.wanted}

    @rule(cycle=st.sampled_from(CYCLES), place=st.integers(0, 11))
    def doubt(self, cycle: str, place: int) -> None:
        """Of an item on which people agreed, a further opinion is wanted, perhaps days later."""
        self.doubted.add(f"{cycle}-{place}")

    @rule(cycle=st.sampled_from(CYCLES), first=st.booleans())
    def collect_and_release(self, cycle: str, *, first: bool) -> None:
        """As a round is routed: perhaps after collecting, perhaps from what was known before."""
        if first:
            self.collected[cycle] = [answer for item in self.held[cycle].values() for answer in item.answers]
        items, (other,) = self.held[cycle], (c for c in CYCLES if c != cycle)
        wanted, own = self.wants_answers(cycle), self.before_people(cycle)
        allowed = released(
            wanted,
            submitted=own,
            elsewhere=len(self.before_people(other)) + len(own - {r.item_id for r in wanted}),
            answered=[answer for answers in self.collected.values() for answer in answers],
            now=self.now,
            cap=CAP,
        )
        for allowed_one in allowed:
            item = items.setdefault(allowed_one.item_id, Item())
            item.wanted = max(item.wanted, self.needed(cycle, allowed_one.item_id))
        self.look()

    def answerable(self, who: str, cycle: str) -> list[tuple[str, Item]]:
        items = self.held[cycle].items()
        return [(name, it) for name, it in items if it.open and who not in {a.annotator for a in it.answers}]

    @rule(
        who=st.sampled_from(PEOPLE),
        cycle=st.sampled_from(CYCLES),
        place=st.integers(0, 11),
        label=st.sampled_from(["food", "food", "crime", None]),
    )
    def answer(self, who: str, cycle: str, place: int, label: str | None) -> None:
        if open_ := self.answerable(who, cycle):
            name, item = open_[place % len(open_)]
            item.answers.append(said(name, who, self.now, label))

    @rule(cycle=st.sampled_from(CYCLES), idle=st.permutations(PEOPLE))
    def each_item_is_finished_by_others(self, cycle: str, idle: Sequence[str]) -> None:
        """Of each open item a different person is left out, who may have read it all the same."""
        for place, name in enumerate(self.held[cycle]):
            for who in PEOPLE:
                if who != idle[place % len(idle)] and name in dict(self.answerable(who, cycle)):
                    self.held[cycle][name].answers.append(said(name, who, self.now))

    @rule(minutes=st.sampled_from([1, 30, 300, 1000]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.look()

    @invariant()
    def nobody_saw_more_than_the_cap_on_any_day(self) -> None:
        assert all(len(items) <= CAP for items in getattr(self, "seen", {}).values())


TestNobodyIsShownTooMuch = Labelling.TestCase
TestNobodyIsShownTooMuch.settings = hypothesis_settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)


def test_all_hazardous_items_come_up_in_as_many_days_as_the_cap_needs() -> None:
    people = Labelling()
    people.begin(9)
    days = 0
    while any(people.wants_answers(cycle) for cycle in CYCLES):
        for cycle in CYCLES:
            people.collect_and_release(cycle, first=True)
        for cycle in CYCLES:
            for who in ("ann", "ben"):
                for _ in range(CAP):
                    people.answer(who, cycle, 0, "food")
            people.collect_and_release(cycle, first=True)
        people.time_passes(24 * 60)
        days += 1
        assert days <= 24 / CAP
    assert days == 24 / CAP
    assert max(len(items) for items in people.seen.values()) == CAP


# --- what people read ----------------------------------------------------------------------------------------------

PRESSURE = re.compile(
    r"leader ?boards?|league tables?|score ?boards?|high ?scores?|\brank(s|ed|ing|ings)?\b|\bfastest\b|\bslowest\b"
    r"|\b(top|best|worst|weakest|star) (annotators?|people|performers?|contributors?|labell?ers?)\b"
    r"|\bhurry\b|\b(work|be|label|answer|go) (faster|quicker|quickly|fast)\b|\bas (fast|quickly) as\b|\bspeed up\b"
    r"|\b(faster|slower|quicker) than (you|others|average|the average|most|people|annotators?|the others)\b"
    r"|\b(answers|items|labels|annotations) (an|per) (hour|minute)\b|\btime limit\b|\bcountdown\b|\bstreaks?\b"
    r"|\bproductiv\w+|\bquotas?\b|\b(by|per)[ _-](annotator|person|pseudonym)\b"
    r"|\bannotators?('s|s')? (speed|quality|accuracy|score|performance)\b",
    re.IGNORECASE,
)
PROMISE = re.compile(r"\b(no|never|not|nobody is) (rank\w*|hurry)", re.IGNORECASE)
"""What says that there is none."""


def urging(text: str) -> list[str]:
    return [found.group() for found in PRESSURE.finditer(PROMISE.sub("", text))]


def strings(file: Path) -> Iterator[str]:
    """The texts in a file of code that are no docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    said_of_code = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said_of_code:
            yield node.value


def code() -> list[Path]:
    stages = ("dashboard", "connectors/annotation", "console", "flows", "cycle")
    return [file for stage in stages for file in sorted((ROOT / stage).rglob("*.py"))]


def pages() -> list[Path]:
    kinds = {".html", ".js", ".css", ".svg", ".txt", ".md", ".json"}
    files = [file for folder in ("templates", "static") for file in (ROOT / "dashboard" / folder).rglob("*")]
    return sorted(file for file in files if file.suffix in kinds)


@pytest.mark.parametrize(
    "text",
    ["Leaderboard", "ranking of annotators", "the fastest this week", "Please hurry!", "items per hour", "by_annotator",
     "you are slower than average", "Top annotators", "annotator quality"],
)  # fmt: skip
def test_the_search_finds_what_urges_people(text: str) -> None:
    assert urging(text)


def test_the_search_lets_through_what_promises_the_contrary() -> None:
    assert not urging("There are no names, no figures of one person and no ranking. There is no hurry.")


def test_no_text_that_people_read_ranks_them_or_urges_them_on() -> None:
    assert {"dashboard", "annotation", "commands", "flows", "cycle"} <= {file.parent.name for file in code()}
    assert len(pages()) > 5
    texts = {file: [file.read_text("utf-8")] for file in pages()} | {file: [*strings(file)] for file in code()}
    found = {str(file.relative_to(ROOT)): urging("\n".join(said)) for file, said in texts.items()}
    assert {file: words for file, words in found.items() if words} == {}


class Tables(HTMLParser):
    """The heads and first cells of every table, one list a table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        if tag == "table":
            self.found.append([])
        self._in_cell = tag == "th" or (self._in_cell and tag not in {"td", "tr"})
        if tag == "th":
            self.found[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "th"

    def handle_data(self, data: str) -> None:
        if self._in_cell and self.found and self.found[-1]:
            self.found[-1][-1] += data


def crawled(client: httpx.Client, models: Sequence[str]) -> dict[str, str]:
    """Every page that can be reached by links, and every document that the API describes, by path."""
    paths = client.get("/api/openapi.json").raise_for_status().json()["paths"]
    described = [path for path, methods in paths.items() if "get" in methods]
    waiting = {"/", *(path.replace("{model}", model) for path in described for model in models)}
    found: dict[str, str] = {}
    while waiting:
        path = waiting.pop()
        found[path] = client.get(path).raise_for_status().text
        links = {link.split("#")[0] for link in re.findall(r'href="(/[^"]*)"', found[path])}
        waiting |= links - found.keys()
    return found


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every page and every document of the dashboard over the story that its own tests tell, by path."""
    spec = importlib.util.spec_from_file_location("dashboard_story", ROOT / "tests" / "dashboard" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    story = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(story)
    state = tmp_path_factory.mktemp("story")
    store, ledger = story.open_books(state)
    story.january(store, ledger)
    story.staffed(store, ledger)
    with story.serving(state) as url, httpx.Client(base_url=url, trust_env=False) as client:
        found = crawled(client, (story.MODEL, story.STAFFED))
    people = {a.annotator for c in store.cycles() for a in store.answers(c.cycle_id)}
    assert people == {f"pseudonym-{place}" for place in range(4)}
    return found


def test_no_page_or_document_of_the_dashboard_names_an_annotator(rendered: dict[str, str]) -> None:
    assert len(rendered) >= 8
    assert not [path for path, text in rendered.items() if "pseudonym-" in text]


def test_no_page_of_the_dashboard_ranks_people_or_urges_them_on(rendered: dict[str, str]) -> None:
    assert {path: urging(text) for path, text in rendered.items() if urging(text)} == {}


def test_no_table_of_the_dashboard_has_a_row_or_a_column_for_a_person(rendered: dict[str, str]) -> None:
    tables = [cells for text in rendered.values() for cells in Tables(text).found]
    assert tables
    person = re.compile(r"\s*(annotator|person|pseudonym|who|name)\s*", re.IGNORECASE)
    assert not [cells for cells in tables if any(person.fullmatch(cell) for cell in cells)]
