"""The epoch part of I15: what ended has no live key under it, counted from both sides, and no key of its own."""

import os
from pathlib import Path

from tools.verify.findings import Tally
from tools.verify.tables import Schema

# A key, live or held, whose epoch is not open: counted from the keys,
_KEYS = """
SELECT k.epoch, count(*) FROM body_key k
WHERE NOT EXISTS (SELECT FROM epoch e WHERE e.epoch = k.epoch AND e.began_at IS NOT NULL AND e.ended_at IS NULL)
GROUP BY k.epoch ORDER BY k.epoch"""
# and from the bodies, which no key of an open epoch opens.
_BODIES = """
SELECT count(*) FROM body b WHERE NOT EXISTS (SELECT FROM body_key k JOIN epoch e USING (epoch)
    WHERE k.body_id = b.body_id AND e.began_at IS NOT NULL AND e.ended_at IS NULL)"""
_BY_ONE = """
SELECT epoch FROM epoch WHERE ended_at IS NOT NULL
    AND (end_proposed_by IS NULL OR ended_by IS NULL OR end_proposed_by = ended_by) ORDER BY epoch"""
_ALL = "SELECT epoch, began_at IS NOT NULL AND ended_at IS NULL, destroyed_at IS NOT NULL FROM epoch ORDER BY epoch"


def check(schema: Schema, tally: Tally) -> None:
    """Count twice what has no open epoch, and look whether the keys are where the epochs say."""
    for epoch, count in schema.rows(_KEYS):
        tally.fail("live keys under an epoch that is not open", f"{schema.service} epoch {epoch}: {count} keys")
    if count := schema.one(_BODIES):
        tally.fail("bodies that no key of an open epoch opens", f"{schema.service}: {count} bodies")
    for (epoch,) in schema.rows(_BY_ONE):
        tally.fail("epochs not ended by two people", f"{schema.service} epoch {epoch}")
    _keys(schema, tally)


def _keys(schema: Schema, tally: Tally) -> None:
    known = schema.rows(_ALL)
    tally.looked(len(known))
    folder = Path(os.environ.get("TENURE_KEYS", ".tenure/keys")) / schema.service
    if os.environ.get("TENURE_KEY_STORE") == "transit":
        tally.note(f"whether {schema.service}'s epoch keys are there only the transit engine can say: it was not asked")
        return
    if not folder.is_dir():
        tally.note(f"{schema.service}'s key epochs were not checked: its folder is not in TENURE_KEYS")
        return
    there = {int(path.stem.removeprefix("epoch-")) for path in folder.glob("epoch-*.key")}
    for epoch, is_open, destroyed in known:
        if is_open and epoch not in there:
            tally.fail("open epochs without their key", f"{schema.service} epoch {epoch}")
        if destroyed and epoch in there:
            tally.fail("keys of ended epochs that are there", f"{schema.service} epoch {epoch}")
