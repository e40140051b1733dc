"""What is due now: lanes, the retry ladder, validity.

The room knows messages and the store. It does not know what a connector is: a lane is a name, and who has credit takes.
"""

from __future__ import annotations

from smscd.scheduler.ladder import retry_at
from smscd.scheduler.lanes import CLOCK_STEP, PRIORITY_STEP, REMEMBERED, Lane, Scheduler
from smscd.scheduler.settings import RetrySettings

__all__ = ["CLOCK_STEP", "PRIORITY_STEP", "REMEMBERED", "Lane", "RetrySettings", "Scheduler", "retry_at"]
