"""On what terms people were asked: what the settings say, and what they leave open."""

from dataclasses import dataclass, fields

from kempelen.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Sentences for the card; None where nobody said. They are those in force when the card is issued.

    Attributes
    ----------
    asker, use, contact
        Who asked, what the model's answers are for, and whom annotators could turn to.
    pay, pay_standard
        What was promised, and by what standard that was chosen (a collective agreement, a living wage).
    data_handling
        What becomes of their data.
    guidelines, training, pilot
        Where the instructions are, how people were prepared, and what was learned from a trial.
    recruitment, perspectives
        How people were found, and whose knowledge or background was sought.
    platform
        Where they worked.
    hazards, protection
        What might distress them, and how they were protected.
    """

    asker: str | None = None
    use: str | None = None
    contact: str | None = None
    pay: str | None = None
    pay_standard: str | None = None
    data_handling: str | None = None
    guidelines: str | None = None
    training: str | None = None
    pilot: str | None = None
    recruitment: str | None = None
    perspectives: str | None = None
    platform: str | None = None
    hazards: str | None = None
    protection: str | None = None

    def said(self) -> dict[str, str]:
        """What is stated, by name."""
        return {name: value for name, value in self._all().items() if value}

    def unsaid(self) -> tuple[str, ...]:
        """What nobody stated, by name."""
        return tuple(name for name, value in self._all().items() if not value)

    def _all(self) -> dict[str, str | None]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


TITLES = {
    "asker": "Who asked",
    "use": "What the model is for",
    "contact": "Whom annotators could turn to",
    "pay": "Pay that was promised",
    "pay_standard": "How pay was chosen",
    "data_handling": "What becomes of their data",
    "guidelines": "Instructions",
    "training": "How people were prepared",
    "pilot": "What a trial showed",
    "recruitment": "How people were found",
    "perspectives": "Whose perspectives were sought",
    "platform": "Where people worked",
    "hazards": "What might distress",
    "protection": "How people were protected",
}


def terms_of(settings: Settings) -> Terms:
    """The terms that the settings state."""
    annotation, care = settings.annotation, settings.care
    return Terms(
        asker=annotation.asker,
        use=settings.model.use or None,
        contact=annotation.contact,
        pay=_pay(settings),
        pay_standard=annotation.pay_standard or None,
        data_handling=annotation.data_handling,
        guidelines=annotation.guidelines or None,
        training=annotation.training or None,
        pilot=annotation.pilot or None,
        recruitment=annotation.recruitment or None,
        perspectives=annotation.perspectives or None,
        platform=annotation.connector.replace("_", " "),
        hazards=", ".join(hazard.name for hazard in care.hazards) or None,
        protection=(
            f"at most {care.hazards_per_day} such items a day for one person; "
            f"a break is suggested after {care.break_after_minutes} minutes"
            if care.hazards or care.tagger
            else f"a break is suggested after {care.break_after_minutes} minutes"
        ),
    )


def _pay(settings: Settings) -> str | None:
    annotation = settings.annotation
    if annotation.pay_per_hour is None:
        return None
    fee = f", and a platform's fee of {annotation.platform_fee:.0%} on top" if annotation.platform_fee else ""
    return f"{annotation.pay_per_hour:f} {annotation.currency} an hour{fee}"
