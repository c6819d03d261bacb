"""Alembic's entry: runs one service's migrations in its own schema, as its owner."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

service = context.config.config_ini_section


def run(connection: Connection) -> None:
    """Run the migrations on a connection whose role and search path are the service's."""
    context.configure(
        connection=connection,
        version_table="alembic_version",
        version_table_schema=service,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = os.environ["TENURE_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url, poolclass=NullPool).begin() as own:
        own.execute(text(f'SET LOCAL ROLE "tenure_{service}_owner"'))
        own.execute(text(f'SET LOCAL search_path = "{service}"'))
        own.execute(text("SET LOCAL lock_timeout = '5s'"))
        run(own)
