"""The terms on a card are those of the settings; what they leave open is listed and not guessed."""

from decimal import Decimal
from typing import Any

from kempelen.settings import Settings
from ledger.card import terms_of


def settings(**sections: Any) -> Settings:
    model = {"name": "intents", "labels": ("a", "b"), "use": "choosing which results stand on top"}
    return Settings(model=model, training={"base": "base.csv"}, **sections)  # type: ignore[arg-type]  # pydantic builds them


def test_what_the_settings_say_is_on_the_card() -> None:
    annotation = {"asker": "Example Ltd", "pay_per_hour": Decimal("18.50"), "platform_fee": 0.2, "contact": "Jane"}
    care = {
        "hazards": [{"name": "violence", "terms": ["knife"]}, {"name": "grief", "labels": ["a"]}],
        "hazards_per_day": 5,
    }
    said = terms_of(settings(annotation=annotation, care=care)).said()
    assert said["asker"] == "Example Ltd"
    assert said["use"] == "choosing which results stand on top"
    assert said["pay"] == "18.50 EUR an hour, and a platform's fee of 20% on top"
    assert said["platform"] == "label studio"
    assert said["hazards"] == "violence, grief"
    assert said["protection"] == "at most 5 such items a day for one person; a break is suggested after 25 minutes"


def test_what_nobody_stated_is_listed_and_not_guessed() -> None:
    terms = terms_of(settings())
    assert "pay" in terms.unsaid()
    assert {"recruitment", "guidelines"} <= set(terms.unsaid())
    assert terms.said()["protection"] == "a break is suggested after 25 minutes"
    assert not set(terms.said()) & set(terms.unsaid())


def test_every_term_of_the_card_is_filled_by_a_setting() -> None:
    said = (
        "asker",
        "contact",
        "data_handling",
        "guidelines",
        "training",
        "pilot",
        "recruitment",
        "perspectives",
        "pay_standard",
    )
    settings = Settings.model_validate(
        {
            "model": {"name": "intents", "labels": ("a", "b"), "use": "said"},
            "training": {"base": "base.csv"},
            "annotation": dict.fromkeys(said, "said") | {"pay_per_hour": 18},
            "care": {"hazards": [{"name": "violence", "terms": ["blood"]}]},
        }
    )
    assert terms_of(settings).unsaid() == ()
