"""What a process waits for while it tries again, in words: never an error's own text, which may name an address."""

import psycopg
from aiokafka.errors import KafkaError
from asyncpg import exceptions as pg
from confluent_kafka import KafkaError as Said
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy.exc import DBAPIError

from shared.brokers import Brokers
from shared.clock import monotonic
from shared.errors import NotTried, Raced
from shared.keystore import KeyStoreAway

_BY_OTHERS = (Raced, pg.TransactionRollbackError, pg.LockNotAvailableError, psycopg.errors.LockNotAvailable)
_NO_ROOM = (pg.InsufficientResourcesError, psycopg.errors.InsufficientResources)

_DENIED = (Said.GROUP_AUTHORIZATION_FAILED, Said.TOPIC_AUTHORIZATION_FAILED)
_REFUSAL_SECONDS_MAX = 2.0


def silence(brokers: Brokers) -> str:
    """Say why Kafka gives no answer, with the mend; blocks for two seconds, so call it in a thread."""
    if brokers.user and _refuses(brokers):
        mend = "set TENURE_KAFKA_USER and TENURE_KAFKA_PASSWORD to what it knows and start this process again"
        return f"Kafka at {brokers} refuses the user {brokers.user} or its password; {mend}, or mend them at Kafka."
    return f"Kafka at {brokers} does not answer; work goes on when it does."


def _refuses(brokers: Brokers) -> bool:
    """Ask once more with librdkafka: of the three clients it alone tells a refusal from silence."""
    said: list[Said] = []
    client = AdminClient({**brokers.librdkafka(), "log_level": 0, "error_cb": said.append})
    until = monotonic() + _REFUSAL_SECONDS_MAX
    while monotonic() < until:
        client.poll(0.1)
        if any(each.code() == Said._AUTHENTICATION for each in said):
            return True
    return False


def denied(error: BaseException) -> bool:
    """Say whether Kafka refuses this user a right: no waiting mends that."""
    return isinstance(error, KafkaException) and error.args[0].code() in _DENIED


def away(error: BaseException) -> str:
    """Say of an error that may pass what did not answer: Kafka or the database."""
    if isinstance(error, DBAPIError) and error.orig is not None and error.orig.__cause__ is not None:
        return away(error.orig.__cause__)
    if isinstance(error, NotTried):
        return f"the process that was to try one record alone {error}, and this was not the record's doing"
    if isinstance(error, KeyStoreAway):
        return "the key store does not answer, or lacks an epoch's key"
    if denied(error):
        return "Kafka does not let this user do that; `python -m tools.acls apply` gives each user its rights"
    if isinstance(error, KafkaError | KafkaException):
        return "Kafka does not answer"
    if isinstance(error, _BY_OTHERS):
        return "others are at the same rows of the database"
    if isinstance(error, _NO_ROOM):
        return "the database has no room, or no connection to spare"
    return "the database does not answer"
