"""I15: topics and database grants are as declared, and every live key's epoch is there."""

import os
from pathlib import Path

from shared.topics import TOPICS
from tools import topics
from tools.verify import grants
from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally
from tools.verify.tables import SERVICES, Schema


def check(estate: Estate, tally: Tally) -> None:
    """Ask the broker, the catalogue and the keys folder."""
    _topics(tally)
    for service in SERVICES:
        _grants(estate.schemas[service], tally)
        _epochs(estate.schemas[service], tally)


def _topics(tally: Tally) -> None:
    try:
        drift = topics.check(os.environ["TENURE_KAFKA"])
    except topics.BrokerMissing as error:
        raise NotCheckable(str(error)) from error
    tally.looked(len(TOPICS))
    for sentence in drift:
        tally.fail("topics not as declared", sentence)


def _grants(schema: Schema, tally: Tally) -> None:
    """Compare both ways: a grant too many opens a door, one too few stops whoever needs it."""
    declared = grants.declared(schema.service)
    every, whole = grants.granted(schema)
    tally.looked(len(every | declared))
    for each in sorted(every - declared):
        tally.fail("grants beyond the declared", f"{schema.service}: {each}")
    for each in sorted(declared - whole):
        tally.fail("declared grants that are not there", f"{schema.service}: {each}")


def _epochs(schema: Schema, tally: Tally) -> None:
    """A live key under an epoch whose own key is gone could never be opened, and should not be there."""
    folder = Path(os.environ.get("TENURE_KEYS", ".tenure/keys")) / schema.service
    if not folder.is_dir():
        tally.note(f"{schema.service}'s key epochs were not checked: its folder is not in TENURE_KEYS")
        return
    there = {int(path.stem.removeprefix("epoch-")) for path in folder.glob("epoch-*.key")}
    for (epoch,) in schema.rows("SELECT DISTINCT epoch FROM body_key"):
        tally.looked()
        if epoch not in there:
            tally.fail("live keys under an epoch that ended", f"{schema.service} epoch {epoch}")
