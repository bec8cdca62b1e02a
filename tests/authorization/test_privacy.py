"""I12, B10: a request with marker values, approved and objected to, and none of them in clear where they'd be read."""

import json
import logging
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import LargeBinary, create_engine, inspect, select
from sqlmodel import SQLModel, col
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest

from db.authorizations import GrantRow
from db.schema import sync_url
from portal import deciding
from tests.authorization.scenes import new_billing_service, requested, state_of
from tests.deciding.contact import Contact
from tests.house import House, key
from tests.logs import captured_logs
from tests.temporal.test_privacy import Markers, texts
from workflows import names

# What the requester typed of the provider is read by the service's people, and searched by name.
ALLOWED = {
    ("organization", "name"), ("npi_record", "npi"), ("npi_record", "name"), ("organization_npi", "npi"),
    ("provider_authorization", "provider_name"), ("provider_authorization", "provider_key"),
    ("provider_authorization", "npi"), ("provider_authorization", "scope"), ("billing_grant", "npi"),
    ("billing_grant", "scope"), ("payment", "npi"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A request that ran through, its workflows, its markers and its logs."""

    house: House
    workflows: tuple[str, ...]
    markers: Markers
    logged: str
    subjects: frozenset[str]


@pytest.fixture(scope="module")
async def marked(sqlite_house: House) -> Marked:
    house = sqlite_house
    tin, contact_address = "087319558", f"qvistcontact.{uuid4().hex[:6]}@northfield.example.org"
    with captured_logs(logging.DEBUG) as stream:
        clinic = await house.new_clinic(name="Zaubermarker Clinic", tin=tin)
        service = await new_billing_service(house, domain="quillmarkers.example.org")
        request = await requested(house, service, clinic, npi=clinic.npi, contact=contact_address)
        contact = Contact(house=house, email=contact_address, name="Zworykina Qvistgaardson", role="Markeress of works")
        link = await contact.link(request)
        sitting, code = await contact.begun(request)
        await deciding.confirm(house.gate, sitting, code=code, key=key())
        await state_of(house, request, wanted="approved")
        await request.handle.result()
        async with house.database.read() as session:
            grant = await session.scalar(select(GrantRow).where(col(GrantRow.authorization_id) == request.id))
        assert grant is not None
        logged = stream.getvalue()
    markers = Markers(
        tin=tin, tin_dashed="08-7319558", npi=clinic.npi, contact=contact_address, local=contact_address.partition("@")[0],
        requester=service.lead.email, provider="Zaubermarker", link=link, code=code, decided_by="Zworykina",
        last_name="Qvistgaardson", role="Markeress", service_tin=service.tin,
    )  # fmt: skip
    mails = [*house.mails(to=contact_address), *house.mails(to=service.lead.email)]
    return Marked(
        house=house,
        workflows=(request.handle.id, names.access_review_id(str(grant.id))),
        markers=markers,
        logged=logged,
        subjects=frozenset(mail.subject for mail in mails),
    )


async def test_I12_histories_of_a_request_and_its_access_hold_no_marker_in_clear(marked: Marked):
    for workflow_id in marked.workflows:
        history = await marked.house.client.get_workflow_handle(workflow_id).fetch_history()
        assert len(history.events) > 5
        assert marked.markers.in_all(texts(json.loads(history.to_json()))) == set()


async def test_I12_descriptions_hold_no_marker_in_clear(marked: Marked):
    service, namespace = marked.house.client.workflow_service, marked.house.client.namespace
    for workflow_id in marked.workflows:
        described = await service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(namespace=namespace, execution=WorkflowExecution(workflow_id=workflow_id))
        )
        assert workflow_id in str(described)
        assert marked.markers.in_text(str(described)) == set()


async def test_I12_rows_hold_no_marker_in_clear_but_what_is_searched(marked: Marked):
    found = set()
    engine = create_engine(sync_url(marked.house.url))
    with engine.connect() as connection:
        there = set(inspect(engine).get_table_names())
        for table in (table for table in SQLModel.metadata.sorted_tables if table.name in there):
            for row in connection.execute(select(table)).mappings():
                for column in table.columns:
                    value = row[column.name]
                    is_bytes = isinstance(column.type, LargeBinary) and value
                    text = bytes(value).decode("latin-1") if is_bytes else str(value)
                    hits = marked.markers.in_text(text)
                    if hits and (table.name, column.name) not in ALLOWED:
                        found.add((table.name, column.name, *hits))
    engine.dispose()
    assert found == set()


def test_I12_logs_and_subjects_of_a_request_hold_no_marker(marked: Marked):
    assert len(marked.logged) > 1000
    assert marked.markers.in_text(marked.logged) == set()
    assert len(marked.subjects) >= 3
    assert marked.markers.in_all(iter(marked.subjects)) == set()
