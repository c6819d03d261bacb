"""A pack with case files and cross-references, and events of them with boring defaults."""

from shared.policy import read_pack
from tests.make_facts import POLICY_TEXT, rich, with_trigger
from tests.make_registered import record_state, trigger

_MORE = b"""
[[record_type]]
id = "a_investigation"
title = "Investigation file"
offending_roles = []

[[record_type]]
id = "a_enquiry"
title = "Missing-person enquiry, which a late part opens again"
offending_roles = []
late_parts = "reopen"

[[record_type]]
id = "a_folder"
title = "Folder that binds nobody"
offending_roles = []

[[record_type]]
id = "a_exhibit"
title = "Exhibit"
offending_roles = []

[[class]]
id = "crime.a_investigation"
parent = "crime"
when = {record_type = "a_investigation"}
row = "TF1"

[[class]]
id = "crime.a_enquiry"
parent = "crime"
when = {record_type = "a_enquiry"}
row = "TF2"

[[class]]
id = "crime.a_folder"
parent = "crime"
when = {record_type = "a_folder"}
row = "TF3"

[[class]]
id = "crime.a_exhibit"
parent = "crime"
when = {record_type = "a_exhibit"}
row = "TF4"

[[row]]
id = "TF1"
title = "Investigation file"
evidence = "unconfirmed"
unit = "case_file"
clock = ["closed"]
retain = "10y"
end = "dispose"
confirmed = {by = "D-IAO1", on = 2020-01-01}

[[row]]
id = "TF2"
title = "Missing-person enquiry"
evidence = "unconfirmed"
unit = "case_file"
clock = ["closed"]
retain = "6y"
end = "dispose"
confirmed = {by = "D-IAO1", on = 2020-01-01}

[[row]]
id = "TF3"
title = "Folder"
evidence = "unconfirmed"
clock = ["closed", "created_on"]
retain = "3y"
end = "dispose"
confirmed = {by = "D-IAO1", on = 2020-01-01}

[[row]]
id = "TF4"
title = "Exhibit"
evidence = "unconfirmed"
follows = "case_file"
confirmed = {by = "D-IAO1", on = 2020-01-01}

[[relation]]
kind = "a_same_incident"
passes = ["charged", "closed"]

[[relation]]
kind = "a_answers"
passes = ["closed"]
direction = "from_named"

[[relation]]
kind = "a_twin"
passes = ["charged"]
direction = "both"
"""
TEXT = POLICY_TEXT + _MORE
_READ = read_pack(TEXT, "case files")
PACK = with_trigger("closed", _READ, undone_by=frozenset({"reopened"}))
RICH = rich(_READ)


def file(record="f1", sequence=1, record_type="a_investigation", **state):
    """An investigation's file, opened on 1 August 2022 and not closed."""
    return record_state(record, sequence, record_type=record_type, offences=[], **state)


def part(record="r1", sequence=1, part_of=("f1",), **state):
    """An undetected burglary, part of a case file; by itself it is kept until 1 August 2028."""
    return record_state(record, sequence, part_of=list(part_of), **state)


def closed(record="f1", on="2023-05-01", event_id=None, name="closed"):
    return trigger(event_id or f"{name}/{record}/{on}", record, on, name)


def related(record, kind="a_same_incident"):
    return {"source_system": "crime", "source_record_id": record, "kind": kind}


def filings(rng, count, records):
    """Make files of every kind, parts linked and unlinked, files in files and round in circles, closed and reopened."""
    files = [f"f{n}" for n in range(max(4, count // 16))]
    return [*(_filing(rng, n, files, records) for n in range(count)), *_ALWAYS]


def _filing(rng, n, files, records):
    on = f"20{rng.randrange(12, 26)}-0{rng.randrange(1, 10)}-{rng.randrange(10, 28)}"
    name, sequence = rng.choice(files), 10_000 + n
    match rng.randrange(10):
        case 0 | 1:
            kind = ["a_investigation", "a_enquiry", "a_folder", "a_investigation"][int(name[1:]) % 4]
            over = rng.sample(files, 1) if rng.random() < 0.4 else []
            begun = {"occurred_on": "2011-01-02", "created_on": "2011-01-02", "reported_at": None}
            return file(name, sequence, kind, part_of=over, medium=rng.choice(["physical", "digital"]), **begun)
        case 2 | 3:
            return closed(name, on, f"close{n}", rng.choice(["closed", "closed", "reopened"]))
        case 4:
            return part(f"e{n % 40}", sequence, rng.sample(files, rng.choice([1, 2])), record_type="a_exhibit")
        case 5:
            refers = [related(rng.choice(records), rng.choice(["a_same_incident", "a_answers", "a_twin", "odd"]))]
            return record_state(rng.choice(records), sequence, created_on=on, related=refers, occurred_on="2012-03-01")
        case _:
            of = rng.sample(files, rng.choice([0, 1, 1, 1, 2]))
            dated = {"created_on": on, "reported_at": None, "occurred_on": on}
            return part(rng.choice(records), sequence, of, **dated)


_ALWAYS = [
    file("fa", part_of=["fb"]),
    file("fb", part_of=["fc"]),
    file("fc", part_of=["fa"]),
    part("under", part_of=["fb", "fd"]),
    file("fs", part_of=["fs"]),
    file("fd"),
    closed("fd"),
    part("undated", part_of=["fd"], offences=[]),
]
