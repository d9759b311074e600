"""Pseudonyms are stable under one key, and the key is made once and kept from others."""

import base64
import hashlib
import hmac
import math
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kempelen.errors import BadData, ConfigError
from ledger.pseudonyms import PSEUDONYM_BITS, Pseudonyms, pseudonyms


def test_a_pseudonym_is_the_keyed_hash_cut_to_at_least_80_bits() -> None:
    code = hmac.new(b"k" * 32, b"kempelen annotator\0ada", hashlib.sha256).digest()
    pseudonym = Pseudonyms(b"k" * 32).of("ada")
    assert base64.b32encode(code).decode().lower().startswith(pseudonym)
    assert len(pseudonym) * math.log2(32) == PSEUDONYM_BITS >= 80
    assert pseudonym != Pseudonyms(b"K" * 32).of("ada")


def test_an_annotation_without_an_annotator_gets_no_pseudonym() -> None:
    with pytest.raises(BadData, match="names no annotator"):
        Pseudonyms(b"k" * 32).of("")


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key_file = tmp_path / "pseudonyms.key"
    first = pseudonyms(key_file).of("ada")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert pseudonyms(key_file).of("ada") == first
    assert [file.name for file in tmp_path.iterdir()] == ["pseudonyms.key"]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    script = "import sys, pathlib; from ledger.pseudonyms import pseudonyms;"
    script += "print('ready', flush=True); sys.stdin.read(1);"
    script += "print(pseudonyms(pathlib.Path(sys.argv[1])).of('ada'))"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "key")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go")
        process.stdin.flush()
    assert len({process.communicate()[0] for process in started}) == 1
    assert [process.returncode for process in started] == [0, 0, 0]


def test_a_key_that_another_process_made_in_the_meantime_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_file = tmp_path / "key"
    theirs = pseudonyms(key_file).of("ada")
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert pseudonyms(key_file).of("ada") == theirs
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "00" * 31])
def test_a_damaged_key_is_refused_and_never_replaced(tmp_path: Path, content: str) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(content)
    key_file.chmod(0o600)
    with pytest.raises(BadData, match="holds no key") as refused:
        pseudonyms(key_file)
    assert "backup" in refused.value.hint
    assert key_file.read_text() == content


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    pseudonyms(key_file)
    key_file.chmod(0o640)
    with pytest.raises(ConfigError, match="may be read by others"):
        pseudonyms(key_file)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        pseudonyms(tmp_path / "nowhere" / "key")
