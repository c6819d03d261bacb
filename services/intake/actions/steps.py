"""What was done about quarantined events: kept beside the item, and in the ledger for ever."""

from datetime import datetime

import asyncpg
import msgspec

from services.intake.storage import quarantine
from services.intake.storage.quarantine import Step
from shared.db import Connection
from shared.log import Entry, put

STEP = "tenure.quarantine.step.v1"


class Kept(msgspec.Struct, frozen=True):
    """What the ledger keeps of a step."""

    step: str
    by: str | None
    code: str | None


async def keep(connection: Connection, item: asyncpg.Record, step: Step, now: datetime) -> None:
    """Write down one step about an item."""
    await quarantine.keep(connection, [step], now)
    receipt, payload = item["receipt_id"], msgspec.json.encode(Kept(step.step, step.by, step.code))
    await put(connection, [Entry(None, str(receipt), STEP, receipt, item["version"] + 1, payload)], now)
