"""The form that people's files have: the one of the contract, the example file, the demo."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from smscd.config import demo, demo_text, load
from smscd.config.key import Key, keys
from smscd.config.load import check, read
from smscd.config.reference import PAGES, example_file
from smscd.config.schema import SECTIONS, model, parse
from smscd.connectors.settings import EmulatorSettings, ModemSettings, SmppSettings
from smscd.errors import ConfigError

ROOT = Path(__file__).parents[2]
CONTRACT = Path(__file__).with_name("contract.toml")


def test_the_form_of_the_contract_lacks_nothing_but_the_files_of_its_machine() -> None:
    errors = [fault for fault in check(CONTRACT) if fault.severity == "error"]
    assert [(fault.line, fault.what) for fault in errors] == [
        (14, "there is no such certificate"),
        (15, "there is no such private key"),
    ]


def test_the_form_of_the_contract_warns_of_what_it_leaves_open() -> None:
    warnings = [str(fault).removeprefix(f"{CONTRACT}:") for fault in check(CONTRACT) if fault.severity == "warning"]
    assert warnings == [
        (
            '20: warning: esme.password = "…": is kept in clear text: fine for the emulator; for anything else use'
            " `smscd hash-password`"
        ),
        (
            '38: warning: connector.password = "…": is longer than the 8 octets of SMPP 3.4 §4.1.1: not every peer can'
            " send it"
        ),
        '53: warning: connector.device = "/dev/serial/by-id/usb-…": there is no such device now',
    ]


def test_the_form_of_the_contract_arrives_in_the_settings() -> None:
    config = read(CONTRACT).config
    assert config.smscd.data_dir == Path("/var/lib/smscd")
    assert [listener.address for listener in config.listeners] == ["127.0.0.1:2775", "127.0.0.1:3550"]
    assert config.listeners[1].tls is not None
    assert config.listeners[1].tls.key == Path("/etc/smscd/key.pem")
    assert config.esmes[0].receives == ["12345", "4477*"]
    smpp, modem, emulator = config.connectors
    assert isinstance(smpp, SmppSettings)
    assert isinstance(modem, ModemSettings)
    assert isinstance(emulator, EmulatorSettings)
    assert emulator.receipt_delay == 0.1
    assert emulator.behaviour[0].delay == 2.0
    assert emulator.behaviour[0].submit_status == "ESME_RTHROTTLED"
    assert config.routes[0].connectors == ["carrier-a", "modem-1"]
    assert config.retry.schedule == [10, 60, 300, 1800, 7200]
    assert config.retry.receipt_validity == 7 * 86400
    assert config.opt_out is not None
    assert config.opt_out.packs == ["us"]
    assert config.admin is not None
    assert config.admin.address == "127.0.0.1:8080"


def test_a_daemon_does_not_start_with_what_this_release_cannot_do() -> None:
    with pytest.raises(ConfigError) as refused:
        load(CONTRACT)
    lines = [line.removeprefix(f"{CONTRACT}:").split(":", maxsplit=1)[0] for line in refused.value.faults]
    assert lines == ["14", "15"]
    assert not any("warning" in line for line in refused.value.faults)


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_program_says_today(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name](), "run: python -m smscd.config.reference"


def test_the_example_file_passes_check_on_a_fresh_machine() -> None:
    assert [fault.what.split(":")[0] for fault in check(ROOT / "conf/smscd.toml")] == [
        "there is no [[esme]]",
        "there is no [opt_out] section",
    ]
    assert not load(ROOT / "conf/smscd.toml").esmes  # nobody gets in by a password that everybody can read


def everything_written() -> dict[str, Any]:
    """The example file with every proposed line taken up, parsed."""
    text = re.sub(r"^( *)#(?=[\[a-z])", r"\1", example_file(), flags=re.MULTILINE)
    return tomllib.loads(text)


def test_the_example_file_has_every_key_there_is() -> None:
    document = everything_written()
    assert list(document) == [section.name for section in SECTIONS]
    for section in SECTIONS:
        tables = document[section.name] if section.is_array else [document[section.name]]
        for settings, table in zip(section.kinds.values(), tables, strict=True):
            assert_every_key(settings, table)


def assert_every_key(settings: type[Any], table: dict[str, Any]) -> None:
    assert set(table) == set(keys(settings))
    for key in keys(settings).values():
        if key.table is not None:
            inner = table[key.name]
            assert_every_key(key.table, inner[0] if isinstance(inner, list) else inner)


def test_every_proposal_of_the_example_file_is_sound() -> None:
    assert parse(everything_written()).faults == []


def test_a_line_that_the_example_file_sets_is_the_default() -> None:
    text = example_file()
    active = tomllib.loads(text)
    seen = 0
    for section in SECTIONS:
        if section.name not in active:
            continue
        table = active[section.name][0] if section.is_array else active[section.name]
        settings = section.kinds[table.get("kind", "") if "" not in section.kinds else ""]
        given = model(settings).model_validate(table)
        for name in table:
            key = keys(settings)[name]
            if not key.required:
                assert getattr(given, name) == key.default, f"{section.name}.{name}"
                seen += 1
    assert seen > 30


def all_keys() -> list[tuple[str, Key]]:
    found = []
    for section in SECTIONS:
        tables = [(section.name, settings) for settings in section.kinds.values()]
        while tables:
            name, settings = tables.pop()
            for key in keys(settings).values():
                found.append((f"{name}.{key.name}", key))
                if key.table is not None:
                    tables.append((f"{name}.{key.name}", key.table))
    return found


def test_every_key_is_explained() -> None:
    unexplained = [name for name, key in all_keys() if not key.help]
    assert len(all_keys()) > 90
    assert unexplained == []


def test_every_default_is_within_its_own_bounds() -> None:
    for section in SECTIONS:
        for settings in section.kinds.values():
            given = {key.name: key.plain(key.example) for key in keys(settings).values() if key.required}
            written = {
                key.name: key.plain(key.default)
                for key in keys(settings).values()
                if not key.required and not key.table and key.default is not None
            }
            model(settings).model_validate(given | written)


def test_the_demo_is_an_emulator_anybody_on_this_machine_can_bind_to(tmp_path: Path) -> None:
    config = demo(tmp_path / "demo")
    assert config.smscd.data_dir == tmp_path / "demo"
    assert [listener.address for listener in config.listeners] == ["127.0.0.1:2775"]
    assert [(esme.system_id, esme.password, esme.receives) for esme in config.esmes] == [("test", "secret", ["*"])]
    assert [type(connector) for connector in config.connectors] == [EmulatorSettings]
    assert [route.connectors for route in config.routes] == [["handsets"]]
    assert config.admin is None
    assert config.opt_out is not None
    assert config.opt_out.enabled


def test_the_demo_saved_as_a_file_is_the_demo(tmp_path: Path) -> None:
    path = tmp_path / "smscd.toml"
    path.write_text(demo_text(tmp_path / 'a "quoted" place'), encoding="utf-8")
    saved, built_in = load(path), demo(tmp_path / 'a "quoted" place')
    assert dataclasses.replace(saved, warnings=[]) == dataclasses.replace(built_in, warnings=[])
