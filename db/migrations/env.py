"""Alembic's environment: the tables of this project on the connection that `db.schema` gives."""

from alembic import context
from sqlmodel import SQLModel

from db import (  # noqa: F401 - importing them fills the metadata
    accounts,
    audit,
    authorizations,
    billing,
    billing_desk,
    cases,
    departures,
    directory,
    invitations,
    letters,
    mail_reports,
    registrations,
    staff,
)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
