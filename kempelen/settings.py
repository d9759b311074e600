"""What `kempelen.toml` may say, with every default and every check.

Each key can also be given as an environment variable: `KEMPELEN_SELECTION__MIN_USERS=3`.
The table in docs/settings.md is made from this file.
"""

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from kempelen._mistakes import explained
from kempelen.errors import ConfigError

Params = dict[str, Any]

_DAY_OF_YEAR = r"^(\d{4}-)?\d{2}-\d{2}$"
_LEAP_YEAR = 2020


class _Section(BaseModel):
    """A section; what its checks of several keys say begins with the key: `shares: must sum to 1`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Section):
    """The deployed model that is watched."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,48}$", description="Name in the registry, the books and the pages.")
    labels: tuple[str, ...] = Field(min_length=2, description="Every label it may answer.")
    use: str = Field(default="", description="What its answers are used for; annotators are told this.")
    types: tuple[str, ...] = Field(
        default=("linear", "embedding_bag"), min_length=1, description="Challengers: files of models/."
    )

    @model_validator(mode="after")
    def _labels_are_distinct(self) -> Self:
        if len(set(self.labels)) < len(self.labels) or any(
            label != label.strip() or not label for label in self.labels
        ):
            raise ValueError("labels: they must be distinct words without blanks around them")
        return self


class TrainingSettings(_Section):
    """The labelled queries that were there before the first cycle."""

    base: Path = Field(description="Parquet or CSV with the columns `text` and `label`.")
    base_source: str = Field(default="unnamed data set", description="Name of that data set in the books.")
    base_note: str = Field(
        default="who made these labels, and how long it took, is unknown",
        description="What is known of the people behind it.",
    )
    validation_share: float = Field(default=0.1, gt=0, lt=0.5, description="Part kept from training, for the gate.")
    human_weight: float = Field(default=5.0, ge=1, description="Weight of a fresh human label against an old one.")
    stale_weight: float = Field(
        default=0.2, ge=0, le=1, description="Weight of an old label on a query with a surging term."
    )
    seed: int = Field(default=20200120, description="Of every random draw: the same data and seed give the same run.")


class PredictionLogSettings(_Section):
    """Where the serving process logs its predictions: a folder, or a table of another engine."""

    folder: Path = Field(default=Path(".kempelen/predictions"), description="What PredictionLog is given as `folder`.")
    url: SecretStr | None = Field(
        default=None,
        description="Read a table of another engine instead, as Ibis names it: `pyspark://`, `bigquery://project/data`.",
    )
    table: str = Field(default="predictions", description="That table, or for Spark a folder of Parquet files.")
    ids_are_unique: bool = Field(
        default=False,
        description="Whether that table surely has each prediction_id once: then nobody looks for doubles.",
    )
    memory_mb: int = Field(
        default=1024, ge=64, description="What counting a folder may keep in memory; the rest spills."
    )


class ExpectedChange(_Section):
    """A change that is known beforehand: on those days it is reported, and is no alarm."""

    name: str = Field(min_length=1, description="What is expected, as `Christmas shopping`.")
    first: str = Field(
        pattern=_DAY_OF_YEAR, description="Its first day: `11-25` for each year, or `2026-11-25` for one."
    )
    last: str = Field(pattern=_DAY_OF_YEAR, description="Its last day, in the same form.")
    subjects: tuple[str, ...] = Field(min_length=1, description="The labels or words that it changes.")

    @field_validator("first", "last", mode="before")
    @classmethod
    def _a_date_may_stand_without_quotes(cls, day: object) -> object:
        return day.isoformat() if type(day) is date else day

    @field_validator("first", "last")
    @classmethod
    def _the_day_exists(cls, day: str) -> str:
        date.fromisoformat(day if len(day) > len("MM-DD") else f"{_LEAP_YEAR}-{day}")
        return day

    @model_validator(mode="after")
    def _both_days_have_one_form(self) -> Self:
        if len(self.first) != len(self.last):
            raise ValueError("first, last: both must name a year, or neither")
        if len(self.first) > len("MM-DD") and self.last < self.first:
            raise ValueError(f"last: it is {self.last}, before the first day, {self.first}")
        return self

    def covers(self, day: date) -> bool:
        """Whether it is expected on a day; a yearly one may go over New Year.

        >>> advent = ExpectedChange(name="Christmas shopping", first="11-25", last="01-06", subjects=("shopping",))
        >>> advent.covers(date(2020, 1, 2)), advent.covers(date(2020, 2, 2))
        (True, False)
        """
        here = day.isoformat()[-len(self.first) :]
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


class DriftSettings(_Section):
    """When to raise an alarm."""

    alpha_per_year: float = Field(
        default=0.05, gt=0, lt=1, description="Chance of any false alarm in a year, however often `watch` runs."
    )
    detectors: dict[str, float] = Field(
        default={
            "term_surge": 0.35,
            "audit_risk": 0.25,
            "class_mix": 0.10,
            "confidence": 0.10,
            "vocabulary": 0.10,
            "domain_classifier": 0.05,
            "expected_accuracy": 0.05,
        },
        min_length=1,
        description="Files of drift/, or your own: share of that chance.",
    )
    reference_days: int = Field(default=21, ge=3, description="First days of a version in service, its reference.")
    horizon_days: int = Field(
        default=7, ge=1, description="A change that began at most so many whole days ago is looked for."
    )
    quiet_days: int = Field(
        default=3, ge=1, description="Days without an alarm after which the next one is another alarm."
    )
    critical_share: float = Field(
        default=0.05, gt=0, le=1, description="Part of the traffic from which a change in it is critical."
    )
    expected: tuple[ExpectedChange, ...] = Field(
        default=(), description="[[drift.expected]]: known changes, such as a season; no alarm."
    )
    params: dict[str, Params] = Field(default_factory=dict, description="[drift.params.term_surge] and so on.")

    @model_validator(mode="after")
    def _shares_are_shares(self) -> Self:
        if abs(sum(self.detectors.values()) - 1) > 1e-6 or min(self.detectors.values()) <= 0:  # noqa: PLR2004
            raise ValueError(f"detectors: shares must be positive and sum to 1, not {sum(self.detectors.values()):g}")
        return self

    @model_validator(mode="after")
    def _params_have_a_detector(self) -> Self:
        strangers = sorted(set(self.params) - set(self.detectors))
        if strangers:
            raise ValueError(f"params: {', '.join(strangers)} is none of the detectors {', '.join(self.detectors)}")
        return self


class SelectionSettings(_Section):
    """Whom to ask, how much, and about what."""

    min_users: int = Field(default=2, ge=1, description="Distinct users before a query is shown to anybody.")
    window_days: int = Field(default=2, ge=1, description="Days of traffic that people are asked about.")
    rounds: int = Field(default=3, ge=1, description="Days on which a cycle asks.")
    round_items: int = Field(default=36, ge=3, description="Items asked for in a round, on average.")
    budget_minutes: float = Field(default=90, gt=0, description="Human minutes a cycle may ask for, on average.")
    budget_cost: float | None = Field(
        default=None, gt=0, description="Money a cycle may ask for, in [annotation] currency; needs pay_per_hour."
    )
    expected_seconds: float = Field(default=15, gt=0, description="Seconds an answer takes, until the books know.")
    stop_when_settled: bool = Field(
        default=True, description="Ask no further round once the gate's question is settled by the answers so far."
    )
    min_gain_per_hour: float = Field(
        default=0.0,
        ge=0,
        description="Share of today's traffic that an hour of asking must still put right (0.02 is 2 points); "
        "below it no further round asks.",
    )
    valid_days: int = Field(
        default=180, ge=1, description="Days an answer stays valid; a surge of one of its words ends that earlier."
    )
    scrubber: str = Field(
        default="presidio",
        description="A file of connectors/scrubbing/, or your own: takes personal data out of what people see; `none`.",
    )
    shares: dict[str, float] = Field(
        default={"audit": 0.25, "margin": 0.15, "term_surge": 0.6}, description="Strategy: share of a round's items."
    )
    audit_fraction: float = Field(
        default=1 / 3, ge=0, lt=1, description="Of the items of other strategies than `audit`, part kept for the gate."
    )
    audit_every_days: int = Field(default=7, ge=1, description="Days between two small audits when all is quiet.")
    audit_items: int = Field(default=8, ge=1, description="Items of such an audit, on average.")
    rest_days: int = Field(
        default=14, ge=0, description="Days after a cycle that ended in a promotion in which an alarm opens no other."
    )

    @model_validator(mode="after")
    def _shares_are_shares(self) -> Self:
        if abs(sum(self.shares.values()) - 1) > 1e-6 or min(self.shares.values()) < 0:  # noqa: PLR2004
            raise ValueError(f"shares: they must be non-negative and sum to 1, not {sum(self.shares.values()):g}")
        if not self.shares.get("audit"):
            raise ValueError("shares: `audit` must be above 0, or nothing is measured")
        return self


class AnnotationSettings(_Section):
    """How people are asked, and on what terms."""

    connector: str = Field(default="label_studio", description="`label_studio`, or `files` for work done elsewhere.")
    folder: Path = Field(default=Path(".kempelen/annotation"), description="Where `files` writes items, reads answers.")
    answers_per_item: int = Field(default=2, ge=1, le=5, description="People who answer each item at first.")
    max_answers: int = Field(
        default=3, ge=1, le=5, description="People asked at most about an item on which the first ones disagree."
    )
    experts: tuple[str, ...] = Field(
        default=(), description="Accounts (in Label Studio: e-mail addresses) who decide what is still open then."
    )
    blind_audit: bool = Field(
        default=True,
        description="Show audited items without the model's suggestion, so that it sways nobody.",
    )
    blind_share: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Part of the other items, drawn at random, shown without it too, to see how far people follow it.",
    )
    gold: Path | None = Field(
        default=None, description="Parquet or CSV with `text` and a known `label`: hidden among the items."
    )
    gold_share: float = Field(default=0.05, ge=0, le=0.5, description="Part of a round's items that are such.")
    consensus: str = Field(default="auto", description="A file of consensus/, or your own.")
    asker: str = Field(default="the team that runs this model", description="Who asks: annotators are told.")
    contact: str = Field(default="the person who invited you", description="Whom annotators can turn to.")
    guidelines: str = Field(default="", description="Where the instructions are, for the labour card; as all of these:")
    training: str = Field(default="", description="How people were prepared.")
    pilot: str = Field(default="", description="What was learned from a trial.")
    recruitment: str = Field(default="", description="How people were found.")
    perspectives: str = Field(default="", description="Whose knowledge or background was sought.")
    pay_standard: str = Field(default="", description="By what standard pay was chosen, as a collective agreement.")
    pay_per_hour: Decimal | None = Field(default=None, ge=0, description="What an hour is paid; annotators are told.")
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="Of all money, as ISO 4217 names it.")
    platform_fee: float = Field(default=0.0, ge=0, description="What a platform adds to pay, as a share of it.")
    data_handling: str = Field(
        default="Your answers and their times are kept under a pseudonym.",
        description="What becomes of their data: annotators are told.",
    )
    idle_cap_s: float = Field(
        default=60,
        gt=0,
        description="A pause up to this is part of the work. Of a longer time nobody knows: its low bound is 0.",
    )


class Hazard(_Section):
    """What may distress people who read it: recognised by a word, by the label the model gives, or both."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$", description="As `violence`; annotators are told.")
    terms: tuple[str, ...] = Field(default=(), description="Any of these words marks an item.")
    labels: tuple[str, ...] = Field(default=(), description="So does any of these predicted labels.")

    @model_validator(mode="after")
    def _something_marks_it(self) -> Self:
        if not (self.terms or self.labels):
            raise ValueError("terms, labels: name at least one, or nothing is ever marked")
        return self


class CareSettings(_Section):
    """How annotators are protected."""

    hazards: tuple[Hazard, ...] = Field(
        default=(), description="[[care.hazards]]: what may distress, and how it is recognised."
    )
    tagger: str | None = Field(default=None, description='A classifier of hazards of your own, "package.module:build".')
    hazards_per_day: int = Field(
        default=20, ge=0, description="Hazardous items that nobody can be shown more of on a day (UTC), in all cycles."
    )
    break_after_minutes: int = Field(default=25, ge=1, description="After so long a break is suggested.")


class FallbackSettings(_Section):
    """When a person answers in the model's place (`kempelen.serve_human_answer`)."""

    below: float = Field(default=0.5, ge=0, le=1, description="Confidence below which a prediction is put to a person.")
    wait_s: float = Field(default=60, gt=0, description="Seconds a client waits for a person, by default.")
    hold_s: float = Field(default=120, gt=0, description="Seconds after which an unanswered item is shown to others.")


class FeedbackSettings(_Section):
    """Corrections by users (`kempelen.record_feedback`). Their seconds can only be declared."""

    seconds_low: Decimal | None = Field(
        default=None, ge=0, description="What one correction takes at least; left out, its seconds are unknown."
    )
    seconds_high: Decimal | None = Field(default=None, ge=0, description="What it takes at most.")

    @model_validator(mode="after")
    def _both_bounds_or_none(self) -> Self:
        low, high = self.seconds_low, self.seconds_high
        if (low is None) is not (high is None) or (low is not None and high is not None and low > high):
            raise ValueError("seconds_low, seconds_high: give both, the lower one first, or neither")
        return self


class PaySettings(_Section):
    """How pay is computed from the books; docs/pay.md."""

    floors: Path | None = Field(
        default=None, description="CSV of least hourly pay by region and day; ours if left out."
    )
    rates: Path | None = Field(default=None, description="CSV of exchange rates, where money is in several currencies.")
    rate_stale_after_days: int = Field(default=31, ge=0, description="An older exchange rate is not used.")
    paid_bound: Literal["low", "high"] = Field(
        default="high", description="Bound of their effort that people are paid for by the hour."
    )
    region: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$",
        description="Whose floor holds for those without a contract of their own, as `DE` or `US-CA`.",
    )
    payer: str = Field(default="us", min_length=1, description="Whose money it is, as the books name it.")


class PrivacySettings(_Section):
    """What may be said of few people."""

    min_people: int = Field(
        default=3, ge=2, description="No figure of fewer people is shown to anybody but payroll and themselves."
    )


class BookSettings(_Section):
    """Where the books are kept."""

    url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL, as `postgresql://user@host/name`, instead of a file in the state folder; better given "
        "as KEMPELEN_BOOKS__URL.",
    )


class GateSettings(_Section):
    """What a challenger must show."""

    name: str = Field(default="paired", description="A file of gates/, or your own.")
    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Chance that a challenger passes that spoils as many audited answers as it corrects.",
    )
    min_before: int = Field(default=100, ge=2, description="Queries from before the shift that it needs.")
    tolerance: float = Field(default=0.02, ge=0, lt=1, description="Accuracy that traffic before the shift may lose.")


class ScheduleSettings(_Section):
    """When `kempelen schedule` runs what, as cron says it, in UTC. Empty: never."""

    watch: str = Field(default="10 * * * *", description="Look for drift, ask people.")
    collect: str = Field(default="*/5 * * * *", description="Fetch answers, book their effort.")
    retrain: str = Field(default="*/15 * * * *", description="Train, judge, promote, account, once labels are there.")
    reconcile: str = Field(default="30 3 * * *", description="Compare the books with the annotation system.")


class ServerSettings(_Section):
    """Servers of your own. Whatever is left out is taken from the local stack (`kempelen up`)."""

    prefect_api: str | None = Field(default=None, description="Prefect's API, as http://host:4200/api.")
    mlflow_uri: str | None = Field(default=None, description="MLflow's tracking server.")
    label_studio_url: str | None = Field(default=None, description="Label Studio.")
    label_studio_token: SecretStr | None = Field(
        default=None, description="Its access token; better given as KEMPELEN_SERVERS__LABEL_STUDIO_TOKEN."
    )


class Settings(BaseSettings):
    """Everything that `kempelen.toml` may say."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="KEMPELEN_", env_nested_delimiter="__", toml_file=None
    )

    model: ModelSettings
    training: TrainingSettings
    state: Path = Field(default=Path(".kempelen"), description="Where Kempelen keeps its data.")
    prediction_log: PredictionLogSettings = PredictionLogSettings()
    drift: DriftSettings = DriftSettings()
    selection: SelectionSettings = SelectionSettings()
    annotation: AnnotationSettings = AnnotationSettings()
    care: CareSettings = CareSettings()
    fallback: FallbackSettings = FallbackSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    pay: PaySettings = PaySettings()
    privacy: PrivacySettings = PrivacySettings()
    books: BookSettings = BookSettings()
    gate: GateSettings = GateSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    servers: ServerSettings = ServerSettings()

    @model_validator(mode="after")
    def _money_needs_a_price(self) -> Self:
        if self.selection.budget_cost is not None and self.annotation.pay_per_hour is None:
            raise ValueError("selection.budget_cost: needs annotation.pay_per_hour, or nothing says what an hour costs")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file (whose content arrives as `init_settings`)."""
        return env_settings, init_settings


def load(file: Path) -> Settings:
    """Read a settings file. Relative paths in it are relative to its own folder.

    Raises ConfigError that names the key, what was found there, and what may stand there.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise ConfigError(
            f"There is no settings file {file}.",
            hint="Run `kempelen init` to write one, or name one with --config.",
        ) from missing
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise ConfigError(f"{file} is not valid TOML: {broken}.", hint="Mend that line and try again.") from broken
    try:
        settings = Settings(**document)
    except ValidationError as wrong:
        raise explained(file, Settings, wrong) from wrong
    return _anchored(settings, file.resolve().parent)


def _anchored(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={
            "state": folder / settings.state,
            "training": settings.training.model_copy(update={"base": folder / settings.training.base}),
            "annotation": _annotation_anchored(settings.annotation, folder),
            "pay": settings.pay.model_copy(
                update={
                    name: folder / file
                    for name in ("floors", "rates")
                    if (file := getattr(settings.pay, name)) is not None
                }
            ),
            "prediction_log": settings.prediction_log.model_copy(
                update={"folder": folder / settings.prediction_log.folder}
            ),
        }
    )


def _annotation_anchored(annotation: AnnotationSettings, folder: Path) -> AnnotationSettings:
    gold = folder / annotation.gold if annotation.gold else None
    return annotation.model_copy(update={"folder": folder / annotation.folder, "gold": gold})
