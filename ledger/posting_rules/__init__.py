"""What each event means in the books: pure functions that make entries."""

from ledger.posting_rules.annotations import (
    GIVEN,
    SKIPPED,
    annotation_given,
    annotation_of,
    edit_given,
    effort_assigned,
    given_id,
    kind_of,
    part_id,
)
from ledger.posting_rules.corrections import corrected, reversal
from ledger.posting_rules.elsewhere import declared_work, opening_balance, rewards
from ledger.posting_rules.in_service import answer_served, feedback_given, reviewed
from ledger.posting_rules.money import paid

__all__ = [
    "GIVEN",
    "SKIPPED",
    "annotation_given",
    "annotation_of",
    "answer_served",
    "corrected",
    "declared_work",
    "edit_given",
    "effort_assigned",
    "feedback_given",
    "given_id",
    "kind_of",
    "opening_balance",
    "paid",
    "part_id",
    "reversal",
    "reviewed",
    "rewards",
]
