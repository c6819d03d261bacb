"""The root command: what a machine lacks is said in one sentence with its mend, before anything is made."""

import ast
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest

from tools.stack.paths import ROOT

SCRIPT = ROOT / "tenure"


class Ended:
    """A program that has run and said nothing."""

    stdout = ()

    def __init__(self, returncode=0):
        self.returncode = returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Give the script as a module, at the root of a folder of its own, with a path that has spaces."""
    loaded = module_from_spec(spec_from_loader("tenure_script", SourceFileLoader("tenure_script", str(SCRIPT))))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loaded.__spec__.loader.exec_module(loaded)
    loaded.ROOT = tmp_path / "a folder with spaces"
    loaded.LOCK = loaded.ROOT / "requirements.lock"
    loaded.ROOT.mkdir()
    loaded.SYSTEM = tmp_path / "usr"
    monkeypatch.delenv("TENURE_PYTHON", raising=False)
    monkeypatch.setattr(os, "execve", lambda path, *_: pytest.exit(f"became {path}"))
    loaded.LOCK.write_text("")
    return loaded


def test_an_old_python_can_read_it_far_enough_to_refuse():
    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))


def test_an_old_python_hands_over_to_the_one_it_was_tried_with(script, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(script.shutil, "which", lambda name: f"/somewhere/{name}")

    with pytest.raises(pytest.exit.Exception, match=r"became /somewhere/python3\.11"):
        script.check_python()


def distributions_own(script, name, ensurepip=True):
    """Put a Python where a distribution has it."""
    python = script.SYSTEM / "bin" / name
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch(mode=0o755)
    if ensurepip:
        (script.SYSTEM / "lib" / name / "ensurepip").mkdir(parents=True)
    return python


def test_the_distributions_python_comes_before_the_one_it_was_called_with(script):
    distributions_own(script, "python3.13")
    first = distributions_own(script, "python3.12")

    with pytest.raises(pytest.exit.Exception, match=f"became {first}$"):
        script.check_python()


def test_it_hands_over_once(script, monkeypatch):
    distributions_own(script, "python3.12")
    monkeypatch.setenv("HANDED_OVER_BY_TENURE", "/somewhere/python3.12")

    script.check_python()

    assert "HANDED_OVER_BY_TENURE" not in os.environ, "what it starts decides for itself"


def test_a_distributions_python_without_environments_is_passed_over(script):
    distributions_own(script, "python3.11", ensurepip=False)

    script.check_python()


def test_the_python_that_is_named_comes_first(script, monkeypatch, tmp_path):
    distributions_own(script, "python3.11")
    named = tmp_path / "python"
    named.touch(mode=0o755)
    monkeypatch.setenv("TENURE_PYTHON", str(named))

    with pytest.raises(pytest.exit.Exception, match=f"became {named}$"):
        script.check_python()


def test_a_named_python_that_is_none_is_refused(script, monkeypatch, tmp_path):
    monkeypatch.setenv("TENURE_PYTHON", str(tmp_path / "nowhere"))

    with pytest.raises(SystemExit, match=r"TENURE_PYTHON names no program: .*nowhere; give the path of a Python"):
        script.check_python()


def test_the_python_it_already_runs_as_goes_on(script, monkeypatch):
    monkeypatch.setenv("TENURE_PYTHON", sys.executable)

    script.check_python()


def test_an_old_python_alone_is_refused(script, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(script.shutil, "which", lambda name: None)

    with pytest.raises(SystemExit, match=r"^tenure: Python 3\.11 or newer is needed; install the package python3\.11"):
        script.check_python()


@pytest.mark.parametrize("lacks", [{"venv"}, {"ensurepip", "pip"}], ids=["no venv", "neither ensurepip nor pip"])
def test_a_python_that_cannot_make_environments_is_refused(script, monkeypatch, lacks):
    monkeypatch.setattr(script, "has", lambda module: module not in lacks)

    with pytest.raises(SystemExit, match="install the package python3-venv"):
        script.check_prerequisites()


def test_packages_that_cannot_be_fetched_are_said_with_the_mend(script, monkeypatch):
    monkeypatch.setattr(script.subprocess, "Popen", lambda *_, **__: Ended(returncode=1))

    with pytest.raises(SystemExit, match=r"could not be installed .* check the network and try again"):
        script.install(script.environment_folder())


def test_pip_alone_does_without_ensurepip(script, monkeypatch):
    ran = []
    monkeypatch.setattr(script, "has", lambda module: module != "ensurepip")
    script.environment_folder().mkdir(parents=True)  # As `venv` would.
    monkeypatch.setattr(script.shutil, "rmtree", lambda path: None)
    for starts in ("run", "Popen"):
        monkeypatch.setattr(script.subprocess, starts, lambda command, **_: ran.append(command) or Ended())

    python = str(script.prepared())

    made, installed = ran
    assert "--without-pip" in made
    assert installed[:6] == [sys.executable, "-m", "pip", "--python", python, "install"]


def test_a_folder_that_python_cannot_search_is_refused(script, monkeypatch):
    monkeypatch.setattr(script, "ROOT", script.ROOT / "a:b")

    with pytest.raises(SystemExit, match=r"has a ':' in it, .*; move it"):
        script.check_prerequisites()


@pytest.mark.parametrize("closed", ["", ".tenure", ".tenure/keys"], ids=["the clone", "what is kept", "another's keys"])
def test_a_folder_of_somebody_else_is_refused(script, monkeypatch, closed):
    place = script.ROOT / closed
    place.mkdir(parents=True, exist_ok=True)
    may = os.access  # Root may write everywhere, and this test may run as root.
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(place) and may(path, mode))

    with pytest.raises(SystemExit, match=rf"may not write to {place}; run \./tenure as its owner, or from a copy"):
        script.check_writable()


def test_a_folder_of_our_own_is_fine(script):
    script.check_writable()
    (script.ROOT / ".tenure" / "keys").mkdir(parents=True)

    script.check_writable()


def test_an_environment_that_is_ready_is_used_as_it_is(script, monkeypatch):
    folder = script.environment_folder()
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    (folder / script.READY).touch()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("nothing is to be made"))
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("nothing is to be fetched"))

    assert script.prepared() == folder / "bin" / "python"
