"""Writes docs/contract from the code, and says where what is written there differs, or breaks what was released."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from services.intake import api as intake
from services.intake.api.inbound import schemas as inbound
from services.retention import api as retention
from services.review import api as review
from shared.http import house
from shared.http.contract import contract_of
from shared.policy.published import pack_schema
from tools.documents import asyncapi, breaking, models, vectors
from tools.documents.examples import examples
from tools.documents.models import INBOUND, Json, Undocumented
from tools.stack.paths import ROOT

FOLDER = ROOT / "docs" / "contract"
RELEASED = "released"
MEND = "run `./tenure documents`"
_SERVICES = {"intake": intake, "retention": retention, "review": review}
_COMPARED: Mapping[str, Callable[[Json, Json], Iterator[str]]] = {
    "asyncapi.json": breaking.of_asyncapi,
    **{f"openapi-{service}.json": breaking.of_openapi for service in _SERVICES},
    "vectors.json": breaking.of_vectors,
}


def documents(folder: Path = FOLDER) -> dict[str, Json]:
    """Give every document by its path; the examples of inbound events are read, not written."""
    shown, known = examples(folder / "examples"), models.schemas()
    found = {"asyncapi.json": asyncapi.document(shown), "vectors.json": vectors.document()}
    for service in _SERVICES:
        found[f"openapi-{service}.json"] = openapi(service)
    found["policy-pack.json"] = pack_schema()
    for kind in models.declared():
        found[f"schemas/{kind}.json"] = models.alone(kind, known)
        if kind not in INBOUND:
            found[f"examples/{kind}.json"] = shown[kind]
    return found


def openapi(service: str) -> Json:
    """Give a service's OpenAPI document, the same that its API shows."""
    api = _SERVICES[service]
    table = {**house.HOUSE_ROLES, **api.ROLES}
    return contract_of(api.TITLE, (house.router, *api.ROUTERS), table, inbound() if service == "intake" else None)[1]


def text_of(document: Json) -> str:
    """Give a document as it is written."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> int:
    """Write every document, and take away what nothing declares any more; gives how many there are."""
    made = documents(folder)
    for path in _stale(folder, made):
        path.unlink()
    for name, document in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text_of(document))
    return len(made)


def faults(folder: Path = FOLDER) -> Iterator[str]:
    """Say where the documents differ from the code, and what the code breaks of what was released."""
    try:
        made = documents(folder)
    except Undocumented as undocumented:
        yield str(undocumented)
        return
    for name, document in made.items():
        path = folder / name
        if not path.exists() or path.read_text() != text_of(document):
            yield f"docs/contract/{name} is not what the code says; {MEND}."
    yield from (
        f"docs/contract/{path.relative_to(folder)} is of nothing that there is; {MEND}."
        for path in _stale(folder, made)
    )
    yield from broken(made, folder / RELEASED)


def broken(made: Mapping[str, Json], released: Path) -> Iterator[str]:
    """Say what breaks those who rely on the last released contract."""
    for name, compare in _COMPARED.items():
        if (path := released / name).exists():
            mend = "bring it back, or add beside it under a new major version"
            yield from (f"{name}: {what}; {mend}." for what in compare(json.loads(path.read_text()), made[name]))


def _stale(folder: Path, made: Mapping[str, Json]) -> list[Path]:
    known = {folder / name for name in made} | {folder / "examples" / f"{kind}.json" for kind in INBOUND}
    there = [*folder.glob("*.json"), *folder.glob("schemas/*.json"), *folder.glob("examples/*.json")]
    return sorted(set(there) - known)


def release(folder: Path = FOLDER) -> None:
    """Keep the documents as they stand as the last released ones."""
    (folder / RELEASED).mkdir(exist_ok=True)
    for name in _COMPARED:
        shutil.copyfile(folder / name, folder / RELEASED / name)
