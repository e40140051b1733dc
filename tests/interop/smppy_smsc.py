"""An SMSC with PyPI's `smppy`: python smppy_smsc.py DIRECTORY, where DIRECTORY has smppy and smpppdu.

Tells its port, then every text it is sent, as JSON lines on standard output. To "reply 3 abc" the
handset answers "abcabcabc". It takes whatever password there is, as an application that looks at none.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

sys.path.insert(0, sys.argv[1])
import smppy.server


class Handsets(smppy.server.Application):  # type: ignore[misc]  # it ships no types
    """See smppy's documentation: what an application must say."""

    async def handle_bound_client(self, client: Any) -> Any:
        tell(told="bound", system_id=str(client.system_id))
        return client

    async def handle_unbound_client(self, client: Any) -> None:
        tell(told="unbound")

    async def handle_sms_received(self, client: Any, source_number: str, dest_number: str, text: str) -> None:
        tell(told="text", text=text)
        if text.startswith("reply "):
            _, times, reply = text.split(" ", 2)
            await client.send_sms(source=dest_number, dest=source_number, text=reply * int(times))


def tell(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server = Handsets("smppy").create_server(loop, "127.0.0.1", 0)
    tell(told="listening", port=server.sockets[0].getsockname()[1])
    loop.run_forever()
