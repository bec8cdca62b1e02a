"""Settings: each documented, each mistake one clear line without its value, no placeholder in production."""

import base64
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from domain.limits import Limits
from ops.settings import Payer, Settings, describe_error, documented_settings, settings_table

GOOD_KEY = "k1:" + base64.b64encode(bytes((7 * n * n + 13) % 251 for n in range(32))).decode()
DOCUMENTATION = Path(__file__).resolve().parent.parent.parent / "docs" / "operating.md"


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Sets `GATEHOUSE_*` variables, given without the prefix, and nothing else."""
    for name in list(os.environ):
        if name.startswith("GATEHOUSE_"):
            monkeypatch.delenv(name)

    def put(**values: str) -> None:
        for name, value in ({"KEYS": GOOD_KEY, "DATA_DIR": str(tmp_path)} | values).items():
            monkeypatch.setenv(f"GATEHOUSE_{name}", value)

    return put


def test_every_setting_has_a_description():
    assert [setting.variable for setting in documented_settings() if len(setting.description) < 15] == []


def test_the_documentation_lists_every_setting_as_it_is():
    text = DOCUMENTATION.read_text(encoding="utf-8")
    assert settings_table() in text, "docs/operating.md is behind: put the output of `python -m ops.settings` into it"


def test_the_documentation_names_no_setting_that_does_not_exist():
    known = {setting.variable for setting in documented_settings()} | {
        f"GATEHOUSE_{name}"
        for name in ("VENV", "PYTHON", "CHROMIUM", "READY_FILE", "TEMPORAL_PORT", "TEMPORAL_UI_PORT")
    }
    named = set(re.findall(r"\b(GATEHOUSE_[A-Z_]*[A-Z])\b", DOCUMENTATION.read_text(encoding="utf-8")))
    assert named - known == set()


def test_defaults_are_enough_beside_the_keys(environment, tmp_path):
    environment()
    settings = Settings.load()
    assert settings.environment == "production"
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/gatehouse.db"
    assert settings.mailbox_dir is None
    assert settings.payer == Payer()
    assert settings.payer.postal_lines[-1] == "Springfield, IL 62701"


def test_what_up_left_in_the_data_folder_is_read_and_the_environment_comes_first(environment, tmp_path):
    environment(LISTEN_PORT="9001")
    (tmp_path / "development.env").write_text(
        "GATEHOUSE_LISTEN_PORT='9002'\nGATEHOUSE_SMTP_PORT='9003'\nTEMPORAL_ADDRESS='x'\n"
    )
    settings = Settings.load()
    assert (settings.listen_port, settings.smtp_port) == (9001, 9003)


def test_nested_and_listed_settings_are_read(environment):
    environment(PAYER__NAME="Example Plan", LIMITS__PAYMENT_TRIES="3", TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.7")
    settings = Settings.load()
    assert settings.payer.name == "Example Plan"
    assert settings.limits.payment_tries == 3
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "192.0.2.7/32"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("86400", timedelta(days=1)), (" 172800 ", timedelta(days=2)), ("P3D", timedelta(days=3))],
)
def test_durations_are_seconds_or_iso_8601(environment, written, meant):
    durations = [name for name, field in Limits.model_fields.items() if field.annotation is timedelta]
    assert len(durations) > 20
    environment(**{f"LIMITS__{name.upper()}": written for name in durations})
    limits = Settings.load().limits
    assert {getattr(limits, name) for name in durations} == {meant}
    environment(LIMITS__AUTHORIZATION_RESEND_GAP="20")
    assert Settings.load().limits.authorization_resend_gap == timedelta(seconds=20)


def test_several_durations_are_given_in_brackets(environment):
    environment(LIMITS__AUTHORIZATION_REMINDERS='[604800, "P14D"]')
    assert Settings.load().limits.authorization_reminders == (timedelta(days=7), timedelta(days=14))


def _complaint(values, environment) -> str:
    environment(**values)
    try:
        Settings.load()
    except (ValidationError, SettingsError) as error:
        return describe_error(error)
    pytest.fail("the settings were accepted")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"KEYS": ""}, "GATEHOUSE_KEYS is missing."),
        ({"KEYS": "k1:MARKER"}, "GATEHOUSE_KEYS can't be read: key 1 of the keyring"),
        ({"LISTEN_PORT": "MARKER"}, "GATEHOUSE_LISTEN_PORT is wrong: "),
        ({"LISTEN_PORT": "70000"}, "GATEHOUSE_LISTEN_PORT is wrong: "),
        ({"SMTP_SECURITY": "MARKER"}, "GATEHOUSE_SMTP_SECURITY is wrong: input should be 'none', 'starttls' or 'tls'"),
        ({"SMTP_FROM": "MARKER"}, "GATEHOUSE_SMTP_FROM must be one e-mail address"),
        ({"SITE_URL": "https://example.org/MARKER"}, "GATEHOUSE_SITE_URL must be an address without a path"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,MARKER"}, "GATEHOUSE_TRUSTED_PROXIES must be addresses or networks"),
        ({"PAYER__COLOUR_PRIMARY": "MARKER"}, "GATEHOUSE_PAYER__COLOUR_PRIMARY must be a colour"),
        ({"PAYER__COLOUR_PRIMARY": "#8a8a8a"}, "GATEHOUSE_PAYER__COLOUR_PRIMARY is too light"),
        ({"PAYER": "MARKER"}, "GATEHOUSE_PAYER can't be read"),
        ({"LIMITS__CODE_TRIES": "0"}, "GATEHOUSE_LIMITS__CODE_TRIES is wrong: "),
        (
            {"LIMITS__CODE_LIFE": "MARKER"},
            "GATEHOUSE_LIMITS__CODE_LIFE is wrong: a duration is seconds, such as 90, or",
        ),
        ({"LIMITS__CODE_LIFE": "9" * 5000}, "GATEHOUSE_LIMITS__CODE_LIFE is wrong: a duration is seconds"),
        ({"SMTP_PASSWORD": "MARKER"}, "GATEHOUSE_SMTP_USERNAME is missing although a password is set"),
        ({"TASK_QUEUE": "a b MARKER"}, "GATEHOUSE_TASK_QUEUE is wrong: "),
    ],
)
def test_a_mistake_is_one_line_that_names_the_variable_and_not_the_value(environment, values, says):
    complaint = _complaint(values, environment)
    assert complaint.startswith(says)
    assert "\n" not in complaint
    assert "MARKER" not in complaint


def test_several_mistakes_are_a_line_each(environment):
    complaint = _complaint({"LISTEN_PORT": "x", "SMTP_PORT": "y"}, environment)
    assert [line.split(" ")[0] for line in complaint.splitlines()] == ["GATEHOUSE_LISTEN_PORT", "GATEHOUSE_SMTP_PORT"]


def _key(content: bytes) -> str:
    return "k1:" + base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("values", "variable"),
    [
        ({"KEYS": _key(bytes(32))}, "GATEHOUSE_KEYS"),
        ({"KEYS": _key(b"\x07" * 32)}, "GATEHOUSE_KEYS"),
        ({"KEYS": _key(bytes(range(32)))}, "GATEHOUSE_KEYS"),
        ({"KEYS": _key(b"changeme-changeme-changeme-chang")}, "GATEHOUSE_KEYS"),
        ({"KEYS": f"{GOOD_KEY},k0:{_key(bytes(32))[3:]}"}, "GATEHOUSE_KEYS"),
        ({"CODEC_SERVER_TOKEN": "short"}, "GATEHOUSE_CODEC_SERVER_TOKEN"),
        ({"CODEC_SERVER_TOKEN": "please-change-me-please-change-me"}, "GATEHOUSE_CODEC_SERVER_TOKEN"),
        ({"SMTP_USERNAME": "portal", "SMTP_PASSWORD": "changeme", "SMTP_SECURITY": "tls"}, "GATEHOUSE_SMTP_PASSWORD"),
        (
            {"SMTP_USERNAME": "portal", "SMTP_PASSWORD": "b7Wq-x93", "SMTP_HOST": "smtp.example.org"},
            "GATEHOUSE_SMTP_SECURITY",
        ),
        ({"DATABASE_URL": "postgresql+psycopg://gatehouse:gatehouse@db/gatehouse"}, "GATEHOUSE_DATABASE_URL"),
        ({"MAILBOX_DIR": "mails"}, "GATEHOUSE_MAILBOX_DIR"),
        ({"SITE_URL": "http://portal.example.org"}, "GATEHOUSE_SITE_URL"),
    ],
)
def test_what_only_development_may_have_is_refused_in_production(environment, values, variable):
    complaint = _complaint(values, environment)
    assert complaint.startswith(f"{variable} ")
    assert "\n" not in complaint
    environment(ENVIRONMENT="development", **values)
    Settings.load()


def test_secrets_are_not_shown(environment):
    environment(
        DATABASE_URL="postgresql+psycopg://gatehouse:MARKER@db/x",
        SMTP_USERNAME="u",
        SMTP_PASSWORD="MARKER",
        SMTP_SECURITY="tls",
    )
    shown = repr(Settings.load())
    assert "MARKER" not in shown
    assert GOOD_KEY.partition(":")[2] not in shown
