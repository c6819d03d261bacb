"""The three services' real apps on real databases of a test's own, with something in each, and tokens to ask with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx
from fastapi import FastAPI

from services.intake.api import make_app as intake_app
from services.intake.main import EVENTS_BYTES_MAX
from services.retention.api import make_app as retention_app
from services.review.api import make_app as review_app
from services.review.main import DEMO_PEOPLE
from services.review.storage.work import introduce
from shared.db import connect, transaction
from shared.http import edge_of
from shared.keys import read_keys
from shared.policy import read_pack
from shared.settings import Settings
from tests.stack import POLICY, clone
from tools.stack import issuer
from tools.stack.settings import role_url

SERVICES = ("intake", "retention", "review")


class Apis(NamedTuple):
    """The apps by service, and the folder of the issuer's keys."""

    apps: dict[str, FastAPI]
    folder: Path

    def client(self, service: str) -> httpx.AsyncClient:
        """Give a client of one service, without a network between."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.apps[service]), base_url=f"http://{service}")

    def token(self, role: str) -> str:
        """Give a token of a made-up person in a role."""
        return issuer.token(role, self.folder)


def own_database(database, kinds=("api",)) -> dict[str, str]:
    """Clone a database and give each role's URL: what is asked over HTTP is committed."""
    admin, paths = database
    server, name = admin.rpartition("/")[0], f"tenure_own_{uuid4().hex}"
    clone(f"{server}/postgres", name)
    roles = [f"{service}_{kind}" for service in SERVICES for kind in kinds]
    return {role: role_url(f"{server}/{name}", f"tenure_{role}", paths) for role in roles}


@asynccontextmanager
async def running(urls: dict[str, str], folder: Path) -> AsyncIterator[Apis]:
    """Make the apps on these databases, with the keys in a folder."""
    settings = Settings(keys=folder, jwks_file=folder / "jwks.json", clock="rehearsal")
    pack = read_pack(POLICY.read_bytes(), POLICY.name)
    sealing = {service: read_keys(folder, service) for service in SERVICES}
    engines = {service: connect(urls[f"{service}_api"], name="tests") for service in SERVICES}
    edges = {service: edge_of(service, settings, sealing[service], pack) for service in SERVICES}
    edges["intake"] = edge_of("intake", settings, sealing["intake"], pack, EVENTS_BYTES_MAX)
    try:
        async with transaction(engines["review"]) as connection:
            await introduce(connection, DEMO_PEOPLE)
        yield Apis(
            {
                "intake": intake_app(engines["intake"], edges["intake"], sealing["intake"], 0),
                "retention": retention_app(engines["retention"], edges["retention"]),
                "review": review_app(engines["review"], edges["review"], sealing["review"]),
            },
            folder,
        )
    finally:
        for engine in engines.values():
            await engine.dispose()
