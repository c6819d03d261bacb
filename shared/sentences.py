"""Reasons in words: one template per code, used by every page, answer and command. Nothing else writes reasons."""

from collections.abc import Mapping
from datetime import date
from typing import Any

STEPS = {
    "pack": "It is dated under the policy pack {id}, in force since {on}.",
    "row": "Row {row} governs it: {title}. Evidence for its period: {evidence}.",
    "row_by": "Row {row} governs it: {title}, by {authority}. Evidence for its period: {evidence}.",
    "left_new_records_only": "Row {row} was changed from {on} for records made since; for this one it is what it was.",
    "left_at_next_review": "Row {row} was changed from {on}; for this record it is what it was until its next review.",
    "confirmed": "Row {row} was confirmed by {name} on {on}.",
    "unconfirmed": "Nobody has confirmed row {row}, so it dates records and disposes of none by time alone.",
    "inputs": "Facts known about it: {count}, of which withdrawn: {withdrawn}.",
    "person_inputs": "Facts known about the person {nominal}: {count}, of which withdrawn: {withdrawn}.",
    "instant": "Its {name} is {instant}, which in {zone} was {on}.",
    "month": "Its {name} is known as the month {month}, of which the last day counts: {on}.",
    "sum": "Counted from {from}, {length} end on {until}.",
    "leap": "The end year has no 29 February; by the pack that is then {until} ({rule}).",
    "short_month": "The month it ends in is shorter, so its last day counts: {until}.",
    "classified": "It is in class {class}.",
    "classified_from": "It is in class {class}, whose row comes from class {row_from}.",
    "unclassified": "No class of the pack takes it.",
    "withdrawn": "Withdrawn as entered in error, it groups nobody and moves no clock: its own facts alone keep it.",
    "before_withdrawn": "For those whom it named, by what it said itself, it is kept until {on}.",
    "clock": "The clock starts on {on}.",
    "person_clock": "The person {nominal} last came to notice on {on}.",
    "moved": "By a decision of {on} it is in class {class}; a clock that had started keeps its date.",
    "supplied": "The {supplier} names row {row} for it as well.",
    "supplied_until": "The {supplier} names {until} as its last day, by the floors and the end of row {row}.",
    "prevails": "Of the rules that apply the first of these prevails: {for}.",
    "waits": "The clock has not started: it waits for {for}.",
    "pending": "The floor {name} has no day yet: it is open until one of {for}.",
    "period": "Row {row} keeps it for {length} from then.",
    "group_period": "Group {group} asks for {length} clear of notice.",
    "person": "The person {nominal} is in group {group}, by {by}.",
    "grouped_by": "Record {record} puts the person {nominal} in group {group}, since {on}.",
    "flagged_by": "A flag puts the person {nominal} in group {group}, since {on}.",
    "noticed_by": "Record {record} is what tells of them on that day, {on}.",
    "contact_on": "A contact with the person {nominal} is what tells of that day, {on}.",
    "another_person": "For another person it is needed until {on}.",
    "another_person_year": "For another person it is needed until a day in {year}.",
    "without": "Without the {kind} of {on} it would be kept until {until} (row {row}).",
    "without_same": "Without the {kind} of {on} its date would be the same, {until}.",
    "without_date": "Without the {kind} of {on} it would be kept without a date (row {row}).",
    "without_anything": "Without the {kind} of {on} nothing would be known of it.",
    "age": "Group {group} keeps it until the {nth} birthday of the person {nominal}, the day included.",
    "merged": "The person {nominal} was merged into {into} on {on}, by event {facts}: they are one person, "
    "and what either needs is kept for both.",
    "merge_void": "The person {nominal} was merged into {into} on {on}, by event {facts}, and that counts for nothing, "
    "because {why}.",
    "unmerged": "That the person {nominal} is {into} was taken back on {on}, by events {facts}: each is dated apart.",
    "identity_waits": "Facts that came while the person {nominal} was one with another wait for a steward to say whose "
    "they are: {count}, and until then they lengthen both.",
    "retained": "A review decided on {on} to retain it.",
    "person_until": "For the person {nominal} it is needed until {on}.",
    "birthday": "The {nth} birthday of the person {nominal} gives {until}.",
    "birthday_further": "The {nth} birthday of the person {nominal}, and {length} from then, gives {until}.",
    "floor": "The floor {name} reaches to {until}.",
    "floor_binds": "The floor {name} reaches to {until}, and nothing asks for longer.",
    "problem": "It has no certain date, because {problem}; {mend}.",
    "part_of": "It is part of the case file {record}.",
    "part_of_until": "It is part of the case file {record}, which is kept until {until}.",
    "part_of_year": "It is part of the case file {record}, which is kept until a day in {year}.",
    "bound_by": "The case file {record} binds it: it goes with the whole file, and no earlier.",
    "opened_again": "A part of it is dated {on}, after it was closed, and so has opened it again.",
    "parts": "It is a case file; its parts: {count}.",
    "bound_by_part": "Its part {record} has no last day yet, and so it binds the file.",
    "bound_by_part_undated": "Its part {record} has no certain date, and so the file has none.",
    "bound_by_part_until": "Its part {record} must be kept until {until}, and so it binds the file.",
    "bound_by_part_year": "Its part {record} must be kept until a day in {year}, and so it binds the file.",
    "bound_by_more": "More of its parts bind it likewise.",
    "bound_by_none": "None of its parts asks for longer than the file itself.",
    "permanent": "So it is kept permanently (row {row}).",
    "undated": "So it is kept, without a date, until that is known (row {row}).",
    "at_least_until": "So it is kept at least until {on} (row {row}).",
    "keep_year": "So it is kept until a day in {year} (row {row}).",
    "keep_until": "So it is kept until {on} (row {row}).",
    "next_review": "Its next review is due on {on}.",
    "next_review_scheduled": "Its next review is due on {on}, the day after its last day.",
    "next_review_own_end": "Its next review is due on {on}: the person {nominal} needs it until the day before, "
    "and another longer.",
    "next_review_birthday": "Its next review is due on {on}, the {nth} birthday of the person {nominal}: at that age "
    "somebody is looked at again who was a child at the time.",
    "next_review_cadence": "Its next review is due on {on}: group {group} has the person {nominal} looked at again "
    "{length} after {since}, {from}.",
    "next_review_cycle": "Its next review is due on {on}: row {row} has it looked at again {length} after {since}, "
    "{from}.",
    "next_review_decision": "Its next review is due on {on}, as a decision about it named it.",
    "next_review_person_decision": "Its next review is due on {on}, as a decision about the person {nominal} named it.",
    "next_review_backstop": "Its next review is due on {on}: none is due sooner, and all that is kept is looked at "
    "again {length} after {since}, {from}.",
    "next_review_creation_unknown": "Its next review is due at once, for nothing tells when it was made.",
    "next_review_another": "Its next review is due on {on}, because of another person.",
    "next_review_year": "Its next review is due on a day in {year}, because of another person.",
}

PROBLEMS = {
    "unclassified": "no class takes it",
    "case_file_not_known": "it is part of a case file that has not come yet",
    "case_file_gone": "it is part of a case file that was disposed of before it came",
    "case_file_undated": "its case file has no certain date",
    "case_member_undated": "a part of this case file has no certain date",
    "case_files_in_circle": "its case files are part of each other, round in a circle",
    "dated_after_file_closed": "it is dated after the day on which its case file was closed",
    "no_part_date": "it has no date of its own, so nobody can tell whether it came before its case file was closed",
    "part_of_itself": "it is said to be part of itself",
    "unknown_group": "it names a group that the pack does not know",
    "offence_not_in_table": "one of its offences is not in the offence table",
    "no_offence": "it names no offence, so nobody can tell how serious it is",
    "no_group": "it has an offending person whom nothing puts in a group",
    "no_clock_date": "none of the dates that start its clock is known",
    "no_person_clock": "an offending person has no date of coming to notice",
    "no_floor_date": "a floor has no date to start from",
    "merge_in_circle": "a person on it was merged with another in a circle, so none of those merges counts",
    "told_apart": "a person on it was merged with another, though the index told the two apart",
    "merge_waits": "by a merge one person would be suspect and victim of one record, and a steward has not said so",
    "identity_waits": "a steward has not said to which of two persons, once merged, a flag belongs",
    "no_birth_date": "the date of birth of a person kept by age is not known",
    "event_before_report": "something befell it before it was reported",
    "date_unreadable": "a date in its metadata cannot be read",
    "override_row_not_known": "an override names a row that the pack does not have",
    "no_fitting_rule": "it is in no case file, and no class above its own has a rule that is not for one",
    "nobody_of_age": "nobody on it is in a role whose birthday dates it",
    "born_after_conduct": "a person on it was born after what it is about",
    "dead_before_conduct": "a person on it had died before what it is about can have happened",
    "dead_before_contact": "a person on it came to notice after their death",
    "contact_before_birth": "a person on it came to notice before their birth",
    "contradictory_dates": "its dates contradict each other",
    "under_10": "a person on it was under the age of responsibility at the time, and no review says why it counts",
}

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
BLOCKERS = {
    "not_due": "It is needed until {until}; nothing is to be mended before that.",
    "person": "The person {nominal} needs it until {until}; only a review of that person can change that.",
    "person_decided": "The person {nominal} needs it until {until}; that they go then is decided.",
    "decided": "The review {review} decided on {decided} to dispose of it; the order opens as it falls due, on {on}.",
    "unlink": "The order {disposal} takes the person {nominal} from it from {on} on, as the review {review} decided on "
    "{decided}; it stays while others need it.",
    "floor": "A floor keeps it until {until}; nobody can decide that away.",
    "waits": "Its clock has not started: its source must record what row {row} waits for.",
    "pending": "The floor {name} stays open until its source records what ends it.",
    "problem": "It has no certain date, because {problem}; {mend}.",
    "permanent": "Row {row} keeps it permanently; only a change of policy ends that.",
    "hold": "The hold {hold} covers it; {owner} must propose its release, and a second person agree.",
    "member_held": "The hold {hold} covers {member}, and the case file goes as a whole; {owner} must propose its "
    "release, and a second person agree.",
    "review": "The review {review} is open ({cause}), due on {on}; who has the task of that id must decide.",
    "asked_for": "A review is asked for ({cause}); the next tick that has room opens it.",
    "order": "The order {disposal} is carried out from {on} on, unless somebody aborts it before.",
    "order_waits": "The order {disposal} was due on {on} and waits ({cause}); mend that, and it goes on by itself.",
    "unsettled": "Facts came in that its date does not follow yet; if it stays so, look at retention's worker.",
    "parked": "Events about it or its persons wait in quarantine ({count}); a data steward must mend or discard them.",
    "unconfirmed_row": "Nobody has confirmed row {row}, so time alone does not dispose; its owner must confirm it.",
    "observe": "The policy pack only observes; two people must take it live.",
    "pause": "All disposals wait ({cause}); two people must agree that they go on.",
    "old_news": "Intake's news is too old for any disposal; look at intake's worker and the broker.",
    "confirmation": "It was executed and {holder} has not confirmed; whoever runs {holder} must answer.",
    "irrecoverable": "It was executed; a backup could bring it back until {on}.",
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
