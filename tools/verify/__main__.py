"""`./tenure verify`: check every invariant from raw tables and topics, and say what holds."""

import argparse
import json
import os
import sys
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.clock import monotonic
from tools.verify.broker import Broker, address
from tools.verify.canaries import Canaries
from tools.verify.checks import state
from tools.verify.checks.registry import IDS, measure
from tools.verify.estate import Estate
from tools.verify.findings import CouldNotRun, Finding
from tools.verify.progress import Progress
from tools.verify.published import Published
from tools.verify.tables import snapshot
from tools.verify.waiting import wait_for_queues

HOLDS, FAILS, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130
PATIENCE_SECONDS = 45.0  # What falls due in a flood is told every thirty seconds: `BACKLOG_SECONDS`.
_STYLES = {"holds": "green", "fails": "bold red", "not_checkable": "yellow"}


def main(arguments: list[str] | None = None) -> int:
    """Run the checks; exit status 0: all hold, 1: something fails, 2: could not run."""
    given = _parser().parse_args(arguments)
    progress = Progress(quiet=given.quiet)
    try:
        return _digest(progress, given) if given.state_digest else _verify(progress, given)
    except CouldNotRun as error:
        print(f"verify: {error}", file=sys.stderr)
    except psycopg.Error as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        print(f"verify: the database broke off ({said}); nothing was concluded. Run it again.", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./tenure verify", description=__doc__.replace("`./tenure verify`: c", "C"))
    parser.add_argument("--only", type=_ids, default=(), metavar="I1,I3", help=f"only these of {', '.join(IDS)}")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--quiet", action="store_true", help="without progress")
    parser.add_argument(
        "--state-digest", action="store_true", help="print only the state's digest, to compare two runs"
    )
    parser.add_argument("--same-as", metavar="DIGEST", help="another run's state digest, for I5")
    parser.add_argument(
        "--canary", action="append", default=[], metavar="STRING", help="I12: what was published as content alone"
    )
    parser.add_argument(
        "--logs", action="append", type=Path, metavar="FOLDER", help="I12: where the processes' logs are"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help="wait so long for queues to empty, and for what just fell due to have its turn",
    )
    parser.epilog = (
        "exit status: 0 all hold (what cannot be checked is said to be so), 1 something fails, 2 could not run"
    )
    return parser


def _ids(text: str) -> tuple[str, ...]:
    wanted = tuple(each.strip().upper() for each in text.split(",") if each.strip())
    if unknown := [each for each in wanted if each not in IDS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not measured here; these are: {', '.join(IDS)}")
    return wanted


def _digest(progress: Progress, given: argparse.Namespace) -> int:
    wait_for_queues(given.patience, progress)
    with snapshot() as schemas:
        found, _ = state.digest(schemas["retention"], progress)
    print(found)
    return HOLDS


def _verify(progress: Progress, given: argparse.Namespace) -> int:
    began = monotonic()
    broker = Broker(address(), progress)
    quiet = wait_for_queues(given.patience, progress)
    with snapshot() as schemas:
        # The topics' ends are taken after the snapshots: what had left a queue by then is before an end.
        published = Published(broker, Canaries(given.canary))
        estate = Estate(schemas, published, progress, given.same_as, given.logs or _beside_the_keys(), given.patience)
        findings = measure(estate, given.only)
    if given.json:
        print(json.dumps({"quiet": quiet, "findings": [each.told() for each in findings]}, indent=1))
    else:
        _show(findings, monotonic() - began, quiet=quiet)
    return FAILS if any(each.verdict == "fails" for each in findings) else HOLDS


def _beside_the_keys() -> list[Path]:
    """Find the logs of a stack that keeps them beside its keys, as the local one does."""
    return [Path(os.environ.get("TENURE_KEYS", ".tenure/keys")).absolute().parent / "logs"]


def _show(findings: list[Finding], seconds: float, *, quiet: bool) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False)
    for name in ("", "invariant", "verdict", "checked", "found", "what was seen"):
        table.add_column(name, justify="right" if name in ("checked", "found") else "left", overflow="fold")
    for each in findings:
        seen = "\n".join(filter(None, [each.reason, *(f"  {example}" for example in each.examples)]))
        verdict = Text(each.verdict.replace("_", " "), _STYLES[each.verdict])
        table.add_row(each.id, each.title, verdict, f"{each.checked:,}", f"{each.found:,}", Text(seen))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    failed = [each.id for each in findings if each.verdict == "fails"]
    unmeasured = [each.id for each in findings if each.verdict == "not_checkable"]
    held = len(findings) - len(failed) - len(unmeasured)
    told = [f"{held} hold", f"{', '.join(failed)} failed" if failed else "none fails"]
    told += [f"{', '.join(unmeasured)} could not be checked here"] if unmeasured else []
    moving = "" if quiet else " The system was in motion: what was under way is counted above."
    console.print(f"\n{'; '.join(told)} ({seconds:.1f} s).{moving}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
