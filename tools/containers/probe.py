"""Say whether a process in this container answers that it is ready: `python -m tools.containers.probe PORT`."""

import json
import sys
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ANSWER_SECONDS_MAX = 4


def probe(port: int) -> tuple[bool, str]:
    """Ask `/readyz` on this host: whether it is ready, and what it said."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=ANSWER_SECONDS_MAX) as answer:
            return True, answer.read().decode()
    except HTTPError as error:
        return False, error.read().decode()
    except (URLError, TimeoutError) as error:
        return False, json.dumps({"status": "silent", "cause": str(error)})


if __name__ == "__main__":
    ready, said = probe(int(sys.argv[1]))
    print(said)
    sys.exit(0 if ready else 1)
