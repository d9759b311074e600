"""What the documents say is what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from console import settings_page
from kempelen.plugins import available
from kempelen.settings import load

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_settings_page_is_made_from_the_settings() -> None:
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page(), "run `make docs`"


def test_every_setting_is_described() -> None:
    assert "| None |" not in settings_page.page()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_the_template_of_init_is_valid(tmp_path: Path) -> None:
    template = (ROOT / "console" / "data" / "kempelen.toml").read_text(encoding="utf-8")
    file = tmp_path / "kempelen.toml"
    file.write_text(template.replace("NAME", "queries"), encoding="utf-8")
    assert load(file).model.name == "queries"


def test_the_design_names_every_root_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    for package in project["tool"]["importlinter"]["root_packages"]:
        assert f"`{package}/`" in design


def test_the_detectors_that_are_there_are_the_default_ones(tmp_path: Path) -> None:
    file = tmp_path / "kempelen.toml"
    file.write_text('[model]\nname = "m-1"\nlabels = ["a", "b"]\n[training]\nbase = "b.csv"\n', encoding="utf-8")
    assert set(load(file).drift.detectors) == set(available("drift"))
