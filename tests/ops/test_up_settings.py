"""What `up` decides before it starts anything: limits of this machine alone, and which payment it shows."""

import json
import os
from pathlib import Path

import pytest

from ops.data_folder import DataFolder
from ops.demo_checks import free_checks, note_played
from ops.system import System, compose
from ops.up import summary

LIMIT = "GATEHOUSE_LIMITS__PAYMENT_TRIES_PER_CALLER"


def composed(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: str) -> System:
    """What `up` would start in this folder with nothing in the environment but these."""
    monkeypatch.setattr(os, "environ", {"TEMPORAL_ADDRESS": "127.0.0.1:9", **changes})
    claimed = DataFolder.claim(folder)
    try:
        return compose(claimed)
    finally:
        claimed.release()


@pytest.mark.parametrize(
    ("changes", "tries"),
    [
        ({}, 1000),
        ({LIMIT: "10"}, 10),
        ({"GATEHOUSE_ENVIRONMENT": "development"}, 1000),
        ({"GATEHOUSE_ENVIRONMENT": "production", "GATEHOUSE_SMTP_HOST": "smtp.example.org"}, 10),
    ],
    ids=["up", "asked-for", "development", "production"],
)
def test_I13_only_ups_own_development_forgives_one_address_more_failed_proofs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, str], tries: int
):
    system = composed(monkeypatch, tmp_path, **changes)
    assert system.settings.limits.payment_tries_per_caller == tries
    # Whatever else is started on this data folder has the limit of its own environment.
    assert LIMIT not in (tmp_path / "development.env").read_text()


def test_P1_a_payment_that_a_demonstration_has_taken_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    system = composed(monkeypatch, tmp_path)
    payments = [
        {"organization": f"Clinic {at}", "tin": "070000001", "document_number": f"00{at}", "amount": "12.30"}
        for at in range(2)
    ]
    (tmp_path / "demo").mkdir()
    assert "Tax ID" not in summary(system, took_s=1)
    (tmp_path / "demo" / "example.json").write_text(json.dumps({"check": payments[0], "unused_checks": payments[1:]}))
    for payment in payments:
        shown = summary(system, took_s=1)
        assert payment["organization"] in shown
        assert "made-up numbers: the page asks you to confirm the Tax ID" in shown
        assert free_checks(system.settings)[0] == payment
        note_played(system.settings, payment)
    assert "Every payment of the demo data has been used" in summary(system, took_s=1)
