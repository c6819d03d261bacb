"""Who looks, and what they decided.

Reads records.registered.v1, retention.reviews.v1, retention.disposals.v1; writes review.tasks.v1, review.decisions.v1,
records.corrections.v1 and its answers on records.disposal-receipts.v1. Owns tasks, assessments, decisions, approvals,
people's competences.
"""
