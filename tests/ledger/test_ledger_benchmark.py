"""The benchmark measures books that are right."""

from benchmarks import ledger as benchmark
from benchmarks.ledger import Size


def test_a_small_run_measures_everything_it_promises() -> None:
    size = Size(annotations=400, versions=10, annotators=20, annotators_per_version=5, statements=3, cards=2)
    with benchmark._sqlite() as place:  # noqa: SLF001 - the rest would start PostgreSQL
        figures = benchmark._figures(place, size)  # noqa: SLF001
    assert figures["entries"] == 800
    assert {"bookings_per_s", "bytes_per_booking", "statement_ms", "verify_s", "rate_over_executemany"} <= set(figures)
    assert all(value >= 0 for value in figures.values() if not isinstance(value, list))
