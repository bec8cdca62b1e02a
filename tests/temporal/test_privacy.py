"""I12, B10: a run with marker values, and none of them in clear in histories, visibility, rows, logs or subjects."""

import base64
import binascii
import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, create_engine, inspect, select
from sqlmodel import SQLModel
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, ListWorkflowExecutionsRequest

from db.directory import Vendor
from db.schema import sync_url
from ops.mailbox import Fault
from portal import account_setup, registering, resuming, signing_in
from portal.refusals import Refusal
from tests.house import House, code_in, key
from tests.logs import captured_logs
from tests.registration.test_notices_and_payees import change_directory

NAME = "Zworykina Qvistgaardson"
EMAIL = "zworykina.marker@clinic.example.org"
ORGANIZATION = "Quillfeather Marker Clinic"
TIN = "087319462"
VENDOR = "QMARK7731"
CHECK = "7731884206"
AMOUNT = "7,319.46"
PASSWORD = "marker quagga ninefold"

# Where the directory and what was proved may be read: an organization's public numbers and its name.
ALLOWED = {
    ("organization", "name"), ("npi_record", "npi"), ("npi_record", "name"), ("organization_npi", "npi"),
    ("vendor", "number"), ("payment", "number"), ("payment", "npi"), ("payment", "vendor_number"),
    ("payment", "amount_cents"), ("registration", "npi"), ("evidence", "npi"), ("access", "npi"),
}  # fmt: skip


def texts(value: object) -> Iterator[str]:
    """Every text in a JSON document, and what it says if it's base64."""
    match value:
        case dict():
            for name, part in value.items():
                yield str(name)
                yield from texts(part)
        case list():
            for part in value:
                yield from texts(part)
        case str():
            yield value
            with suppress(binascii.Error):
                yield base64.b64decode(value, validate=True).decode("latin-1")
        case _:
            yield str(value)


class Markers:
    """The values that must not be found, each as it may be written."""

    def __init__(self, **values: str) -> None:
        self.patterns = {
            name: re.compile(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])", re.IGNORECASE)
            for name, value in values.items()
        }

    def in_text(self, text: str) -> set[str]:
        return {name for name, pattern in self.patterns.items() if pattern.search(text)}

    def in_all(self, parts: Iterator[str]) -> set[str]:
        return set().union(*(self.in_text(part) for part in parts))


@pytest.fixture(scope="module")
async def marked(sqlite_house: House) -> tuple[House, list[UUID], Markers, str]:
    """A registration with everything going wrong once, its ids, its markers and its logs."""
    house = sqlite_house
    with captured_logs(logging.DEBUG) as stream:
        clinic = await house.new_clinic(
            name=ORGANIZATION, tin=TIN, number=CHECK, vendor_number=VENDOR, amount_cents=731946
        )
        await change_directory(house, Vendor(number=VENDOR, organization_id=clinic.id))
        claim = {"vendor": VENDOR, "document": CHECK, "amount": AMOUNT}
        house.sink.fault = Fault.TEMPORARY
        started = await house.start(email=EMAIL, name=NAME)
        rid = started.registration_id
        await registering.send_code(house.gate, rid, key=key())
        house.sink.fault = Fault.NONE
        code = code_in(await house.mail(to=EMAIL, subject="code"))
        await registering.confirm_email(house.gate, rid, code="000000", key=key())
        await registering.confirm_email(house.gate, rid, code=code, key=key())
        await resuming.mail_resume_links(house.gate, email=EMAIL)
        link = (await house.mail(to=EMAIL, subject="Go on")).text.split("/resume/")[1].split()[0]
        await registering.keep_organization(house.gate, rid, tin=TIN, vendor=VENDOR, npi="")
        await house.prove(started, clinic, **{**claim, "amount": "7,319.47"})
        await house.prove(started, clinic, **claim)
        with pytest.raises(Refusal):
            await house.prove(started, clinic, **claim)
        secret = await house.secured(started, name=NAME, password=PASSWORD)
        recovery = (await account_setup.recovery_codes(house.gate, rid))[0]
        await house.handle(rid).result()
        with pytest.raises(Refusal):
            await signing_in.sign_in(house.gate, email=EMAIL, password=PASSWORD + "x", caller=key(), client="test")
        # Somebody of the same organization and somebody of the same address come later.
        colleague = await house.confirmed(name="Other Person")
        await house.prove_notice(colleague, clinic)
        await house.secured(colleague, name="Other Person")
        again = await house.start(email=EMAIL, name=NAME)
        await house.quiet(again.registration_id)
        logged = stream.getvalue()
    markers = Markers(
        name="Zworykina", last_name="Qvistgaardson", address=EMAIL, organization="Quillfeather", tin=TIN, tin_dashed="08-7319462",
        vendor=VENDOR, check=CHECK, amount="731946", npi=clinic.npi, code=code, link=link, password=PASSWORD, word="quagga",
        second_factor=secret, recovery=recovery, token=started.token,
    )  # fmt: skip
    return house, [rid, colleague.registration_id, again.registration_id], markers, logged


Marked = tuple[House, list[UUID], Markers, str]


async def test_I12_histories_hold_no_marker_in_clear(marked: Marked):
    house, registrations, markers, _ = marked
    for rid in registrations:
        history = await house.handle(rid).fetch_history()
        assert len(history.events) > 5
        assert markers.in_all(texts(json.loads(history.to_json()))) == set()


async def test_I12_visibility_and_descriptions_hold_no_marker_in_clear(marked: Marked):
    house, registrations, markers, _ = marked
    service, namespace = house.client.workflow_service, house.client.namespace
    seen = str(
        await service.list_workflow_executions(ListWorkflowExecutionsRequest(namespace=namespace, page_size=1000))
    )
    for rid in registrations:
        execution = WorkflowExecution(workflow_id=f"registration/{rid}")
        seen += str(
            await service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(namespace=namespace, execution=execution)
            )
        )
    assert str(registrations[0]) in seen
    assert markers.in_text(seen) == set()


async def test_I12_rows_hold_no_marker_in_clear_but_the_directorys_public_ones(marked: Marked):
    house, _, markers, _ = marked
    found, looked_at = set(), 0
    engine = create_engine(sync_url(house.url))
    with engine.connect() as connection:
        there = set(inspect(engine).get_table_names())
        for table in (table for table in SQLModel.metadata.sorted_tables if table.name in there):
            for row in connection.execute(select(table)).mappings():
                for column in table.columns:
                    value = row[column.name]
                    text = (
                        bytes(value).decode("latin-1") if isinstance(column.type, LargeBinary) and value else str(value)
                    )
                    looked_at += 1
                    if markers.in_text(text) and (table.name, column.name) not in ALLOWED:
                        found.add((table.name, column.name, *markers.in_text(text)))
    engine.dispose()
    assert looked_at > 500
    assert found == set()


def test_I12_logs_hold_no_marker(marked: Marked):
    _, registrations, markers, logged = marked
    assert str(registrations[0]) in logged or "mail.send" in logged
    assert markers.in_text(logged) == set()


def test_I12_subjects_hold_no_marker(marked: Marked):
    house, _, markers, _ = marked
    subjects = {mail.subject for mail in house.mails(to=EMAIL)}
    assert len(subjects) >= 4
    assert markers.in_all(iter(subjects)) == set()


async def test_the_search_for_markers_finds_one(marked: Marked):
    """Otherwise the tests above could not fail."""
    house, registrations, markers, _ = marked
    status = await house.status(registrations[2])
    hidden = base64.b64encode(f'{{"email": "{EMAIL}"}}'.encode()).decode()
    assert markers.in_all(texts({"payloads": [{"data": hidden}]})) == {"address", "name"}
    assert markers.in_all(texts(json.loads(status.model_dump_json()))) == set()
