"""The verifier's result, told in short."""

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from tools.demo.estate import POLL_SECONDS, Estate
from tools.demo.so_far import SoFar
from tools.demo.telling import Untrue
from tools.stack.paths import ROOT
from tools.stack.service import without_settings

VERIFY_SECONDS_MAX = 300
IN_WORDS = {"holds": "holds", "fails": "FAILS", "not_checkable": "cannot be checked here"}

Findings = list[dict[str, Any]]


def holds(estate: Estate, _: SoFar) -> None:
    """Let the verifier check every invariant from the raw tables and topics."""
    tell = estate.teller
    status, findings = _verified(estate)
    for each in findings:
        tell.quote([f"{each['id']:<4} {each['checked']:>7,} checked, {IN_WORDS[each['verdict']]}: {each['title']}"])
        if each["verdict"] != "holds":
            tell.quote(["     " + " ".join([each["reason"] or "", *each["examples"]]).strip()])
    failed = [each["id"] for each in findings if each["verdict"] == "fails"]
    held = sum(each["verdict"] == "holds" for each in findings)
    tell.prove(bool(held) and not failed, f"{held} hold, none fails", failed)
    tell.prove(status == 0, "verify's exit status is 0", status)


def _verified(estate: Estate) -> tuple[int, Findings]:
    """Run the verifier beside the stack; gives its exit status and what it found."""
    environment = {**without_settings(), **estate.stack.environment()}
    command = [sys.executable, "-m", "tools.verify", "--quiet", "--json"]
    with (
        tempfile.TemporaryFile("w+", dir=estate.stack.paths.home) as told,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=told, stderr=subprocess.STDOUT) as ran,
        estate.teller.waiting("verify reads every table and topic") as waiting,
    ):
        while ran.poll() is None:
            if waiting.seconds > VERIFY_SECONDS_MAX:
                ran.kill()
                raise Untrue(f"verify was to end within {VERIFY_SECONDS_MAX} s, and it did not")
            waiting.at()
            time.sleep(POLL_SECONDS)
        told.seek(0)
        said = told.read()
    try:
        return ran.returncode, json.loads(said)["findings"]
    except ValueError:
        (estate.stack.paths.logs / "verify.log").write_text(said)
        last = (said.strip().splitlines() or ["nothing"])[-1]
        raise Untrue(f"verify was to say what it found, and its last line is: {last}") from None
