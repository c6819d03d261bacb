"""Key epochs over HTTP, as every service offers them: asked for once, ended by two people, refused with both counts."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from services.review.api import make_app
from shared.bodies import Plain, store
from shared.db import connect, transaction
from shared.epoch_turn import EpochTurn
from shared.http import edge_of
from shared.keys import Keys, read_keys
from shared.policy import read_pack
from shared.settings import Settings
from tests.stack import POLICY, clone
from tools.rewrap import rewrap
from tools.stack import issuer, keys
from tools.stack.settings import role_url

PACK = read_pack(POLICY.read_bytes(), POLICY.name)
FIRST, SECOND = "D-HIM1", "D-HIM2"
QUIET = Console(quiet=True)


class Service:
    """Review's API and worker on a database of their own."""

    def __init__(self, client: httpx.AsyncClient, folder: Path, url: str, worker: AsyncEngine) -> None:
        self.client, self.folder, self.url, self.worker = client, folder, url, worker
        self.keys: Keys = read_keys(folder, "review")

    async def post(self, path: str, who: str = FIRST, **headers: str) -> httpx.Response:
        named = {"Authorization": f"Bearer {issuer.token(who, self.folder)}", "Idempotency-Key": f"key-{uuid4()}"}
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"/v1/epochs{path}", headers=named | told)

    async def get(self, path: str = "", who: str = "auditor") -> httpx.Response:
        headers = {"Authorization": f"Bearer {issuer.token(who, self.folder)}"}
        return await self.client.get(f"/v1/epochs{path}", headers=headers)

    async def states(self) -> list[str]:
        return [each["state"] for each in (await self.get()).json()["epochs"]]

    async def turn(self) -> None:
        await EpochTurn(self.worker, "review", self.keys).turn()

    async def step(self, path: str, who: str) -> httpx.Response:
        seen = await self.get("/1")
        return await self.post(f"/1{path}", who, If_Match=seen.headers["etag"])


@pytest.fixture
async def service(database, tmp_path) -> AsyncIterator[Service]:
    admin, paths = database
    server = f"{admin.rpartition('/')[0]}/epochs_{secrets.token_hex(6)}"
    clone(admin, server.rpartition("/")[2])
    keys.make(tmp_path)
    sealing = read_keys(tmp_path, "review")
    settings = Settings(keys=tmp_path, jwks_file=tmp_path / "jwks.json")
    urls = {kind: role_url(server, f"tenure_review_{kind}", paths) for kind in ("api", "worker")}
    engines = {kind: connect(url, name="tests", pool_size=2) for kind, url in urls.items()}
    app = make_app(engines["api"], edge_of("review", settings, sealing, PACK), sealing)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://review") as client:
        yield Service(client, tmp_path, urls["worker"], engines["worker"])
    for engine in engines.values():
        await engine.dispose()


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_from_its_beginning_to_its_destroyed_key(service: Service) -> None:
    asked = await service.post("", Idempotency_Key="the-same-key")
    again = await service.post("", Idempotency_Key="the-same-key")
    assert (asked.status_code, asked.json()["epoch"], asked.json()["state"]) == (202, 2, "asked")
    assert again.json() == asked.json(), "sent twice, asked for once"
    assert problem(await service.post("")) == (409, "epoch_asked")
    await service.turn()
    assert await service.states() == ["open", "open"]
    assert problem(await service.post("")) == (409, "epoch_not_ended")
    assert (await service.step("/end", FIRST)).json()["end_proposed_by"] == FIRST
    assert problem(await service.step("/end/approve", FIRST)) == (409, "same_person")
    assert (await service.step("/end/approve", SECOND)).json()["state"] == "ended"
    await service.turn()
    assert await service.states() == ["destroyed", "open"]
    shown: dict[str, Any] = (await service.get("/1")).json()
    assert (shown["end_proposed_by"], shown["ended_by"]) == (FIRST, SECOND)
    assert shown["planned_end_on"] > shown["began_at"][:10]


async def test_an_end_is_refused_with_both_counts_while_keys_are_left(service: Service) -> None:
    async with transaction(service.worker) as connection:
        await store(connection, service.keys, [Plain(None, b"text")] * 3)
    await service.post("")
    await service.turn()
    await service.step("/end", FIRST)
    refused = await service.step("/end/approve", SECOND)
    assert problem(refused) == (409, "epoch_has_live_keys")
    assert "3 live keys are wrapped under it, and 3 bodies" in refused.json()["detail"]
    assert await rewrap("review", service.url, service.keys, QUIET) == 0
    assert (await service.step("/end/approve", SECOND)).status_code == 200


async def test_what_cannot_be_is_refused_by_name(service: Service) -> None:
    assert problem(await service.step("/end/approve", SECOND)) == (409, "not_proposed")
    assert problem(await service.get("/7")) == (404, "epoch_unknown")
    assert problem(await service.post("/7/end", If_Match='"1"')) == (404, "epoch_unknown")
    assert problem(await service.post("/1/end")) == (428, "precondition_required")
    assert problem(await service.post("/1/end", If_Match='"9"')) == (412, "precondition_failed")
    assert problem(await service.get("/0")) == (422, "malformed")
    await service.step("/end", FIRST)
    assert problem(await service.step("/end/approve", SECOND)) == (409, "epoch_newest")
