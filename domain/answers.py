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
    "invitee_bills": Answer(
        "This person works for a billing service",
        "Nobody of a billing service can have an account under a provider. Billing services register separately, with their own Tax ID, and ask you for access.",
        (
            "Tell them to register their billing service, and to ask for access with you as the business contact.",
            "You then get an e-mail, and decide what they see.",
            "Do they work for you as well, with an address of yours? Invite that address.",
        ),
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
        "Letters to one organization are at least a day apart, and there are only a few a month.",
        (
            "Use a letter that is on its way: its PIN still works.",
            "Ask for another one at the time shown.",
            "Prove your organization with a payment or notice.",
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
        "The letter came back, or PINs were tried too often. You are not locked out yourself.",
        ("Ask for another letter.", "Prove your organization with a payment or notice."),
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
    "not_administrator": Answer(
        "Only an administrator can do this",
        "Colleagues and billing services are managed by people who have open access as an administrator of the organization.",
        ("Ask an administrator of your organization.", "Still registering? Finish your registration first."),
    ),
    "already_colleague": Answer(
        "This colleague has access already",
        "One of your colleagues in this organization has this address.",
        ("Look at the list of colleagues; you can change the role there.",),
    ),
    "invitation_open": Answer(
        "There is an open invitation to this address",
        "One invitation at a time is enough: its link still works.",
        ("Send the open invitation again.", "Cancel it first to invite with another role."),
    ),
    "invitations_limit": Answer(
        "Too many invitations for today",
        "We mail only a number of invitations a day for one organization and to one address.",
        ("Try again at the time shown.",),
    ),
    "invitations_open_limit": Answer(
        "Too many open invitations",
        "Your organization has as many open invitations as we allow at one time.",
        ("Cancel those that aren't needed any more.", "Wait until some are accepted or expire."),
    ),
    "invitation_resend_limit": Answer(
        "This link was sent often enough",
        "We send a link again a few times only. All links sent so far still work.",
        (
            "Ask your colleague to look in the spam folder.",
            "Wrong address? Correct it: the invitation is made anew.",
            "Cancel the invitation and invite again.",
        ),
    ),
    "invitation_resend_pause": Answer(
        "This link was sent a moment ago",
        "There is a pause between two mails. The links sent so far still work.",
        ("Ask your colleague to look in the spam folder.", "Try again at the time shown."),
    ),
    "invitation_link_dead": Answer(
        "This link doesn't work",
        "It isn't one of ours, or a part of it is missing.",
        ("Open the newest mail and follow its link.", "Ask the person who invited you to send it again."),
    ),
    "invitation_link_needed": Answer(
        "Please follow the link once more",
        "This browser doesn't know your invitation, or its time here is over. Nothing that you entered is lost.",
        ("Open the mail with the invitation and follow its link.", "Accepted already? Sign in."),
    ),
    "invitation_accepted": Answer(
        "This invitation was accepted",
        "Its access is open, and its link isn't needed any more.",
        ("Sign in.", "That wasn't you? Call provider support."),
    ),
    "invitation_expired": Answer(
        "This invitation has expired",
        "An invitation works for seven days.",
        ("Ask the person who invited you for a new invitation.",),
    ),
    "invitation_cancelled": Answer(
        "This invitation was cancelled",
        "Its links don't work any more, and nothing of it is open.",
        ("Ask the person who invited you.",),
    ),
    "invitation_inviter_left": Answer(
        "This invitation doesn't count any more",
        "The person who invited doesn't manage access for the organization any more, so it was cancelled.",
        ("Ask another administrator of your organization for an invitation.",),
    ),
    "invitation_has_account": Answer(
        "You have an account already",
        "One person has one account. This invitation adds the organization to it.",
        ("Sign in, then accept the invitation.",),
    ),
    "invitation_other_address": Answer(
        "This invitation is for another address",
        "Only the account of the very address that was invited can accept it.",
        ("Sign in with that account.", "Ask to be invited with the address of your account."),
    ),
    "colleague_gone": Answer(
        "This person has no access any more",
        "It was ended in the meantime.",
        ("Look at the list of colleagues again.",),
    ),
    "last_administrator": Answer(
        "The organization needs an administrator",
        "Nobody else could invite or remove colleagues.",
        ("Make a colleague an administrator first, then try again.",),
    ),
    "last_account": Answer(
        "This is the organization's last account",
        "Nobody would be left to see to the organization's access.",
        (
            "Invite a colleague as an administrator first; once they have accepted, you can leave.",
            "Is the organization closing? Call provider support.",
        ),
    ),
    "newcomer_waits": Answer(
        "This isn't possible yet",
        "Who had access before you can say first whether they know you. Until that time is over, or while somebody objects, you can't manage them, nor open access for a billing service.",
        (
            "Try again at the time shown; where somebody objects, our staff settle that first.",
            "Has the person left? Say so to provider support; have your registration's reference ready.",
        ),
    ),
    "colleagues_unanswered": Answer(
        "Tell us about the people who have an account already",
        "Your organization has accounts. We ask why these colleagues can't help you; you get an account of your own all the same.",
        ("Choose a reason and send the form again.", "Can one of them help? Ask them to invite you as a colleague."),
    ),
    "departure_over": Answer(
        "This has been decided already",
        "The time to answer is over, or somebody has answered.",
        ("Sign in to see how it ended.", "Something is wrong? Call provider support; have the reference ready."),
    ),
    "departure_open": Answer(
        "Nobody objected to this",
        "Staff decide only where somebody has objected. Until then the time to object goes on.",
        ("Look at the list again.",),
    ),
    "notice_link_dead": Answer(
        "This link doesn't work",
        "It isn't one of ours, or a part of it is missing.",
        ("Open the newest mail and follow its link.", "Sign in and answer there.", "Call provider support."),
    ),
    "notice_sign_in": Answer(
        "Sign in to answer",
        "To this notice you answer with your account.",
        ("Sign in with your account.", "You can't sign in? Call provider support; have the reference ready."),
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
        ("Send JSON with the header Content-Type: application/json; a file of requests for access as text/csv.",),
    ),
    "body_too_large": Answer(
        "The request is too large",
        "A request has at most 32 KB here, a file of requests for access 256 KB.",
        ("Send a shorter request, or a file in several parts.",),
    ),
    "request_timeout": Answer(
        "The request took too long to arrive",
        "We waited for the rest of it and closed the connection. Nothing was changed.",
        ("Send it again.",),
    ),
    "wrong_host": Answer(
        "There is nothing under this name",
        "This server answers to the name of its own site only.",
        ("Use the address of the site, as it stands in our letters and mails.",),
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
    "case_open": Answer(
        "We have a request of yours already",
        "One like this is open, and a person looks at it.",
        ("Open your case and add there what is missing.", "Call provider support and tell the case's number."),
    ),
    "case_wrong_state": Answer(
        "This isn't possible now",
        "The case stands elsewhere: somebody else may have gone on with it.",
        ("Look at the case again.",),
    ),
    "case_over": Answer(
        "This case is closed", "Nothing can be added to it any more.", ("Open a new case.", "Call provider support.")
    ),
    "case_not_in_directory": Answer(
        "The directory doesn't have this",
        "A case is listed, or access is given, only once the payer's own record has the Tax ID, and the NPI where one is named.",
        (
            "Have the organization added to the payer's systems; the next import finds it.",
            "Check the number with the person.",
        ),
    ),
    "case_wrong_kind": Answer(
        "This doesn't fit this kind of case",
        "Nothing was changed.",
        ("Choose one of the actions that the case offers.",),
    ),
    "case_staff_unknown": Answer(
        "There is no such member of staff", "The account isn't set up, or it was closed.", ("Choose somebody else.",)
    ),
    "case_not_yours": Answer(
        "This case is somebody else's",
        "Only its owner or a supervisor gives a case to another person.",
        ("Ask the owner or a supervisor.",),
    ),
    "case_no_proposal": Answer(
        "Nobody has proposed access",
        "It takes two people: one proposes, another confirms.",
        ("Look at the case again.",),
    ),
    "case_same_person": Answer(
        "It takes a second person",
        "Whoever proposed the access can't confirm it.",
        ("Ask a colleague to look at the case and confirm or reject it.",),
    ),
    "case_access_exists": Answer(
        "The person has this access already", "Nothing was changed.", ("Answer the case and say so.",)
    ),
    "case_evidence_missing": Answer(
        "The access can't be given",
        "A decision that it needs isn't on record, or the person's registration or account doesn't allow it any more.",
        ("Look at the case again and propose the access anew.",),
    ),
    "webhook_forged": Answer(
        "This call isn't signed as agreed",
        "Its signature is missing, wrong or too old. Nothing of it was read.",
        ("Sign the call with the shared secret, and send it within five minutes.",),
    ),
    "webhook_unreadable": Answer(
        "This call can't be read",
        "It is signed, but its form isn't the one that is known.",
        ("Compare the call with the documentation of whom it comes from.",),
    ),
    "staff_exists": Answer(
        "There is a staff account with this address", "It is set up already.", ("Close it first, then add it again.",)
    ),
    "not_billing_service": Answer(
        "This is for billing services",
        "Your account doesn't belong to a billing service. Whoever bills for others registers their billing organization with its own Tax ID, and asks the providers from there.",
        (
            "Do you work for a billing service? Register it under Tax ID & NPI access, or have a colleague there invite you.",
            "Do you work for the provider itself? Add its Tax ID under Tax ID & NPI access.",
        ),
    ),
    "authorization_open": Answer(
        "This provider has been asked already",
        "There is an open request of your billing service for this Tax ID and NPI; one is enough, whoever of you asked.",
        (
            "Look at the open request: it says who asked whom, and when.",
            "Contact the provider directly and ask them to answer our e-mail.",
        ),
    ),
    "authorization_granted": Answer(
        "Your billing service has this access already",
        "The provider said yes to a request of yours, for all of this Tax ID or for this NPI of it.",
        ("Look at your list of clients.", "Is it on hold? Ask the provider to resume it."),
    ),
    "authorization_cool_down": Answer(
        "The provider said no a short while ago",
        "After a no, the same provider can't be asked again for 7 days.",
        ("Talk to the provider first.", "Ask again at the time shown."),
    ),
    "authorizations_open_limit": Answer(
        "Too many open requests",
        "Your billing service has as many unanswered requests as we allow at one time.",
        (
            "Contact the providers you have asked, and ask them to answer our e-mail.",
            "Cancel requests that aren't needed any more.",
            "Do you bill for many providers? Call provider support; they can raise the limit.",
        ),
    ),
    "authorization_contact_limit": Answer(
        "This contact gets no more mail from us today",
        "We mail one address only a number of requests a day, whoever asks.",
        ("Ask again at the time shown.", "The contact can answer several requests in one sitting."),
    ),
    "contact_own_person": Answer(
        "The contact can't be one of your own people",
        "The request must be approved by a business contact at the provider's office, not by you, your manager or a co-worker.",
        ("Name somebody who works at the provider's office.",),
    ),
    "contact_own_domain": Answer(
        "The contact's address is one of your own organization's",
        "The request must be approved by a business contact at the provider's office, not by your manager or a co-worker.",
        (
            "Name somebody who works at the provider's office, with an address there.",
            "Do you and the provider share one e-mail domain, as in a health system? Say so in the reason: our staff look at it before anything is mailed.",
        ),
    ),
    "authorization_resend_limit": Answer(
        "This request was sent often enough",
        "You can have it sent again a few times only. All links sent so far still work.",
        (
            "Contact the provider directly, tell them the reference, and ask them to look in the spam folder.",
            "Wrong address? Correct the contact.",
            "Call provider support; they can send it again.",
        ),
    ),
    "authorization_resend_pause": Answer(
        "This request was sent a short while ago",
        "There are 24 hours between two mails that you ask for. The links sent so far still work.",
        (
            "Contact the provider directly, tell them the reference, and ask them to look in the spam folder.",
            "Send it again at the time shown.",
        ),
    ),
    "authorization_corrections_limit": Answer(
        "The contact was corrected often enough",
        "A contact can be corrected a few times only.",
        ("Cancel this request and ask again.", "Call provider support."),
    ),
    "authorization_in_review": Answer(
        "Our staff look at the contact first",
        "Nothing was mailed yet, so there is nothing to send again.",
        ("Wait for our staff; you get a message.", "Name another contact, at the provider's own address."),
    ),
    "authorization_decided": Answer(
        "This request has been answered",
        "The provider has decided. Nothing can be sent, corrected or cancelled any more.",
        ("Look at the request to see the answer.",),
    ),
    "authorization_not_in_review": Answer(
        "Nothing is to be looked at here",
        "The contact was looked at already, or was corrected to one that needs no look.",
        ("Look at the request again.",),
    ),
    "contact_review_same_person": Answer(
        "You have said what you think of this contact",
        "It takes two different people to have the mail sent; yours counts once.",
        ("Ask a colleague to look at the contact and say send or refuse.",),
    ),
    "contact_review_changed": Answer(
        "The contact is another one now",
        "It was corrected after you opened the page, so nothing was decided.",
        ("Look at the request again.",),
    ),
    "answer_link_needed": Answer(
        "Open the link in our mail once more",
        "This browser doesn't know yet which request you want to answer, or its time here is over. Nothing has changed.",
        ("Open the link in our newest mail.", "Call us if you can't find the mail."),
    ),
    "authorization_approved": Answer(
        "This request was approved",
        "It was answered, and the billing service's access was opened. A second answer changes nothing.",
        (
            "To end the access, sign in as an administrator of the provider.",
            "If you did not expect this, call us and have the reference ready.",
        ),
    ),
    "authorization_declined": Answer(
        "This request was declined",
        "It was answered, and nothing was opened. A second answer changes nothing.",
        ("If it was a mistake, talk to each other: the billing service can ask again after 7 days.",),
    ),
    "authorization_expired": Answer(
        "This request has expired",
        "Nobody answered it within 30 days, so nothing was opened and its links don't work any more.",
        ("The billing service can ask again at once.",),
    ),
    "authorization_cancelled": Answer(
        "This request was cancelled",
        "Nothing was opened, and its links don't work any more.",
        ("If it's still wanted, the billing service can ask again.",),
    ),
    "authorization_contact_changed": Answer(
        "Somebody else is asked now",
        "The address of the business contact was corrected after this mail was sent, so its link doesn't work any more.",
        ("You needn't do anything.", "If you are the right person, tell the billing service, or call us."),
    ),
    "decision_link_dead": Answer(
        "This link doesn't work",
        "It isn't complete, or it isn't needed any more.",
        ("Open the link in our newest mail, or copy all of it.", "Call us if it still doesn't work."),
    ),
    "grant_unchanged": Answer(
        "It stands like that already",
        "Somebody has made this change before, perhaps in another tab.",
        ("Look at the access again.",),
    ),
    "grant_ended": Answer(
        "This access has ended",
        "It was revoked, or its end date has come. The billing service sees nothing of this organization any more.",
        (
            "You needn't do anything.",
            "Is it still wanted? The billing service can ask again.",
            "If something is wrong, call us and have the reference ready.",
        ),
    ),
    "grant_end_date": Answer(
        "This end date isn't possible",
        "An end date is at most ten years ahead, and not in the past.",
        ("Enter another date, or leave the access without an end date.",),
    ),
    "objection_link_dead": Answer(
        "This link doesn't work",
        "It isn't one of ours, or a part of it is missing.",
        ("Open the link in our mail once more.", "You have a letter? Enter its code.", "Call provider support."),
    ),
    "objection_code_unknown": Answer(
        "We don't know this code",
        "It isn't on one of our letters about a billing service.",
        ("Compare it with the letter.", "Call us and have the reference of the letter ready."),
    ),
    "decision_own_request": Answer(
        "You can't answer this request",
        "You belong to the billing service that asks. Somebody else of the provider has to decide.",
        ("Ask another administrator of the organization.", "The business contact whom we asked can answer, too."),
    ),
}
