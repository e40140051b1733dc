"""The file mapped onto the settings of every room: schema, load, check, diff, and the reference made from them.

Every room owns its settings, a small dataclass that spells each key once (`smscd/units.py` has the notations); this
room derives all the rest from those.  It never opens a port, starts nothing, and is not asked while messages travel.
Raises `ConfigError` with all the faults of a file at once.
"""

from smscd.config.demo import DEMO_ADDRESS, DEMO_PASSWORD, DEMO_SYSTEM_ID, demo, demo_text
from smscd.config.diff import Change, diff
from smscd.config.fault import Fault
from smscd.config.load import check, load
from smscd.config.schema import Config
from smscd.config.settings import SmscdSettings
from smscd.optout.settings import OptOutSettings

__all__ = [
    "DEMO_ADDRESS",
    "DEMO_PASSWORD",
    "DEMO_SYSTEM_ID",
    "Change",
    "Config",
    "Fault",
    "OptOutSettings",
    "SmscdSettings",
    "check",
    "demo",
    "demo_text",
    "diff",
    "load",
]
