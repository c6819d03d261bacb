"""Which of retention's dead letters are outdated: a whole state with a higher sequence, or the decision itself."""

from shared.events import DECISIONS, REGISTERED

LATER = {
    REGISTERED: """d.headers ->> 'ce_type' = 'tenure.record.registered.v1' AND d.sequence > 0
        AND EXISTS (SELECT FROM record r JOIN fact f USING (record_key) WHERE r.record_uid = d.subject
            AND f.kind = 'record_state' AND f.sequence > d.sequence)""",
    DECISIONS: "EXISTS (SELECT FROM decision k WHERE k.review_id = d.subject AND k.version >= d.sequence)",
}
