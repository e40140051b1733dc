"""`docs/sessions.md` says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from smscd.session import SessionSettings
from smscd.session.table import TABLES, fill, main
from tests.dialogs.dialog import Dialog

PAGE = Path(__file__).parents[2] / "docs" / "sessions.md"


def test_the_tables_in_the_docs_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for table in TABLES.values():
        assert table() in text
    assert fill(text) == text, "run: python -m smscd.session.table docs/sessions.md"


def test_a_stale_table_would_be_noticed_and_is_mended(tmp_path: Path) -> None:
    page = tmp_path / "sessions.md"
    page.write_text("before\n<!-- table matrix -->\n| stale |\n<!-- end -->\nafter\n", encoding="utf-8")
    main([str(page)])
    mended = page.read_text(encoding="utf-8")
    assert "stale" not in mended
    assert mended.startswith("before\n")
    assert mended.endswith("after\n")
    assert fill(mended) == mended


def test_without_a_page_the_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert "| `submit_sm`" in capsys.readouterr().out


def test_the_timers_in_the_docs_are_the_defaults() -> None:
    text = PAGE.read_text(encoding="utf-8")
    settings = SessionSettings()
    assert f"| `session_init_timer` | {settings.session_init_timer:g} s |" in text
    assert f"| `enquire_link_timer` | {settings.enquire_link_timer:g} s |" in text
    assert f"| `response_timer` | {settings.response_timer:g} s |" in text
    assert f"another {settings.late_grace:g} seconds" in text
    assert settings.inactivity_timer == 0
    assert (settings.max_pdu_unbound, settings.max_pdu) == (1024, 68 * 1024)


def test_the_dialog_in_the_docs_can_be_played() -> None:
    script = PAGE.read_text(encoding="utf-8").rpartition("```\n> ")[2].partition("```")[0]
    Dialog().play("> " + script, "docs/sessions.md")
