"""I15: topics and database grants are as declared, and no key epoch that ended has a live key under it."""

import os

from shared.topics import TOPICS
from tools import topics
from tools.verify import grants
from tools.verify.checks import epochs
from tools.verify.estate import Estate
from tools.verify.findings import NotCheckable, Tally
from tools.verify.tables import SERVICES, Schema


def check(estate: Estate, tally: Tally) -> None:
    """Ask the broker, the catalogue, the tables of keys and the keys folder."""
    _topics(tally)
    for service in SERVICES:
        _grants(estate.schemas[service], tally)
        epochs.check(estate.schemas[service], tally)


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
