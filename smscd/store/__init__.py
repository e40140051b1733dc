"""Durability: one interface, SQLite by default.

The store is the truth. An act puts its facts into the gathering batch; batches are committed and synced one after the
other, and only then are the answers given. The room knows messages and rows, and neither links nor rules.
It raises StoreBroken when nothing more can be promised; that there is no room is told to those who wait, not raised.
"""

from __future__ import annotations

from smscd.store.batch import Answer, AnswerAll, Batch
from smscd.store.commit import GroupCommit
from smscd.store.interface import LaneState, Listing, Recovered, Store
from smscd.store.memory import MemoryStore
from smscd.store.optouts import Imported, OptOutRow, OptOuts
from smscd.store.settings import StoreSettings
from smscd.store.sqlite import SqliteStore

__all__ = [
    "Answer", "AnswerAll", "Batch", "GroupCommit", "Imported", "LaneState", "Listing", "MemoryStore", "OptOutRow",
    "OptOuts", "Recovered", "SqliteStore", "Store", "StoreSettings",
]  # fmt: skip
