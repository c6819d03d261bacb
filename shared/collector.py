"""When Python looks for cycles of what nobody needs any more: seldom, for hardly anything here is one."""

import gc

BATCHES = (500_000, 20, 50)  # A batch makes tens of thousands of values that end with it.
ANSWERS = (100_000, 5, 5)  # Each refusal leaves a few cycles behind: waiting for as many, the process would only grow.


def collect_seldom(thresholds: tuple[int, int, int]) -> None:
    """Set the collector of a process that is loaded; what is there by now stays, and is not gone through again."""
    gc.freeze()
    gc.set_threshold(*thresholds)
