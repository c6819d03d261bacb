"""A manifest by its topic: what is missing is named on the receipts' topic, and what comes late closes the account."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from confluent_kafka import Producer

from shared.events import MANIFESTS, MEASURES, RECEIPTS, ManifestReconciled, MeasureTaken, ReceiptIssued
from tests import stack
from tests.system import counting, publishing, whole

SECONDS = 60
STARTED = datetime.now(UTC)


@pytest.fixture(scope="module")
def estate():
    with stack.private_stack(("kafka", "postgres", "intake-worker")) as started:
        yield started


def send(bootstrap, value, id_="m1", type_="tenure.manifest.published.v1") -> None:
    who = {"specversion": "1.0", "id": id_, "source": publishing.CRIME, "type": type_}
    headers = [(f"ce_{name}", text.encode()) for name, text in who.items()]
    headers += [("ce_time", datetime.now(UTC).isoformat().encode()), ("content-type", b"application/json")]
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(MANIFESTS, value, publishing.CRIME, headers=headers)
    assert producer.flush(30) == 0


def told(estate, topic, type_, partitions=8) -> list[dict]:
    """Give the data of all messages of a type, oldest first by when they were written."""
    found = [
        (message.timestamp(), json.loads(message.value()))
        for message in counting.read(estate.bootstrap, topic, partitions)
        if dict(message.headers() or ()).get("ce_type") == type_.encode()
    ]
    return [data for _, data in sorted(found, key=lambda each: each[0])]


def reconciled(estate) -> list[tuple]:
    return [
        (each["version"], each["state"], each["missing"]) for each in told(estate, RECEIPTS, ManifestReconciled.type)
    ]


def wait(estate, found, what: str) -> None:
    counting.wait_for(found, SECONDS, lambda: f"{what}\n{estate.processes['intake-worker'].last_lines(80)}")


def test_what_is_missing_is_named_and_what_comes_late_closes_it(estate, rng):
    made = [each for each in publishing.made_up(rng, 400) if each.event and each.event.source == publishing.CRIME]
    ids = sorted({each.event.id for each in made})
    late = [each for each in made if each.event.id == ids[0]]
    publishing.publish(estate.bootstrap, [each for each in made if each.event.id != ids[0]])
    # Made-up events tell no time, so each counts in the period in which it came: this one ends now.
    wait(estate, lambda: len(told(estate, RECEIPTS, ReceiptIssued.type)) >= len(made) - len(late), "receipts are out")
    manifest = {
        "source_system": "crime",
        "from": STARTED.isoformat(),
        "to": datetime.now(UTC).isoformat(),
        "count": len(ids),
        "digest": sha256("\n".join(ids).encode()).hexdigest(),
        "ids": ids,
    }
    send(estate.bootstrap, json.dumps(manifest))
    wait(estate, lambda: reconciled(estate) == [(1, "differs", [ids[0]])], "the missing one is named")
    publishing.publish(estate.bootstrap, late)
    wait(estate, lambda: reconciled(estate)[1:] == [(2, "matched", [])], "the late one closes the account")

    send(estate.bootstrap, "no manifest", "m2")
    send(estate.bootstrap, json.dumps({"reason": "x"}), "m3", "tenure.record.withdrawn.v1")
    codes = {"m2": "not_json", "m3": "not_a_manifest"}
    wait(
        estate, lambda: {each: code_of(estate, each) for each in codes} == codes, "what is no manifest has its receipt"
    )
    wait(estate, lambda: told(estate, MEASURES, MeasureTaken.type, 1), "measures are taken")
    closed = [each for each in told(estate, MEASURES, MeasureTaken.type, 1) if each["measure"] == "accounts.open"]
    assert {each["value"] for each in closed} == {0}
    found = whole.verify(estate, "--only", "I1,I2,I3")
    assert {each["verdict"] for each in found.values()} == {"holds"}
    settled = "SELECT NOT EXISTS (SELECT FROM manifest WHERE stale) AND NOT EXISTS (SELECT FROM tally)"
    wait(estate, lambda: counting.ask(estate.admin_url, settled) == [(True,)], "nothing waits to be compared")
    estate.processes["intake-worker"].stop()  # It would compare again, and mend what is spoilt here.
    counting.ask(estate.admin_url, "UPDATE manifest SET state = 'differs' RETURNING 1")
    with pytest.raises(AssertionError, match="manifests compare otherwise"):
        whole.verify(estate, "--only", "I2")


def code_of(estate, id_: str) -> str | None:
    reasons = [each["reasons"] for each in told(estate, RECEIPTS, ReceiptIssued.type) if each["id"] == id_]
    return reasons[0][0]["code"] if reasons else None
