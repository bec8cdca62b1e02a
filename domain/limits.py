"""The numbers of the rules, each a setting with the payer's default.

The source stands beside each number; a setting of the environment changes it
(`GATEHOUSE_LIMITS__PAYMENT_TRIES=3`).
"""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """How often, how long, how many. Durations are read as ISO 8601 (`PT10M`) or seconds."""

    model_config = ConfigDict(frozen=True)

    code_life: timedelta = Field(timedelta(minutes=10), description="Life of an e-mailed code (NIST SP 800-63B-4).")
    code_tries: int = Field(5, ge=1, description="Tries per e-mailed code (NIST SP 800-63B-4).")
    codes_per_hour: int = Field(5, ge=1, description="Codes sent to one registration in an hour (NIST SP 800-63B-4).")
    resume_link_life: timedelta = Field(
        timedelta(hours=24), description="Life of the link to go on with a registration."
    )
    resume_links_per_hour: int = Field(5, ge=1, description="Resume links for one address in an hour.")

    payment_tries: int = Field(5, ge=1, description="Payment proofs per registration in `payment_tries_window` (P1).")
    payment_tries_window: timedelta = Field(timedelta(hours=6), description="See `payment_tries`.")
    payment_tries_per_tin: int = Field(
        10, ge=1, description="Failed proofs per TIN, whoever asks, in `payment_tin_window`."
    )
    payment_tin_window: timedelta = Field(timedelta(days=30), description="See `payment_tries_per_tin`.")
    payment_tries_per_caller: int = Field(10, ge=1, description="Failed proofs per network address in a day.")
    payment_max_age: timedelta = Field(timedelta(days=365), description="An older payment proves nothing (P1).")
    registration_tries: int = Field(
        20, ge=1, description="Wrong codes and proofs in a registration's life; then it is locked."
    )

    registration_life: timedelta = Field(
        timedelta(days=30), description="A registration closes this long after its last open proof."
    )
    registrations_per_caller: int = Field(20, ge=1, description="Registrations begun per network address in an hour.")
    registrations_per_address: int = Field(5, ge=1, description="Registrations begun per e-mail address in a day.")

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
    session_idle: timedelta = Field(timedelta(minutes=15), description="A session ends after this long unused.")
    session_life: timedelta = Field(timedelta(hours=12), description="A session ends after this long, used or not.")
    registration_session_life: timedelta = Field(
        timedelta(hours=24), description="How long a browser may go on with a registration."
    )
