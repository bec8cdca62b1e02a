"""What refusals say on the way to an account: codes, proofs, letters, set-up, and adding to an account."""

from typing import Final

from domain.answers.answer import NOTICE_HINT, Answer

ANSWERS: Final[dict[str, Answer]] = {
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
            "Register with US Mail instead.",
        ),
    ),
    "payment_paused": Answer(
        "Too many tries for now",
        "Proving with a payment is paused for safety. Nothing you entered is lost.",
        ("Try again at the time shown.", NOTICE_HINT, "Register with US Mail instead."),
    ),
    "payment_letter_only": Answer(
        "This Tax ID can't be proved with a payment right now",
        "There were too many tries for it, by anyone. For safety it can be proved by US Mail only until the time shown.",
        ("Register with US Mail instead.", "Try again at the time shown."),
    ),
    "look_up_paused": Answer(
        "Too many tries for now",
        "Looking up your organization for a letter is paused for safety. Nothing you entered is lost.",
        (
            "Try again at the time shown.",
            "Prove your organization with a payment or notice instead.",
            "Contact us: we look into it and call you.",
            "Call provider support.",
        ),
    ),
    "tin_is_provider": Answer(
        "This Tax ID belongs to a provider",
        "A billing service doesn't register with its client's Tax ID: use the Tax ID of your billing organization. You add the provider's Tax ID after creating your account.",
        (
            "Enter the Tax ID of your own billing organization.",
            "Do you work for this provider yourself? Register for it with a payment or by US Mail.",
            "Are you a provider that also bills for others? Call provider support; they set it up with you.",
        ),
    ),
    "billing_service_registered": Answer(
        "This billing service is registered already",
        "A billing service registers once; each of its people has an account of their own.",
        (
            "Ask a colleague who has an account to invite you; your own e-mail address is all they need.",
            "Nobody there can invite you? Call provider support.",
            "Check the Tax ID.",
        ),
    ),
    "name_is_organization": Answer(
        "This is the organization's name",
        "Each person who sees patients' information has an account in their own name.",
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
    "organization_no_match": Answer(
        "We couldn't match this to our records",
        "The Tax ID and the number beside it don't belong together in our records. For safety we don't say which differs.",
        (
            "Check the Tax ID and the vendor number or Type 2 NPI.",
            "If you have several Type 2 NPIs, use the vendor number from a check instead.",
            "My provider is not listed: tell us about the organization.",
            "Call provider support.",
        ),
    ),
    "no_usable_address": Answer(
        "We have no address we can mail a letter to",
        "A letter goes to an address in our records only: never to one that's typed in, and not again to one that a letter didn't reach.",
        (
            "Contact us: we look into it and call you.",
            "Prove your organization with a payment or notice instead.",
            "Call provider support; they can correct the address.",
        ),
    ),
    "letters_limit": Answer(
        "The letter has to wait",
        "Letters to one organization are at least a day apart, and there are only a few a month.",
        (
            "If a letter of yours is on its way, use it: its PIN still works.",
            "Ask for a letter at the time shown.",
            "Prove your organization with a payment or notice.",
            "Contact us: we look into it and call you.",
        ),
    ),
    "pin_wrong": Answer(
        "That PIN isn't right",
        "It doesn't match any letter we mailed for this registration.",
        (
            "Look at the letter again: a PIN has ten letters and digits, never an I, L, O or U.",
            "Check that the letter's reference is the one of this registration.",
            "Ask for another letter, or use a payment or notice.",
        ),
    ),
    "pin_expired": Answer(
        "That PIN has expired",
        "A PIN works for a set time from the day its letter was mailed, and that time is over.",
        ("Ask for another letter.", "Prove your organization with a payment or notice."),
    ),
    "pin_paused": Answer(
        "Too many tries for now",
        "Entering a PIN is paused for safety. Your letter stays good.",
        ("Try again at the time shown.", "Have the letter in front of you: a PIN never has an I, L, O or U."),
    ),
    "pin_letters_locked": Answer(
        "The letters of this registration no longer work",
        "A letter came back, or another proof took its place. You are not locked out yourself.",
        ("Ask for another letter.", "Prove your organization with a payment or notice."),
    ),
    "pin_tries_used": Answer(
        "Letters no longer work for this registration",
        "PINs were tried too often in it. For safety no PIN is taken here any more, and no letter is mailed. You are not locked out yourself.",
        (
            "Prove your organization with a payment or notice.",
            "Contact us: we look into it and call you.",
            "Call provider support.",
        ),
    ),
    "access_open_already": Answer(
        "You have this access already",
        "Your account sees this Tax ID, or this NPI of it. Nothing was used up or mailed for it.",
        ("Look at Tax ID & NPI access.", "Enter another Tax ID or NPI here."),
    ),
    "too_many_open": Answer(
        "You are adding several Tax IDs already",
        "Only so many can be open at once for one account.",
        ("Finish or stop one of them first; Tax ID & NPI access lists them.",),
    ),
    "account_closed": Answer(
        "This account is closed",
        "It was closed while you were adding to it; nothing can be added any more.",
        ("Call provider support.",),
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
    "link_dead": Answer(
        "This link doesn't work any more",
        "It was used, or it's older than 24 hours.",
        ("Ask for a new link.",),
    ),
}
