"""What each version cost in money, and for each point of accuracy that it gained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cycle.pay import PayOffice, VersionCost
from cycle.store import Store
from kempelen.errors import BadData
from kempelen.records import Slice
from ledger.pay.cost import PerPoint, Range, per_point


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOf:
    """The cost of a version, and its accuracy on the audited traffic of its cycle beside that of the champion then."""

    cost: VersionCost
    before: float | None
    after: float | None

    @property
    def per_point(self) -> Mapping[str, PerPoint]:
        """The cost of a percentage point gained, by currency of the contracts."""
        return {one.currency: per_point(one, self.before, self.after) for one in self.cost.costs}

    def as_json(self) -> dict[str, Any]:
        """The figures as JSON values; an amount without a known end has null there."""
        return {
            "version": self.cost.version,
            "costs": [
                {
                    "currency": one.currency,
                    **{name: _range(getattr(one, name)) for name in ("pay", "beyond", "fee", "total")},
                    "per_point": _point(self.per_point[one.currency]),
                }
                for one in self.cost.costs
            ],
            "rewards": {
                currency: {"pay": str(pay), "fee": str(fee)} for currency, (pay, fee) in self.cost.rewards.items()
            },
            "unknown": sorted({f"{one.message} {one.hint}" for one in self.cost.unknown}),
        }

    def in_words(self) -> dict[str, str]:
        """One row of a table."""
        points = [
            _said(one.cost, currency) if one.cost else str(one.reason) for currency, one in self.per_point.items()
        ]
        rewards = [f"{pay + fee} {currency}" for currency, (pay, fee) in self.cost.rewards.items()]
        return {
            "version": self.cost.version,
            "by contract": _all("; ".join(_said(one.total, one.currency) for one in self.cost.costs)),
            "of it fees": _all("; ".join(_said(one.fee, one.currency) for one in self.cost.costs)),
            "platforms": _all("; ".join(rewards)),
            "a gained point": _all("; ".join(points)),
        }


def costs_of(office: PayOffice, store: Store, version: str | None = None) -> list[CostOf]:
    """The cost of each version, or of one; BadData for one that there is not."""
    model = office.settings.model.name
    versions = [one for one in store.versions(model) if version in {None, one.version}]
    if version and not versions:
        raise BadData(f"There is no version {version} of {model}.", hint="See `kempelen labour`.")
    found = []
    for one in versions:
        judged = store.judgements(one.cycle_id) if one.cycle_id else []
        report = next((each.report for each in judged if each.model_type == one.model_type), None)
        audited = next((each for each in report.checks if each.name == Slice.TODAY), None) if report else None
        found.append(
            CostOf(
                cost=office.cost_of(one.version),
                before=audited.champion_accuracy if audited else None,
                after=audited.challenger_accuracy if audited else None,
            )
        )
    return found


def _all(said: str) -> str:
    return said or "none on record"


def _range(amount: Range) -> list[str | None]:
    return [str(amount.low), None if amount.high is None else str(amount.high)]


def _point(point: PerPoint) -> dict[str, Any]:
    return {"cost": _range(point.cost) if point.cost else None, "reason": point.reason}


def _said(amount: Range, currency: str) -> str:
    if amount.high is None:
        return f"at least {amount.low} {currency}"
    return f"{amount.low} {currency}" if amount.low == amount.high else f"{amount.low} to {amount.high} {currency}"
