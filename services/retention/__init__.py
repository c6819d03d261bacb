"""Retention: when a record may go, whether it may, and that it went.

Reads records.registered.v1, review.decisions.v1, records.disposal-receipts.v1; owns facts, schedules, holds, disposals;
writes retention.schedules.v1, retention.reviews.v1, retention.holds.v1, retention.disposals.v1,
compliance.certificates.v1 and compliance.measures.v1.
"""
