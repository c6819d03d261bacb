"""The cursors of lists that stand in the order of their ids."""

from uuid import UUID

from shared.errors import Invalid
from shared.http import Page


def after_id(page: Page) -> UUID | None:
    """Give the id that a page begins after; a cursor of another list is refused."""
    if page.after is None:
        return None
    try:
        (after,) = page.after
        return UUID(str(after))
    except ValueError:
        raise Invalid("The cursor is not one of this list. Start again without it.", "cursor_unreadable") from None
