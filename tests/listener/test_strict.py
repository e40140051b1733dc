"""A strict account is held to the lengths that SMPP prints, any other is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from smscd import pdu
from tests.listener.calling import Caller, housed
from tests.running import EMULATOR


@pytest.mark.parametrize(("strict", "status"), [(False, pdu.ESME_ROK), (True, pdu.ESME_RINVPASWD)])
async def test_a_password_of_nine_octets_is_refused_where_the_account_is_strict(
    tmp_path: Path, strict: bool, status: int
) -> None:
    account = f'password = "ninechars"\nstrict = {str(strict).lower()}'
    async with housed(tmp_path / "data", EMULATOR.replace('password = "secret"', account)) as house:
        peer = await Caller(house).call()
        assert (await peer.bind(password=b"ninechars")).command_status == status
