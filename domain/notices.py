"""The words of the message center: one subject and text per kind of message (T6). `kind` is stable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Notice:
    """Subject and paragraphs, with {placeholders} for the message's values."""

    subject: str
    paragraphs: tuple[str, ...]

    def filled(self, values: Mapping[str, str]) -> "Notice":
        return Notice(
            self.subject.format_map(values), tuple(paragraph.format_map(values) for paragraph in self.paragraphs)
        )


NOTICES: Final[dict[str, Notice]] = {
    "access_opened": Notice(
        "Your access is open",
        (
            "Your account is made, and your access to {organization} is open.",
            "The account is yours alone: don't share it. Colleagues get accounts of their own.",
            "Reference of your registration: {reference}.",
        ),
    ),
    "someone_registered": Notice(
        "Someone registered for your organization",
        (
            "{newcomer} got access to the portal for {organization} with a payment or notice of ours.",
            "You needn't do anything if this is a colleague. If you did not expect it, call us and have the reference ready.",
            "Reference: {reference}.",
        ),
    ),
}
