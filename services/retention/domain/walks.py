"""Walks over who is part of what: always finite, also where files go round in a circle."""

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TypeVar

ITSELF, CIRCLE = "part_of_itself", "case_files_in_circle"
Key = TypeVar("Key", bound=Hashable)


def apart(key: Key, files: Iterable[Key], circle: Collection[Key]) -> list[Key]:
    """List the files that a record has to do with: nothing is asked round a circle."""
    return [file for file in files if not (key in circle and file in circle)]


def circles(files: Mapping[Key, Collection[Key]]) -> dict[Key, str]:
    """Find the records that are part of themselves, and those in files that go round in a circle."""
    return {key: ITSELF if key in files[key] else CIRCLE for key in files if key in above(files, key)}


def above(files: Mapping[Key, Collection[Key]], *keys: Key) -> set[Key]:
    """Find all files over some records; a circle ends the walk where it closes."""
    seen: set[Key] = set()
    left = [file for key in keys for file in files.get(key, ())]
    while left:
        key = left.pop()
        if key not in seen:
            seen.add(key)
            left += files.get(key, ())
    return seen


def from_the_top(keys: Collection[Key], files: Mapping[Key, Collection[Key]]) -> list[Key]:
    """Put records in an order in which each comes after its files, as far as there is one."""
    wanted, ordered = set(keys), dict[Key, None]()
    for key in wanted:
        walk, on_the_way = [key], set[Key]()
        while walk:
            at = walk[-1]
            on_the_way.add(at)
            free = (each for each in files.get(at, ()) if each in wanted and each not in ordered)
            first = next((each for each in free if each not in on_the_way), None)
            if first is not None:
                walk.append(first)
            else:
                ordered[walk.pop()] = None
    return list(ordered)


def components(pairs: Iterable[tuple[Key, Key]]) -> list[frozenset[Key]]:
    """Gather what pairs tie together, directly or through others."""
    ties: dict[Key, set[Key]] = {}
    for one, other in pairs:
        ties.setdefault(one, set()).add(other)
        ties.setdefault(other, set()).add(one)
    found, seen = [], set[Key]()
    for key in ties:
        if key not in seen:
            whole = above(ties, key)
            seen |= whole
            found.append(frozenset(whole))
    return found
