"""What a reload says it changed."""

from __future__ import annotations

from smscd.config.diff import diff
from smscd.config.schema import Config
from tests.config.writing import HASH, SOUND, read_file


def config(text: str) -> Config:
    return read_file(text).config


def changes(before: str, after: str) -> list[str]:
    return [str(change) for change in diff(config(before), config(after))]


def test_the_same_file_changes_nothing() -> None:
    assert changes(SOUND, SOUND) == []


def test_a_changed_key_is_told_as_the_file_writes_it() -> None:
    before = SOUND + "[retry]\nschedule = ['10s']\nvalidity = '1h'\n"
    after = SOUND + "[retry]\nschedule = ['10s', '1m']\nvalidity = '2d'\n"
    assert changes(before, after) == [
        'retry: schedule ["10s"] -> ["10s", "1m"]',
        "retry: validity 1h -> 48h",
    ]


def test_tables_with_a_name_are_told_by_it() -> None:
    before = SOUND.replace('system_id = "test"', 'system_id = "test"\nrate = 0')
    after = before.replace("rate = 0", "rate = 10").replace("2775", "2776").replace('"handsets"', '"phones"')
    assert changes(before, after) == [
        "listener 127.0.0.1:2775 removed",
        "listener 127.0.0.1:2776 added",
        "esme test: rate 0 -> 10",
        "connector handsets removed",
        "connector phones added",
        'route connectors = ["handsets"], destination_addr = "4477*" removed',
        'route connectors = ["phones"], destination_addr = "4477*" added',
    ]


def test_only_the_rule_that_changed_is_told() -> None:
    rule = '[[route]]\ndestination_addr = "1"\nconnectors = ["handsets"]\n'
    assert changes(SOUND, SOUND + rule) == ['route connectors = ["handsets"], destination_addr = "1" added']


def test_a_behaviour_is_told_with_its_connector() -> None:
    after = SOUND.replace('kind = "emulator"', 'kind = "emulator"\n[[connector.behaviour]]\nmessage_state = "EXPIRED"')
    assert changes(SOUND, after) == ['connector handsets: behaviour message_state = "EXPIRED" added']


def test_a_secret_is_named_and_not_shown() -> None:
    after = SOUND.replace(HASH, HASH.replace("$c2Fs", "$d2Fs"))
    assert changes(SOUND, after) == ['esme test: password_hash "…" -> "…"']
    plain = SOUND.replace(f'password_hash = "{HASH}"', 'password = "hunter2"')
    assert changes(SOUND, plain) == ['esme test: password none -> "…"', 'esme test: password_hash "…" -> none']


def test_what_needs_a_restart_is_marked() -> None:
    (change,) = diff(config(SOUND), config("[smscd]\nnode_id = 7\n" + SOUND))
    assert change.needs_restart
    assert str(change) == "smscd: node_id 0 -> 7 (needs a restart)"


def test_a_section_that_comes_or_goes_is_told_as_such() -> None:
    assert changes(SOUND, f"[admin]\n{SOUND}") == ["admin added (needs a restart)"]
    assert changes(f"[opt_out]\n{SOUND}", SOUND) == ["opt_out removed"]


def test_a_connector_of_another_kind_is_another_connector() -> None:
    after = SOUND.replace('kind = "emulator"', 'kind = "modem"\ndevice = "/dev/null"')
    assert changes(SOUND, after) == ["connector handsets: kind emulator -> modem"]


def test_keys_of_a_table_within_a_table_are_told_with_dots() -> None:
    smpp = '[[connector]]\nname="a"\nkind="smpp"\naddress="a:1"\nsystem_id="gw"\ntls.enabled = false\n'
    assert changes(smpp + SOUND, smpp.replace("false", "true") + SOUND) == ["connector a: tls.enabled false -> true"]
