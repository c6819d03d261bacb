"""Every command of the documentation is run as it stands there, on one private stack, in the order of the pages.

A block tagged `sh` is run; one with a name behind its language is saved under it; of any other, lines that begin with
`./tenure` are read by the command's own parser, and so is a block that would take minutes or needs another machine.
"""

import argparse
import importlib
import re
import shlex
import shutil
from collections.abc import Iterator

import pytest

from tests.stack import or_skip
from tests.system.documents import Block, Clone, blocks, clone
from tools.cli.handover import PROGRAMS
from tools.cli.main import COMMANDS
from tools.stack.broker import refuse_without_kafka

PAGES = (
    "README.md", "docs/upstream.md", "docs/auditor.md", "docs/access.md", "docs/stewards.md", "docs/operations.md",
    "docs/policy.md", "docs/falling-due.md",
)  # fmt: skip
OTHER_PAGES = ("CONTRIBUTING.md", "docs/architecture.md", "docs/benchmarks.md", "docs/ids.md", "docs/settings.md")
NOT_RUN = re.compile(r"^(\.ci/run|docker |uv |git |\./tenure (demo|test|bench|check|up(?! --detach)))", re.MULTILINE)
SECTION = "Ten minutes"
TEN_MINUTES = 600
FIRST, SECOND = "c9fd66b9-f545-531d-84d0-0a7ec8f6f816", "894664dc-b065-54d7-af35-29be8774353e"

# What each block of the README's ten minutes shows in the end, in order; the commands themselves stand there alone.
TEN_MINUTES_SHOW = (
    r"Everything is ready",
    rf'"outcome":"accepted","record_id":"{FIRST}"[^\n]*\n[^\n]*"outcome":"accepted","record_id":"{SECOND}"',
    rf'"outcome":"accepted","record_id":"{FIRST}"(?s:.*)keep until +2028-08-01(?s:.*)Row R03 keeps it for 6 years',
    r'"state":"in_force"',
    r"state +ordered",
    r"state +shredded(?s:.*)held +yes",
    r'"certificate": \{(?s:.*)"holds_found": 0(?s:.*)I10 +certificates[^\n]* holds(?s:.*)none fails',
)
JAVA = "Publish.java"
# What blocks of the other pages show, by page and a word of the block.
SHOWS = {
    "docs/policy.md": {
        "policy show R08": r"All \d+ worked examples come to the day(?s:.*)R65(?s:.*)floor child_claim",
        "policy import": r"Nothing changed\.",
    },
    "docs/upstream.md": {
        "@event.json": r'"outcome":"accepted"(?s:.*)\n200\n',
        "@data.json": r'"outcome":"duplicate"',
        "@batch.json": r'"partial_instant"',
        "publish_http.py": r"crime-4713-1 accepted",
        "publish_kafka.py": r"published at records\.events\.v1\[\d\]@\d",
        "crime.map.toml --dry-run": r"3 events in all(?s:.*)accepted +3\n",
        JAVA: r"published at records\.events\.v1-\d@\d",
        "/v1/receipts": r'"accepted"(?s:.*)"duplicate"',
        "receipts.py": r"crime-4714-1 accepted",
        "/v1/reconciliation": r'"quarantined": 1',
        "manifest.py": r'accepted(?s:.*)"from": "20',
        "@mended.json": r'"state": "resolved"(?s:.*)keep until +2028-08-01',
    },
    "docs/auditor.md": {
        "./tenure verify\n": r"I10(?s:.*)none fails",
        "--only I12": r"accepted +1\n(?s:.*)I12 [^\n]* holds|duplicate +1\n(?s:.*)I12 [^\n]* holds",
        "crime:my-second --json": r'"code": "clock"',
        "/v1/holds": r'"hold_id"(?s:.*)in_force',
        "heads.jsonl\n": r'"tree_size":\d+',
        "check.py": r"heads are signed(?s:.*)certificate [0-9a-f-]+: Crime report[^\n]*: TRUE",
    },
    "docs/access.md": {
        "/views": r'"reference":"CASE-7"(?s:.*)made up',
        "/close": r'"kind":"sensitive"(?s:.*)"state":"closed"',
        "/v1/access?": r'"allowed":true',
        "/answers": r'"unanswered":1(?s:.*)"answer":"allotted_work"',
        "/logs": r'"collection"(?s:.*)"consultation"',
    },
    "docs/falling-due.md": {
        "crime:D-1\n": r"(accepted|duplicate)(?s:.*)keep until +20\d\d-\d\d-\d\d",
        "/v1/due": r'"kind": "review"(?s:.*)"record_id"',
        # Other pages may have moved the clock past the record's last day: then it is its review that keeps it.
        "$RECORD/blockers": r"only a review of that person can change that|who has the task of that id must decide",
        "D-FILE --parts": r"its parts: 1\.(?s:.*)What the parts of \S+ ask of it as it stands:\n- [0-9a-f-]+  until 20",
    },
    "docs/stewards.md": {
        "sort=-first_seen": r'"code": "partial_date"(?s:.*)"age_days": 0',
        "/assign": r'"state":"open","version":2',
        "/v1/quarantine/replay": r'"asked": 1(?s:.*)"code": "partial_date"',
        '/v1/quarantine/$RECEIPT" ': r'"state": "discarded"(?s:.*)"discard_approved"(?s:.*)"outcome": "discarded"',
        "/v1/disposals?record": r'"state": "shredded"',
        "/measures": r'"unit": "Wapping"',
        "/v1/dead-letters": r"\[\] 200\n\[\] 200\n\[\] 200",
    },
    "docs/operations.md": {
        "./tenure status\n": r"retention-worker [^\n]*ready",
        "traceparent": r'"action": ?"settled", "topic": "records\.registered\.v1"',
        "tenure_ready": r'"status": ?"ready"(?s:.*)tenure_ready\{',
        "./tenure verify": r"events: [1-9](?s:.*)records: [1-9](?s:.*)none fails",
        "TENURE_SLOT=1": r'"status": ?"ready"',
        "jwks.json": r"^200$",
        "state=open": r"^\[",
        "./tenure backload pause": r"back-load is paused(?s:.*)back-load is not paused",
        "/replay": r'"outcome": ?"quarantined"(?s:.*)trigger_not_declared',
        "resume/approve": r'"detail"',
    },
}


@pytest.fixture(scope="module")
def reader() -> Iterator[Clone]:
    with or_skip():
        refuse_without_kafka()
    with clone() as made:
        yield made


def told_to_run(page: str) -> list[Block]:
    found = [each for each in blocks(page) if each.file or each.language == "sh"]
    found = [each for each in found if not NOT_RUN.search(each.text)]
    # A single file of Java is compiled as it starts: a machine with a runtime alone cannot.
    return found if shutil.which("javac") else [each for each in found if not each.text.startswith("java ")]


def test_a_stranger_gets_from_nothing_to_a_checked_certificate(reader):
    path = [each for each in told_to_run("README.md") if each.section == SECTION]
    assert len(path) == len(TEN_MINUTES_SHOW), "each block of the section shows something that is looked for here"
    spent = 0.0
    for block, shown in zip(path, TEN_MINUTES_SHOW, strict=True):
        # What follows a moment later is looked for by running the block again, which changes nothing.
        spent += reader.run_until(block, shown).seconds
    assert spent < TEN_MINUTES


@pytest.mark.parametrize("page", PAGES[1:])
def test_each_block_of_a_page_runs(reader, page):
    run = told_to_run(page)
    expected = {word: shown for word, shown in SHOWS.get(page, {}).items() if word != JAVA or shutil.which("javac")}
    for block in run:
        word = next((word for word in expected if word in block.text and not block.file), None)
        if word:
            reader.run_until(block, expected.pop(word))
        else:
            ran = reader.run(block)  # Once: what it does need not bear a repetition.
            assert ran.status == 0, f"{block} ended with {ran.status}:\n{ran.said}"
    assert not expected, "each of these words stands in a block of the page"


def other_digit(found: re.Match[str]) -> str:
    return f"{found[1]}{'0' if found[2] != '0' else '1'}"


@pytest.mark.parametrize(
    ("file", "where"),
    [
        pytest.param("certificates.jsonl", r"(keep_until[^0-9]*)([0-9])", id="a certificate"),
        pytest.param("certificates.jsonl", r'("leaf" : )([0-9])', id="a certificate's leaf"),
        pytest.param("leaves.txt", r"()([0-9a-f])", id="a leaf"),
        pytest.param("heads.jsonl", r'("signature":")([0-9a-f])', id="a head's signature"),
        pytest.param("heads.jsonl", r'("root":")([0-9a-f])', id="a head's root"),
        pytest.param("answers.jsonl", r"(disposal_id[^0-9a-f]*)([0-9a-f])", id="a holder's answer"),
    ],
)
def test_what_an_auditor_took_away_and_somebody_changed_is_found(reader, file, where):
    check = next(each for each in told_to_run("docs/auditor.md") if each.text.startswith("python3 audit/check.py"))
    path = reader.root / "audit" / file
    kept = path.read_text()
    changed = re.sub(where, other_digit, kept, count=1)
    assert changed != kept
    path.write_text(changed)
    try:
        assert reader.run(check).status != 0
    finally:
        path.write_text(kept)


def commands(page: str) -> Iterator[tuple[Block, list[str]]]:
    """Give the words of each `./tenure` of the blocks that are not run."""
    for block in blocks(page):
        if block.file or (block.language == "sh" and not NOT_RUN.search(block.text)):
            continue
        for line in block.text.splitlines():
            if line.startswith("./tenure "):
                yield block, shlex.split(re.split(r" {2,}", line)[0], comments=True)[1:]


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES])
def test_what_is_not_run_is_read_by_the_commands_own_parser(page, monkeypatch):
    for block, (name, *words) in commands(page):
        assert name in COMMANDS, f"{block}: there is no command {name}"
        ours = words[: words.index("--")] if "--" in words else words
        try:
            read(name, ours, monkeypatch)
        except SystemExit as error:
            pytest.fail(f"{block}: ./tenure {name} {' '.join(words)}: exit status {error.code}")


def read(name: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if name in PROGRAMS:
        program = importlib.import_module(f"{PROGRAMS[name]}.__main__")
        monkeypatch.setattr("sys.argv", [f"./tenure {name}", *words])
        program._arguments() if name == "demo" else program._parser().parse_args(words)
        return
    parser = argparse.ArgumentParser(prog=f"./tenure {name}")
    importlib.import_module(f"tools.cli.{name}").add_arguments(parser)
    parser.parse_args(words)


@pytest.mark.parametrize("text", ["echo yes", "echo no; false", "false | echo no"])
def test_a_block_that_fails_or_shows_something_else_is_told(tmp_path, text):
    (tmp_path / ".tenure").mkdir()
    with pytest.raises(AssertionError, match="without 'no'"):
        Clone(tmp_path).run_until(Block("page", 1, "", "sh", "", text), "no", seconds=0.1)
