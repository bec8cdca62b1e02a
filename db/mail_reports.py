"""What the receiving side told later of mails that it had taken, so that a report read again isn't told on again (B5)."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from db.columns import UtcDateTime


class MailReportRow(SQLModel, table=True):
    """One report of one mail that was taken on. It's written after whoever waits for it was told, never before."""

    __tablename__ = "mail_report"

    mail_id: str = Field(primary_key=True, max_length=140)
    event: str = Field(primary_key=True, max_length=10)  # delivered, bounced
    status: str = Field(max_length=12)  # enhanced status code, such as 5.1.1
    at: datetime = Field(sa_type=UtcDateTime)
