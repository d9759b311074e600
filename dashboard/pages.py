"""The pages: all models, and everything about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cycle.labour import shown
from cycle.records import Look, Promotion
from cycle.store import Store
from dashboard import alarms, cycles, effort, me_words, service, words
from dashboard.source import NothingYet, Source, known
from kempelen.words import counted
from ledger.store import Ledger

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """All that the page of a model shows."""

    model: str
    others: tuple[str, ...]
    human: effort.Chart
    simulated: effort.Chart
    behind_champion: str
    watching: alarms.Watching
    cycle: cycles.CycleView | None
    terms: tuple[service.Term, ...]
    now: datetime | None
    min_people: int

    @property
    def champion(self) -> service.Term | None:
        """The term of the version in service."""
        return self.terms[-1] if self.terms else None

    @property
    def replayed(self) -> bool:
        """Whether any figure on the page rests on simulated answers."""
        return bool(self.simulated.rows) or (self.cycle is not None and self.cycle.simulated)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """A model on the page of all models."""

    model: str
    champion: Promotion | None
    behind_champion: str
    look: Look | None
    state: str | None


class Templates:
    """The page templates; everything put into them is escaped."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(words.FILTERS)
        self._environment.globals.update(
            counted=words.COUNTED,
            detectors=words.DETECTORS,
            kinds=words.KINDS,
            money=me_words.money,
            opened_by=words.OPENED_BY,
            plural=counted,
            shares=words.SHARES,
            strategies=words.STRATEGIES,
        )

    def page(self, template: str, status: int = 200, **content: Any) -> HTMLResponse:
        """Render a page."""
        return HTMLResponse(self._environment.get_template(template).render(**content), status_code=status)


def routes(source: Source, templates: Templates) -> APIRouter:
    """The pages over the books of one state folder."""
    pages = APIRouter(include_in_schema=False)

    @pages.get("/")
    def all_models() -> Response:
        with source.reading() as (store, ledger):
            models = store.models()[::-1]
            if not models:
                raise NothingYet(
                    f"The books in {source.state} know no model version yet.",
                    hint="Run `kempelen demo` for a replay of January 2020, or `kempelen retrain` for your own model.",
                )
            if len(models) == 1:
                return RedirectResponse(f"/models/{models[0]}", status_code=303)
            return templates.page(
                "index.html", cards=[card(store, ledger, model, source.min_people(model)) for model in models]
            )

    @pages.get("/models/{model}")
    def one_model(model: str) -> Response:
        with source.reading() as (store, ledger):
            return templates.page(
                "model.html", page=model_page(store, ledger, known(store, model), source.min_people(model))
            )

    return pages


def model_page(store: Store, ledger: Ledger, model: str, k: int) -> ModelPage:
    """Read everything about a model."""
    statements = shown(ledger, store, model, k)
    seen = alarms.watching(store, model)
    now = _last_moment(store, model, seen.last)
    champion = store.champion(model)
    return ModelPage(
        model=model,
        others=tuple(name for name in reversed(store.models()) if name != model),
        human=effort.chart(statements, simulated=False),
        simulated=effort.chart(statements, simulated=True),
        behind_champion=_behind(statements, champion),
        watching=seen,
        cycle=cycles.shown(store, model),
        terms=service.terms(store.promotions(model), store.versions(model), now) if now else (),
        now=now,
        min_people=k,
    )


def card(store: Store, ledger: Ledger, model: str, k: int) -> ModelCard:
    """Read what the page of all models says of one."""
    promotions, looks, under_way = store.promotions(model), store.looks(model), store.under_way(model)
    champion = promotions[-1] if promotions else None
    version = champion.version if champion else None
    return ModelCard(
        model=model,
        champion=champion,
        behind_champion=_behind(shown(ledger, store, model, k, version), version),
        look=looks[-1] if looks else None,
        state=store.state(under_way[-1].cycle_id).value if under_way else None,
    )


def _behind(statements: Sequence[Any], champion: str | None) -> str:
    return next((effort.in_short(s) for s in statements if s.version == champion), "none on record")


def _last_moment(store: Store, model: str, look: Look | None) -> datetime | None:
    """The latest moment on record: the model's clock, which in a replay is not ours."""
    moments = [promotion.at for promotion in store.promotions(model)]
    moments += [look.at] if look else []
    moments += [event.at for cycle in store.cycles(model)[-1:] for event in store.events(cycle.cycle_id)[-1:]]
    return max(moments, default=None)
