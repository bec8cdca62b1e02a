"""What refusals say about billing services: asking for access, answering, and access that was granted."""

from typing import Final

from domain.answers.answer import Answer

ANSWERS: Final[dict[str, Answer]] = {
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
    "authorizations_limit": Answer(
        "Asked for this provider too often today",
        "Each request mails the contact and the provider's own people, so the same provider is asked a few times a day only.",
        ("Ask again at the time shown.", "Correct the contact of an open request instead of cancelling it."),
    ),
    "decision_tries_used": Answer(
        "Too many wrong codes for this request",
        "For safety it can't be answered with a code any more.",
        (
            "Sign in as an administrator of the provider and answer there.",
            "Have the billing service name another contact, or call us.",
        ),
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
    "contact_unchanged": Answer(
        "This is the address we have",
        "A correction has to name another mailbox. Nothing was changed, and no correction was used up.",
        ("Send the mail again instead.",),
    ),
    "authorization_own_tin": Answer(
        "This is your own billing service's Tax ID",
        "A billing service asks the providers it bills for, not itself. Nothing was sent.",
        ("Enter the Tax ID of the provider.",),
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
        ("Call provider support: they can correct it.", "Or cancel this request and ask again."),
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
    "billing_proposal_waiting": Answer(
        "This was proposed already",
        "A proposal for this Tax ID waits for a second person.",
        ("Look at it, and confirm or reject it if it isn't your own.",),
    ),
    "billing_proposal_over": Answer(
        "This proposal is decided", "Somebody has confirmed or rejected it.", ("Propose it anew if it's still wanted.",)
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
    "authorization_stopped": Answer(
        "This request was stopped",
        "It couldn't be carried out, so nothing was opened, and its links don't work any more.",
        ("You needn't do anything. We told the billing service what to do.",),
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

STAFF_ANSWERS: Final[dict[str, Answer]] = {
    "contact_own_person": Answer(
        "This address is of the billing service's own people",
        "The contact has to work at the provider's office. The requester, their manager or a co-worker can't be it. Nothing was changed.",
        ("Enter the address of somebody who works at the provider's office.",),
    ),
    "contact_own_domain": Answer(
        "This address is of the billing service's own domain",
        "The contact has to work at the provider's office. The requester's manager or a co-worker can't be it. Nothing was changed.",
        (
            "Enter the address of somebody who works at the provider's office.",
            "Do both share one e-mail domain, as in a health system? Write why: two people look at it before anything is mailed.",
        ),
    ),
    "contact_unchanged": Answer(
        "This is the address we have",
        "A correction has to name another mailbox. Nothing was changed.",
        ("Enter another address, or leave the contact as it is.",),
    ),
    "authorization_in_review": Answer(
        "The contact is still to be looked at",
        "Nothing was mailed to it yet, so there is nothing to send again.",
        ("Look at the contact: two people have to approve sending.",),
    ),
    "authorization_cancelled": Answer(
        "This request was cancelled",
        "Nothing was opened, and nothing can be done with it any more.",
        ("If it's still wanted, the billing service can ask again.",),
    ),
    "authorization_stopped": Answer(
        "This request was stopped",
        "Its contact was refused, or it couldn't be carried out. Nothing was opened, and nothing can be done with it any more.",
        ("Look at the request: it says what happened.", "If it's still wanted, the billing service can ask again."),
    ),
}
"""What staff read instead of these: they look at the request of somebody else."""
