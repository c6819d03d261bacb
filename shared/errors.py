"""The errors a caller can act on. Anything else is a bug, and says only "internal"."""

from enum import StrEnum


class Code(StrEnum):
    """What went wrong, in words a machine can branch on."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"
    PRECONDITION_REQUIRED = "precondition_required"
    PRECONDITION_FAILED = "precondition_failed"
    TOO_LARGE = "too_large"
    OVERLOADED = "overloaded"


class LifecycleError(Exception):
    """An expected refusal: a code for the machine, a sentence with the mend for the person.

    `reason` is the finer, stable word of an answer (`same_person`, `wrong_role`); it is the code where there is none.
    The HTTP edge turns the code into a status; nothing below the edge knows about HTTP.
    """

    code: Code = Code.INVALID

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.code.value


class Invalid(LifecycleError):
    """What was asked makes no sense as asked."""


class NotFound(LifecycleError):
    """Nothing by this id is held here."""

    code = Code.NOT_FOUND


class Conflict(LifecycleError):
    """The state of things does not allow it."""

    code = Code.CONFLICT


class Forbidden(LifecycleError):
    """This person may not do this."""

    code = Code.FORBIDDEN


class Unauthenticated(LifecycleError):
    """Nobody was named by a token we trust."""

    code = Code.UNAUTHENTICATED


class PreconditionRequired(LifecycleError):
    """A change must say which version it means."""

    code = Code.PRECONDITION_REQUIRED


class PreconditionFailed(LifecycleError):
    """The version meant is not the version held."""

    code = Code.PRECONDITION_FAILED


class TooLarge(LifecycleError):
    """More than the limit named in the message."""

    code = Code.TOO_LARGE


class Overloaded(LifecycleError):
    """Not now; the same request may succeed in a moment."""

    code = Code.OVERLOADED


class NotTried(Exception):
    """A process of a record's own said nothing about the record: it is tried again."""


class Raced(Exception):
    """Another transaction got there first; the same work succeeds when tried again."""


def require_version(meant: int, held: int) -> None:
    """Refuse a change that means another version than the one held."""
    if meant != held:
        raise PreconditionFailed("It has changed since you read it. Read it again and decide anew.")
