"""Which broker is used: a given one, else Apache Kafka where it can run, else the embedded one."""

from collections.abc import Mapping
from typing import Literal

from tools.stack import jars
from tools.stack.embedded import WARNING
from tools.stack.errors import Missing, StackError
from tools.stack.paths import JARS

Kind = Literal["given", "kafka", "embedded"]

NAMES: dict[str, str] = {
    "given": "the one that TENURE_KAFKA names",
    "kafka": f"Apache Kafka {jars.VERSION} from its jars",
    "embedded": "embedded (Tansu, in memory only: for trying out; what is not read may be more than is told)",
}


def choose(given: Mapping[str, str]) -> Kind:
    """Choose the broker; TENURE_BROKER=kafka or =embedded asks for one of ours, whatever else there is."""
    found = _first(given)
    if found != "given" and "TENURE_KAFKA_USER" in given:
        raise StackError(
            "TENURE_KAFKA_USER is set and TENURE_KAFKA is not: the local stack's own broker knows no users. "
            "Set TENURE_KAFKA to the broker that is meant, or unset the user and its password."
        )
    if found == "embedded" and given.get("TENURE_ENV") == "production":
        mend = lacks() or "Unset TENURE_BROKER, and Apache Kafka is used."
        raise StackError(f"The embedded broker is for trying out, never under TENURE_ENV=production. {mend}")
    return found


def _first(given: Mapping[str, str]) -> Kind:
    if "TENURE_KAFKA" in given:
        return "given"
    match given.get("TENURE_BROKER", ""):
        case "embedded":
            return "embedded"
        case "kafka":
            refuse_without_kafka()
            return "kafka"
        case "":
            return "kafka" if lacks() is None else "embedded"
        case other:
            raise StackError(f"TENURE_BROKER is {other!r}; it is kafka or embedded, or not set.")


def refuse_without_kafka() -> None:
    """Refuse a machine that cannot run Apache Kafka, by what it lacks."""
    jars.java()
    if not JARS.exists():
        jars.maven()


def lacks() -> str | None:
    """Say what Apache Kafka lacks here; None if nothing."""
    try:
        refuse_without_kafka()
    except Missing as missing:
        return str(missing)
    return None


def warning() -> str:
    """Say once what is not guaranteed on the embedded broker, and what mends it here."""
    return WARNING.format(mend=lacks() or "Unset TENURE_BROKER, and Apache Kafka is used.")
