"""What a process waits for while it tries again, in words: never an error's own text, which may name an address."""

import psycopg
from aiokafka.errors import KafkaError
from asyncpg import exceptions as pg
from confluent_kafka import KafkaException
from sqlalchemy.exc import DBAPIError

from shared.errors import Raced

_BY_OTHERS = (Raced, pg.TransactionRollbackError, pg.LockNotAvailableError, psycopg.errors.LockNotAvailable)
_NO_ROOM = (pg.InsufficientResourcesError, psycopg.errors.InsufficientResources)


def away(error: BaseException) -> str:
    """Say of an error that may pass what did not answer: Kafka or the database."""
    if isinstance(error, DBAPIError) and error.orig is not None and error.orig.__cause__ is not None:
        return away(error.orig.__cause__)
    if isinstance(error, KafkaError | KafkaException):
        return "Kafka does not answer"
    if isinstance(error, _BY_OTHERS):
        return "others are at the same rows of the database"
    if isinstance(error, _NO_ROOM):
        return "the database has no room, or no connection to spare"
    return "the database does not answer"
