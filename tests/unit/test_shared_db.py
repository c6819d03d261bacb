"""What goes to the database by other ways than the driver's own."""

import pytest

from shared.db import numbers


@pytest.mark.parametrize(
    ("given", "written"), [([], "{}"), ([7], "{7}"), ([-1, None, 2**62], "{-1,null,4611686018427387904}")]
)
def test_whole_numbers_are_written_as_an_array(given, written):
    assert numbers(given) == written
