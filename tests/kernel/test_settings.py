"""kempelen.toml: what is wrong in it is named, with what may stand there."""

from pathlib import Path

import pytest

from kempelen.errors import ConfigError
from kempelen.settings import Settings, load

GOOD = """
[model]
name = "queries"
labels = ["health", "food"]

[training]
base = "base.csv"
"""


def settings_of(tmp_path: Path, content: str) -> Settings:
    file = tmp_path / "kempelen.toml"
    file.write_text(content)
    return load(file)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, GOOD)
    assert settings.training.base == tmp_path / "base.csv"
    assert settings.state == tmp_path / ".kempelen"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no settings file") as error:
        load(tmp_path / "nowhere.toml")
    assert "kempelen init" in error.value.hint


@pytest.mark.parametrize(
    ("content", "found", "advice"),
    [
        (GOOD.replace('base = "base.csv"', ""), "training.base is missing", "Add 'base' under [training]"),
        (GOOD.replace("[training]", "[trainig]"), "trainig is not a setting", "training"),
        (GOOD + "\n[selection]\nmin_user = 3\n", "selection.min_user is not a setting", "min_users"),
        (GOOD + '\n[drift]\nalpha_per_year = "often"\n', "drift.alpha_per_year = 'often'", "Correct"),
        (GOOD + "\n[drift]\nalpha_per_year = 1.5\n", "drift.alpha_per_year = 1.5", "Correct"),
        (GOOD.replace('["health", "food"]', '["health", "health"]'), "distinct", "Correct model"),
        (GOOD + "\n[selection.shares]\nmargin = 1.0\n", "audit", "Correct"),
        (GOOD + "\n[selection.shares]\naudit = 0.5\nmargin = 0.6\n", "sum to 1", "Correct"),
        (GOOD.replace('name = "queries"', 'name = "Queries!"'), "model.name", "Correct"),
        (GOOD.replace('"food"]', '" food"]'), "without blanks", "Correct"),
        (GOOD.replace('"food"]', '"food"]\ntypes = []'), "model.types", "Correct"),
        (GOOD + "\n[drift.params.term_surg]\nmin_share = 0.1\n", "term_surg", "Correct"),
    ],
)
def test_a_wrong_key_is_named_with_what_to_do(tmp_path: Path, content: str, found: str, advice: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of(tmp_path, content)
    assert found in str(error.value)
    assert advice in error.value.hint


EXPECTED = '\n[[drift.expected]]\nname = "advent"\nsubjects = ["shopping"]\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (EXPECTED + 'first = "11-25"\nlast = "13-45"\n', "drift.expected.0.last = '13-45': month must be in 1..12"),
        (EXPECTED + 'first = "11-25"\nlast = "2020-12-24"\n', "drift.expected.0.first, last: both must name a year"),
        (
            EXPECTED + 'first = "2020-12-24"\nlast = "2020-11-25"\n',
            "drift.expected.0.last: it is 2020-11-25, before the first day, 2020-12-24",
        ),
        ("\n[drift.detectors]\nterm_surge = 0.5\n", "drift.detectors: shares must be positive and sum to 1, not 0.5"),
        ("\n[selection.shares]\naudit = 0.5\n", "selection.shares: they must be non-negative and sum to 1, not 0.5"),
        ("\n[drift.params.magic]\nx = 1\n", "drift.params: magic is none of the detectors term_surge, audit_risk"),
        (EXPECTED.replace('["shopping"]', '"shopping"'), "drift.expected.0.subjects = 'shopping': it must be a list"),
        (EXPECTED.replace("[[drift.expected]]", "[drift.expected]"), "drift.expected is a single section"),
    ],
)
def test_a_check_names_the_key_and_does_not_print_the_section(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of(tmp_path, GOOD + content)
    assert said in str(error.value)
    assert "{" not in str(error.value)


def test_a_single_word_where_a_list_belongs_is_told_how_a_list_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of(tmp_path, GOOD.replace('["health", "food"]', '"health"'))
    assert """model.labels = 'health': it must be a list, as ["a", "b"]""" in str(error.value)


def test_a_wrong_key_of_a_listed_section_is_told_the_keys_of_an_entry(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of(tmp_path, GOOD + EXPECTED + 'first = "11-25"\nlast = "12-24"\nsubject = "b"\n')
    assert "drift.expected.0.subject is not a setting" in str(error.value)
    assert error.value.hint == "Known here: first, last, name, subjects."


def test_a_missing_key_of_a_listed_section_is_told_its_header(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of(tmp_path, GOOD + EXPECTED + 'first = "11-25"\n')
    assert error.value.hint == "Add 'last' under [[drift.expected]]."


def test_a_date_may_stand_with_or_without_quotes(tmp_path: Path) -> None:
    (expected,) = settings_of(tmp_path, GOOD + EXPECTED + 'first = 2020-11-25\nlast = "2020-12-24"\n').drift.expected
    assert (expected.first, expected.last) == ("2020-11-25", "2020-12-24")


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 2"):
        settings_of(tmp_path, "[model]\nname = \n")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEMPELEN_SELECTION__MIN_USERS", "7")
    settings = settings_of(tmp_path, GOOD + "\n[selection]\nmin_users = 3\nrounds = 2\n")
    assert (settings.selection.min_users, settings.selection.rounds) == (7, 2)


def test_a_token_of_the_wrong_kind_is_not_shown_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of(tmp_path, GOOD + "\n[servers]\nlabel_studio_token = 987654321\n")
    assert "987654321" not in str(error.value)


def test_a_token_is_never_shown(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, GOOD + '\n[servers]\nlabel_studio_token = "secret-token"\n')
    assert "secret-token" not in repr(settings)
