"""The card's figures for a registry: numbers as metrics, and all of them as flat text."""

from decimal import Decimal

from ledger.card import words
from ledger.card.content import CardContent, Seconds


def metrics(content: CardContent) -> dict[str, float]:
    """Numbers alone, under `labour.*`: what nobody knows, or what is held back, has none.

    `labour.human_low_s` and `labour.human_high_s` are of effort whose seconds are known; where there is more,
    `labour.human_unknown` or `labour.human_held_back` is 1.
    """
    found: dict[str, float] = {}
    for name, seconds in _sums(content).items():
        if seconds.low_s is not None and seconds.high_s is not None:
            found |= {f"{name}_low_s": float(seconds.low_s), f"{name}_high_s": float(seconds.high_s)}
    human = content.human
    found |= {"human_unknown": float(human.unknown), "human_held_back": float(human.held_back)}
    found["simulated_annotations"] = float(content.simulated_annotations)
    if content.complete:
        found["human_annotations"] = float(content.human_annotations)
    for cost in content.costs:
        found[f"cost_{cost.currency}_low"] = float(cost.total.low)
        if cost.total.high is not None:
            found[f"cost_{cost.currency}_high"] = float(cost.total.high)
    return {f"labour.{name}": figure for name, figure in found.items()}


def tags(content: CardContent) -> dict[str, str]:
    """The figures as flat text, for the tags of a model version; `unknown` for what nobody knows."""
    figures: dict[str, object] = {}
    for name, seconds in _sums(content).items():
        figures |= {
            f"{name}_low_s": _seconds(seconds, seconds.low_s),
            f"{name}_high_s": _seconds(seconds, seconds.high_s),
        }
    figures |= {
        "human_unknown": content.human.unknown,
        "human_held_back": content.human.held_back,
        "human_annotations": content.human_annotations if content.complete else "held back",
        "human_annotators": words.number_of_people(content),
        "simulated_annotations": content.simulated_annotations,
        "cost": "; ".join(words.costs(content)),
        "digest": content.digest or "unknown",
    }
    return {
        f"labour.{name}": str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in figures.items()
    }


def _sums(content: CardContent) -> dict[str, Seconds]:
    return {"human": content.human, "unused_human": content.wasted, "simulated": content.artificial}


def _seconds(sums: Seconds, seconds: Decimal | None) -> str:
    if seconds is None:
        return "unknown" if sums.unknown else "held back"
    return str(float(seconds))
