"""Every kind of fault, with the exact line that an operator reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from smscd.config.load import check
from tests.config.writing import HASH, OFF, SOUND, certified, read_file, said

ADDRESS = 'digits ("12345"), a prefix ("4477*"), everything ("*"), a sender name, or "/regular expression/"'
STATES = "DELIVERED | EXPIRED | DELETED | UNDELIVERABLE | ACCEPTED | UNKNOWN | REJECTED | SKIPPED"
SIZE = 'a string with a unit: "512B", "64KiB", "10MiB", "1GiB", 4KiB or more'
WAYS = "password | password_hash | password_file"
DURATION = 'a string with a unit: "250ms", "30s", "5m", "24h", "7d"'


def esme(*lines: str) -> str:
    return "\n".join(["[[esme]]", 'system_id = "x"', f'password_hash = "{HASH}"', *lines])


def route(*lines: str) -> str:
    return "\n".join(["[[route]]", 'destination_addr = "1"', *lines])


def emulator(*lines: str) -> str:
    return "\n".join(["[[connector]]", 'name = "x"', 'kind = "emulator"', *lines])


def smpp(*lines: str) -> str:
    return "\n".join(["[[connector]]", 'name="x"', 'address="a.example:1"', 'system_id="gw"', *lines, 'kind = "smpp"'])


def behaviour(*lines: str) -> str:
    return emulator("[[connector.behaviour]]", *lines)


def test_a_sound_file_has_no_fault_but_says_that_opt_out_is_off() -> None:
    assert [str(fault) for fault in read_file(SOUND).faults] == [OFF]


KEYS = [
    (
        '[smscd]\nsytem_id = "x"',
        '2: smscd.sytem_id = "x": unknown key; did you mean "system_id"?',
    ),
    (
        "[records]\ncolour = 3",
        "2: records.colour = 3: unknown key; allowed: enabled, size, keep",
    ),
    ("[optout]", '1: optout: unknown section; did you mean "opt_out"?'),
    (
        "[xyzzy]",
        (
            "1: xyzzy: unknown section; allowed: smscd, listener, esme, connector, group, route, retry, store, records,"
            " opt_out, admin"
        ),
    ),
    ("smscd = 3", "1: smscd: is not a table; allowed: [smscd]"),
    (
        '[smscd]\nlog_format = "jsn"',
        '2: smscd.log_format = "jsn": is none of the words it may be; allowed: console | json; did you mean "json"?',
    ),
    ("[smscd]\nnode_id = 1024", "2: smscd.node_id = 1024: is too large; allowed: a whole number, 0 to 1023"),
    ("[smscd]\nnode_id = -1", "2: smscd.node_id = -1: is too small; allowed: a whole number, 0 to 1023"),
    ("[smscd]\nnode_id = 1.5", "2: smscd.node_id = 1.5: is not a whole number; allowed: a whole number, 0 to 1023"),
    ('[smscd]\nnode_id = "1"', '2: smscd.node_id = "1": is not a whole number; allowed: a whole number, 0 to 1023'),
    (
        '[smscd]\nsystem_id = "sixteen-octets-x"',
        '2: smscd.system_id = "sixteen-octets-x": is 16 octets long; allowed: a string, 1 to 15 octets',
    ),
    ('[smscd]\nsystem_id = ""', '2: smscd.system_id = "": is empty; allowed: a string, 1 to 15 octets'),
    ("[smscd]\ndata_dir = 7", "2: smscd.data_dir = 7: is not a path; allowed: a path"),
    ("[records]\nenabled = 1", "2: records.enabled = 1: is neither true nor false; allowed: true | false"),
    (
        '[records]\nsize = "64 MB"',
        f'2: records.size = "64 MB": is not a size; allowed: {SIZE}',
    ),
    (
        "[records]\nsize = 65536",
        f"2: records.size = 65536: is a size without a unit; allowed: {SIZE}",
    ),
    (
        "[store]\nretention = 3600",
        f"2: store.retention = 3600: is a duration without a unit; allowed: {DURATION}, 0s to 36500d",
    ),
    (
        '[store]\nretention = "1 day"',
        f'2: store.retention = "1 day": is not a duration; allowed: {DURATION}, 0s to 36500d',
    ),
    ('[retry]\nvalidity = "0s"', f'2: retry.validity = "0s": is too small; allowed: {DURATION}, 1s to 36500d'),
    (
        '[retry]\nreceipt_validity = "0s"',
        f'2: retry.receipt_validity = "0s": is too small; allowed: {DURATION}, 1s to 36500d',
    ),
    (
        "[retry]\nschedule = []",
        '2: retry.schedule = []: has no pause in it; allowed: one or more durations: ["10s", "1m"]',
    ),
    (
        '[retry]\nschedule = ["10s",\n"1m",\n"30s"]',
        '4: retry.schedule[2] = "30s": is shorter than 1m before it: a ladder goes up',
    ),
    (
        '[[listener]]\naddress = "127.0.0.1"',
        '2: listener.address = "127.0.0.1": is not "host:port"; allowed: "host:port", for IPv6 "[::1]:2775"',
    ),
]

ACCOUNTS = [
    ("[[esme]]\npassword = 'x'", "1: esme.system_id: is missing; allowed: a string, 1 to 64 octets"),
    (
        '[[esme]]\nsystem_id = "x"',
        '1: esme: ESME "x" has no password; allowed: password | password_hash | password_file',
    ),
    (
        esme('password = "y"'),
        f'1: esme: ESME "x" gives password and password_hash: one of them is enough; allowed: {WAYS}',
    ),
    (
        '[[esme]]\nsystem_id = "x"\npassword = "secret"',
        (
            '3: warning: esme.password = "…": is kept in clear text: fine for the emulator; for anything else use'
            " `smscd hash-password`"
        ),
    ),
    (
        '[[esme]]\nsystem_id = "x"\npasswort = "secret"',
        '3: esme.passwort = "…": unknown key; did you mean "password"?',
    ),
    (
        '[[esme]]\nsystem_id = "x"\npassword_hash = "$scrypt$x"',
        (
            '3: esme.password_hash = "…": is not a hash of the form $scrypt$ln=…,r=…,p=…$salt$digest; allowed: what'
            " `smscd hash-password` prints"
        ),
    ),
    (
        '[[esme]]\nsystem_id = "x"\npassword_hash = "$scrypt$ln=24,r=99,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0"',
        (
            '3: esme.password_hash = "…": asks for a cost that is not allowed (at most 256 MiB, p at most 16); allowed:'
            " what `smscd hash-password` prints"
        ),
    ),
    (
        f'[[esme]]\nsystem_id = "a-name-of-16-oct"\npassword_hash = "{HASH}"',
        (
            '2: warning: esme.system_id = "a-name-of-16-oct": is longer than the 15 octets of SMPP 3.4: not every'
            " peer can send it"
        ),
    ),
    (
        esme('allow_from = ["10.0.0.0/8", "10.0.0.5/8"]'),
        (
            '4: esme.allow_from[1] = "10.0.0.5/8": is an address inside a network, not a network; allowed: a network'
            ' ("10.0.0.0/8", "2001:db8::/32") or one address'
        ),
    ),
    (
        esme('allow_from = "10.0.0.0/8"'),
        (
            '4: esme.allow_from = "10.0.0.0/8": is not a list; allowed: a list, each item a network ("10.0.0.0/8",'
            ' "2001:db8::/32") or one address'
        ),
    ),
    (
        esme('receives = ["44*77"]'),
        f'4: esme.receives[0] = "44*77": has a * that is not at its end; allowed: {ADDRESS}',
    ),
    (
        esme('source_addr = ["+4477*"]'),
        f'4: esme.source_addr[0] = "+4477*": has a +: numbers in patterns are digits; allowed: {ADDRESS}',
    ),
    (
        esme('receives = ["/44(77/"]'),
        (f'4: esme.receives[0] = "/44(77/": is not a regular expression: missing ) at position 5; allowed: {ADDRESS}'),
    ),
    (
        esme('receives = ["1*"]', "[[esme]]", 'system_id = "y"', f'password_hash = "{HASH}"', 'receives = ["2", "1*"]'),
        '8: warning: esme.receives[1] = "1*": goes to ESME "x", which comes first in the file and receives the same',
    ),
    (esme("require_tls = true"), "4: esme.require_tls = true: no [[listener]] has tls.*: it can never bind"),
    (
        esme('certificate_cn = "x"'),
        '4: esme.certificate_cn = "x": no [[listener]] has tls.client_ca: it can never bind',
    ),
    (
        f'[[esme]]\nsystem_id = "test"\npassword_hash = "{HASH}"',
        '8: esme.system_id = "test": names a second esme; the first is number 1 in the file',
    ),
]

CONNECTORS = [
    ('[[connector]]\nname = "x"', "1: connector.kind: is missing; allowed: emulator | smpp | modem"),
    (
        '[[connector]]\nname = "x"\nkind = "emulater"',
        (
            '3: connector.kind = "emulater": is no kind of connector; allowed: emulator | smpp | modem; did you mean'
            ' "emulator"?'
        ),
    ),
    (
        '[[connector]]\nname = "handsets"\nkind = "emulator"',
        '11: connector.name = "handsets": names a second connector; the first is number 1 in the file',
    ),
    (
        smpp('password = "nine-long"'),
        (
            '5: warning: connector.password = "…": is longer than the 8 octets of SMPP 3.4 §4.1.1: not every peer can'
            " send it"
        ),
    ),
    (
        smpp("tls.enabled = true", "tls.verify = false"),
        "6: warning: connector.tls.verify = false: anybody could pretend to be this upstream",
    ),
    (
        behaviour("probability = 1.5"),
        "5: connector.behaviour.probability = 1.5: is too large; allowed: a number, 0 to 1",
    ),
    (
        behaviour('submit_status = "ESME_RTHROTLED"'),
        (
            '5: connector.behaviour.submit_status = "ESME_RTHROTLED": is no command_status; allowed: the name of a'
            ' command_status ("ESME_RTHROTTLED") or its number ("0x00000401"); did you mean "ESME_RTHROTTLED"?'
        ),
    ),
    (
        behaviour('message_state = "ENROUTE"'),
        f'5: connector.behaviour.message_state = "ENROUTE": is not a final state; allowed: {STATES}',
    ),
    (
        behaviour('message_state = "DELIVRD"'),
        (
            f'5: connector.behaviour.message_state = "DELIVRD": is no message_state; allowed: {STATES}; did you mean'
            ' "DELIVERED"?'
        ),
    ),
    (
        behaviour('text = "fail"'),
        (
            '5: connector.behaviour.text = "fail": is not a regular expression between slashes; allowed: "/regular'
            ' expression/", fully matched against the text'
        ),
    ),
    (
        behaviour('esme = ["tset"]'),
        '5: connector.behaviour.esme[0] = "tset": is no [[esme]] of this file; did you mean "test"?',
    ),
    (
        behaviour('destination_addr = "44*"', "[[connector.behaviour]]", 'destination_addr = "4477*"'),
        "6: warning: connector.behaviour[1]: is never reached: an earlier behaviour takes everything it could meet",
    ),
]

ROUTES = [
    ("[[route]]", "1: route.connectors: is missing; allowed: a list, each item a string"),
    (route("connectors = []"), "3: route.connectors = []: leads nowhere; allowed: one or more names of connectors"),
    (
        route('connectors = ["handsetz"]'),
        '3: route.connectors[0] = "handsetz": is no [[connector]] or [[group]] of this file; did you mean "handsets"?',
    ),
    (
        route('connectors = ["esme:tset"]'),
        (
            '3: route.connectors[0] = "esme:tset": is no [[connector]] or [[group]] of this file; did you mean'
            ' "esme:test"?'
        ),
    ),
    (
        route('connectors = ["handsets"]', 'esme = ["nobody"]'),
        '4: route.esme[0] = "nobody": is no [[esme]] of this file; allowed: test',
    ),
    (
        '[[route]]\nconnectors = ["handsets"]',
        "12: warning: route: is never reached: route number 1 of the file takes everything it could meet",
    ),
]

DOORS = [
    ('[[listener]]\naddress = "127.0.0.1:2775"', '5: listener.address = "127.0.0.1:2775": is listened on twice'),
    ('[[listener]]\naddress = "0.0.0.0:2775"', '5: listener.address = "127.0.0.1:2775": is taken by 0.0.0.0:2775'),
    ('[admin]\naddress = "127.0.0.1:2775"', '2: admin.address = "127.0.0.1:2775": is listened on twice'),
    (
        '[admin]\naddress = "0.0.0.0:8080"',
        (
            '2: admin.address = "0.0.0.0:8080": can be reached from other machines and has no tls and no token_file;'
            " allowed: a loopback address, or tls.certificate, tls.key and token_file beside it"
        ),
    ),
    (
        "[opt_out]\nenabled = false",
        (
            "2: warning: opt_out.enabled = false: interception is off: a STOP is delivered like any other MO and blocks"
            " nothing"
        ),
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(*case, id=case[1][:60]) for case in KEYS + ACCOUNTS + CONNECTORS + ROUTES + DOORS],
)
def test_a_fault_is_one_line_with_file_line_key_value_and_remedy(text: str, expected: str) -> None:
    lines = said(f"{text}\n")
    assert f"smscd.toml:{expected}" in lines
    others = [line for line in lines if not line.endswith(expected)]
    assert all("this release does not run connectors of this kind" in line for line in others)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (esme("rate = nan"), 4),
        (smpp("rate = nan"), 5),
        (behaviour("probability = nan"), 5),
    ],
)
def test_nan_lies_between_no_bounds(text: str, line: int) -> None:
    (fault,) = [fault for fault in said(text) if "= nan" in fault]
    assert fault.startswith(f"smscd.toml:{line}: ")
    assert ": is not a number; allowed: a number, 0 to " in fault


@pytest.mark.parametrize(
    ("section", "key", "least"),
    [
        ("retry", "validity", "1s"),
        ("retry", "receipt_validity", "1s"),
        ("store", "retention", "0s"),
        ("store", "dead_letters", "0s"),
    ],
)
def test_nothing_is_kept_for_longer_than_the_store_can_count(section: str, key: str, least: str) -> None:
    """36501 days would do; a thousand million of them are more microseconds than SQLite's integers."""
    value = "99999999999d"
    told = f'2: {section}.{key} = "{value}": is too large; allowed: {DURATION}, {least} to 36500d'
    assert said(f'[{section}]\n{key} = "{value}"\n') == [f"smscd.toml:{told}"]
    assert said(f'[{section}]\n{key} = "36500d"\n') == []


@pytest.mark.parametrize(
    "text", ["44.*", "^44", "^33\\\\d+", "44-77", "44 77*", "447?", "4477%", "4477/", "١٢*", "(44)*"]
)
def test_a_number_with_something_in_it_is_warned_of(text: str) -> None:
    """What Kannel or Jasmin write as a prefix would be a name here, which no number ever is."""
    what = "is taken for a sender name: numbers are digits alone, a regular expression stands between slashes"
    shown = f'= "{text}": {what}'
    assert said(esme(f'receives = ["{text}"]')) == [f"smscd.toml:4: warning: esme.receives[0] {shown}"]
    assert said(route('source_addr = "' + text + '"', 'connectors = ["handsets"]')) == [
        f"smscd.toml:3: warning: route.source_addr {shown}"
    ]
    assert said(behaviour(f'source_addr = "{text}"')) == [
        f"smscd.toml:5: warning: connector.behaviour.source_addr {shown}"
    ]


@pytest.mark.parametrize("text", ["ACME*", "AC ME", "3UK", "O2.", "Ça va", "0044*", "*", "/^44.*/"])
def test_names_digits_and_expressions_are_not(text: str) -> None:
    assert said(esme(f'source_addr = ["{text}"]')) == []


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("number", "ACME", 'is no number; allowed: a number: "+447700900000", "36123", 1 to 21 octets'),
        ("smsc", "+44 7785", 'is no number; allowed: a number: "+447700900000", "36123", 1 to 21 octets'),
        ("imei", "35-209900-176148-1", "is not digits alone; allowed: digits, 1 to 17 octets"),
        ("imsi", "+23415", "is not digits alone; allowed: digits, 1 to 15 octets"),
    ],
)
def test_what_a_modem_knows_as_digits_is_digits(key: str, value: str, what: str) -> None:
    text = f'[[connector]]\nname = "x"\nkind = "modem"\ndevice = "/dev/null"\n{key} = "{value}"\n'
    assert f'smscd.toml:5: connector.{key} = "{value}": {what}' in said(text)


def test_a_pin_is_digits_and_is_not_shown() -> None:
    text = '[[connector]]\nname = "x"\nkind = "modem"\ndevice = "/dev/null"\nnumber = "+44"\npin = "12a4"\n'
    assert said(text) == ['smscd.toml:6: connector.pin = "…": is not digits alone; allowed: digits, 4 to 8 octets']


def test_a_clear_text_password_too_long_for_the_wire_is_warned_of_twice() -> None:
    lines = said('[[esme]]\nsystem_id = "x"\npassword = "nine-long"\n')
    assert [line.split(": ", 3)[3] for line in lines] == [
        "is longer than the 8 octets of SMPP 3.4 §4.1.1: not every peer can send it",
        "is kept in clear text: fine for the emulator; for anything else use `smscd hash-password`",
    ]


def test_a_client_certificate_without_its_key_is_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "c.pem").touch()
    lines = said(smpp('tls.certificate = "c.pem"') + "\n", tmp_path)
    assert "smscd.toml:5: connector.tls: tls.certificate and tls.key are of use only together" in lines


def test_one_password_for_an_upstream_is_enough() -> None:
    lines = said(smpp('password = "x"', 'password_file = "y"') + "\n")
    assert "smscd.toml:6: connector.password_file: gives password and password_file: one of them is enough" in lines


def test_tls_can_be_required_where_a_listener_has_it(tmp_path: Path) -> None:
    certified(tmp_path)
    tls = '\n[[listener]]\naddress = "[::1]:3550"\ntls.certificate = "c.pem"\ntls.key = "k.pem"\n'
    assert said(esme("require_tls = true") + tls, tmp_path) == []


def test_a_certificate_can_be_asked_for_where_a_listener_has_their_authority(tmp_path: Path) -> None:
    certified(tmp_path)
    tls = '\n[[listener]]\naddress = "[::1]:3550"\ntls.certificate = "c.pem"\ntls.key = "k.pem"\n'
    assert len(said(esme('certificate_cn = "x"') + tls, tmp_path)) == 1
    assert said(esme('certificate_cn = "x"') + tls + 'tls.client_ca = "c.pem"\n', tmp_path) == []


def test_a_text_that_would_be_two_things_is_told_once() -> None:
    assert len(said('[[esme]]\nsystem_id = "x"\npassword = 7\n')) == 1


def test_all_faults_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = """\
[smscd]
node_id = 4711
[[esme]]
system_id = "x"
rate = "fast"
receives = ["44*77", "12"]
[[connector.behaviour]]
probability = 2
"""
    text = text.replace(
        "[[connector.behaviour]]", '[[connector]]\nname = "y"\nkind = "emulator"\n[[connector.behaviour]]'
    )
    lines = said(text + '[retry]\nschedule = ["2s", "1s"]\n')
    assert [line.split(":")[1] for line in lines] == ["2", "3", "5", "6", "11", "13"]
    assert "has no password" in lines[1]  # seen although the same table has faulty keys


def test_a_file_without_a_listener_is_no_smsc() -> None:
    lines = [str(fault) for fault in read_file("[smscd]\n").faults]
    assert lines == [
        "smscd.toml: there is no [[listener]]: nobody could ever bind",
        "smscd.toml: warning: there is no [[esme]]: nobody can bind yet",
        "smscd.toml: warning: there is no [[route]]: every submit is answered ESME_RINVDSTADR",
        OFF,
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[smscd]\nnode_id 3\n", 2),
        ("[smscd]\nnode_id = 1\nnode_id = 2\n", 3),
        ("[[esme]\n", 1),
        ('[[esme]]\npassword = "secret', 2),
        ('[[esme]]\npassword = """secret\n\n', 2),
    ],
)
def test_what_is_not_toml_is_told_with_its_line_and_without_what_the_line_holds(text: str, line: int) -> None:
    (fault,) = [str(fault) for fault in read_file(text).faults]
    assert fault.startswith(f"smscd.toml:{line}: is not TOML: ")
    assert "secret" not in fault


def test_one_table_where_many_may_stand_is_told_how_to_write_it() -> None:
    lines = [str(fault) for fault in read_file('[route]\nconnectors = ["handsets"]\n').faults]
    assert "smscd.toml:1: route: is not an array of tables; allowed: [[route]]" in lines


def test_a_file_that_is_not_there_is_one_fault(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert [str(fault) for fault in check(path)] == [f"{path}: cannot be read: No such file or directory"]


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b"[smscd]\nsystem_id = 'caf\xe9'\n")
    assert [str(fault) for fault in check(path)] == [f"{path}:2: is not UTF-8"]


@pytest.mark.parametrize(
    "text",
    [
        '[[esme]]\nsystem_id = "x"\npassword = ["hunter2"]',
        '[[esme]]\nsystem_id = "x"\npasswrd = "hunter2"',
        '[[esme]]\nsystem_id = "x"\nthe_password = "hunter2"',
        '[[esme]]\nsystem_id = "x"\nrate = { password = "hunter2" }',
        '[[connector]]\nname = "x"\nkind = "modem"\ndevice = "/dev/null"\npin = "hunter2hunter2"',
    ],
)
def test_no_fault_shows_a_secret(text: str) -> None:
    lines = said(f"{text}\n")
    assert lines
    assert not any("hunter2" in line for line in lines)


def test_a_value_that_carries_control_characters_cannot_forge_a_line() -> None:
    (line,) = said('[smscd]\nlog_format = "a\\u001b[31m\\nb"\n')
    assert "\\u001b" in line
    assert "\n" not in line
    assert "\x1b" not in line


def test_two_modems_cannot_have_one_port(tmp_path: Path) -> None:
    modem = '[[connector]]\nname = "{}"\nkind = "modem"\ndevice = "/dev/null"\nnumber = "+1"\n'
    path = tmp_path / "smscd.toml"
    path.write_text(modem.format("a") + modem.format("b"), encoding="utf-8")
    assert any("port of another modem" in str(fault) for fault in check(path))


@pytest.mark.parametrize(("text", "said"), [
    ("x = " + "[" * 50_000, "smscd.toml: is not TOML: nested too deeply"),
    ("x = " + "{a=" * 50_000, "smscd.toml: is not TOML: nested too deeply"),
    ("x = " + "9" * 5_000, "smscd.toml: is not TOML: a number has too many digits"),
    ("[smscd]\n[" + "a." * 50_000 + "a]", "smscd.toml:2: a key has more than 32 parts"),
    ("x = { " + '"a" . ' * 50_000 + "a = 1 }", "smscd.toml:1: a key has more than 32 parts"),
])  # fmt: skip
def test_what_no_reader_of_toml_can_take_is_a_fault_like_any_other(text: str, said: str) -> None:
    assert [str(fault) for fault in read_file(text).faults] == [said]


def test_lists_as_deep_as_a_reader_takes_them_are_a_fault_of_the_key() -> None:
    faults = [str(fault) for fault in read_file("[smscd]\nnode_id = " + "[" * 300 + "]" * 300).faults]
    assert any(fault.startswith("smscd.toml:2: smscd.node_id = ") for fault in faults)


def test_a_fault_is_one_line_that_a_terminal_shows_as_it_is() -> None:
    faults = [str(fault) for fault in read_file('["\\u001b[2J"]\n[smscd]\nlog_level = "\\u009b31m\\n"\n').faults]
    assert all(fault.isprintable() for fault in faults)
    assert any("\\x1b[2J" in fault for fault in faults)
    assert any("\\x9b31m" in fault for fault in faults)


@pytest.mark.parametrize("text", [
    '[opt_out]\nhelp_text = { others = "' + "a." * 70 + '" }',
    "# " + "a." * 50_000,
    "x = '''" + "a.\n" * 50_000 + "'''",
    'x = """' + "a." * 500 + '\\""" a."""',
])  # fmt: skip
def test_dots_that_are_no_key_are_as_many_as_anybody_likes(text: str) -> None:
    assert not [fault for fault in read_file(text).faults if "parts" in str(fault)]


def test_groups_in_groups_by_the_thousand_are_a_fault_and_sixteen_are_none() -> None:
    def chain(groups: int) -> list[str]:
        text = '[[connector]]\nname = "g0"\nkind = "emulator"\n'
        for number in range(groups):
            text += f'[[group]]\nname = "g{number + 1}"\nconnectors = ["g{number}"]\n'
        return [str(fault) for fault in read_file(text).faults if "groups" in str(fault)]

    assert chain(16) == []
    assert ['group.name = "g17": leads through more than 16 groups' in fault for fault in chain(17)] == [True]
    assert len(chain(2000)) == 1984


def test_brackets_of_an_expression_by_the_thousand_are_a_fault() -> None:
    text = '[[connector]]\nname = "a"\nkind = "emulator"\n[[route]]\nconnectors = ["a"]\n'
    text += f'text = "/{"(" * 3000}{")" * 3000}/"\n'
    assert any("is not a regular expression: nested too deeply" in str(fault) for fault in read_file(text).faults)


@pytest.mark.parametrize("path", [".", "", "./", ".."])
def test_a_directory_where_a_file_is_wanted_is_a_fault(path: str) -> None:
    text = f'[[listener]]\naddress = "127.0.0.1:1"\ntls.certificate = "{path}"\ntls.key = "{path}"\n'
    faults = [str(fault) for fault in read_file(text).faults if ":3: listener.tls.certificate" in str(fault)]
    assert len(faults) == 1


def test_a_pipe_where_a_password_should_be_is_a_fault_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    path = tmp_path / "smscd.toml"
    path.write_text('[[esme]]\nsystem_id = "a"\npassword_file = "pipe"\n', encoding="utf-8")
    assert any("the password file is not a file that can be read" in str(fault) for fault in check(path))


def test_a_password_that_no_bind_could_say_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_bytes(b"se\0cret\n")
    path = tmp_path / "smscd.toml"
    path.write_text('[[esme]]\nsystem_id = "a"\npassword_file = "secret"\n', encoding="utf-8")
    assert any("has no text on its first line" in str(fault) for fault in check(path))
