"""Every example in a docstring and in the README runs, and says what it claims to say."""

import doctest
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["root_packages"]
README = (ROOT / "README.md").read_text(encoding="utf-8")

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
