"""Reasons in words: one template per code, used by every page, answer and command. Nothing else writes reasons."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.sentences.texts import BLOCKERS, PROBLEMS, STEPS

__all__ = ["BLOCKERS", "PROBLEMS", "STEPS", "blocker", "day_in_words", "ordinal", "sentence", "sentences"]


_MEND = "the {owner} must have its source put that right"
_MENDS = {  # Where no source can.
    **dict.fromkeys(("merge_waits", "identity_waits"), "the {owner} must answer that"),
    **dict.fromkeys(("merge_in_circle", "told_apart"), "the {owner} must have the index take one of them back"),
    **dict.fromkeys(
        ("unclassified", "unknown_group", "offence_not_in_table", "no_fitting_rule", "override_row_not_known"),
        "the {owner} must have the policy pack or its source put that right",
    ),
    "under_10": "only a review of the record can say so",
}

_WHY = {
    "refused": "a steward refused it",
    "merge_in_circle": "these merges make a circle",
    "told_apart": "the index told two whom it would make one apart",
    "merge_waits": "one person would be suspect and victim of one record, and a steward has not said so",
}


_KINDS = {
    "record_state": "report",
    "nominal_state": "entry about a person",
    "contact": "contact",
    "trigger": "event",
    "decision": "decision",
}
_SINCE = {
    "review": "the last review",
    "creation": "its creation",
    "group": "the day that put them in it",
    "clock": "they last came to notice",
}
_BY = {"flag": "a flag on the person", "record": "a record"}


def sentences(derivation: Mapping[str, Any]) -> list[str]:
    """Write each step of a derivation as a sentence; the last two give the date with the row, and the next review."""
    return [sentence(step) for step in derivation["steps"]]


def sentence(step: Mapping[str, Any]) -> str:
    """Write one step as a sentence."""
    words = {name: _word(name, value) for name, value in step.items()}
    more = {"length": _length(step), "nth": ordinal(step.get("age", step.get("years", 0)))}
    return STEPS[_template(step)].format_map(words | more | _mended(step, words))


def blocker(code: str, about: Mapping[str, Any]) -> str:
    """Write what keeps a record as a sentence that names the mend."""
    words = {name: _named(name, value) for name, value in about.items()}
    return BLOCKERS[code].format_map(words | _mended(about, words))


def _mended(told: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, str]:
    """Name who must do what about a record without a certain date."""
    return {"mend": _MENDS.get(told["problem"], _MEND).format_map(words)} if "problem" in told else {}


def _named(name: str, value: Any) -> str:
    if isinstance(value, date):
        return day_in_words(value)
    return PROBLEMS.get(value, value) if name == "problem" else str(value).replace("_", " ")


# The sentence of a code where a step has this field as well; the first that fits.
_VARIANTS = (
    ("clock", "nominal", "person_clock"),
    ("period", "group", "group_period"),
    ("classified", "row_from", "classified_from"),
    ("row", "authority", "row_by"),
    ("inputs", "nominal", "person_inputs"),
    ("merged", "why", "merge_void"),
    ("supplied", "until", "supplied_until"),
    ("part_of", "until", "part_of_until"),
    ("part_of", "year", "part_of_year"),
    ("bound_by_part", "undated", "bound_by_part_undated"),
    ("bound_by_part", "until", "bound_by_part_until"),
    ("bound_by_part", "year", "bound_by_part_year"),
)


def _template(step: Mapping[str, Any]) -> str:
    code = str(step["code"])
    for of, field, template in _VARIANTS:
        if code == of and field in step:
            return template
    if code == "next_review" and "why" in step:
        return f"{code}_{step['why']}"
    if code == "birthday" and _length(step):
        return "birthday_further"
    return "floor_binds" if code == "floor" and step["binds"] else code


_WORDS = {"problem": PROBLEMS, "by": _BY, "why": _WHY, "kind": _KINDS, "since": _SINCE}


def _word(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name in ("on", "until", "from"):
        return day_in_words(date.fromisoformat(value))
    if name in _WORDS:
        return _WORDS[name].get(value, str(value).replace("_", " "))
    if name == "facts":
        return " and ".join(value)
    if name == "for":
        return ", ".join(each.replace("_", " ") for each in value)
    return str(value).replace("_", " ") if name in ("owner", "name", "rule") else str(value)


def ordinal(number: int) -> str:
    """Write 21 as 21st, as birthdays are counted."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def day_in_words(day: date) -> str:
    """Write a date as British prose does, whatever the host's language."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _length(step: Mapping[str, Any]) -> str:
    for unit in ("years", "months", "days"):
        if unit in step:
            count = step[unit]
            return f"{count} {unit if count != 1 else unit[:-1]}"
    return ""
