"""What the letter about a billing service's access says, and the code on it that names the access on the objection's page (B7)."""

import secrets
from datetime import tzinfo
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.authorizations import AuthorizationRow, DecisionRow, GrantRow
from db.directory import Organization
from db.grant_telling import day_in_words, subject_of
from db.mails import secret_digest
from db.registrations import OneTimeSecret
from domain.grants import LetterWords
from domain.letters import Pin
from domain.people import masked_address
from domain.ports import Vault

OBJECTION: Final = "objection"
"""The purpose of the secrets that lead to the objection's page; generation 0 belongs to the letter."""
OBJECTION_CODE: Final = "objection_code"
"""The purpose of the code that is printed on a letter."""

_GRANTED: Final = (
    "On {day}, somebody approved that the billing service {service} may use our provider portal for {organization}. "
    "We asked at an e-mail address that the billing service had named: {contact}. Who answered there gave the name {name}, {role}."
)
_SCOPE: Final = "Since then the service's people see there what you would see yourselves, {scope}, {until}."
_EXPECTED: Final = (
    "If you asked for this, you need not do anything. If you did not ask for it, say so on the page below: the access is put on "
    "hold at once, and our staff hear of it. Nobody of your organization is an administrator of {scope} in our portal; an "
    "administrator can see and end every access of a billing service there."
)


def issue_code(session: AsyncSession, vault: Vault, grant: GrantRow) -> None:
    """Make the code of a grant's letter: a digest to find it by, a ciphertext until it's printed. It only identifies."""
    characters = Pin.generate(secrets.token_bytes).characters
    subject = subject_of(grant.id)
    session.add(
        OneTimeSecret(
            subject=subject,
            purpose=OBJECTION_CODE,
            generation=1,
            digest=code_digest(vault, characters),
            sealed=vault.seal(f"secret.{OBJECTION_CODE}", characters),
        )
    )
    session.add(
        OneTimeSecret(
            subject=subject,
            purpose=OBJECTION,
            generation=0,
            digest=secret_digest(vault, subject="", purpose="objection", text=letter_token(vault, subject)),
        )
    )


def code_digest(vault: Vault, characters: str) -> str:
    """How a typed code is looked up."""
    return vault.digest("objection-code", characters)


def letter_token(vault: Vault, subject: str) -> str:
    """The address that a right code leads to; like a mailed link's token, nobody can guess it."""
    return vault.digest("objection-letter", subject)


async def words_of_grant(
    session: AsyncSession, vault: Vault, grant_id: UUID, *, organization: str, zone: tzinfo
) -> LetterWords:
    """The letter's words: what was granted to whom by whom, and how to object."""
    grant = await session.get_one(GrantRow, grant_id)
    request = await session.get_one(AuthorizationRow, grant.authorization_id)
    decision = await session.get_one(DecisionRow, grant.decision_id)
    service = await session.get_one(Organization, grant.billing_id)
    code = await session.get_one(OneTimeSecret, (subject_of(grant.id), OBJECTION_CODE, 1))
    characters = vault.unseal(f"secret.{OBJECTION_CODE}", code.sealed) if code.sealed else ""
    day = grant.opened_at.astimezone(zone)
    scope = f"NPI {grant.npi}" if grant.npi else "all of your Tax ID"
    until = f"up to {day_in_words(grant.ends_at, zone)}" if grant.ends_at else "without an end date"
    return LetterWords(
        reference=grant.reference,
        heading="A billing service has access to your organization",
        paragraphs=(
            _GRANTED.format(
                day=f"{day:%B} {day.day}, {day.year}",
                service=service.name,
                organization=organization,
                contact=masked_address(vault.unseal("email", request.contact_sealed)),
                name=vault.unseal("name", decision.name_sealed),
                role=vault.unseal("role", decision.role_sealed),
            ),
            _SCOPE.format(scope=f"for {scope}", until=until),
            _EXPECTED.format(scope=scope),
        ),
        action=f"You did not ask for this? Your code: {Pin(characters).shown}",
    )
