"""What the user sets: refused in a sentence where the stack could not work with it."""

import pytest

from tools.stack.errors import StackError
from tools.stack.settings import from_user


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("tenure", id="no URL"),
        pytest.param("postgres://u:secret@h/db", id="another scheme"),
        pytest.param("postgresql://u:secret@h:5432", id="no database"),
        pytest.param("postgresql://u:secret@h:5432/db?nonsense=1", id="an unknown option"),
    ],
)
def test_a_database_url_that_cannot_work_is_refused_unquoted(monkeypatch, url):
    monkeypatch.setenv("TENURE_DATABASE_URL", url)

    with pytest.raises(StackError, match="postgresql://USER:PASSWORD@HOST:PORT/DATABASE") as refused:
        from_user()
    assert "secret" not in str(refused.value)


def test_relative_paths_start_where_the_user_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TENURE_POLICY", "mine.toml")
    monkeypatch.setenv("TENURE_DATABASE_URL", "postgresql://u:secret@h:5432/db")

    assert from_user()["TENURE_POLICY"] == str(tmp_path / "mine.toml")
