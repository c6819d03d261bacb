"""A benchmark runs to its end beside each of its peers, and every row is counted."""

import json
import subprocess
import sys

from tests import stack
from tools.stack import broker
from tools.stack.paths import ROOT
from tools.stack.service import without_settings

SECONDS_MAX = 180


def test_a_small_one_ends_with_a_figure_beside_each_peer():
    with stack.or_skip():
        broker.refuse_without_kafka()
    command = [sys.executable, "-m", "tools.cli", "bench", "ingest", "--events", "600", "--repetitions", "1", "--json"]
    ran = subprocess.run(
        command, cwd=ROOT, env=without_settings(), capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )

    assert ran.returncode == 0, ran.stderr
    results = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {each["peer"] for each in results} == {"limit", "orm", None}
    assert all(each["value"] > 0 for each in results)
