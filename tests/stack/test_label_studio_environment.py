"""Label Studio's own environment: installed whole, once, and found again; shown with a package index of one folder."""

import fcntl
import os
import re
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.stack import label_studio
from kempelen.errors import ConfigError, KempelenError

PROGRAM = """
    import os, pathlib, sqlite3, sys
    folder = pathlib.Path(os.environ["LABEL_STUDIO_BASE_DATA_DIR"])
    connection = sqlite3.connect(folder / "label_studio.sqlite3")
    connection.execute("CREATE TABLE htx_user (id)")
    connection.execute("CREATE TABLE django_migrations (id)")
    connection.commit()
    (folder / ".env").write_text("SECRET_KEY=1")
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where installations are kept in this test: nothing is there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(label_studio.OVERRIDE, raising=False)
    return tmp_path / "cache" / "kempelen"


@pytest.fixture
def installer(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of `python`: makes the files of an environment in no time; the log of its calls."""
    assert not cache.exists()
    log, program, python = tmp_path / "calls", tmp_path / "program.py", tmp_path / "python"
    program.write_text(textwrap.dedent(PROGRAM))
    log.touch()
    python.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        echo "$@" >> {log}
        [ -e {tmp_path}/broken ] && echo "no such package" && exit 1
        if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi
        if [ "$2" = pip ]; then
            here=$(dirname "$0")
            printf '#!/bin/sh\\nexec {sys.executable} {program} "$@"\\n' > $here/label-studio
            chmod +x $here/label-studio
            mkdir -p $here/../lib/python3.11/site-packages/label_studio-{label_studio.VERSION}.dist-info
        fi
        """)
    )
    python.chmod(0o755)
    monkeypatch.setattr("console.stack.label_studio.sys.executable", str(python))
    return log


def test_it_is_installed_on_first_use_at_the_pinned_versions_and_only_once(
    cache: Path, installer: Path, progress: Any
) -> None:
    environment = label_studio.install(progress)
    assert environment == cache / "label-studio-1.23.2"
    assert label_studio.installed_version(environment) == "1.23.2"
    venv, pip = installer.read_text().splitlines()
    assert venv == f"-m venv {environment}"
    assert pip.endswith(f"--constraint {label_studio.CONSTRAINTS} label-studio==1.23.2")
    label_studio.install(progress)
    assert len(installer.read_text().splitlines()) == 2
    assert [line.split()[0] for line in progress.shown] == ["Installing", "Preparing"]


def test_a_half_finished_installation_is_removed_and_made_again(installer: Path, progress: Any) -> None:
    environment = label_studio.install(progress)
    (environment / "kempelen-installed").unlink()
    (environment / "left-over").touch()
    assert label_studio.installed_version(environment) is None
    label_studio.install(progress)
    assert label_studio.installed_version(environment) == "1.23.2"
    assert not (environment / "left-over").exists()
    assert len(installer.read_text().splitlines()) == 4


@pytest.mark.usefixtures("installer")
def test_a_failed_installation_shows_what_the_installer_said(tmp_path: Path, progress: Any) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(KempelenError, match="no such package") as caught:
        label_studio.install(progress)
    assert "label-studio-install.log" in caught.value.hint


def test_two_checkouts_at_once_install_it_once(installer: Path, progress: Any) -> None:
    threads = [threading.Thread(target=label_studio.install, args=(progress,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(installer.read_text().splitlines()) == 2


@pytest.mark.usefixtures("installer")
def test_a_new_data_folder_gets_the_empty_database_and_never_the_key(
    cache: Path, tmp_path: Path, progress: Any
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    label_studio.prepare(data, progress)
    assert [path.name for path in data.iterdir()] == ["label_studio.sqlite3"]
    assert sorted(path.name for path in cache.glob("*empty*")) == ["label-studio-1.23.2-empty.sqlite3"]
    assert not list(cache.glob("label-studio-migration-*"))


@pytest.mark.usefixtures("installer")
def test_a_database_in_use_is_left_alone(tmp_path: Path, progress: Any) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "label_studio.sqlite3").write_text("a year of work")
    label_studio.prepare(data, progress)
    assert (data / "label_studio.sqlite3").read_text() == "a year of work"


@pytest.mark.usefixtures("installer")
def test_a_template_with_an_account_in_it_is_refused(cache: Path, tmp_path: Path, progress: Any) -> None:
    program = tmp_path / "program.py"
    add_account = 'connection.execute("INSERT INTO htx_user VALUES (1)"); connection.commit()'
    program.write_text(f"{program.read_text()}{add_account}\n")
    with pytest.raises(KempelenError, match="holds 1 accounts"):
        label_studio.install(progress)
    assert not list(cache.glob("*empty*"))


@pytest.mark.usefixtures("installer")
def test_an_environment_of_ones_own_is_never_installed_into(
    tmp_path: Path, progress: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    monkeypatch.setenv(label_studio.OVERRIDE, str(own))
    with pytest.raises(ConfigError, match="there is no Label Studio in it"):
        label_studio.install(progress)
    assert not own.exists()


def test_a_killed_up_leaves_the_lock_to_its_installer(
    tmp_path: Path, cache: Path, eventually: Callable[..., None]
) -> None:
    """Otherwise a second `up` would install into the folder that pip of the first one still writes to."""
    began, gate, python = tmp_path / "began", tmp_path / "gate", tmp_path / "python"
    python.write_text(f"#!/bin/sh\ntouch {began}\nread ready < {gate}\n")
    python.chmod(0o755)
    os.mkfifo(gate)
    script = (
        "import contextlib, sys; sys.path.insert(0, sys.argv[1]); sys.executable = sys.argv[2]\n"
        "from console.stack import label_studio; label_studio.install(lambda message: contextlib.nullcontext())"
    )
    first = subprocess.Popen([sys.executable, "-c", script, str(Path(__file__).parents[2]), str(python)])
    eventually(began.exists)
    first.kill()
    first.wait()
    with (cache / "label-studio.lock").open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gate.write_text("go\n")
        fcntl.flock(lock, fcntl.LOCK_EX)  # comes through once the installer has ended


def test_the_constraints_pin_every_package_to_one_version_and_name_no_place() -> None:
    lines = [line for line in label_studio.CONSTRAINTS.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 100
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*", line)] == []
    assert f"label-studio=={label_studio.VERSION}" in lines


def test_webhooks_may_reach_the_loopback_and_no_other_closed_network() -> None:
    closed = label_studio.QUIET["LABEL_STUDIO_USER_ADDITIONAL_BANNED_SUBNETS"].split(",")
    assert not [network for network in closed if network.startswith("127.") or network == "::1/128"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} <= set(closed)


@pytest.mark.usefixtures("installer")
def test_the_copied_template_is_a_whole_database(tmp_path: Path, progress: Any) -> None:
    data = tmp_path / "data"
    data.mkdir()
    label_studio.prepare(data, progress)
    connection = sqlite3.connect(data / "label_studio.sqlite3")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
