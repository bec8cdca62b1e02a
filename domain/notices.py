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
    "access_added": Notice(
        "Access was added to your account",
        (
            "Your account now sees {organization}.",
            "If you did not add it, call us and have the reference ready.",
            "Reference: {reference}.",
        ),
    ),
    "billing_registered": Notice(
        "Your billing service is registered",
        (
            "Your account is made, and {organization} is registered as a billing service. You are its administrator.",
            "It sees no provider yet. Ask for access to each client under “Clients”: the client's business contact gets an e-mail, and the access opens as soon as they approve.",
            "The account is yours alone: don't share it. Invite your colleagues under Colleagues. Reference of your registration: {reference}.",
        ),
    ),
    "billing_added": Notice(
        "A billing service was added to your account",
        (
            "{organization} is registered as a billing service, and your account is its administrator.",
            "It sees no provider yet. Ask for access to each client under “Clients”.",
            "If you did not add it, call us and have the reference ready. Reference: {reference}.",
        ),
    ),
    "recovery_codes_made": Notice(
        "New recovery codes were made",
        (
            "New recovery codes were made for your account; the old ones don't work any more.",
            "If you did not make them, sign out everywhere else under Account security and call us.",
        ),
    ),
    "someone_registered": Notice(
        "Someone registered for your organization",
        (
            "{newcomer} got access to the portal for {organization} with a payment or notice of ours.",
            "You needn't do anything if this is a colleague. If you did not expect it, object under Newcomers by {until}, or call us.",
            "Reference: {reference}.",
        ),
    ),
    "departure_claimed": Notice(
        "Someone says that you have left",
        (
            "{newcomer} got access to the portal for {organization}, and told us that you no longer work there.",
            "Is that wrong? Object under Newcomers by {until}: then nothing ends until our staff have looked at it.",
            "If nobody objects by the end of {until}, your access to {organization} ends.",
            "Reference: {reference}.",
        ),
    ),
    "departure_opened": Notice(
        "We asked about the colleague who has left",
        (
            "You told us that somebody with access to {organization} has left. We told that person, your colleagues and the address in our records.",
            "Without an objection by {until}, that person's access ends. Was it a mistake? Take it back under Newcomers.",
            "Reference: {reference}.",
        ),
    ),
    "departure_contested": Notice(
        "Somebody objected: our staff look at it",
        (
            "Somebody objected to what was said about {colleague} and {organization}. Nothing ends until our staff have decided.",
            "Reference: {reference}.",
        ),
    ),
    "departure_contested_you": Notice(
        "Somebody objected: our staff look at it",
        (
            "Somebody objected to what was said, that you have left {organization}. Your access doesn't end until our staff have decided.",
            "Reference: {reference}.",
        ),
    ),
    "departure_ended": Notice(
        "Your access to {organization} has ended",
        (
            "It was said that you left {organization}, and nobody objected in time, or you or our staff confirmed it.",
            "Your open invitations and requests there were cancelled, and you were signed out everywhere.",
            "If this isn't right, call us and have the reference ready. Reference: {reference}.",
        ),
    ),
    "departure_confirmed": Notice(
        "The access of a colleague who left has ended",
        (
            "The access of {colleague} to {organization} has ended. Nothing of it passed on to anyone else.",
            "If you did not expect this, call us and have the reference ready. Reference: {reference}.",
        ),
    ),
    "departure_kept": Notice(
        "The access stays as it is",
        (
            "Our staff looked at what was said about {colleague} and {organization}: the access of {colleague} stays as it is.",
            "Reference: {reference}.",
        ),
    ),
    "departure_kept_you": Notice(
        "Your access stays as it is",
        (
            "It was said that you have left {organization}. Our staff looked at it: your access stays as it is.",
            "Reference: {reference}.",
        ),
    ),
    "newcomer_kept_you": Notice(
        "Your access stays as it is",
        (
            "Somebody who had access before you objected. Our staff looked at it: you keep the access to {organization}.",
            "Reference: {reference}.",
        ),
    ),
    "newcomer_ended_you": Notice(
        "Your access has ended",
        (
            "Somebody who had access before you objected. Our staff looked at it: your access to {organization} has ended.",
            "Reference: {reference}.",
        ),
    ),
    "newcomer_kept": Notice(
        "The newcomer keeps the access",
        (
            "Our staff looked at the objection: {newcomer} keeps the access to {organization}.",
            "Reference: {reference}.",
        ),
    ),
    "newcomer_ended": Notice(
        "The newcomer’s access has ended",
        (
            "Our staff looked at the objection: the access of {newcomer} to {organization} has ended.",
            "Reference: {reference}.",
        ),
    ),
    "departure_withdrawn": Notice(
        "Your access stays as it is",
        (
            "It was said by mistake that you had left {organization}. Your access stays as it is.",
            "Reference: {reference}.",
        ),
    ),
    "case_opened": Notice(
        "We have your request",
        ("Your request to provider support is case {number}. A person looks at it and gets in touch with you.",),
    ),
    "case_contacted": Notice(
        "We got in touch about your request",
        ("Provider support called or wrote to you about case {number}. What was said is on the case's page.",),
    ),
    "case_question": Notice("We need something more from you", ("A question about case {number}:", "{text}")),
    "case_reminder": Notice(
        "We still need something from you",
        ("Case {number} waits for your answer. Without one it will be closed; you can open a new one at any time.",),
    ),
    "case_listed": Notice(
        "Your organization is listed now",
        (
            "The organization of case {number} is in our records now. Go on where you stopped; nothing has to be typed again.",
        ),
    ),
    "case_declined": Notice("We couldn't do what you asked for", ("Case {number} was declined:", "{text}")),
    "case_answered": Notice("Your request is answered", ("The answer to case {number}:", "{text}")),
    "case_access_given": Notice(
        "You have access now",
        ("Two people of provider support looked at case {number} and gave the access that you asked for.",),
    ),
    "case_withdrawn": Notice(
        "Your request is closed",
        ("Case {number} was closed because it isn't needed any more. You can open a new one at any time.",),
    ),
    "case_unreachable": Notice(
        "Your request is closed: we couldn't reach you",
        ("We asked you something about case {number} and got no answer. You can open a new case at any time.",),
    ),
    "access_by_staff": Notice(
        "Someone got access to your organization",
        (
            "{newcomer} got access to the portal for {organization} through provider support.",
            "You needn't do anything if this is a colleague. If you did not expect it, call us and have the reference ready.",
            "Reference: {reference}.",
        ),
    ),
    "invitation_joined": Notice(
        "Your access is open",
        (
            "You accepted the invitation of {inviter}, and your access to {organization} ({scope}) is open, with the role {role}.",
            "The account is yours alone: don't share it.",
            "Reference of the invitation: {reference}.",
        ),
    ),
    "invitation_accepted": Notice(
        "Your invitation was accepted",
        (
            "{invitee} accepted the invitation to {organization} ({scope}), with the role {role}.",
            "You find the new colleague under Colleagues. If this isn't right, remove the person there at once.",
            "Reference: {reference}.",
        ),
    ),
    "invitation_expired": Notice(
        "An invitation has expired",
        (
            "{invitee} didn't accept the invitation to {organization} in time.",
            "You can invite again under Colleagues.",
            "Reference: {reference}.",
        ),
    ),
    "invitation_cancelled": Notice(
        "An invitation was cancelled",
        (
            "The invitation of {invitee} to {organization} is cancelled, and its links don't work any more.",
            "An administrator did so, or {inviter}, who invited, doesn't manage access any more.",
            "Is it still wanted? Invite again under Colleagues. Reference: {reference}.",
        ),
    ),
    "invitation_undeliverable": Notice(
        "An invitation couldn't be delivered",
        (
            "The mail server of {invitee} refused our mail for good.",
            "Correct the address under Colleagues: the invitation is then made anew. Reference: {reference}.",
        ),
    ),
    "access_removed": Notice(
        "Your access has ended",
        (
            "Your access to {organization} was ended by {actor}.",
            "If this isn't right, ask an administrator of the organization, or call us.",
        ),
    ),
    "role_changed": Notice(
        "Your role has changed",
        ("{actor} changed your role for {organization}: you are now {role}.",),
    ),
    "colleague_removed": Notice(
        "A colleague's access has ended",
        (
            "The access of {colleague} to {organization} was ended by {actor}.",
            "If you did not expect this, call us.",
        ),
    ),
    "colleague_role_changed": Notice(
        "A colleague's role has changed",
        ("{actor} changed the role of {colleague} for {organization} to {role}.",),
    ),
    "authorization_requested": Notice(
        "You asked for access to a provider",
        (
            "You asked for access to {provider} (Tax ID {provider_tin}), {scope}.",
            "It is open until {until}. Where it stands is under Clients.",
            "Reference: {reference}.",
        ),
    ),
    "authorization_in_review": Notice(
        "Our staff look at the business contact",
        (
            "Before we write to {contact} about {provider}, our staff look at the address. Nothing was mailed yet.",
            "You needn't do anything. The request is open until {until}. Reference: {reference}.",
        ),
    ),
    "authorization_sent": Notice(
        "We have written to the business contact",
        (
            "We wrote to {contact} about your request for access to {provider}, {scope}.",
            "The contact can answer until {until}. Tell them the reference: {reference}.",
        ),
    ),
    "authorization_resent": Notice(
        "We have written to the business contact again",
        (
            "We wrote to {contact} once more about your request for access to {provider}. Links of earlier mails work, too.",
            "It stays open until {until}; sending it again doesn't change that. Reference: {reference}.",
        ),
    ),
    "authorization_corrected": Notice(
        "The business contact was corrected",
        (
            "The contact for your request for access to {provider} is {contact} now. Links to the address before don't work any more.",
            "It stays open until {until}. Reference: {reference}.",
        ),
    ),
    "authorization_undeliverable": Notice(
        "Your request couldn't be delivered",
        (
            "Our mail to {contact} about {provider} came back.",
            "Correct the address under Clients, and we write to the new one; or have the mail sent again. If neither is offered there any more, call us. The request stays open until {until}.",
            "Reference: {reference}.",
        ),
    ),
    "authorization_waiting": Notice(
        "Nobody has answered your request yet",
        (
            "{contact} hasn't answered your request for access to {provider} yet. It stays open until {until}.",
            "Ask them and tell them the reference, have the mail sent again, or correct the address. Reference: {reference}.",
        ),
    ),
    "authorization_waiting_in_review": Notice(
        "Our staff haven't decided about your request yet",
        (
            "Our staff still look at {contact}, whom you named for {provider}. Nothing was mailed yet. The request stays open until {until}.",
            "Call us and have the reference ready, or name another contact on the request's page. Reference: {reference}.",
        ),
    ),
    "authorization_waiting_undelivered": Notice(
        "Your request still couldn't be delivered",
        (
            "Our mail to {contact} about {provider} came back, so the contact couldn't answer yet. The request stays open until {until}.",
            "Correct the address, or have the mail sent again. If neither is offered any more, call us. Reference: {reference}.",
        ),
    ),
    "authorization_approved": Notice(
        "Your request was approved",
        (
            "{decided_by} approved your request: {service} has access to {provider}, {scope}, from now on.",
            "The provider can put it on hold or end it at any time. Reference: {reference}.",
        ),
    ),
    "authorization_declined": Notice(
        "Your request was declined",
        (
            "The provider declined your request for access to {provider}, {scope}. Nothing was opened.",
            "If you think that it was a mistake, talk to the provider. Its page says when you can ask again.",
            "Reference: {reference}.",
        ),
    ),
    "authorization_expired": Notice(
        "Your request has expired",
        (
            "Nobody answered your request for access to {provider}, {scope}, in time. Its links don't work any more.",
            "You can ask again at once, under Clients. Reference: {reference}.",
        ),
    ),
    "authorization_expired_in_review": Notice(
        "Your request has expired before it was mailed",
        (
            "Our staff hadn't decided about {contact} in time, so nothing was mailed about {provider}, {scope}.",
            "Call us and have the reference ready, or ask again with another contact, under Clients. Reference: {reference}.",
        ),
    ),
    "authorization_expired_undelivered": Notice(
        "Your request has expired undelivered",
        (
            "Our mail to {contact} about {provider}, {scope}, came back, and nobody answered in time.",
            "Ask the provider for the right address, then ask again under Clients. Reference: {reference}.",
        ),
    ),
    "authorization_cancelled": Notice(
        "Your request was cancelled",
        (
            "The request for access to {provider}, {scope}, was cancelled. Its links don't work any more.",
            "If you did not expect this, ask your colleagues, or call us. Reference: {reference}.",
        ),
    ),
    "authorization_stopped": Notice(
        "Your request was stopped",
        (
            "The request for access to {provider}, {scope}, was stopped; nothing was opened.",
            "{why}",
            "Reference: {reference}.",
        ),
    ),
    "provider_asked": Notice(
        "A billing service asks for access to your organization",
        (
            "{service} asks for access to {organization}, {scope}. We asked the business contact that it named: {contact}.",
            "Nothing is open yet; the request waits until {until}. {can}",
            "I did not ask for this: {remedy} Reference: {reference}.",
        ),
    ),
    "provider_grant_opened": Notice(
        "A billing service got access to your organization",
        (
            "{service} got access to {organization}, {scope}. Approved by: {decided_by}.",
            "I did not ask for this: {remedy} Reference: {reference}.",
        ),
    ),
    "grant_changed": Notice(
        "A billing service's access has changed",
        (
            "The access of {service} to {organization}, {scope}, {what}. By: {by}.",
            "I did not ask for this: {remedy} Reference: {reference}.",
        ),
    ),
    "grant_objected": Notice(
        "Somebody objected: a billing service's access is on hold",
        (
            "{by} (the name given with the objection) says that {organization} did not ask for the access of {service}, {scope}. It is on hold, and our staff were told.",
            "{can}",
            "I did not ask for this: {remedy} Reference: {reference}.",
        ),
    ),
    "grant_held": Notice(
        "Your access to a provider is on hold",
        (
            "The access of {service} to {organization}, {scope}, is on hold. {why}",
            "Only an administrator of the provider can resume it. Reference: {reference}.",
        ),
    ),
    "grant_resumed": Notice(
        "Your access to a provider is open again",
        ("The access of {service} to {organization}, {scope}, is open again. Reference: {reference}.",),
    ),
    "grant_ended": Notice(
        "Your access to a provider has ended",
        (
            "The access of {service} to {organization}, {scope}, has ended. {how}",
            "Is it still needed? Talk to the provider, and ask again under Clients. Reference: {reference}.",
        ),
    ),
    "grant_end_date": Notice(
        "The end date of your access has changed",
        (
            "The provider changed until when {service} has access to {organization}, {scope}. {when}",
            "Reference: {reference}.",
        ),
    ),
}
