"""The page about exports names the columns and accounts as they are."""

import re
from pathlib import Path

from ledger.export import Form, beancount, tables

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")


def test_every_column_is_named_in_its_order() -> None:
    (listed,) = re.findall(r"with the columns\n\n(.*?)\n\n", PAGE, re.DOTALL)
    assert tuple(re.findall(r"`(\w+)`", listed)) == tables.COLUMNS


def test_the_accounts_of_the_page_are_those_of_the_file() -> None:
    (table,) = re.findall(r"\| account in the books \| in the file \|\n\|---\|---\|\n(.*?)\n\n", PAGE, re.DOTALL)
    pairs = [
        pair
        for row in table.splitlines()
        if "..." not in row
        for pair in zip(*(re.findall(r"`([^`]+)`", cell) for cell in row.split("|")[1:3]), strict=True)
    ]
    assert len(pairs) == 8
    assert {ours: beancount.account(ours) for ours, _ in pairs} == dict(pairs)
    assert beancount.account("simulated:pool:c1") in table


def test_every_form_is_named() -> None:
    assert f"--format {'|'.join(Form)}`" in PAGE
