"""What a record's only state says, kept from when it comes in until it is settled, so that it is worked out once."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.retention.domain import Fact, OfRecord, of_record
from shared.policy import Pack

KEPT_MAX = 256  # More than a batch at its usual pace; of a larger one the rest is worked out again, for memory's sake.

Key = tuple[UUID, int, date | None, bytes]


class Lately:
    """What lone states give by one pack; the same pack read again is another, for it may know more of those before.

    Whoever takes in and settles in one process has one of these; what another process took in is worked out anew.
    """

    def __init__(self) -> None:
        self.pack: Pack | None = None
        self.kept: dict[Key, OfRecord] = {}

    def keep(self, fact: Fact, pack: Pack) -> OfRecord | None:
        """Work out a record of one state, and keep what it gives; raises what `of_record` raises."""
        found = of_record([fact], pack)
        if self.pack is not pack:
            self.pack, self.kept = pack, {}
        if found is not None:
            if len(self.kept) >= KEPT_MAX:
                del self.kept[next(iter(self.kept))]
            self.kept[_key(fact)] = found
        return found

    def of_record(self, facts: Sequence[Fact], pack: Pack) -> OfRecord | None:
        """Work out a record, unless its one state was kept; what was is handed out once."""
        if len(facts) == 1 and self.pack is pack and facts[0].kind == "record_state":
            kept = self.kept.pop(_key(facts[0]), None)
            if kept is not None:
                return kept
        return of_record(facts, pack)


def _key(fact: Fact) -> Key:
    """Give all that a lone state says: whose it is and since when it is known bears on others beside it alone."""
    return fact.event_uid, fact.sequence, fact.received_on, fact.canonical
