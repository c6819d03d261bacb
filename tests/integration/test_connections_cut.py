"""Connections cut while nobody used them, by a restart or an operator: whoever uses one next may try again."""

import asyncio

import psycopg
from sqlalchemy import text

from shared.db import connect, transaction, transient

ROUNDS = 200


async def test_one_that_was_cut_while_idle_is_tried_again_and_never_handed_out_twice(worker_url, database, rng):
    engine = connect(worker_url("intake", "worker"), name="tests", pool_size=1)
    errors = []
    try:
        with psycopg.connect(database[0], autocommit=True) as administrator:
            for _ in range(ROUNDS):
                async with transaction(engine) as connection:
                    process = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                administrator.execute("SELECT pg_terminate_backend(%s)", (process,))
                await asyncio.sleep(rng.uniform(0, 0.003))
                try:
                    async with transaction(engine) as connection:
                        await connection.execute(text("SELECT 1"))
                except Exception as error:
                    errors.append(error)
    finally:
        await engine.dispose()
    assert errors, "whoever is first to use one hears of it"
    assert [type(each).__name__ for each in errors if not transient(each)] == []
