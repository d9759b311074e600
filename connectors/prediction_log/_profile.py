"""Count a table of predictions into a `Profile`: one set of Ibis expressions, the same for every engine.

Equal counts on every engine need portable arithmetic: sums are of whole numbers, so that the order in which an
engine adds does not show, and nothing depends on how an engine rounds, hashes or sorts text.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import numpy as np

from connectors.prediction_log._repeats import DRAWS
from kempelen import text
from kempelen.errors import BadData
from kempelen.profile import CONFIDENCE_BINS, SAMPLE_PER_DAY, Ints, Profile, Sampled, fold_below

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

COLUMNS = ("date", "query", "item_id", "terms", "label", "confidence", "user", "user_bit", "draw")
"""Columns that are counted. `terms` is a list of distinct strings, `date` a date."""

NEEDED = ("label", "confidence", "user_bit", "draw")
"""Columns without which a prediction cannot be counted."""

CONFIDENCE_STEPS = 1_000_000
"""Confidences are added in whole steps: a sum is at most 5e-7 a prediction off. Whole numbers are added as
floating-point numbers, which is exact in any order up to 2**53, and twice as fast as 128-bit integers."""

DRAWN_PER_DAY = 10 * SAMPLE_PER_DAY
"""Predictions of a day among which its sample is looked for, at least. On a day on which fewer than 10 % of
the predictions are of queries that enough people asked, the sample is smaller than SAMPLE_PER_DAY."""

FEW_USERS = 4
"""So few are counted by their bits: never too many, and less work. Of two users one in 63 is missed."""

_UNSOUND = -1.0
"""Stands for the confidence of a row that cannot be counted."""
_ALL_WORDS = ""
"""Stands for all words together; no word is empty."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What left the engine about some days: tables as large as the vocabulary, not as the log."""

    bins: "pa.Table"
    words: "pa.Table"
    sample: "pa.Table"


def profile_of(predictions: "ir.Table", *, min_users: int) -> Profile:
    """The profile of a table that has COLUMNS; each of its rows counts as one prediction.

    The sample holds queries that at least `min_users` distinct users asked that day.

    Raises BadData for rows that cannot be counted: something is missing, or the confidence is not in [0, 1].
    """
    return assembled([counted(predictions, min_users=min_users)])


def counted(predictions: "ir.Table", *, min_users: int) -> Counted:
    """Count in the engine, in three statements. Raises as `profile_of`."""
    bins = by_bin(predictions).to_pyarrow()
    totals = _totals(bins)
    return Counted(
        bins=bins,
        words=by_word(predictions, totals).to_pyarrow(),
        sample=sample(predictions, totals, min_users).to_pyarrow(),
    )


# ---------------------------------------------------------------- expressions


def by_bin(predictions: "ir.Table") -> "ir.Table":
    """Predictions by day, label and confidence bin.

    A bin below 0 holds rows that cannot be counted, one bin too many those that are entirely sure.
    """
    p = predictions
    complete = reduce(and_, [p[name].notnull() for name in NEEDED])
    # NaN is larger than every number in some engines, and no number in others: never between 0 and 1.
    sound = (complete & p.confidence.between(0.0, 1.0)).fill_null(False)  # noqa: FBT003 - Ibis has it so
    confidence = sound.ifelse(p.confidence, _UNSOUND)
    rows = p.select(
        "date",
        label=p.label.fill_null(""),
        bin=(confidence * CONFIDENCE_BINS).floor().cast("int64"),
    )
    return rows.group_by("date", "label", "bin").aggregate(predictions=rows.count())


def by_word(predictions: "ir.Table", totals: Mapping[date, int]) -> "ir.Table":
    """Predictions, confidence in steps and sketch of users, by day, word and label, of the words that are listed.

    Where some are not, there is one row more a day, of no word: all occurrences of all words of that day.
    """
    p = predictions
    steps = (p.confidence * CONFIDENCE_STEPS + 0.5).floor().cast("float64")
    rows = p.select("date", "label", "user_bit", steps=steps, term=p.terms.unnest())
    words = rows.group_by("date", "term", "label").aggregate(
        predictions=rows.count(), steps=rows.steps.sum(), users=rows.user_bit.bit_or()
    )
    folds = {day: fold_below(n) for day, n in totals.items()}
    if max(folds.values(), default=1) == 1:
        return words
    import ibis

    everywhere = words.predictions.sum().over(ibis.window(group_by=["date", "term"]))
    known = words.mutate(everywhere=everywhere, fold=_of_day(words.date, folds))
    listed = known.filter(known.everywhere >= known.fold).drop("everywhere", "fold")
    return listed.union(_occurrences(words))


def _occurrences(words: "ir.Table") -> "ir.Table":
    """How often any word occurred, in the columns of `words`."""
    import ibis

    by_day = words.group_by("date").aggregate(predictions=words.predictions.sum().cast("int64"))
    nothing = {"steps": ibis.literal(0.0, "float64"), "users": ibis.literal(0, "int64")}
    named = by_day.mutate(term=ibis.literal(_ALL_WORDS), label=ibis.literal(""), **nothing)
    return named.select(*words.columns)


def sample(predictions: "ir.Table", totals: Mapping[date, int], min_users: int) -> "ir.Table":
    """Of each day the predictions with the smallest draws, among those of queries that enough people asked."""
    import ibis

    limits = {day: _draw_limit(n) for day, n in totals.items()}
    p = predictions
    drawn = p.filter(p.draw < _of_day(p.date, limits), p.item_id != text.item_id(""))
    drawn = drawn.select("date", "item_id", "draw", "query", "label", "confidence")
    # Users are counted for the drawn queries alone, or memory would grow with the rows.
    asked = p.select("date", "item_id", user="user_bit" if min_users <= FEW_USERS else "user")
    asked = asked.semi_join(drawn, ["date", "item_id"])
    shared = asked.group_by("date", "item_id").aggregate(users=asked.user.nunique())
    shown = drawn.semi_join(shared.filter(shared.users >= min_users), ["date", "item_id"])
    first = ibis.window(group_by="date", order_by=["draw", "query", "label", "confidence"])
    ranked = shown.mutate(place=ibis.row_number().over(first))
    ranked = ranked.filter(ranked.place < SAMPLE_PER_DAY)
    return ranked.select("draw", "query", "label", "confidence", day=ranked.date)


def _draw_limit(predictions: int) -> int:
    """Below it are the draws of DRAWN_PER_DAY to twice as many of so many predictions, or of all of them."""
    return DRAWS >> max(0, (predictions // DRAWN_PER_DAY).bit_length() - 1)


def _of_day(day: "ir.DateColumn", values: Mapping[date, int]) -> "ir.IntegerValue":
    """A value that depends on the day, without a join: days with the same value stand in one list."""
    import ibis

    days = defaultdict(list)
    for when, value in sorted(values.items()):
        days[value].append(when)
    usual = max(days, key=lambda value: len(days[value]), default=0)
    branches = [(day.isin(some), ibis.literal(value, "int64")) for value, some in days.items() if value != usual]
    otherwise = ibis.literal(usual, "int64")
    return ibis.cases(*branches, else_=otherwise) if branches else otherwise


# ---------------------------------------------------------------- columns


def assembled(parts: Sequence[Counted]) -> Profile:
    """The profile of several groups of days, no day in two of them. Loops over days and words, never over rows."""
    import pyarrow as pa
    from pyarrow import compute

    bins = pa.concat_tables([part.bins for part in parts])
    words = pa.concat_tables([part.words for part in parts])
    drawn = pa.concat_tables([part.sample for part in parts])
    totals = _totals(bins)
    days, labels = sorted(totals), _distinct(bins["label"])
    whole = compute.equal(words["term"], _ALL_WORDS)
    folded = _folded(words, whole, days)
    words = words.filter(compute.invert(whole))
    terms = _distinct(words["term"])
    row_day, row_term, row_label = (
        _places(words[name], names) for name, names in (("date", days), ("term", terms), ("label", labels))
    )
    # The stable sort is much the faster one: engines return long runs that are in order already.
    order = np.argsort((row_day * len(terms) + row_term) * len(labels) + row_label, kind="stable")
    try:
        return Profile(
            days=tuple(days),
            labels=tuple(labels),
            confidence=_binned(bins, days, labels),
            fold=np.array([fold_below(totals[day]) for day in days], dtype=np.int64),
            folded=folded,
            terms=tuple(terms),
            row_day=row_day[order],
            row_term=row_term[order],
            row_label=row_label[order],
            row_predictions=_integers(words["predictions"])[order],
            row_confidence=words["steps"].to_numpy()[order] / CONFIDENCE_STEPS,
            row_users=_integers(words["users"])[order],
            sample=tuple(sorted(Sampled(**row) for row in drawn.to_pylist())),
        )
    except ValueError as wrong:
        raise BadData(
            f"The terms of some predictions contradict the log: {wrong}",
            hint="`terms` must hold each word of the query once; see kempelen.text.terms.",
        ) from wrong


def _totals(bins: "pa.Table") -> dict[date, int]:
    """Predictions by day. BadData if there are rows that cannot be counted."""
    unsound = int(_integers(bins["predictions"])[_integers(bins["bin"]) < 0].sum())
    if unsound:
        raise BadData(
            f"{unsound} predictions of the log cannot be counted: something is missing, or the confidence is not "
            "between 0 and 1.",
            hint="Log with kempelen.PredictionLog, which refuses such predictions, and remove these rows.",
        )
    summed = bins.group_by("date").aggregate([("predictions", "sum")])
    return dict(zip(summed["date"].to_pylist(), summed["predictions_sum"].to_pylist(), strict=True))


def _binned(bins: "pa.Table", days: Sequence[date], labels: Sequence[str]) -> Ints:
    counts = np.zeros((len(days), len(labels), CONFIDENCE_BINS), dtype=np.int64)
    bin_ = np.minimum(_integers(bins["bin"]), CONFIDENCE_BINS - 1)
    np.add.at(
        counts, (_places(bins["date"], days), _places(bins["label"], labels), bin_), _integers(bins["predictions"])
    )
    return counts


def _folded(words: "pa.Table", whole: "pa.ChunkedArray", days: Sequence[date]) -> Ints:
    """Occurrences of words that are not listed, by day: all of that day, less the listed ones."""
    counts = _integers(words["predictions"])
    signed = np.where(whole.to_numpy(), counts, -counts)
    folded = np.zeros(len(days), dtype=np.int64)
    np.add.at(folded, _places(words["date"], days), signed)
    # Below zero are days of which no word was folded, and nobody asked for their sum.
    return np.maximum(folded, 0)


def _distinct(column: "pa.ChunkedArray") -> list[str]:
    return sorted(column.unique().to_pylist())


def _places(column: "pa.ChunkedArray", names: Sequence[object]) -> Ints:
    """Where each value of a column stands in `names`."""
    import pyarrow as pa
    from pyarrow import compute

    found = compute.index_in(column, value_set=pa.array(names, column.type))
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _integers(column: "pa.ChunkedArray") -> Ints:
    return np.asarray(column.to_numpy(), dtype=np.int64)
