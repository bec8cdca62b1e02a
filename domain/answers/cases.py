"""What refusals say about support cases, staff and webhooks."""

from typing import Final

from domain.answers.answer import Answer

ANSWERS: Final[dict[str, Answer]] = {
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
        "Whoever proposed it can't confirm it, whether access is given or ended.",
        ("Ask a colleague to look at it, and to confirm or reject it.",),
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
}
