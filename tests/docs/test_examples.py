"""Every example in a docstring, the README or the page of the prediction log runs, and says what it claims to say."""

import doctest
import importlib
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest

from connectors.prediction_log import ibis_table
from kempelen.settings import load

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["root_packages"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LOG_PAGE = ROOT / "docs" / "prediction_log.md"

WITH_EXAMPLES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for file in (ROOT / package).rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_in_docstrings_hold(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_readmes_python_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=tmp_path, check=True)
    assert list(tmp_path.rglob("*.parquet"))


def test_the_page_of_the_prediction_log_computes_its_columns_right() -> None:
    result = doctest.testfile(str(LOG_PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 0
    assert result.failed == 0


def test_the_page_of_the_prediction_log_names_every_column() -> None:
    listed = re.findall(r"(?m)^\| `(\w+)` \|", LOG_PAGE.read_text(encoding="utf-8"))
    assert listed == list(ibis_table._COLUMNS)  # noqa: SLF001 - the page says what is checked


def test_the_table_that_the_page_of_the_prediction_log_makes_is_one(tmp_path: Path) -> None:
    page = LOG_PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=tmp_path, check=True)
    file = tmp_path / "kempelen.toml"
    urls = []
    for section in re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL):
        file.write_text(f'[model]\nname = "m-1"\nlabels = ["a", "b"]\n[training]\nbase = "b.csv"\n{section}')
        log = load(file).prediction_log
        assert log.url is not None
        urls.append((log.url.get_secret_value().replace("/absolute/path", str(tmp_path)), log.table))
    assert [url.partition(":")[0] for url, _ in urls] == ["duckdb", "pyspark"]
    assert ibis_table.build(*urls[0]).days() == [date(2020, 1, 20)]


def test_every_command_of_the_readme_exists() -> None:
    commands = set(re.findall(r"(?m)(?:^|`|bin/)kempelen ([a-z]+)", README))
    assert {"demo", "init", "watch", "labour"} <= commands
    help_text = subprocess.run(
        [sys.executable, "-m", "console.main", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    for command in commands:
        assert re.search(rf"\b{command}\b", help_text), command


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"make ([a-z]+)", README))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
