"""A daily quota is for a day, not for a life of the process."""

from __future__ import annotations

from pathlib import Path

from smscd import pdu
from smscd.config import load
from smscd.daemon import House
from tests.cast import submit_sm
from tests.running import EMULATOR


def submit(house: House) -> int:
    """The command_status of one submit_sm, 0 if it is accepted."""
    result = house.journey.accept(submit_sm(), house.journey.esmes["test"], 0x34, lambda _message, _status: None)
    return result if isinstance(result, int) else 0


async def test_a_restart_does_not_renew_a_daily_quota(tmp_path: Path) -> None:
    path = tmp_path / "smscd.toml"
    quota = 'password = "secret"\ndaily_quota = 3'
    path.write_text(f'[smscd]\ndata_dir = "{tmp_path}"\n' + EMULATOR.replace('password = "secret"', quota))
    house = House(load(path))
    await house.start()
    assert [submit(house) for _ in range(2)] == [0, 0]
    await house.stop()
    house = House(load(path))
    await house.start()
    try:
        assert [submit(house) for _ in range(2)] == [0, pdu.ESME_RTHROTTLED]
    finally:
        await house.stop()
