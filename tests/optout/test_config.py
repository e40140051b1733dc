"""What `smscd check` says about `[opt_out]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from smscd.config import check

OFFERS = '[[opt_out.category]]\nname = "offers"\nsenders = ["12345"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OFFERS + 'words = ["..."]', "has neither letter nor digit"),
        (OFFERS + 'words = ["all"]', "makes another keyword of STOP"),
        (OFFERS + 'esme = ["shop"]', "is no [[esme]] of this file"),
        (OFFERS + f'stop_text = "{"x" * 161}"', "takes 2 segments"),
        (OFFERS + OFFERS, "is the name of a pool or category already"),
        (f'[opt_out]\npools = {{ offers = ["12345"] }}\n{OFFERS}', "is the name of a pool or category already"),
        ('[[opt_out.category]]\nname = "offers"\nwords = ["offers"]', "holds every message"),
        ('[opt_out]\nask_text = { others = "" }', "is empty"),
        (f'[opt_out]\nstop_text = {{ 12345 = "✉ {"x" * 70}" }}', "takes 2 segments"),
        ("[opt_out]\nreply_number = { ACME = 'BRAND' }", "is no number that anybody could write to"),
        ('[opt_out]\npacks = ["de"]', "is a proposal that nobody has reviewed yet"),
        ("[opt_out]\npacks = []", "no stop keyword"),
    ],
)  # fmt: skip
def test_what_could_not_work_is_told(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "smscd.toml"
    path.write_text(text + "\n")
    assert [fault.what for fault in check(path) if expected in fault.what] != []


def test_a_sound_section_has_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "smscd.toml"
    path.write_text(
        OFFERS + 'words = ["offers", "angebote"]\nservice_type = ["PROMO"]\nstop_text = "No more offers."\n'
    )
    assert [fault for fault in check(path) if fault.path[:1] == ("opt_out",)] == []
