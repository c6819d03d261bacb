"""`tenure policy`: a policy pack at the desk of whoever answers for it."""

import argparse
import os
import sys
from pathlib import Path

import psycopg

from shared.policy import BadPack, Pack, read_pack
from tools.cli.running import take_settings
from tools.policy import showing
from tools.policy.edit import with_rows
from tools.policy.examples import Example, read_folder
from tools.policy.running import differences, without_example
from tools.policy.sheet import BadSheet, lines_of, read, write
from tools.stack.errors import StackError
from tools.stack.migrate import store
from tools.stack.paths import ROOT

NAME = "policy"
HELP = "check a policy pack and run its worked examples, show its rows, take them to a spreadsheet and back, store it"
EXAMPLES = """  ./tenure policy check policy/default.toml      each mistake with its line and mend; every worked example
  ./tenure policy show                           the retention schedule as a table
  ./tenure policy show R08                       one row in full: who uses it, floors, evidence, who confirmed it
  ./tenure policy show crime.child_protection    one class in full, with what it inherits
  ./tenure policy export policy/default.toml --csv rows.csv
  ./tenure policy import policy/default.toml --csv rows.csv --out policy/ours.toml
  ./tenure policy store policy/ours.toml         services that run go by it from its first day, without a restart

A pack is a text file; docs/policy.md explains every table of it. A pack in force is never altered: give the new one
another `id` or a later `effective_on`.
"""
_DEFAULT = ROOT / "policy" / "default.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="check|show|export|import|store")
    checking = verbs.add_parser("check", help="say every mistake with its line and mend; run the worked examples")
    checking.add_argument("file", metavar="FILE", type=Path, nargs="?", default=_DEFAULT)
    checking.add_argument("--examples", metavar="FOLDER", type=Path, help="else the folder examples beside FILE")
    showing_ = verbs.add_parser("show", help="show the schedule, or one row or class in full")
    showing_.add_argument("what", metavar="[FILE] [ROW|CLASS]", nargs="*", help="FILE: policy/default.toml if left out")
    storing = verbs.add_parser("store", help="store it in the running stack's database: it counts from its first day")
    storing.add_argument("file", metavar="FILE", type=Path)
    exporting = verbs.add_parser("export", help="write the rows as a spreadsheet")
    importing = verbs.add_parser("import", help="write the pack's text with the rows of a spreadsheet")
    for each in (exporting, importing):
        each.add_argument("file", metavar="FILE", type=Path)
        each.add_argument("--csv", metavar="CSV", type=Path, required=True, help="the spreadsheet")
    importing.add_argument("--out", metavar="FILE", type=Path, help="where the new text goes; else it is printed")


def run(args: argparse.Namespace) -> int:
    """Check, show, export, import or store."""
    verbs = {"check": _check, "show": _show, "export": _export, "import": _import, "store": _store}
    try:
        return verbs[args.verb](args)
    except OSError as error:
        raise StackError(f"{error.filename} cannot be used: {error.strerror}.") from None


def _store(args: argparse.Namespace) -> int:
    pack = _read(args.file)
    take_settings()
    admin = os.environ.get("TENURE_DATABASE_URL")
    if admin is None:
        raise StackError("Set TENURE_DATABASE_URL to the database as administrator, or start one: `./tenure up`.")
    try:
        first_day = store(admin, args.file)
    except psycopg.OperationalError:
        raise StackError("The database does not answer; `./tenure up` starts the local one.") from None
    print(f"Stored. From {first_day}, by the policy clock, every service goes by {pack.id} ({pack.hash[:12]}).")
    print("GET /readyz of each says which pack it goes by.")
    return 0


def _read(path: Path) -> Pack:
    try:
        return read_pack(path.read_bytes(), str(path))
    except BadPack as error:
        raise StackError(f"The pack has {_count(len(error.mistakes), 'mistake')}.\n{error}") from None


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _check(args: argparse.Namespace) -> int:
    pack = _read(args.file)
    folder = args.examples or args.file.parent / "examples"
    print("\n".join(showing.summary(pack, args.file)))
    if not folder.is_dir():
        print(f"There are no worked examples: {folder} is no folder.")
        return 0
    try:
        examples = read_folder(folder)
    except BadPack as error:
        raise StackError(f"The examples have {_count(len(error.mistakes), 'mistake')}.\n{error}") from None
    faults = [*_differing(examples, pack), *_unshown(examples, pack, folder)]
    print("\n".join(faults) if faults else f"All {len(examples)} worked examples come to the day worked out by hand.")
    return 1 if faults else 0


def _differing(examples: list[Example], pack: Pack) -> list[str]:
    return [
        f'{each.source}:{each.line}: {each.row}, "{each.title}": '
        + "; ".join(f"{found.what} is {found.expected} by hand and {found.found} by the rules" for found in wrong)
        + "; mend the row or the example, whichever is wrong."
        for each in examples
        if (wrong := differences(each, pack))
    ]


def _unshown(examples: list[Example], pack: Pack, folder: Path) -> list[str]:
    return [f"row {row} has no worked example; add one to {folder}." for row in without_example(examples, pack)]


def _show(args: argparse.Namespace) -> int:
    words = list(args.what)
    path = Path(words.pop(0)) if words and (words[0].endswith(".toml") or Path(words[0]).is_file()) else _DEFAULT
    if len(words) > 1:
        raise StackError(f"Show one row or class at a time, not {', '.join(words)}.")
    pack = _read(path)
    if not words:
        showing.table(pack)
    else:
        print("\n".join(showing.one(pack, words[0])))
    return 0


def _export(args: argparse.Namespace) -> int:
    pack = _read(args.file)
    args.csv.write_bytes(write(pack))
    print(f"{_count(len(pack.rows), 'row')} in {args.csv}. Format its columns as text before you type dates into them.")
    return 0


def _import(args: argparse.Namespace) -> int:
    pack, content = _read(args.file), args.file.read_bytes().decode()
    try:
        lines = read(args.csv.read_bytes())
    except BadSheet as error:
        raise StackError(f"The spreadsheet cannot be taken; nothing was written.\n{error}") from None
    written, said = with_rows(content, pack, [line.keys for line in lines])
    try:
        read_pack(written.encode(), str(args.csv))
    except BadPack as error:
        at = lines_of(lines)
        told = [f"A{at[name]}: {each}" if (name := _row_of(each.where)) in at else str(each) for each in error.mistakes]
        raise StackError("\n".join(["With these rows it is no pack; nothing was written.", *told])) from None
    if args.out:
        args.out.write_bytes(written.encode())
    else:
        sys.stdout.write(written)
    remark = "Before it takes effect give it another `id` or a later `effective_on`: a pack in force is never altered."
    print("\n".join([*said, remark] if said else ["Nothing changed."]), file=sys.stderr)
    return 0


def _row_of(where: str) -> str:
    return where.removeprefix("row ")
