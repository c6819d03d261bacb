"""Which of intake's dead letters are outdated: what retention said of a record since has a later version."""

from shared.events import SCHEDULES

LATER = {SCHEDULES: "EXISTS (SELECT FROM lifecycle k WHERE k.record_uid = d.subject AND k.version >= d.sequence)"}
