"""The numbers of the rules, each a setting with the payer's default.

The source stands beside each number; a setting of the environment changes it
(`GATEHOUSE_LIMITS__PAYMENT_TRIES=3`).
"""

import re
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Limits(BaseModel):
    """How often, how long, how many. Durations are read as ISO 8601 (`PT10M`) or seconds."""

    model_config = ConfigDict(frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        """A variable is text, and as text pydantic reads no seconds."""
        return int(value) if isinstance(value, str) and re.fullmatch(r"\s*\d{1,12}\s*", value, re.ASCII) else value

    code_life: timedelta = Field(timedelta(minutes=10), description="Life of an e-mailed code (NIST SP 800-63B-4).")
    code_tries: int = Field(5, ge=1, description="Tries per e-mailed code (NIST SP 800-63B-4).")
    codes_per_hour: int = Field(5, ge=1, description="Codes sent to one registration in an hour (NIST SP 800-63B-4).")
    codes_per_address_per_hour: int = Field(
        10, ge=1, description="Codes sent to one e-mail address in an hour, whichever registration asks."
    )
    resume_link_life: timedelta = Field(
        timedelta(hours=24), description="Life of the link to go on with a registration."
    )
    resume_links_per_hour: int = Field(5, ge=1, description="Resume links for one address in an hour.")

    payment_tries: int = Field(
        5,
        ge=1,
        description="Payment proofs per registration in `payment_tries_window` (P1); as many look-ups for a letter.",
    )
    payment_tries_window: timedelta = Field(timedelta(hours=6), description="See `payment_tries`.")
    payment_tries_per_tin: int = Field(
        10, ge=1, description="Failed proofs per TIN, whoever asks, in `payment_tin_window`."
    )
    payment_tin_window: timedelta = Field(timedelta(days=30), description="See `payment_tries_per_tin`.")
    payment_tries_per_caller: int = Field(
        10, ge=1, description="Failed proofs per network address in a day; as many look-ups for a letter."
    )
    payment_max_age: timedelta = Field(timedelta(days=365), description="An older payment proves nothing (P1).")
    registration_tries: int = Field(
        20, ge=1, description="Wrong codes and proofs in a registration's life; then it is locked."
    )

    pin_life: timedelta = Field(
        timedelta(days=30), description="Life of a mailed PIN, from its mailing (NIST SP 800-63A-4, 3.8)."
    )
    strict_pin_life: timedelta = Field(
        timedelta(days=21), description="Life of a PIN mailed within the contiguous US when `strict_pins` is set."
    )
    strict_pins: bool = Field(
        default=False, description="Whether PINs for contiguous-US addresses live for `strict_pin_life` only."
    )
    pin_tries: int = Field(5, ge=1, description="PIN tries per letter in `pin_tries_window`.")
    pin_tries_window: timedelta = Field(timedelta(minutes=10), description="See `pin_tries`.")
    pin_tries_in_life: int = Field(
        20, ge=1, description="PIN tries in a registration's life; then its letters are locked."
    )
    letters_gap: timedelta = Field(
        timedelta(hours=24), description="Least time between two letters of a registration or a TIN."
    )
    letters_in_window: int = Field(
        4, ge=1, description="Most letters in `letters_window` per registration and per TIN."
    )
    letters_window: timedelta = Field(timedelta(days=30), description="See `letters_in_window`.")
    letters_per_day: int = Field(
        500, ge=1, description="Letters planned for one business day; further ones wait for the next."
    )
    letters_alert_percent: int = Field(
        80, ge=1, le=100, description="Share of a day's letters at which staff are alerted."
    )
    letters_cut_off_hour: int = Field(
        14,
        ge=0,
        le=23,
        description="Letters asked for from this hour on, in the payer's time zone, are mailed the next business day.",
    )
    letter_reminder_after: timedelta = Field(
        timedelta(days=14), description="First reminder of a letter on its way, from its mailing."
    )
    letter_reminder_before_end: timedelta = Field(
        timedelta(days=5), description="Second reminder, before the PIN ends."
    )
    address_settled: timedelta = Field(
        timedelta(days=30),
        description="No letter goes to an address that was added to an organization more recently than this.",
    )

    registration_life: timedelta = Field(
        timedelta(days=30), description="A registration closes this long after its last open proof."
    )
    additions_open: int = Field(
        10, ge=1, description="TINs or NPIs that one account may be adding at the same time (P10)."
    )
    registrations_per_caller: int = Field(20, ge=1, description="Registrations begun per network address in an hour.")
    registrations_per_address: int = Field(5, ge=1, description="Registrations begun per e-mail address in a day.")

    invitation_life: timedelta = Field(
        timedelta(days=7), description="An invitation of a colleague expires after this long."
    )
    invitation_reminders: tuple[timedelta, ...] = Field(
        (timedelta(days=4), timedelta(days=6)),
        description="When an invited colleague is reminded, from the invitation on; each at most once.",
    )
    invitation_resends: int = Field(3, ge=0, description="How often an invitation's link is sent again.")
    invitation_resend_gap: timedelta = Field(
        timedelta(hours=1), description="Least time between two links of an invitation."
    )
    invitations_open: int = Field(20, ge=1, description="Open invitations per organization.")
    invitations_per_day: int = Field(50, ge=1, description="Invitations per organization in a day.")
    invitations_per_address: int = Field(
        5, ge=1, description="Invitations to one e-mail address in a day, whoever invites."
    )

    authorization_life: timedelta = Field(
        timedelta(days=30),
        description="A request for access expires after this long; a resend doesn't move it (FAQ, T7).",
    )
    authorization_reminders: tuple[timedelta, ...] = Field(
        (timedelta(days=7), timedelta(days=14), timedelta(days=25)),
        description="When a business contact is reminded, from the request on; each at most once (B4).",
    )
    authorization_requester_reminders: tuple[timedelta, ...] = Field(
        (timedelta(days=14), timedelta(days=25), timedelta(days=29)),
        description="When the requester is told that nobody has answered yet, from the request on (B4).",
    )
    authorization_resends: int = Field(3, ge=0, description="How often a requester has the mail sent again (T7).")
    authorization_resend_gap: timedelta = Field(
        timedelta(hours=24), description="Least time between two mails that a requester asks for (T7)."
    )
    authorization_corrections: int = Field(
        3, ge=0, description="How often a requester corrects the contact's address (T7)."
    )
    authorization_cool_down: timedelta = Field(
        timedelta(days=7), description="How long after a decline the same provider can't be asked again (T7)."
    )
    authorizations_open: int = Field(
        20, ge=1, description="Open requests of one billing service, unless staff have raised it."
    )
    authorizations_per_provider: int = Field(
        3,
        ge=1,
        description="Requests of one billing service for one Tax ID in a day, however often it's cancelled and asked again.",
    )
    authorizations_per_contact: int = Field(
        30, ge=1, description="Requests mailed to one contact in a day, whoever asks."
    )
    authorization_lists_per_day: int = Field(
        20, ge=1, description="Files of requests of one billing service in a day (T5)."
    )
    decision_tries: int = Field(
        20,
        ge=1,
        description="Wrong codes in a request's life; then only a sign-in of the provider's administrator decides.",
    )
    decision_codes_per_hour: int = Field(
        5, ge=1, description="Codes for decisions mailed for one request in an hour (ASVS 6.5.5)."
    )

    objection_code_tries: int = Field(
        10, ge=1, description="Wrong codes of letters about a billing service in an hour, for each network address."
    )

    password_min: int = Field(
        15, ge=8, description="Least characters of a password without a second factor (NIST SP 800-63B-4)."
    )
    password_min_with_second_factor: int = Field(
        8, ge=8, description="Least characters of a password with a second factor."
    )
    password_max: int = Field(128, ge=64, description="Most characters of a password.")
    second_factor_tries: int = Field(5, ge=1, description="Wrong second-factor codes in `second_factor_window`.")
    second_factor_window: timedelta = Field(timedelta(minutes=10), description="See `second_factor_tries`.")
    recovery_codes: int = Field(10, ge=1, description="Recovery codes given with a second factor.")

    sign_ins_per_address: int = Field(5, ge=1, description="Sign-ins a minute per e-mail address and network address.")
    sign_ins_per_caller: int = Field(20, ge=1, description="Sign-ins a minute per network address.")
    sign_ins_per_account: int = Field(
        20, ge=1, description="Wrong sign-ins to one e-mail address in `sign_ins_account_window`, whoever tries."
    )
    sign_ins_account_window: timedelta = Field(timedelta(hours=1), description="See `sign_ins_per_account`.")
    session_idle: timedelta = Field(timedelta(minutes=15), description="A session ends after this long unused.")
    session_life: timedelta = Field(timedelta(hours=12), description="A session ends after this long, used or not.")
    registration_session_life: timedelta = Field(
        timedelta(hours=24), description="How long a browser may go on with a registration."
    )

    objection_business_days: int = Field(
        5, ge=1, description="Business days to object after somebody said that a colleague has left (P9)."
    )

    case_due_business_days: int = Field(
        3, ge=1, description="Business days in which staff owe the next step of a case."
    )
    case_overdue_reminder_business_days: int = Field(
        2, ge=1, description="Business days between reminders of an overdue case."
    )
    case_answer_life: timedelta = Field(
        timedelta(days=14),
        description="How long a case waits for a person's answer; then it's closed with notice (P8).",
    )
    case_answer_reminder: timedelta = Field(
        timedelta(days=7), description="When a person who owes a case an answer is reminded."
    )
    case_look_every: timedelta = Field(
        timedelta(hours=24), description="How often a case looks whether its organization is listed meanwhile."
    )
    cases_per_person: int = Field(5, ge=1, description="Cases opened by one person in a day.")
    orphan_grace: timedelta = Field(
        timedelta(minutes=5), description="How long something stays open that its workflow no longer keeps (I18)."
    )
    orphans_at_once: int = Field(
        50, ge=1, description="With more of these at once housekeeping ends none: Temporal itself is in question then."
    )
    spent_kept: timedelta = Field(
        timedelta(days=30),
        description="How long idempotency keys, ended sessions and spent codes are kept. Never audit or evidence.",
    )
    staff_set_up_life: timedelta = Field(timedelta(hours=24), description="Life of a staff account's set-up link.")

    @field_validator("pin_life", "strict_pin_life")
    @classmethod
    def _whole_days(cls, life: timedelta) -> timedelta:
        # The letter names the last day on which its PIN works, printed before anybody knows the hour of its mailing.
        if life < timedelta(days=1) or life % timedelta(days=1):
            raise ValueError("a PIN lives for a whole number of days, at least one, such as P30D")
        return life
