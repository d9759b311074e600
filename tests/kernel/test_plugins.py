"""A plug-in is a file, and a user's own is a name."""

import pytest

from kempelen.errors import ConfigError
from kempelen.plugins import available, build


def test_every_stage_lists_its_files_and_no_help() -> None:
    for stage in ("drift", "selection", "consensus", "models", "gates"):
        names = available(stage)
        assert names
        assert not [name for name in names if name.startswith("_")]


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no file selection/magic\.py") as error:
        build("selection", "magic", {})
    assert "margin" in error.value.hint


def test_a_wrong_parameter_is_told_the_right_ones() -> None:
    with pytest.raises(ConfigError, match="sharpnes") as error:
        build("selection", "margin", {"sharpnes": 2})
    assert "sharpness" in error.value.hint


def test_a_wrong_parameter_is_looked_for_in_the_section_it_stands_in() -> None:
    with pytest.raises(ConfigError, match=r"^\[drift\.params\.term_surge\] does not fit"):
        build("drift", "term_surge", {"alpha": 0.01, "min_shar": 0.1}, section="drift.params.term_surge")


def test_a_users_own_plug_in_is_a_module_and_a_function() -> None:
    assert build("selection", "selection.margin:build", {}) is not None
    with pytest.raises(ConfigError, match="cannot be imported"):
        build("selection", "no_such_package:build", {})
