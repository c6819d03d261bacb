"""Calls a service's API as a person of the local stack."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from tools.cli.running import api_url
from tools.stack.errors import StackError
from tools.stack.issuer import token

_WAIT_SECONDS = 30


def call(
    service: str, method: str, path: str, role: str, body: object = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Give a service's answer; a refusal is told in its own words."""
    answer = _ask(service, method, path, role, body, headers or {})
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


def pages(service: str, path: str, role: str) -> Iterator[Any]:
    """Give a list's answers, page after page."""
    later: str | None = path
    while later:
        answer = _ask(service, "GET", later, role, None, {})
        yield answer.json()
        later = answer.links.get("next", {}).get("url")


def _ask(service: str, method: str, path: str, role: str, body: object, headers: Mapping[str, str]) -> httpx.Response:
    base = api_url(service)
    try:
        answer = httpx.request(
            method,
            base + path,
            json=body,
            headers={"Authorization": f"Bearer {token(role)}", **headers},
            timeout=_WAIT_SECONDS,
            trust_env=False,
        )
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        message = f"{service} at {base} does not answer ({reason}); `./tenure status` shows what runs."
        raise StackError(message) from None
    if answer.is_error:
        raise StackError(f"{service} refuses: {_reason(answer)}")
    return answer


def _reason(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    said = problem.get("detail") or problem.get("title") or "no reason given"
    return f"{said} ({problem.get('code', answer.status_code)})"
