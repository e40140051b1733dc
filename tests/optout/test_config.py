"""What `smscd check` says about `[opt_out]`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smscd.config import check

ROOT = Path(__file__).parents[2]
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


COUNTRIES = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/opt-out.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", COUNTRIES)
def test_what_the_page_proposes_for_a_country_is_sound(text: str, tmp_path: Path) -> None:
    path = tmp_path / "smscd.toml"
    path.write_text(text)
    assert [fault for fault in check(path) if fault.path[:1] == ("opt_out",)] == []


def test_the_page_proposes_something_for_each_of_four_countries() -> None:
    assert {line for text in COUNTRIES for line in text.splitlines() if line.startswith("packs")} >= {
        'packs = ["us"]', 'packs = ["us", "ca"]', 'packs = ["fr"]',
    }  # fmt: skip
    assert len(COUNTRIES) >= 5
