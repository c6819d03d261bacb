"""Reads: records.events.v1, records.backload.v1, records.manifests.v1, retention.schedules.v1, retention.disposals.v1,
review.tasks.v1.
Writes: records.receipts.v1, records.registered.v1, records.quarantine.v1, records.disposal-receipts.v1,
access.events.v1, compliance.measures.v1.
Owns: arrivals, receipts, quarantine, record states, the content vault and its keys, the access log and its alerts.
"""
