"""docs/records.md is what the code says."""

from __future__ import annotations

from pathlib import Path

from smscd.admin.reference import page

DOCS = Path(__file__).parents[2] / "docs" / "records.md"


def test_the_page_is_the_one_the_code_makes() -> None:
    assert DOCS.read_text(encoding="utf-8") == page(), "python -m smscd.admin.reference > docs/records.md"
