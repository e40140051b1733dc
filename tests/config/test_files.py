"""Files the configuration points to: certificates, secrets, devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from smscd.admission.passwords import verify
from smscd.config import load
from smscd.config.load import read
from smscd.connectors.settings import SmppSettings
from smscd.errors import ConfigError
from tests.config.writing import HASH, SOUND, certified, read_file, said
from tests.link.certificates import Authority

ESME = '[[esme]]\nsystem_id = "x"\npassword_file = "{}"\n'


def secret(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_password_file_gives_its_first_line(tmp_path: Path) -> None:
    secret(tmp_path / "pw", "wort\r\nmore\n")
    assert read_file(ESME.format("pw") + SOUND, tmp_path).config.esmes[0].password == "wort"


def test_a_password_file_may_hold_a_hash(tmp_path: Path) -> None:
    secret(tmp_path / "pw", f"{HASH}\n")
    esme = read_file(ESME.format("pw") + SOUND, tmp_path).config.esmes[0]
    assert (esme.password, esme.password_hash) == (None, HASH)


def test_the_password_of_an_upstream_may_be_in_a_file(tmp_path: Path) -> None:
    secret(tmp_path / "pw", "gw-secret")
    text = '[[connector]]\nname="a"\nkind="smpp"\naddress="a:1"\nsystem_id="gw"\npassword_file="pw"\n'
    connector = read_file(text + SOUND, tmp_path).config.connectors[0]
    assert isinstance(connector, SmppSettings)
    assert connector.password == "gw-secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_secret_that_group_or_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    secret(tmp_path / "pw", HASH, mode)
    assert said(ESME.format("pw"), tmp_path) == [
        (
            f'smscd.toml:3: esme.password_file = "pw": group or others can read the password file (mode {mode:04o});'
            " allowed: mode 0600 or 0400"
        )
    ]


def test_a_secret_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert said(ESME.format("pw"), tmp_path) == [
        'smscd.toml:3: esme.password_file = "pw": there is no such password file'
    ]


def test_an_empty_secret_is_an_error(tmp_path: Path) -> None:
    secret(tmp_path / "pw", "\n")
    assert said(ESME.format("pw"), tmp_path) == [
        f'smscd.toml:3: esme.password_file = "{tmp_path / "pw"}": the password file has no text on its first line'
    ]


def test_a_directory_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "pw").mkdir(mode=0o700)
    assert said(ESME.format("pw"), tmp_path) == [
        'smscd.toml:3: esme.password_file = "pw": the password file is not a file that can be read'
    ]


def test_a_certificate_and_key_that_are_not_there_are_errors(tmp_path: Path) -> None:
    text = (
        '[[listener]]\naddress = "[::1]:3550"\ntls.certificate = "c.pem"\ntls.key = "k.pem"\ntls.client_ca = "ca.pem"\n'
    )
    assert said(text, tmp_path) == [
        'smscd.toml:3: listener.tls.certificate = "c.pem": there is no such certificate',
        'smscd.toml:4: listener.tls.key = "k.pem": there is no such private key',
        'smscd.toml:5: listener.tls.client_ca = "ca.pem": there is no such CA certificate',
    ]


def test_a_private_key_that_others_can_read_is_refused_and_a_certificate_is_not(tmp_path: Path) -> None:
    secret(tmp_path / "c.pem", "x", 0o644)
    secret(tmp_path / "k.pem", "x", 0o644)
    text = '[[listener]]\naddress = "[::1]:3550"\ntls.certificate = "c.pem"\ntls.key = "k.pem"\n'
    assert said(text, tmp_path) == [
        (
            'smscd.toml:4: listener.tls.key = "k.pem": group or others can read the private key (mode 0644); allowed:'
            " mode 0600 or 0400"
        )
    ]


def test_a_certificate_that_is_none_and_a_key_of_another_are_errors(tmp_path: Path) -> None:
    text = '[[listener]]\naddress = "[::1]:3550"\ntls.certificate = "c.pem"\ntls.key = "k.pem"\n'
    certified(tmp_path)
    assert said(text, tmp_path) == []
    stranger = Authority(tmp_path, "stranger").issue()
    secret(tmp_path / "k.pem", stranger.key.read_text())
    assert said(text, tmp_path) == [
        f"smscd.toml:4: listener.tls.key: {tmp_path}/k.pem does not belong to the certificate in {tmp_path}/c.pem"
    ]
    secret(tmp_path / "c.pem", "x")
    assert said(text, tmp_path) == [
        (
            f"smscd.toml:3: listener.tls.certificate: {tmp_path}/c.pem and {tmp_path}/k.pem are not a PEM certificate"
            " and its key"
        )
    ]


def test_an_admin_address_for_other_machines_is_sound_with_tls_and_a_token(tmp_path: Path) -> None:
    certified(tmp_path)
    secret(tmp_path / "token", "x")
    text = '[admin]\naddress = "0.0.0.0:8443"\ntls.certificate = "c.pem"\ntls.key = "k.pem"\ntoken_file = "token"\n'
    assert said(text, tmp_path) == []


def test_an_absent_modem_is_only_a_warning(tmp_path: Path) -> None:
    text = '[[connector]]\nname = "m"\nkind = "modem"\ndevice = "ttyUSB0"\n'
    assert 'smscd.toml:4: warning: connector.device = "ttyUSB0": there is no such device now' in said(text, tmp_path)


def test_systemds_credentials_are_found_and_their_access_list_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret(tmp_path / "esme-x", HASH, 0o440)  # how systemd shows the mask of its access list
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    text = ESME.format("$CREDENTIALS_DIRECTORY/esme-x")
    assert said(text) == []
    assert read_file(text + SOUND).config.esmes[0].password_hash == HASH


def test_without_systemd_a_credential_is_a_warning_and_no_daemon_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    path = tmp_path / "smscd.toml"
    path.write_text(ESME.format("$CREDENTIALS_DIRECTORY/esme-x") + SOUND, encoding="utf-8")
    fault = read(path).faults[-1]
    assert fault.severity == "warning"
    assert fault.what == "$CREDENTIALS_DIRECTORY is not set: systemd sets it for a service"
    with pytest.raises(ConfigError):
        load(path)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "smscd.toml"
    path.write_text(f'[smscd]\ndata_dir = "data"\n{SOUND}', encoding="utf-8")
    assert load(path).smscd.data_dir == tmp_path / "data"


def test_a_hash_from_the_file_lets_its_password_in() -> None:
    stored = read_file(SOUND).config.esmes[0].password_hash
    assert stored is not None
    assert verify(stored, b"secret")
    assert not verify(stored, b"Secret")
