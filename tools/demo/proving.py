"""What remains of a record: a certificate, checked before the eyes with commands that anyone can run."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tools.demo import arriving, evidence, people
from tools.demo.disposing import order_of
from tools.demo.estate import Estate
from tools.demo.people import APPROVED
from tools.demo.so_far import SoFar
from tools.stack.paths import ROOT

SHOWN_ON_CERTIFICATE = (
    "record_type", "class_title", "group", "rule", "keep_until", "decided_by", "approved_by", "method", "executed_at",
    "irrecoverable_from", "state",
)  # fmt: skip
INCLUSION = Path("tools/demo/inclusion.py")


def remains(estate: Estate, _: SoFar) -> None:
    """Show what remains of a disposed record, and that nothing else does."""
    tell = estate.teller
    disposal = order_of(estate, APPROVED.record, "shredded")["disposal_id"]
    whole = estate.wait("both holders' answers", 60, lambda: _answered(estate, disposal))
    proof = whole["certificate"]
    tell.quote(f"{name:<19}{_plain(proof[name])}" for name in SHOWN_ON_CERTIFICATE if proof.get(name) not in (None, []))
    signed = (proof["decided_by"], proof["approved_by"])
    tell.prove(signed == ("D-RO1", ["D-HIM1"]), "it names who decided and who approved", signed)
    text = msgspec.json.encode(proof).decode()
    bare = str(APPROVED.record) not in text and "made up" not in text
    tell.prove(bare, "it holds no content and not the record's id")
    answers = {each["holder"]: each["answer"] for each in whole["confirmations"]}
    told = ", ".join(f"{holder} {answer}" for holder, answer in answers.items())
    tell.prove(answers.get("intake") == "erased", f"each holder of a copy has answered, signed: {told}", answers)
    asked = {"purpose": "retention_review", "reference": "DEMO-3"}
    blind = estate.try_("D-RO1", "intake", "POST", f"/v1/records/{APPROVED.record}/views", asked)
    tell.prove(blind.status == 404, f"its content cannot be shown any more: {blind.refusal}", blind)
    receipt = arriving.sent(estate, people.crime_state(APPROVED, [], 2, "made up: sent after the disposal"))
    codes = [each["code"] for each in receipt["reasons"]]
    tell.prove(codes == ["disposed"], "a later state of it is quarantined: nothing brings a record back", receipt)
    _check(estate, disposal)


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _answered(estate: Estate, disposal: str) -> dict[str, Any] | None:
    whole: dict[str, Any] = estate.get("retention", f"/v1/disposals/{disposal}")
    holders = {each["holder"] for each in whole["confirmations"]}
    return whole if whole["certificate"] and holders >= {"intake", "review"} else None


def _check(estate: Estate, disposal: str) -> None:
    """Write the certificate's evidence to files and check it as an auditor would."""
    tell, folder = estate.teller, estate.stack.paths.home / "proof"
    database, keys = estate.stack.environment()["TENURE_VERIFY_DATABASE_URL"], estate.stack.paths.keys
    estate.wait("a signed head over it", 60, lambda: evidence.gather(database, disposal, keys, folder))
    named = folder.relative_to(ROOT)
    tell.say(f"how to check it: the certificate, its way into the ledger and a signed head are in {named}/")
    tell.command(f"python3 {INCLUSION} {named}")
    included = _inclusion(folder)
    tell.quote(included.stdout.splitlines())
    tell.prove(included.returncode == 0, "the certificate stands in the ledger", included.returncode)
    _signature(estate, folder)
    forged = folder.with_name("forged")
    shutil.copytree(folder, forged)
    altered = (forged / "certificate.json").read_bytes().replace(b"D-RO1", b"D-RO2")
    (forged / "certificate.json").write_bytes(altered)
    refused = _inclusion(forged)
    tell.quote(refused.stdout.splitlines())
    tell.prove(refused.returncode == 1, "with another decider written into it, the same command refuses it")
    shutil.rmtree(forged)


def _inclusion(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(INCLUSION), str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _signature(estate: Estate, folder: Path) -> None:
    """Check the head's signature with openssl; where there is none, with this environment's own library."""
    tell, named = estate.teller, folder.relative_to(ROOT)
    tell.command(f"cd {named}")
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "retention.pem", "-rawin"]
    files = ["-in", "head.txt", "-sigfile", "head.sig"]
    tell.command(" ".join([*command, "\\"]))
    tell.command("  " + " ".join(files), prompt=" ")
    if shutil.which("openssl"):
        ran = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, check=False)
        tell.quote((ran.stdout + ran.stderr).splitlines())
        holds = ran.returncode == 0
    else:
        tell.say("(openssl is not installed here; Python's cryptography package checks the same)")
        holds = _verified(folder)
    tell.prove(holds, "and retention's key has signed the head that it stands under")


def _verified(folder: Path) -> bool:
    key = load_pem_public_key((folder / "retention.pem").read_bytes())
    assert isinstance(key, Ed25519PublicKey), "the ledgers' keys are Ed25519"
    try:
        key.verify((folder / "head.sig").read_bytes(), (folder / "head.txt").read_bytes())
    except InvalidSignature:
        return False
    return True
