"""A machine without Java: what needs Apache Kafka is skipped with the reason and the mend, and fails where required."""

import os
import subprocess
import sys

from tools.stack.paths import ROOT

NEEDS_KAFKA = "tests/system/test_bench_stopped.py"
SHOWN = "a benchmark that is told to stop leaves no server and no folder"
REASON = f"only a real Kafka can show that {SHOWN}. Java is missing; install the packages default-jre-headless"


def run_without_java(tmp_path, **told) -> subprocess.CompletedProcess:
    """Run a test that needs Kafka where nothing is on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}
    environment = {**kept, "PATH": str(tmp_path), "COLUMNS": "300", **told}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", NEEDS_KAFKA]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_what_needs_kafka_is_skipped_with_reason_and_mend(tmp_path):
    ran = run_without_java(tmp_path)

    assert ran.returncode == 0, ran.stdout
    assert REASON in ran.stdout
    assert "1 skipped" in ran.stdout


def test_what_needs_kafka_fails_where_it_is_required(tmp_path):
    ran = run_without_java(tmp_path, TENURE_REQUIRE="kafka")

    assert ran.returncode == 1, ran.stdout
    assert "Java is missing" in ran.stdout
    assert "1 failed" in ran.stdout
