"""What the topics hold, in the few bytes of each message that the checks need."""

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from shared.events import models
from shared.topics import BY_NAME
from tools.verify.broker import Broker, Ends, Visit
from tools.verify.canaries import Canaries

INBOUND = "records.events.v1"
BACKLOAD = "records.backload.v1"
MANIFESTS = "records.manifests.v1"
RECEIPTS = "records.receipts.v1"
REGISTERED = "records.registered.v1"
SCHEDULES = "retention.schedules.v1"
CHECKPOINTS = "compliance.checkpoints.v1"
HEAD = b"tenure.checkpoint.signed.v1"
ACCESS = "access.events.v1"
WATERMARK = b"tenure.watermark.advanced.v1"
RECEIPT = b"tenure.receipt.issued.v1"
SERVICES = ("intake", "retention", "review")
OURS = frozenset(f"urn:tenure:{service}".encode() for service in SERVICES)

ARRIVING = (INBOUND, BACKLOAD, MANIFESTS)  # What is read here has an arrival.
# Written by others as well, or by others alone; what stands there without our name is theirs.
SHARED_WITH_OTHERS = frozenset({*ARRIVING, "records.disposal-receipts.v1"})


class _Receipt(msgspec.Struct):
    receipt_id: UUID
    outcome: str


class _Schedule(msgspec.Struct):
    """What a schedule's message shows of its row, as the table has it."""

    record_id: str
    version: int
    state: str
    row: str | None = None
    pack: str | None = None
    held: bool = False
    restricted: bool = False
    keep_until: str | None = None
    actionable_from: str | None = None
    keep_year: int | None = None
    review_on: str | None = None
    group: str | None = None
    class_: str | None = msgspec.field(default=None, name="class")


_receipt = msgspec.json.Decoder(_Receipt)
_schedule = msgspec.json.Decoder(_Schedule)
_PUBLIC = {kind.encode(): msgspec.json.Decoder(model) for kind, model in models().items()}


def shown(values: Sequence[Any]) -> bytes:
    """Write what a schedule shows, from its message or its row, in the order of `_Schedule`."""
    return msgspec.json.encode(values)


def printed(payload: bytes) -> bytes:
    """Give enough of a payload's digest to tell two payloads apart."""
    return sha256(payload).digest()[:8]


class Published:
    """Everything read from the broker, in one pass over it."""

    def __init__(self, broker: Broker, canaries: Canaries) -> None:
        self.canaries = canaries
        self.cluster = broker.cluster
        self.partitions = broker.partitions
        self.incarnations = broker.incarnations(BY_NAME)
        self.ends: Ends = broker.ends(BY_NAME)
        self.offsets: dict[tuple[str, int], array[int]] = defaultdict(lambda: array("q"))
        self.ids: dict[str, dict[bytes, bytes]] = defaultdict(dict)
        self.twice: dict[str, list[str]] = defaultdict(list)
        self.nameless: dict[str, list[str]] = defaultdict(list)
        self.shapeless: list[str] = []
        self.receipts: dict[bytes, str] = {}
        self.looked: set[bytes] = set()
        self.registered: dict[int, dict[int, bytes]] = defaultdict(dict)
        self.latest: dict[str, dict[str, tuple[int, bytes]]] = defaultdict(dict)
        self.schedules: dict[bytes, tuple[int, bytes]] = {}  # By record: the newest version, and what it says.
        self.backwards: list[str] = []
        self.checkpoints: list[dict[str, Any]] = []
        self.messages = 0
        visits: dict[str, Visit] = dict.fromkeys((name for name in BY_NAME if name in broker.partitions), self._any)
        visits |= dict.fromkeys((topic for topic in ARRIVING if topic in visits), self._inbound)
        visits[SCHEDULES] = self._schedule
        visits[ACCESS] = self._access
        broker.read(self.ends, visits)

    def _inbound(self, message: Any) -> None:
        self.canaries.inbound(message)
        self.messages += 1
        self.offsets[message.topic(), message.partition()].append(message.offset())

    def _schedule(self, message: Any) -> None:
        self.canaries.elsewhere(message)
        self.messages += 1
        try:
            record = UUID((message.key() or b"").decode()).bytes
            said = _schedule.decode(message.value())
        except (ValueError, TypeError):  # Also msgspec's own.
            self.nameless[SCHEDULES].append(_place(message))
            return
        if said.version < self.schedules.get(record, (0, b""))[0]:
            self.backwards.append(str(UUID(bytes=record)))
        self.schedules[record] = (said.version, printed(shown(msgspec.structs.astuple(said))))

    def _access(self, message: Any) -> None:
        self._any(message)
        self.looked.add(_headers(message).get("ce_id", b""))

    def _any(self, message: Any) -> None:
        self.canaries.elsewhere(message)
        self.messages += 1
        topic = message.topic()
        headers = _headers(message)
        if headers.get("ce_type") == WATERMARK and topic == REGISTERED:
            return
        if headers.get("ce_source") not in OURS:
            if topic not in SHARED_WITH_OTHERS:
                self.nameless[topic].append(_place(message))
            return
        self._ours(message, topic, headers)

    def _ours(self, message: Any, topic: str, headers: Mapping[str, bytes]) -> None:
        try:
            id_, print_ = UUID(headers["ce_id"].decode()).bytes, printed(message.value() or b"")
        except (KeyError, ValueError):
            self.nameless[topic].append(_place(message))
            return
        if self.ids[topic].setdefault(id_, print_) != print_:
            self.twice[topic].append(_place(message))
        self._shaped(message, topic, headers.get("ce_type", b""))
        if topic == RECEIPTS:
            if headers.get("ce_type") == RECEIPT:  # Beside them stands how manifests compare.
                self._receipt(message)
        elif topic == REGISTERED:
            self.registered[message.partition()][message.offset()] = headers.get("ce_subject", b"")
        elif BY_NAME[topic].cleanup == "compact":
            self._latest(message)
            if topic == CHECKPOINTS and headers.get("ce_type") == HEAD:  # Beside them stands which epochs ended.
                self.checkpoints.append(msgspec.json.decode(message.value()))

    def _shaped(self, message: Any, topic: str, kind: bytes) -> None:
        """Hold what is public against its model, whose texts are all bounded and of a known kind."""
        if BY_NAME[topic].kind == "public" and (model := _PUBLIC.get(kind)):
            try:
                model.decode(message.value())
            except msgspec.MsgspecError:
                self.shapeless.append(_place(message))

    def _receipt(self, message: Any) -> None:
        try:
            read = _receipt.decode(message.value())
        except msgspec.MsgspecError:
            self.nameless[RECEIPTS].append(_place(message))
            return
        self.receipts[read.receipt_id.bytes] = read.outcome

    def _latest(self, message: Any) -> None:
        topic, key = message.topic(), (message.key() or b"").decode("utf-8", "replace")
        try:
            said = msgspec.json.decode(message.value())
            version = int(said.get("version", said.get("tree_size", 0)))
        except (msgspec.MsgspecError, AttributeError, TypeError, ValueError):
            self.nameless[topic].append(_place(message))
            return
        self.latest[topic][key] = (version, message.value())

    def unread(self, positions: Mapping[int, int]) -> set[str]:
        """Name the subjects of registered events that lie behind a reader's positions."""
        return {
            subject.decode("utf-8", "replace")
            for part, its in self.registered.items()
            for offset, subject in its.items()
            if offset >= positions.get(part, 0)
        }


def _headers(message: Any) -> dict[str, bytes]:
    return {str(name): value for name, value in message.headers() or () if value is not None}


def _place(message: Any) -> str:
    return f"{message.topic()}[{message.partition()}]@{message.offset()}"
