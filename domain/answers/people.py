"""What refusals say about colleagues, invitations, departures and signing in."""

from typing import Final

from domain.answers.answer import Answer

ANSWERS: Final[dict[str, Answer]] = {
    "invitee_bills": Answer(
        "This person works for a billing service",
        "Nobody of a billing service can have an account under a provider. Billing services register separately, with their own Tax ID, and ask you for access.",
        (
            "Tell them to register their billing service, and to ask for access with you as the business contact.",
            "You then get an e-mail, and decide what they see.",
            "Do they work for you as well, with an address of yours? Invite that address.",
        ),
    ),
    "second_factor_wrong": Answer(
        "That code isn't right",
        "Each code of your authenticator app works once and for half a minute.",
        ("Wait for the next code and enter it.", "Check that the time of your telephone is set automatically."),
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
        "Who had access before you can say first whether they know you. Until that time is over, or while somebody objects, you can't manage them or their invitations, nor open access for a billing service.",
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
    "sign_in_failed": Answer(
        "E-mail address or password isn't right",
        "For safety we don't say which.",
        ("Check both and try again.", "Forgot your password? Call provider support.", "No account yet? Register."),
    ),
}
