"""Upstream adapters: files in, CloudEvents out, receipts counted."""
