"""May this message, may this bind come in? Accounts, field rules, rates and quotas, passwords, brute force.

The room decides and returns a command_status; it writes nothing, keeps no message and knows no link.
"""

from __future__ import annotations

from smscd.admission.esme import Admitted, Esme, Submission
from smscd.admission.fields import is_plain
from smscd.admission.guard import BindGuard
from smscd.admission.settings import EsmeSettings

__all__ = ["Admitted", "BindGuard", "Esme", "EsmeSettings", "Submission", "is_plain"]
