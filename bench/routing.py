"""How long it takes to find a route among many.

    python bench/routing.py [--rules 1,10,100,1000,10000] [--at-once 100]

One core, no sockets. Each figure is the best of five rounds, in microseconds per look-up, of so many at once as one
read brings: `prefixes` are routes to country and network prefixes of one to seven digits, as a price list has them,
with a last one for everything; `by ESME` the same, each for one of a hundred ESMEs; `expressions` are patterns that
only trying can decide. A file with one unconditional route does not look anything up.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import sys
import time
from collections.abc import Callable

from smscd import pdu
from smscd.clock import SystemClock
from smscd.routing import RouteSettings, Ruleset

ROUNDS = 5
LOOK_UPS = 20_000
LEAST = 0.2
"""Seconds that a round lasts at most before it is cut short."""


def prefixes(count: int, chance: random.Random) -> list[RouteSettings]:
    """A price list: longer prefixes first, and the rest of the world."""
    found: set[str] = set()
    while len(found) < count - 1:
        found.add(str(chance.randrange(1, 10 ** chance.randint(1, 7))))
    inner = sorted(found, key=lambda prefix: (-len(prefix), prefix))
    return [RouteSettings(["a", "b"], destination_addr=f"{prefix}*") for prefix in inner] + [RouteSettings(["a"])]


def by_esme(count: int, chance: random.Random) -> list[RouteSettings]:
    """The same, each for one of a hundred ESMEs."""
    routes = prefixes(count, chance)
    for route in routes[:-1]:
        route.esme = [f"esme{chance.randrange(100)}"]
    return routes


def expressions(count: int, _chance: random.Random) -> list[RouteSettings]:
    """What no index helps with."""
    return [RouteSettings(["a"], destination_addr=f"/{number:05}[0-9]+/") for number in range(count)]


KINDS: dict[str, tuple[Callable[[int, random.Random], list[RouteSettings]], int]] = {
    "prefixes": (prefixes, 10_000),
    "by ESME": (by_esme, 10_000),
    "expressions": (expressions, 100),
}
"""How the rules are made, and how many of them are worth the time."""


def measured(rules: Ruleset, numbers: list[bytes], at_once: int) -> float:
    """Microseconds per look-up, the best of the rounds."""
    now = SystemClock().wall()
    messages = [pdu.SubmitSm(source_addr=b"12345", destination_addr=number) for number in numbers]
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        started, done = time.perf_counter(), 0
        for at in range(0, len(messages), at_once):
            together = messages[at : at + at_once]
            rules.resolve_all("esme7", together, "gsm7", now)
            done += len(together)
            if time.perf_counter() - started > LEAST:
                break
        best = min(best, (time.perf_counter() - started) / done * 1e6)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", default="1,10,100,1000,10000")
    parser.add_argument("--at-once", type=int, default=100, help="messages that one read has brought")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    counts = [int(one) for one in arguments.rules.split(",")]
    print(f"Python {platform.python_version()}, {sys.platform}; µs per look-up")
    print(f"{'rules':>12}" + "".join(f"{count:>10}" for count in counts))
    for name, (make, most) in KINDS.items():
        cells = []
        for count in counts:
            chance = random.Random(arguments.seed)
            if count > most:
                cells.append(f"{'-':>10}")
                continue
            numbers = [str(chance.randrange(10**10, 10**12)).encode() for _ in range(LOOK_UPS)]
            cells.append(f"{measured(Ruleset(make(count, chance)), numbers, arguments.at_once):>10.2f}")
        print(f"{name:>12}" + "".join(cells))


if __name__ == "__main__":
    main()
