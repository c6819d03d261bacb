"""Date one record anew with all that dates it, and say of which kinds it is."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tools.verify.dating.book import Book, Placed
from tools.verify.dating.people import Gift, Person, gift_of, person_of
from tools.verify.dating.records import Dated, Member, date_alone, files_of, in_file
from tools.verify.dating.told import NotJudged, Told, record_of
from tools.verify.dating.world import RECORDS_OF_A_PERSON_MAX, World

KINDS = ("merged", "in case files", "withdrawn", "permanent", "by another record's group", "of several states", "other")


class Judged(NamedTuple):
    """What a record comes to, and the kinds that it is of, the most particular first."""

    dated: Dated
    kinds: tuple[str, ...]


@dataclass
class Judge:
    """Dates the records of one world by one pack; a person is worked out once."""

    world: World
    book: Book
    persons: dict[frozenset[int], Person] = field(default_factory=dict)

    def judge(self, key: int) -> Judged:
        """Date one record, or say why these rules do not."""
        kinds = set[str]()
        members = {
            self.world.records[each].uid: member
            for each in self.world.family[key]
            if (member := self._member(each, kinds if each == key else set())) is not None
        }
        member = members.get(self.world.records[key].uid)
        if member is None:
            raise NotJudged("named, and not come")
        if len(members) > 1 or files_of(member.record):
            kinds.add("in case files")
        dated = in_file(self.book, members, self.world.records[key].uid)
        kinds |= {"permanent"} if dated.permanent else set()
        kinds |= {"withdrawn"} if member.record.withdrawn else set()
        kinds |= {"of several states"} if len(member.record.states) > 1 else set()
        return Judged(dated, tuple(each for each in KINDS if each in kinds) or ("other",))

    def _member(self, key: int, kinds: set[str]) -> Member | None:
        told = self._told(key)
        if told is None:
            return None
        if self.world.records[key].gone:
            raise NotJudged("of case files of which a member is gone")
        placed = self.book.place(told.shown, told)
        ones = {} if placed.follows != "mopi" or told.withdrawn else self._ones(placed)
        persons = [self._person(one) for one in ones]
        if any(len(one) > 1 for one in ones):
            kinds.add("merged")
        gave = [self._gift(key, one).groups for one in ones]
        if any(each.group and each.group not in groups for each, groups in zip(persons, gave, strict=True)):
            kinds.add("by another record's group")
        return Member(told, placed, date_alone(self.book, told, placed, persons))

    def _told(self, key: int) -> Told | None:
        subject = self.world.records[key]
        if subject.dirty:
            raise NotJudged("not settled yet")
        if subject.apart:
            raise NotJudged("that other records pass events to")
        return record_of(self.world.of_record.get(key, ()))

    def _ones(self, placed: Placed) -> list[frozenset[int]]:
        """Find the persons who offend on a record, each once."""
        linked = [each for each in self.world.tied if self.world.nominals[each].uid in placed.offenders]
        return list(dict.fromkeys(map(self.world.one, linked)))

    def _person(self, one: frozenset[int]) -> Person:
        if one not in self.persons:
            facts = [each for key in one for each in self.world.of_nominal[key]]
            self.persons[one] = person_of(self.book, facts, [self._gift(key, one) for key in self._naming(one)])
        return self.persons[one]

    def _naming(self, one: frozenset[int]) -> list[int]:
        naming = set[int]().union(*(self.world.naming.get(key, set()) for key in one))
        if len(naming) > RECORDS_OF_A_PERSON_MAX:
            raise NotJudged("of persons on very many records")
        return sorted(key for key in naming if not self.world.records[key].gone)

    def _gift(self, key: int, one: frozenset[int]) -> Gift:
        told = self._told(key)
        if told is None or told.withdrawn:
            return Gift(frozenset(), None, ())
        return gift_of(self.book, told, frozenset(self.world.nominals[each].uid for each in one))
