"""The stack that the story plays on: asked over HTTP as one of its people, tended while waiting, moved in time."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx

from tools.demo.telling import Teller, Untrue
from tools.stack import issuer
from tools.stack.assembly import Stack
from tools.stack.keys import SERVICES
from tools.stack.supervisor import Watch

ASK_SECONDS_MAX = 30
POLL_SECONDS = 0.2
PAGE = 200

Found = TypeVar("Found")
Item = dict[str, Any]


class Answer(NamedTuple):
    """What a service answered."""

    status: int
    body: Any
    etag: str | None
    later: str | None

    @property
    def ok(self) -> bool:
        """Say whether it did what was asked."""
        return self.status < 400

    @property
    def refusal(self) -> str:
        """Give the sentence of a refusal."""
        said = self.body if isinstance(self.body, dict) else {}
        return f"{self.status} {said.get('code', '')}: {said.get('detail') or said.get('title') or 'no reason given'}"


class Estate:
    """One running stack, its people's tokens, and who looks after its processes."""

    def __init__(self, stack: Stack, teller: Teller) -> None:
        self.stack = stack
        self.teller = teller
        self.watches = {name: Watch(process) for name, process in stack.processes.items()}
        self._client = httpx.Client(timeout=ASK_SECONDS_MAX, trust_env=False)
        self._tokens: dict[str, str] = {}

    def url(self, service: str) -> str:
        """Give where a service's API is."""
        return f"http://127.0.0.1:{self.stack.ports[f'{service}-api']}"

    def try_(self, who: str, service: str, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Ask a service as one of the demo people; a refusal is an answer."""
        token = self._tokens.get(who) or self._tokens.setdefault(who, issuer.token(who, self.stack.paths.keys))
        sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        if method == "POST":
            sent.setdefault("Idempotency-Key", str(uuid4()))
        given = self._client.request(method, self.url(service) + path, json=body, headers=sent)
        try:
            found = given.json() if given.content else None
        except ValueError:
            found = None
        later = given.links.get("next", {}).get("url")
        return Answer(given.status_code, found, given.headers.get("etag"), later)

    def ask(self, who: str, service: str, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Ask a service as one of the demo people; a refusal ends the story."""
        answer = self.try_(who, service, method, path, body, **headers)
        if not answer.ok:
            raise Untrue(f"{service} refuses {who} {method} {path}: {answer.refusal}")
        return answer

    def get(self, service: str, path: str, who: str = "D-RM1", **query: object) -> Any:
        """Give what a service shows at a path."""
        return self.ask(who, service, "GET", _with(path, query)).body

    def pages(self, service: str, path: str, name: str, who: str = "D-RM1", **query: object) -> Iterator[Item]:
        """Give every item of a list, page after page; `name` is where the answer has the list, "" if it is one."""
        later: str | None = _with(path, {**query, "limit": PAGE})
        while later:
            answer = self.ask(who, service, "GET", later)
            yield from answer.body[name] if name else answer.body
            later = answer.later

    def wait(
        self,
        what: str,
        seconds_max: float,
        look: Callable[[], Found | None],
        total: int = 0,
        count: Callable[[], int] | None = None,
    ) -> Found:
        """Look until something is there, restarting what ends meanwhile; ends the story when the time is up.

        `count` says how many of the total are there, for the screen alone.
        """
        counted = None if count is None else lambda: self._looked(count) or 0
        with self.teller.waiting(what, total) as waiting:
            while True:
                self.tend()
                found = self._looked(look)
                if found:
                    return found
                if waiting.seconds > seconds_max:
                    raise Untrue(f"waited {seconds_max:.0f} s for {what}, and it did not come")
                waiting.at(counted)
                time.sleep(POLL_SECONDS)

    def _looked(self, look: Callable[[], Found | None]) -> Found | None:
        try:
            return look()
        except httpx.TransportError:
            return None

    def tend(self) -> None:
        """Start again what has ended, as the supervisor of `./tenure up` does."""
        for watch in self.watches.values():
            watch.tend(self.teller.say)

    def kill(self, name: str) -> int:
        """End a process with `kill -9`; gives the pid it had. Whoever waits next starts it again."""
        pid = self.pid(name)
        if pid is None:
            raise Untrue(f"{name} does not run, so it cannot be killed")
        self.stack.processes[name].kill()
        return pid

    def pid(self, name: str) -> int | None:
        """Give the pid that a process has now; None if it does not run."""
        identity = self.stack.processes[name].identity()
        return identity.pid if identity else None

    def await_ready(self, name: str) -> None:
        """Wait until a process is ready again."""
        self.wait(f"{name} to be ready", 60, self.stack.processes[name].ready)

    def today(self) -> date:
        """Give the system's civil date."""
        return date.fromisoformat(self.get("retention", "/v1/clock", "D-HIM1")["date"])

    def move_to(self, day: date) -> None:
        """Move the rehearsal's civil date forward in all three services."""
        for service in SERVICES:
            self.ask("D-HIM1", service, "PUT", "/v1/clock", {"date": day.isoformat()})
        self.teller.say(f"the clock of all three services now says {day:%-d %B %Y}")

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def schedule(self, record: UUID) -> Item | None:
        """Give a record's schedule; None while retention does not know it."""
        answer = self.try_("D-RM1", "retention", "GET", f"/v1/records/{record}/schedule")
        found: Item | None = answer.body if answer.ok else None
        return found


def _with(path: str, query: Mapping[str, object]) -> str:
    given = {("class" if name == "class_" else name): value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
