"""The policy pack: every period, group, cadence and role rule as data, read into frozen values."""

from shared.policy.assessment import Answer, Proposal, proposal
from shared.policy.mistakes import BadPack, Mistake
from shared.policy.pack import Pack
from shared.policy.reading import read_pack
from shared.policy.values import (
    Class,
    Confirmed,
    Contact,
    End,
    Flag,
    Floor,
    Group,
    Limits,
    Offence,
    Question,
    RecordType,
    Required,
    Row,
    Source,
    Step,
    Trigger,
    View,
    When,
)

__all__ = [
    "Answer",
    "BadPack",
    "Class",
    "Confirmed",
    "Contact",
    "End",
    "Flag",
    "Floor",
    "Group",
    "Limits",
    "Mistake",
    "Offence",
    "Pack",
    "Proposal",
    "Question",
    "RecordType",
    "Required",
    "Row",
    "Source",
    "Step",
    "Trigger",
    "View",
    "When",
    "proposal",
    "read_pack",
]
