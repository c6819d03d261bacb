"""What must fit between the tables of a pack; what does not is a mistake with its mend."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.policy.access import Known, check_screen, check_sensitive, check_watch, known_of
from shared.policy.checks import events, people, rows, scheme, senders
from shared.policy.checks.words import Finding
from shared.policy.mistakes import Places
from shared.policy.pack import Pack
from shared.policy.timeliness import check_timeliness

Rule = Callable[[Pack, Any], Iterator[Finding]]


def check(pack: Pack, lists: Mapping[str, list[Any]], found: Places) -> None:
    """Note every mistake between tables."""
    for table, whole in _WHOLE:
        for what, mend in whole(pack):
            found.note(table, -1, None, what, mend)
    for table, (rule, name) in _RULES.items():
        for index, value in enumerate(lists[table]):
            for what, mend in rule(pack, value):
                found.note(table, index, getattr(value, name, None), what, mend)


def _known(pack: Pack) -> Known:
    return known_of(pack.record_types, pack.flags, {each.code for each in pack.offences})


_WHOLE: tuple[tuple[str, Callable[[Pack], Iterator[Finding]]], ...] = (
    ("pack", senders.mode),
    ("pack", scheme.whole),
    ("pack", rows.prevails),
    ("limits", senders.limits),
    ("quarantine", senders.quarantine),
    ("vault", senders.vault),
    ("children", people.children),
    ("calendar", people.calendar),
)
_RULES: dict[str, tuple[Rule, str]] = {
    "record_type": (scheme.record_type, "id"),
    "class": (scheme.klass, "id"),
    "row": (rows.row, "id"),
    "group": (people.group, "id"),
    "offence": (people.offence, "code"),
    "floor": (rows.floor, "id"),
    "relation": (events.relation, "kind"),
    "escalation": (people.escalation, "role"),
    "source": (senders.source, "source"),
    "required": (senders.required, ""),
    "flag": (people.flag, "id"),
    "trigger": (events.trigger, "name"),
    "view": (senders.view, ""),
    "timeliness": (lambda pack, value: check_timeliness(value, pack.record_types, pack.sources), ""),
    "screen": (lambda pack, value: check_screen(value, _known(pack)), "id"),
    "sensitive": (lambda pack, value: check_sensitive(value, _known(pack)), "id"),
    "watch": (lambda pack, value: check_watch(value, _known(pack)), "id"),
}
