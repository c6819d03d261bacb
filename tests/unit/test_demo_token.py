"""A token for the demonstration's stack: signed with its own key, refused in a sentence where none is up."""

import jwt
import pytest

from tools.cli import main, token
from tools.stack import issuer, keys
from tools.stack.paths import Paths


@pytest.fixture
def demo(tmp_path, monkeypatch) -> Paths:
    monkeypatch.setattr(token, "DEMO", Paths(tmp_path / "demo"))
    return token.DEMO


def test_its_stack_trusts_the_token_and_no_other_does(demo, tmp_path, capsys):
    keys.make(demo.keys)
    keys.make(tmp_path / "other")

    assert main.main(["token", "--demo", "auditor"]) == 0

    given = capsys.readouterr().out.strip()
    ours, theirs = (
        jwt.PyJWKSet.from_json((each / "jwks.json").read_text()) for each in (demo.keys, tmp_path / "other")
    )
    claims = jwt.decode(given, ours.keys[0], algorithms=["EdDSA"], audience=issuer.AUDIENCE)
    assert claims["roles"] == ["auditor"]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(given, theirs.keys[0], algorithms=["EdDSA"], audience=issuer.AUDIENCE)


def test_where_no_demonstration_is_up_it_says_how_to_start_one(demo, capsys):
    assert main.main(["token", "--demo", "auditor"]) == 1
    assert "`./tenure demo` starts one" in capsys.readouterr().err
    assert not demo.home.exists()
