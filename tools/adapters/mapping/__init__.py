"""Any CSV file as events, by a mapping that says what of a row goes where."""

from tools.adapters.mapping.publishing import Mapped

__all__ = ["Mapped"]
