"""`python -m smscd` is the command `smscd`."""

from __future__ import annotations

from smscd.cli import main

if __name__ == "__main__":
    main()
