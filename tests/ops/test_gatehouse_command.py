"""The `gatehouse` command: from any folder, without Python, with and without what `up` left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
STANDINS = Path(__file__).parent / "standins"


def _run(script: Path, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEHOUSE_", "TEMPORAL_"))}
    return subprocess.run(
        ["/bin/bash", str(script), *arguments],
        cwd=cwd,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A project in a folder with a space whose Python environment is this one, and whose cli.py says what it was given."""
    project = tmp_path / "a project"
    project.mkdir()
    for name in ("gatehouse", "requirements.lock", "requirements-dev.lock", "requirements-uv.lock"):
        (project / name).write_bytes((ROOT / name).read_bytes())
    (project / "cli.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.getcwd(), *(f'{n}={v}' for n, v in sorted(os.environ.items()) if n.startswith('GATEHOUSE_')), sep='\\n')\n"
        "sys.exit(7)\n"
    )
    bin_folder = project / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    stamp = subprocess.run(
        ["cksum"], input=(project / "requirements.lock").read_bytes(), capture_output=True, check=True
    )
    (project / ".venv" / ".gatehouse-runtime").write_bytes(stamp.stdout)
    return project


def test_help_lists_the_commands_and_is_what_comes_without_any(tmp_path):
    asked = _run(ROOT / "gatehouse", "help", cwd=tmp_path)
    assert asked.returncode == 0
    for command in ("up", "test", "demo", "import"):
        assert f"./gatehouse {command}" in asked.stdout
    assert _run(ROOT / "gatehouse", cwd=tmp_path).stdout == asked.stdout


def test_without_python_one_line_says_so(tmp_path):
    ended = _run(ROOT / "gatehouse", "up", cwd=tmp_path, PATH="", GATEHOUSE_VENV=str(tmp_path / "venv"))
    assert ended.returncode == 1
    assert ended.stderr == (
        "gatehouse: Python 3.11 or newer is needed and none was found on the PATH; install it or set GATEHOUSE_PYTHON.\n"
    )


def test_an_old_python_is_not_taken(tmp_path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    ended = _run(ROOT / "gatehouse", "up", cwd=tmp_path, PATH=str(tmp_path), GATEHOUSE_VENV=str(tmp_path / "venv"))
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    ended = _run(
        ROOT / "gatehouse", "up", cwd=tmp_path, GATEHOUSE_PYTHON=str(old), GATEHOUSE_VENV=str(tmp_path / "venv")
    )
    assert ended.stderr == f"gatehouse: GATEHOUSE_PYTHON ({old}) is not a Python 3.11 or newer.\n"


def test_a_folder_that_is_no_python_environment_is_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("x")
    ended = _run(ROOT / "gatehouse", "up", cwd=tmp_path, GATEHOUSE_VENV=str(precious))
    assert ended.returncode == 1
    assert "is no Python environment; move it away or set GATEHOUSE_VENV" in ended.stderr
    assert [path.name for path in precious.iterdir()] == ["thesis.txt"]


def test_other_commands_go_to_the_command_line_in_the_callers_folder(copy, tmp_path):
    ended = _run(copy / "gatehouse", "import", "a file.835", cwd=tmp_path)
    assert ended.returncode == 7, ended.stderr
    arguments, folder, *environment = ended.stdout.splitlines()
    assert arguments == "['import', 'a file.835']"
    assert folder == str(tmp_path)
    assert environment == [f"GATEHOUSE_DATA_DIR={copy}/data"]


def test_other_commands_find_what_up_left_and_the_environment_comes_first(copy, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "development.env").write_text(
        "# comment\nGATEHOUSE_KEYS='k1:abc='\nGATEHOUSE_LISTEN_PORT='8081'\nGATEHOUSE_PAYER__NAME='O\\'Hara \\\\ $HOME `id`'\nGATEHOUSE_BROKEN=x\n"
    )
    ended = _run(copy / "gatehouse", "demo", cwd=tmp_path, GATEHOUSE_DATA_DIR="state", GATEHOUSE_LISTEN_PORT="9000")
    assert ended.stdout.splitlines()[2:] == [
        f"GATEHOUSE_DATA_DIR={tmp_path}/state",
        "GATEHOUSE_KEYS=k1:abc=",
        "GATEHOUSE_LISTEN_PORT=9000",
        "GATEHOUSE_PAYER__NAME=O'Hara \\ $HOME `id`",
    ]


def _cli(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEHOUSE_", "TEMPORAL_"))}
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *arguments],
        cwd=cwd, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_command_that_is_not_known_is_answered_with_all_that_are(tmp_path):
    ended = _cli("foo", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("gatehouse: there is no command `foo`. The commands are: up, test, help, migrate, ")
    assert "skip" in ended.stderr
    assert "up, test, help" in _cli("--help", cwd=tmp_path).stdout


def test_without_keys_a_command_says_that_up_makes_them(tmp_path):
    ended = _cli("import", "file.835", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[1:] == ["Run ./gatehouse up first (it makes the keys), or set GATEHOUSE_KEYS."]


def test_up_takes_no_arguments(copy, tmp_path):
    ended = _run(copy / "gatehouse", "up", "--port", "9", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith("gatehouse: `up` takes no arguments")


def test_leaving_flushes_keeps_the_code_and_skips_the_interpreters_exit():
    script = "import atexit\nfrom ops.leaving import leave\natexit.register(lambda: print('too late'))\nprint('written', end='')\nleave(5)"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (5, "written")


_UV_STAND_IN = """\
import fcntl, pathlib, sys
place = pathlib.Path(sys.argv[1])
with (place / ".lock").open("w") as lock:  # uv's own lock on an environment: nobody else may hold it
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
(place / "uv-was-asked").write_text(sys.argv[-1])
"""


def _with_stand_in_for_uv(project: Path) -> Path:
    """The project's environment with a stand-in for uv that notes which lock file it was to install."""
    place = project / ".venv"
    (place / "pyvenv.cfg").touch()
    (place / "uv" / "bin").mkdir(parents=True)
    (place / "uv.py").write_text(_UV_STAND_IN)
    uv = place / "uv" / "bin" / "uv"
    uv.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{place}/uv.py" "{place}" "$@"\n')
    uv.chmod(0o755)
    (place / ".gatehouse-uv").write_bytes(
        subprocess.run(
            ["cksum"], input=(project / "requirements-uv.lock").read_bytes(), capture_output=True, check=True
        ).stdout
    )
    return place / "uv-was-asked"


@pytest.mark.parametrize(("before", "installed"), [("runtime", "requirements.lock"), ("dev", "requirements-dev.lock")])
def test_a_changed_lock_is_installed_once_and_development_packages_stay(copy, tmp_path, before, installed):
    asked = _with_stand_in_for_uv(copy)
    (copy / ".venv" / f".gatehouse-{before}").write_text("another lock\n")
    (copy / "requirements.lock").write_text("changed")
    ended = _run(copy / "gatehouse", "migrate", cwd=tmp_path)
    assert ended.returncode == 7, ended.stderr
    assert asked.read_text() == f"{copy}/{installed}"
    asked.unlink()
    again = _run(copy / "gatehouse", "migrate", cwd=tmp_path)
    assert (again.returncode, again.stderr, asked.exists()) == (7, "", False)


def test_packages_that_cannot_be_installed_are_a_clear_line_and_are_tried_again(copy, tmp_path):
    asked = _with_stand_in_for_uv(copy)
    (copy / "requirements.lock").write_text("changed")
    broken = copy / ".venv" / "uv.py"
    broken.write_text("import sys\nsys.exit('no network')\n")
    ended = _run(copy / "gatehouse", "migrate", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.endswith(
        "no network\ngatehouse: the packages could not be installed (the reason is above); is the package registry reachable?\n"
    )
    broken.write_text(_UV_STAND_IN)
    assert _run(copy / "gatehouse", "migrate", cwd=tmp_path).returncode == 7
    assert asked.exists()
