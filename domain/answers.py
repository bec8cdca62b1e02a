"""What a refusal says: a title, the answer in plain words, and what to do now (B6). Keys are the stable codes."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Answer:
    """Words for one code. `next_steps` are things the person can do, the best one first."""

    title: str
    detail: str
    next_steps: tuple[str, ...] = ()


NOTICE_HINT: Final = "Non-payment notices start with NP: include it, such as NP123456."

ANSWERS: Final[dict[str, Answer]] = {
    "invalid_fields": Answer(
        "Some answers need another look",
        "Nothing was sent yet and no attempt was counted.",
        ("Correct the marked fields and send the form again.",),
    ),
    "code_wrong": Answer(
        "That code isn't right",
        "It doesn't match the newest code we sent.",
        ("Use the code from the newest e-mail.", "Ask for a new code."),
    ),
    "code_expired": Answer("That code has expired", "A code works for 10 minutes.", ("Ask for a new code.",)),
    "code_tries_used": Answer(
        "This code was tried too often", "For safety it no longer works.", ("Ask for a new code.",)
    ),
    "codes_limit": Answer(
        "Too many e-mails in an hour",
        "We send only a few an hour to one address.",
        ("Look in your spam folder for the newest one.", "Try again at the time shown."),
    ),
    "payment_no_match": Answer(
        "We couldn't match this to our records",
        "At least one of the details differs from our records. For safety we don't say which.",
        (
            "Check the Tax ID, the number and the amount against the check, payment or notice.",
            NOTICE_HINT,
            "If you have several Type 2 NPIs, use the vendor number from the check instead.",
            "No check at hand? Ask us to register you by US Mail.",
        ),
    ),
    "payment_paused": Answer(
        "Too many tries for now",
        "Proving with a payment is paused for safety. Nothing you entered is lost.",
        ("Try again at the time shown.", NOTICE_HINT, "Ask us to register you by US Mail."),
    ),
    "payment_letter_only": Answer(
        "This Tax ID can't be proved with a payment right now",
        "There were too many tries for it, by anyone. For safety it can be proved by US Mail only until the time shown.",
        ("Ask us to register you by US Mail.", "Try again at the time shown."),
    ),
    "name_is_organization": Answer(
        "Enter your own name",
        "This is the organization's name. Each person who sees patients' information has an account in their own name.",
        ("Enter your own full name.",),
    ),
    "name_needs_attestation": Answer(
        "Are you this practitioner?",
        "A practitioner of this organization has this name. Nobody may register in a doctor's name for them.",
        ("If it's your own name, confirm that you are this person.", "Otherwise enter your own full name."),
    ),
    "proof_no_longer_good": Answer(
        "This payment no longer proves your organization",
        "It was voided or reissued after you used it.",
        ("Prove your organization again with another payment or notice.",),
    ),
    "email_taken": Answer(
        "This e-mail address has an account already",
        "One person has one account, and it was made while this registration was open.",
        ("Sign in with that account.",),
    ),
    "second_factor_unconfirmed": Answer(
        "Confirm your second factor first", "The account isn't set up yet.", ("Choose a password again.",)
    ),
    "second_factor_wrong": Answer(
        "That code isn't right",
        "Each code of your authenticator app works once and for half a minute.",
        ("Wait for the next code and enter it.", "Check that the time of your telephone is set automatically."),
    ),
    "organization_no_match": Answer(
        "We couldn't match this to our records",
        "The Tax ID and the number beside it don't belong together in our records. For safety we don't say which differs.",
        (
            "Check the Tax ID and the vendor number or Type 2 NPI.",
            "If you have several Type 2 NPIs, use the vendor number from a check instead.",
            "Call provider support.",
        ),
    ),
    "no_usable_address": Answer(
        "We have no address we can mail a letter to",
        "A letter goes to an address in our records only, never to one that's typed in.",
        (
            "Prove your organization with a payment or notice instead.",
            "Call provider support; they can correct the address.",
        ),
    ),
    "letters_limit": Answer(
        "Another letter has to wait",
        "Letters are at least a day apart, and there are only a few a month for one organization.",
        ("The letters that are on their way still work.", "Ask for another one at the time shown."),
    ),
    "pin_wrong": Answer(
        "That PIN isn't right",
        "It doesn't match any letter we mailed for this registration.",
        ("Look at the letter again: a PIN has ten letters and digits.", "Use the PIN of the newest letter."),
    ),
    "pin_expired": Answer(
        "That PIN has expired",
        "A PIN works for 30 days from the day its letter was mailed.",
        ("Ask for another letter.",),
    ),
    "pin_paused": Answer(
        "Too many tries for now", "Entering a PIN is paused for safety.", ("Try again at the time shown.",)
    ),
    "pin_letters_locked": Answer(
        "The letters of this registration no longer work",
        "Their PINs were tried too often. You are not locked out yourself.",
        ("Ask for another letter.", "Prove your organization with a payment or notice."),
    ),
    "registration_locked": Answer(
        "This registration is locked",
        "There were too many wrong codes or proofs in it.",
        ("Call provider support; they can see what happened.", "Begin a new registration."),
    ),
    "registration_expired": Answer(
        "This registration has expired",
        "A registration closes 30 days after its last step.",
        ("Begin a new registration.",),
    ),
    "registration_withdrawn": Answer(
        "This registration was withdrawn", "Nothing of it is open any more.", ("Begin a new registration.",)
    ),
    "registration_completed": Answer(
        "This registration is complete", "The account is made and its access is open.", ("Sign in.",)
    ),
    "registration_rejected": Answer(
        "This registration has ended", "It can't go on.", ("Sign in, or begin a new registration.",)
    ),
    "wrong_state": Answer(
        "This step isn't open now",
        "The registration stands at another step.",
        ("Go on with the step that is open.",),
    ),
    "not_found": Answer(
        "We can't find that",
        "It doesn't exist, or it isn't yours to see.",
        ("Check the address.", "Sign in again.", "Ask for a link to go on with your registration."),
    ),
    "link_dead": Answer(
        "This link doesn't work any more",
        "It was used, or it's older than 24 hours.",
        ("Ask for a new link.",),
    ),
    "sign_in_failed": Answer(
        "E-mail address or password isn't right",
        "For safety we don't say which.",
        ("Check both and try again.", "No account yet? Register."),
    ),
    "too_many_tries": Answer(
        "Too many tries", "For safety this is paused for a while.", ("Try again at the time shown.",)
    ),
    "signed_out": Answer(
        "Please sign in",
        "You aren't signed in, or your session ended after 15 minutes without use.",
        ("Sign in.", "Going on with a registration? Ask for a link."),
    ),
    "key_reused": Answer(
        "This request was sent before with other contents",
        "An idempotency key stands for one request and its body.",
        ("Send the new request with a key of its own.",),
    ),
    "unavailable": Answer(
        "We can't do this right now",
        "A part of our system is away for a moment. Nothing was lost and nothing is half done.",
        ("Try again in a few seconds; sending the same form again is safe.",),
    ),
    "idempotency_key_missing": Answer(
        "This request needs a key of its own",
        "Each request that changes something names itself with an Idempotency-Key header, so that sending it twice does it once.",
        ("Send an Idempotency-Key header with 16 to 64 letters, digits, hyphens or underscores.",),
    ),
    "idempotency_key_malformed": Answer(
        "This isn't an idempotency key",
        "A key has 16 to 64 letters, digits, hyphens or underscores, and there is exactly one.",
        ("Send one random key, such as a UUID.",),
    ),
    "malformed_body": Answer(
        "The request can't be read",
        "Its body isn't JSON in UTF-8.",
        ("Send one JSON object in UTF-8, each name once.",),
    ),
    "unsupported_media_type": Answer(
        "The request can't be read",
        "Its body is of a type that isn't understood here.",
        ("Send JSON with the header Content-Type: application/json.",),
    ),
    "body_too_large": Answer(
        "The request is too large", "A request has at most 32 KB here.", ("Send a shorter request.",)
    ),
    "method_not_allowed": Answer(
        "That isn't possible at this address",
        "The address exists, but not with this method.",
        ("Use one of the methods in the Allow header.",),
    ),
    "cross_site": Answer(
        "This request came from another site",
        "For safety nothing is changed for another site in your name.",
        ("Do it on our own site.", "Programs sign in with a bearer token instead of a cookie."),
    ),
    "bad_request": Answer(
        "The request can't be read",
        "Something of it isn't as HTTP wants it.",
        ("Correct the request and send it again.",),
    ),
    "internal_error": Answer(
        "Something went wrong on our side",
        "We have noted it under the request's id.",
        ("Try again in a minute; sending the same request again is safe.", "Call provider support and tell the id."),
    ),
}
