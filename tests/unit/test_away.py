"""What is waited for is said in words, and never in an error's own, which may name an address."""

import asyncpg
import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import KafkaError, KafkaException
from sqlalchemy.exc import DBAPIError

from shared.away import away

CANARY = "postgresql://tenure:canary@db"


def _wrapped(cause):
    original = Exception(CANARY)
    original.__cause__ = cause
    return DBAPIError(None, None, original)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(KafkaConnectionError(CANARY), "Kafka does not answer", id="the reader's broker"),
        pytest.param(KafkaException(KafkaError(KafkaError._TRANSPORT)), "Kafka does not answer", id="the relay's"),
        pytest.param(
            KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)),
            "Kafka does not let this user do that; `python -m tools.acls apply` gives each user its rights",
            id="a right that is missing",
        ),
        pytest.param(ConnectionRefusedError(CANARY), "the database does not answer", id="a refused connection"),
        pytest.param(psycopg.OperationalError(CANARY), "the database does not answer", id="the relay's database"),
        pytest.param(asyncpg.AdminShutdownError(CANARY), "the database does not answer", id="a server that stops"),
        pytest.param(
            _wrapped(asyncpg.DiskFullError(CANARY)),
            "the database has no room, or no connection to spare",
            id="a full disk, wrapped",
        ),
        pytest.param(
            asyncpg.DeadlockDetectedError(CANARY), "others are at the same rows of the database", id="a deadlock"
        ),
    ],
)
def test_what_is_away_is_said(error, said):
    assert away(error) == said
