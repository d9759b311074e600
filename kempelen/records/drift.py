"""What a detector compares, and what it reports."""

from dataclasses import dataclass
from datetime import date, datetime

from kempelen.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedAnswer:
    """A prediction that people checked, with the known chance with which it was sent to them.

    `probability` is the chance that this item was drawn for the audit in its draw (a cycle and round);
    `predictions` of `traffic` predictions that the draw was made from are its own. `heaviest` is the largest
    weight that any item of the draw had whose chance was below 1, drawn or not; None where it was not kept.
    """

    item_id: str
    query: str
    label: str
    prediction: str
    probability: float
    predictions: int
    traffic: int
    draw: str
    at: datetime
    heaviest: float | None = None

    @property
    def wrong(self) -> bool:
        """Whether people disagree with the model."""
        return self.label != self.prediction

    @property
    def weight(self) -> float:
        """The share of the traffic that it stands for (Horvitz-Thompson); those of a draw sum to 1 on average."""
        return self.predictions / self.traffic / self.probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """All that a detector may compare: two profiles, and the audited answers of this model version.

    `today` is the last current day if it is not over yet: then its counts can only grow. `seconds_per_label`
    is the human time that one settled label takes. `predecessors` counts the versions that were
    in service before this one within the year of the false-alarm budget. `surging` are the words that
    alarms about this version have named, in the order in which they were first named. A `borrowed`
    reference is that of an earlier version: its words can be compared, the answers of two versions cannot.
    """

    reference: Profile
    current: Profile
    audited: tuple[AuditedAnswer, ...] = ()
    today: date | None = None
    seconds_per_label: float | None = None
    predecessors: int = 0
    surging: tuple[str, ...] = ()
    borrowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How often a subject occurred on a day, among how many predictions."""

    day: date
    count: float
    predictions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that changed, in figures a person can check: a term, a label, a confidence, a risk.

    Counts and shares are of the reference and of the current days from `first` on. `p_value` was to be below
    `budget`, the part of the year's false-alarm budget that this question had. `since` is the most
    likely day of the change. `together` are subjects that changed with it, mostly in the same queries. `examples`
    are current queries that enough people asked. `says` is all of it in a sentence.
    """

    subject: str
    reference_count: float
    current_count: float
    reference_share: float
    current_share: float
    p_value: float
    budget: float = 0.0
    first: date | None = None
    since: date | None = None
    label: str | None = None
    confidence: float | None = None
    users: int | None = None
    daily: tuple[DayCount, ...] = ()
    together: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    says: str = ""

    @property
    def ratio(self) -> float:
        """How many times its former share it now has; infinity for what was never seen."""
        return self.current_share / self.reference_share if self.reference_share else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """One comparison. `drifted` is derived, so report and verdict cannot disagree.

    `statistic` and `threshold` are on the detector's own scale, larger meaning more change; `alpha` is the
    detector's part of the year's false-alarm budget, all looks of the year together. `evidence` is what
    the alarm rests on; `suspects` are, beside it, subjects that changed by a weaker standard (a false
    discovery rate instead of no false alarm): where to ask people, not what to believe. A `hint` says where
    to look and is never an alarm by itself. `labels_to_decide` is how many more human labels an open
    question would need, where that can be told.
    """

    detector: str
    statistic: float
    threshold: float
    alpha: float
    n_reference: int
    n_current: int
    summary: str
    evidence: tuple[Evidence, ...] = ()
    suspects: tuple[str, ...] = ()
    hint: bool = False
    labels_to_decide: int | None = None

    @property
    def drifted(self) -> bool:
        """Whether the change is beyond what chance allows."""
        return self.statistic > self.threshold
