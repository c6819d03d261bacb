"""Where to look, and as whom: addresses, demo people, and commands that work while the stack is up."""

import subprocess
import sys

import httpx

from tools.demo.estate import ASK_SECONDS_MAX, Estate
from tools.demo.people import HELD
from tools.demo.so_far import SoFar
from tools.stack.issuer import PEOPLE
from tools.stack.keys import SERVICES
from tools.stack.paths import ROOT
from tools.stack.service import without_settings

ROLES = (
    "upstream",
    "data_steward",
    "reviewing_officer",
    "records_manager",
    "head_of_information_management",
    "auditor",
)


def look(estate: Estate, _: SoFar) -> None:
    """Give addresses, people and commands; each command's request is made here first, with the token it prints."""
    tell = estate.teller
    tell.say("the services, each with its contract at /openapi.json:")
    for service in SERVICES:
        tell.say(f"  {service:<10} {estate.url(service)}/v1")
    tell.say("the people of the demonstration (`./tenure token --help` lists them all):")
    for role in ROLES:
        names = ", ".join(each.subject for each in PEOPLE if each.role == role)
        tell.say(f"  {names:<13} {role}")
    tell.say("ask as one of them:")
    answers = []
    for role, service, path in (
        ("records_manager", "retention", f"/v1/records/{HELD.record}/schedule"),
        ("auditor", "retention", "/v1/disposals?state=shredded&limit=3"),
        ("auditor", "intake", "/v1/reconciliation"),
        ("data_steward", "intake", "/v1/quarantine"),
        ("reviewing_officer", "review", "/v1/tasks"),
    ):
        url = estate.url(service) + path
        tell.command(f'curl -s -H "Authorization: Bearer $(./tenure token --demo {role})" \\')
        tell.command(f"  '{url}'", prompt=" ")
        answers.append(_asked(role, url))
    claim = "each of these was answered just now, with the token that its command gives"
    tell.prove(all(each == httpx.codes.OK for each in answers), claim, answers)


def _asked(role: str, url: str) -> int | str:
    """Give the status of the answer to a role's token, or why there is no token."""
    command = [sys.executable, "-m", "tools.cli", "token", "--demo", role]
    made = subprocess.run(command, cwd=ROOT, env=without_settings(), capture_output=True, text=True, check=False)
    if not made.stdout:
        return made.stderr
    said = {"Authorization": f"Bearer {made.stdout.strip()}"}
    return httpx.get(url, headers=said, timeout=ASK_SECONDS_MAX, trust_env=False).status_code
