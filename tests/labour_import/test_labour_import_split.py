"""Pages of several items: whatever a person gave and got for a page is neither more nor less over its items."""

import csv
import random
import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.labour_import._reading import share
from kempelen.plugins import build

wholes = st.integers(min_value=0, max_value=10**15)
parts = st.integers(min_value=1, max_value=500)


@given(whole=wholes, count=parts)
def test_shares_sum_to_the_whole_and_differ_by_one_at_most(whole: int, count: int) -> None:
    shares = [share(whole, count, place) for place in range(count)]
    assert sum(shares) == whole
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(low=wholes, more=wholes, count=parts)
def test_shares_of_a_low_bound_never_exceed_those_of_the_high_one(low: int, more: int, count: int) -> None:
    assert all(share(low, count, place) <= share(low + more, count, place) for place in range(count))


pages = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=7),
        st.integers(min_value=0, max_value=90_000_000),
        st.integers(min_value=0, max_value=5_000_000),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(pages=pages, order=st.randoms(use_true_random=False))
def test_a_toloka_pool_conserves_each_page_in_whatever_order_its_rows_stand(
    pages: list[tuple[int, int, int]],
    order: random.Random,
) -> None:
    began = datetime(2020, 1, 24)  # noqa: DTZ001 - Toloka writes UTC without saying so
    rows = [
        {
            "INPUT:query": f"query {item}",
            "OUTPUT:intent": "health",
            "ASSIGNMENT:assignment_id": f"page-{number}",
            "ASSIGNMENT:worker_id": f"w{number % 2}",
            "ASSIGNMENT:status": "APPROVED",
            "ASSIGNMENT:started": began.isoformat(timespec="milliseconds"),
            "ASSIGNMENT:submitted": (began + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds"),
            "ASSIGNMENT:reward": str(Decimal(millionths).scaleb(-6)) if millionths else "0",
        }
        for number, (items, ms, millionths) in enumerate(pages)
        for item in range(items)
    ]
    order.shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pool.tsv"
        with file.open("w", newline="", encoding="utf-8") as table:
            writer = csv.DictWriter(table, fieldnames=list(rows[0]), delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)
        works, problems = build("connectors/labour_import", "toloka", {"fee": "0.3"}).read(file)
    assert problems == []
    for number, (_, ms, millionths) in enumerate(pages):
        page = [work for work in works if work.source_id.startswith(f"page-{number}/")]
        assert sum(work.effort.high_s for work in page) == Decimal(min(ms, 86_400_000)).scaleb(-3)
        assert sum(work.reward for work in page) == Decimal(millionths).scaleb(-6)
        assert abs(sum(work.fee for work in page) - Decimal(millionths).scaleb(-6) * Decimal("0.3")) <= Decimal("5e-7")
