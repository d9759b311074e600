"""The human effort behind versions as anybody may see it, and the labour card that is issued of it."""

from dataclasses import dataclass
from datetime import datetime

from cycle.pay import PayOffice
from cycle.store import Store
from kempelen.settings import PrivacySettings, Settings
from ledger import card
from ledger.card import CardContent
from ledger.labour import VersionLabour
from ledger.people.credit import Credits
from ledger.people.ratings import Ratings
from ledger.people.releases import Releases
from ledger.statement import labour
from ledger.store import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A labour card that was issued: its document as it stands in the books, and what its other forms are made of."""

    document: str
    content: CardContent


def min_people(store: Store, model: str) -> int:
    """No figure about a model may be of fewer people: as the settings said by which it was last run."""
    document = store.settings(model)
    settings = Settings.model_validate_json(document).privacy if document else PrivacySettings()
    return settings.min_people


def shown(ledger: Ledger, store: Store, model: str, k: int, version: str | None = None) -> list[VersionLabour]:
    """The labour behind each version, or one: effort of persons only as far as it was published, never of fewer than k.

    What is published moves when a card is issued, once a cycle is accounted for.
    """
    lineage = store.lineage(model)
    publication = Releases(ledger.engine).published(model, card.parts(ledger.engine, model), k)
    return [
        card.published(one, publication, earlier=lineage.get(one.version, ()))
        for one in labour(ledger, model, lineage, version)
    ]


def issue_card(settings: Settings, store: Store, ledger: Ledger, version: str, at: datetime) -> Issued:
    """Publish what may be by now, and issue the card of a version. Issuing the same again changes nothing."""
    model, k = settings.model.name, settings.privacy.min_people
    lineage = store.lineage(model)
    ledger.record_lineage(model, lineage)
    parts = card.parts(ledger.engine, model)
    publication = Releases(ledger.engine).advance(model, parts, k, at=at)
    behind = {part.person for part in parts if part.key[0] == version and part.person}
    pay = PayOffice(settings=settings, engine=ledger.engine, ledger=ledger).public_pay(version)
    made: list[CardContent] = []  # once, or the forms of a card could come from two moments

    def document(effort: VersionLabour) -> str:
        content = card.card_of(
            effort,
            publication,
            earlier=lineage.get(version, ()),
            pay=pay,
            ratings=Ratings(ledger.engine).summary(k, model=model),
            credits=Credits(ledger.engine).names(model, behind),
            terms=card.terms_of(settings),
        )
        made.append(content)
        return card.text(content)

    issued, _ = ledger.issue_card(model, version, lineage, at=at, document=document)
    return Issued(document=issued.document, content=made[-1])


def registry_documents(issued: Issued) -> dict[str, str]:
    """The card in every form that stands beside the version in the registry."""
    return {
        "labour_card.json": issued.document,
        "labour_card.md": card.markdown(issued.content),
        "labour_card.html": card.html(issued.content),
        "labour_badge.svg": card.badge(issued.content),
    }
