"""The order of the story."""

import subprocess
import sys

from tools.demo import capture, years
from tools.demo.estate import Estate
from tools.stack.paths import ROOT
from tools.stack.service import without_settings

VERIFY_SECONDS_MAX = 300


def play(estate: Estate) -> None:
    """Play the whole story; `Untrue` ends it."""
    want = capture.from_files(estate)
    capture.made_up(estate)
    capture.mend_upstream(estate, want)
    capture.dated(estate, want)
    capture.content(estate)
    due = years.by_rule(estate)
    years.people_decide(estate)
    held = years.hold(estate, due)
    gone = years.first_disposals(estate, due, held)
    years.certificate(estate)
    years.replay(estate)
    gone |= years.later_disposals(estate)
    years.accounts(estate, len(gone), len(held))
    verify(estate)


def verify(estate: Estate) -> None:
    """Let the verifier check every invariant from the raw tables and topics."""
    tell = estate.teller
    tell.chapter("verify: every invariant, from raw tables and topics, with no code of the services")
    environment = {**without_settings(), **estate.stack.environment()}
    ran = subprocess.run(
        [sys.executable, "-m", "tools.verify", "--quiet"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=VERIFY_SECONDS_MAX,
        check=False,
    )
    tell.quote(line.rstrip() for line in ran.stdout.splitlines())
    tell.prove(ran.returncode == 0, "verify's exit status is 0", ran.returncode)
