"""The data of each inbound type as frozen values: what is there must have its shape; what is not known is kept."""

from typing import Annotated, Any, Literal

import msgspec

NAME_CHARS_MAX = 128
LIST_ITEMS_MAX = 500
MANIFEST_IDS_MAX = 20_000

Name = msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX)
Role = Literal["suspect", "offender", "subject", "victim", "witness", "other"]
ContactKind = Literal[
    "new_offence",
    "suspected_offence",
    "harm_evidence",
    "agency_request",
    "dbs_disclosure",
    "subject_access_request",
    "erasure_request",
    "error_report",
]

Word = Annotated[str, Name]
Words = Annotated[list[Word], msgspec.Meta(max_length=LIST_ITEMS_MAX)]
# What an activity says is passed on and kept in clear: words and numbers, for text belongs into a record's content.
Said = bool | int | float | Word | Words | None


class Link(msgspec.Struct, frozen=True):
    """A nominal's part in a record."""

    nominal_source: Word
    nominal_id: Word
    role: Role


class Officer(msgspec.Struct, frozen=True):
    """An officer's part in a record."""

    staff_id: Word
    role: Word


class Related(msgspec.Struct, frozen=True):
    """Another record this one refers to."""

    source_system: Word
    source_record_id: Word
    kind: Word


class Thing(msgspec.Struct, frozen=True):
    """An object or a place, kept as a keyed digest only."""

    kind: Word
    ref: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class Evaluation(msgspec.Struct, frozen=True):
    """How intelligence was graded (3x5x2); the policy pack says which grades there are."""

    source: Word | int | None = None
    assessment: Word | int | None = None
    handling: Word | int | None = None


class RecordState(msgspec.Struct, frozen=True):
    """A record's whole state as sent."""

    source_system: Word
    source_record_id: Word
    content: dict[str, Any]
    record_type: Word | None = None
    occurred_on: str | None = None
    reported_at: str | None = None
    recorded_at: str | None = None
    created_on: str | None = None
    unit: Word | None = None
    offences: Words = []
    group: Literal["G1", "G2", "G3", "G4"] | None = None
    links: Annotated[list[Link], msgspec.Meta(max_length=LIST_ITEMS_MAX)] = []
    officers: Annotated[list[Officer], msgspec.Meta(max_length=LIST_ITEMS_MAX)] = []
    policing_purpose: Word | None = None
    marking: Word | None = None
    restricted: bool = False
    part_of: Words = []
    related: Annotated[list[Related], msgspec.Meta(max_length=LIST_ITEMS_MAX)] = []
    objects: Annotated[list[Thing], msgspec.Meta(max_length=LIST_ITEMS_MAX)] = []
    places: Annotated[list[Thing], msgspec.Meta(max_length=LIST_ITEMS_MAX)] = []
    evaluation: Evaluation | None = None
    medium: Literal["digital", "physical"] = "digital"
    place: Word | None = None
    custodian: Word | None = None
    content_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    metadata: dict[Word, Annotated[str, msgspec.Meta(max_length=512)]] = {}
    precision: Literal["month"] | None = None


class Withdrawn(msgspec.Struct, frozen=True):
    """A record was entered in error."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class NominalState(msgspec.Struct, frozen=True):
    """A nominal's whole state at its source."""

    nominal_source: Word
    nominal_id: Word
    date_of_birth: str | None = None
    died_on: str | None = None
    flags: Words = []
    staff_id: Word | None = None


class Party(msgspec.Struct, frozen=True):
    """A nominal as one source names them."""

    nominal_source: Word
    nominal_id: Word


class Merged(msgspec.Struct, frozen=True):
    """Two nominals are one person; the event is about the one merged into."""

    from_: Party = msgspec.field(name="from")
    into: Party


class Unmerged(msgspec.Struct, frozen=True):
    """A merge was wrong; the event is about whom the merge was about."""

    merge_event_id: Word


class Distinguished(msgspec.Struct, frozen=True):
    """Two nominals are never the same person; the event is about the first."""

    a: Party
    b: Party


class Contact(msgspec.Struct, frozen=True):
    """A nominal came to notice."""

    nominal_source: Word
    nominal_id: Word
    kind: ContactKind
    on: str
    precision: Literal["month"] | None = None


class ContactWithdrawn(msgspec.Struct, frozen=True):
    """A contact was entered in error."""

    contact_event_id: Word
    nominal_source: Word | None = None
    nominal_id: Word | None = None


class Trigger(msgspec.Struct, frozen=True):
    """Something happened to a record that a rule may wait for."""

    record_id: Word
    trigger: Word
    on: str
    nominal_source: Word | None = None
    nominal_id: Word | None = None
    offence: Word | None = None
    value: Word | None = None
    precision: Literal["month"] | None = None


class TriggerWithdrawn(msgspec.Struct, frozen=True):
    """A trigger was entered in error."""

    trigger_event_id: Word
    record_id: Word | None = None


class Activity(msgspec.Struct, frozen=True):
    """Something was done about a record or a nominal that an expectation may wait for."""

    kind: Word
    on: str
    result: Word | None = None
    record_id: Word | None = None
    nominal_source: Word | None = None
    nominal_id: Word | None = None
    fields: dict[Word, Said] = {}
    precision: Literal["month"] | None = None


class ActivityWithdrawn(msgspec.Struct, frozen=True):
    """An activity was entered in error."""

    activity_event_id: Word
    record_id: Word | None = None
    nominal_source: Word | None = None
    nominal_id: Word | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What a source says that it sent in a period: how many events, and the digest of their ids; or the ids too."""

    source_system: Word
    from_: Annotated[str, msgspec.Meta(max_length=40)] = msgspec.field(name="from")
    to: Annotated[str, msgspec.Meta(max_length=40)]
    count: Annotated[int, msgspec.Meta(ge=0)]
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    ids: (
        Annotated[
            list[Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._:/-]{1,128}$")]],
            msgspec.Meta(max_length=MANIFEST_IDS_MAX),
        ]
        | None
    ) = None


SHAPES: dict[str, type[msgspec.Struct]] = {
    "tenure.record.captured.v1": RecordState,
    "tenure.record.revised.v1": RecordState,
    "tenure.record.withdrawn.v1": Withdrawn,
    "tenure.nominal.recorded.v1": NominalState,
    "tenure.nominal.merged.v1": Merged,
    "tenure.nominal.unmerged.v1": Unmerged,
    "tenure.nominal.distinguished.v1": Distinguished,
    "tenure.contact.recorded.v1": Contact,
    "tenure.contact.withdrawn.v1": ContactWithdrawn,
    "tenure.trigger.recorded.v1": Trigger,
    "tenure.trigger.withdrawn.v1": TriggerWithdrawn,
    "tenure.activity.recorded.v1": Activity,
    "tenure.activity.withdrawn.v1": ActivityWithdrawn,
    "tenure.manifest.published.v1": Manifest,
}
