"""The books for others: a beancount file that an outside judge can check, and tables for spreadsheets and notebooks.

An export holds a row for every event of every person, under pseudonyms: it is for payroll and auditors, and no figure
in it is held back.
"""

from ledger.export._whole import whole_file
from ledger.export.books import Form, export

__all__ = ["Form", "export", "whole_file"]
