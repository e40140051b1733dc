"""ESME → SMSC → upstream, without and with receipts back: smscd, the floor and Kannel, on the same work.

    python bench/gateway.py [--count 20000] [--servers floor,gateway,kannel] [--rows forward,circle,pace] [--rounds 1]

    forward   submit → answer, and ESME → upstream, without receipts
    circle    the same with a receipt for each: it is over when the ESME has the last one
    pace      50 messages a second: submit → answer, submit → upstream

The upstream is `sink.py`, in a process of its own. Servers are named in servers.py: `smppbox` is Kannel's SMPP door,
for those who have it. For any other SMSC: `python bench/sink.py --port N` as its upstream, and
`python bench/load.py --port M` before it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keeping
from load import Load
from runs import Plan, many, show


def loads(count: int, window: int) -> dict[str, Load]:
    return {
        "forward": Load(count=count, window=window),
        "circle": Load(count=count, window=window, receipts=True),
        "pace": Load(count=min(count, 1000), window=window, rate=50.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--servers", default="floor,gateway")
    parser.add_argument("--rows", default="forward,circle,pace")
    parser.add_argument("--rounds", type=int, default=1, help="of which the medians are told")
    parser.add_argument("--out", type=Path, help="keep the figures there, as peers.json")
    arguments = parser.parse_args()
    servers, rows = arguments.servers.split(","), arguments.rows.split(",")
    wanted = loads(arguments.count, arguments.window)
    plans = [Plan(row, kind, wanted[row], has_sink=True) for row in rows for kind in servers]
    measured = keeping.circumstances()
    figures = many(plans, arguments.rounds)
    show(figures)
    if arguments.out:
        keeping.keep_runs("peers", measured, arguments.rounds, figures, arguments.out)


if __name__ == "__main__":
    main()
