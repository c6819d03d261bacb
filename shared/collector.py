"""When Python looks for cycles of what nobody needs any more: seldom, for hardly anything here is one."""

import gc

_THRESHOLDS = (500_000, 20, 50)  # A batch makes tens of thousands of values that end with it.


def collect_seldom() -> None:
    """Set the collector of a process that is loaded; what is there by now stays, and is not gone through again."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
