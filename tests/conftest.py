"""What holds for every test.

The gate tries the same examples each time, so that what it says depends on the change alone; `scripts/explore` tries
others each time, for as long as one likes.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("gate", deadline=None, derandomize=True)  # how long an example takes is the machine's affair
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("gate")
