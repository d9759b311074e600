"""From alarms to the figures of the table, on alarms that are counted by hand; and the page made of them."""

from datetime import date
from pathlib import Path

import pytest

from benchmarks import _detection_page, _kept, _tally, drift_detection

FIRST = date(2020, 1, 1)


def _january(*days: int) -> dict[date, tuple[str, ...]]:
    return {date(2020, 1, day): () for day in days}


def test_alarms_before_the_word_had_its_share_are_false() -> None:
    found = _tally.arrival([_january(3, 5, 22), _january()], "corona", [date(2020, 1, 21)] * 2, FIRST)
    assert found["runs"] == 2
    assert found["found"] == 1
    assert found["delay_days"] == 1
    assert found["named"] == 0
    # Two of the twenty quiet days in each of two runs.
    assert found["false_alarm_days_share"] == 0.05


def test_an_early_alarm_that_names_the_word_is_not_false() -> None:
    alarms = {date(2020, 1, 19): ("corona",), date(2020, 1, 25): ("wuhan", "corona")}
    found = _tally.arrival([alarms], "corona", [date(2020, 1, 21)], FIRST)
    assert found["false_alarm_days_share"] == 0
    assert found["named_delay_days"] == -2
    assert found["delay_days"] == 4


def test_a_method_that_never_alarms_has_no_delay() -> None:
    found = _tally.arrival([{}], "corona", [date(2020, 1, 21)], FIRST)
    assert found["found"] == 0
    assert found["delay_days"] is None


def test_years_with_an_alarm_are_counted_once() -> None:
    found = _tally.years([_january(1, 2, 3), {}, {}, {}], days=366)
    assert found["false_alarm_share_per_year"] == 0.25
    assert found["alarm_days_a_year"] == 0.75
    # P(at most 1 of 4) = 0.05 at a share of 0.7514 (Clopper & Pearson).
    assert found["false_alarm_share_upper"] == pytest.approx(0.7514, abs=1e-4)


def test_the_bound_of_no_alarm_in_n_years_is_the_one_known_in_closed_form() -> None:
    assert _tally.upper_bound(0, 1_000) == pytest.approx(1 - 0.05 ** (1 / 1_000))


def test_alarms_are_shared_out_before_and_after_the_change() -> None:
    found = _tally.before_and_after([_january(1, 5, 6), _january(6)], date(2020, 1, 5), before=4, after=4)
    assert found["alarm_days_before_share"] == 0.125
    assert found["alarm_days_after_share"] == 0.375


def _run(*, quick: bool) -> dict[str, object]:
    arrival = _tally.arrival([_january(22)], "coronavirus", [date(2020, 1, 21)], FIRST)
    return {
        "figures": {
            "arrival": [{"method": "ours", **arrival}, {"method": "slow", **arrival}],
            "stationary_years": [{"method": "ours", **_tally.years([{}, {}], 366)}],
            "meaning_without_labels": [
                {"method": "ours", **_tally.before_and_after([{}], date(2020, 1, 5), before=4, after=4)}
            ],
            "meaning_audit": [
                {"every_days": 7, "items": 8, "runs": 10, "found": 9, "alarms_before": 1, "delay_days": 70.0,
                 "delay_days_middle_90": [30.0, 100.0], "labels": 80.0, "labels_middle_90": [40.0, 120.0]}
            ],
        },
        "peers": {"Evidently": "1.2"},
        "settings": {"quick": quick, "predictions_a_day": 500, "reference_days": 21, "alpha_per_year": 0.05,
                     "word": "coronavirus", "share_of_traffic": 0.01, "backgrounds": 1, "meaning_share": 0.25},
    }  # fmt: skip


def test_the_page_says_that_it_is_generated_and_shows_every_method() -> None:
    page = _detection_page.page(_run(quick=False))
    assert page.splitlines()[0].startswith("<!-- Generated")
    assert "| ours | 1 of 1 | 1 (1 to 1) | - | - | 0 % | 0 of 2 (78 %) | 0 |" in page
    assert "| slow | 1 of 1 | 1 (1 to 1) | - | - | 0 % | - | - |" in page
    assert "| about 8 queries every 7 days | 9 of 10 | 1 of 10 | 70 (30 to 100) | 80 (40 to 120) |" in page
    assert "not for quoting" not in page


def test_the_page_of_a_quick_run_says_so() -> None:
    assert "not for quoting" in _detection_page.page(_run(quick=True))


def test_hints_are_not_among_the_alarms_of_all_detectors_together() -> None:
    day = date(2020, 1, 5)
    counting = {"Kempelen, a": [{day: ("x",)}, {}], "Kempelen, b (hint)": [{day: ()}, {day: ()}]}
    assert drift_detection._by_year(counting) == [{day: ("x",)}, {}]  # noqa: SLF001 - what the headline rests on


def test_years_that_were_played_are_not_played_again(tmp_path: Path) -> None:
    played = []

    def play() -> list[dict[str, dict[date, tuple[str, ...]]]]:
        played.append(1)
        return [{"ours": {date(2020, 1, 3): ("corona", "virus")}, "theirs": {}}, {"ours": {}, "theirs": {}}]

    file = tmp_path / "keep" / "counting-0-2.json"
    assert _kept.kept(file, play) == play()
    assert _kept.kept(file, play) == play()
    assert len(played) == 3
    assert list(file.parent.iterdir()) == [file]


def test_a_batch_that_was_killed_is_played_again(tmp_path: Path) -> None:
    def killed() -> list[dict[str, dict[date, tuple[str, ...]]]]:
        raise KeyboardInterrupt

    file = tmp_path / "fixed-0-1.json"
    with pytest.raises(KeyboardInterrupt):
        _kept.kept(file, killed)
    assert _kept.kept(file, lambda: [{"ours": {}}]) == [{"ours": {}}]
