"""`smscd run --config F --data-dir D`: what the command line says goes before the file, at a reload too."""

from __future__ import annotations

from pathlib import Path

import pytest

from smscd.config import load
from smscd.daemon.house import House
from smscd.daemon.reload import reload

FILE = """
[smscd]
data_dir = "{data_dir}"
[[listener]]
address = "127.0.0.1:0"
[[esme]]
system_id = "test"
password = "secret"
rate = {rate}
[[connector]]
name = "handsets"
kind = "emulator"
[[route]]
connectors = ["handsets"]
"""


@pytest.mark.parametrize("overridden", [True, False], ids=["overridden", "from the file"])
async def test_a_reload_does_not_mistake_the_data_dir_of_the_command_line_for_a_change(
    tmp_path: Path, overridden: bool
) -> None:
    path = tmp_path / "smscd.toml"
    path.write_text(FILE.format(data_dir=tmp_path / "in the file", rate=0))
    config = load(path)
    config.smscd.data_dir = tmp_path / "on the command line"
    config.smscd.data_dir.mkdir()
    house = House(config)
    await house.start()
    try:
        path.write_text(FILE.format(data_dir=tmp_path / "in the file", rate=7))
        await reload(house, path, keep_data_dir=overridden)
        assert house.config.esmes[0].rate == (7 if overridden else 0)
        assert house.config.smscd.data_dir == tmp_path / "on the command line"
    finally:
        await house.stop()
