"""Where the books are kept: a file of the state folder, or the PostgreSQL database that the settings name."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from cycle.database import ADDRESS, DATABASE, kept_in, opened
from cycle.wiring import books, wire
from dashboard.source import Source
from kempelen.errors import ConfigError, KempelenError
from kempelen.settings import Settings
from ledger.database import open_engine

LABELS = ("food", "health")


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every database that is opened here is closed at the end."""
    made: list[Engine] = []

    def opening(where: str | Path) -> Engine:
        made.append(open_engine(where))
        return made[-1]

    for module in ("cycle.database", "cycle.wiring", "dashboard.source"):
        monkeypatch.setattr(f"{module}.open_engine", opening)
    yield
    for engine in made:
        engine.dispose()


def settings_of(state: Path, url: str | None = None) -> Settings:
    return Settings.model_validate(
        {
            "model": {"name": "queries", "labels": LABELS},
            "training": {"base": state / "base.csv", "base_source": "a list"},
            "state": state,
            "books": {"url": url and SecretStr(url)},
        }
    )


def test_without_a_word_they_are_a_file_of_the_state_folder(tmp_path: Path) -> None:
    assert kept_in(tmp_path) is None
    wire(settings_of(tmp_path))
    assert kept_in(tmp_path) == tmp_path / DATABASE


def test_a_database_once_named_is_found_by_the_folder_alone(tmp_path: Path, postgresql_address: str) -> None:
    app = wire(settings_of(tmp_path, postgresql_address))
    assert app.ledger.engine.dialect.name == "postgresql"
    assert not (tmp_path / DATABASE).exists()
    assert books(tmp_path)[0].settings("queries") is not None
    with Source(tmp_path).reading() as (store, ledger):
        assert (store.settings("queries") is not None, ledger.engine.dialect.name) == (True, "postgresql")
    assert opened(settings_of(tmp_path)).dialect.name == "postgresql"


def test_the_address_may_hold_a_password_so_its_owner_alone_reads_it(tmp_path: Path, postgresql_address: str) -> None:
    wire(settings_of(tmp_path, postgresql_address))
    assert stat.S_IMODE((tmp_path / ADDRESS).stat().st_mode) == 0o600
    remembered = books(tmp_path)[0].settings("queries")
    assert remembered is not None
    assert postgresql_address not in remembered


def test_books_in_a_file_are_not_left_behind_unnoticed(tmp_path: Path, postgresql_address: str) -> None:
    wire(settings_of(tmp_path))
    with pytest.raises(ConfigError, match=rf"kept in {DATABASE}"):
        wire(settings_of(tmp_path, postgresql_address))
    assert kept_in(tmp_path) == tmp_path / DATABASE


def test_nor_are_those_in_another_database(tmp_path: Path, postgresql_address: str) -> None:
    wire(settings_of(tmp_path, postgresql_address))
    with pytest.raises(ConfigError, match="another database"):
        wire(settings_of(tmp_path, "postgresql://somebody@127.0.0.1:1/elsewhere"))
    assert kept_in(tmp_path) == postgresql_address


def test_another_way_into_the_same_database_is_taken_over(tmp_path: Path, postgresql_address: str) -> None:
    wire(settings_of(tmp_path, postgresql_address))
    other = f"{postgresql_address}&application_name=kempelen"
    wire(settings_of(tmp_path, other))
    assert kept_in(tmp_path) == other


def test_an_address_that_does_not_work_is_not_remembered(tmp_path: Path) -> None:
    with pytest.raises(KempelenError, match="database"):
        wire(settings_of(tmp_path, "postgresql://nobody@127.0.0.1:1/nowhere"))
    assert kept_in(tmp_path) is None
