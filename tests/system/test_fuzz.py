"""A hundred thousand pieces of garbage, on the topic and over HTTP: one receipt or refusal each, memory flat."""

import pytest

from tests.stack import private_stack
from tests.system import counting, whole
from tests.system.fuzzing import fuzz

CASES = 100_000
GROWTH_MB_MAX = 30


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_one_has_its_receipt_and_memory_stays_flat(rng):
    with private_stack(("kafka", "postgres", "intake-worker", "intake-api")) as stack:
        processes = {name: stack.processes[name].identity() for name in ("intake-worker", "intake-api")}
        try:
            came = fuzz(stack, rng, CASES)
        finally:
            counting.last_words(stack.processes["intake-worker"].log)
        print(f"\n{came}")
        assert {name: stack.processes[name].identity() for name in processes} == processes, "none ended"
        for name, mb in came.after.items():
            assert mb - came.before[name] < GROWTH_MB_MAX, f"{name} grows: {came.before[name]} to {mb} MB"
        whole.verify(stack)
