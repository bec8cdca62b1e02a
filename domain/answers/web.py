"""What refusals say of any request: how it was sent, repeated, or came while something was away."""

from typing import Final

from domain.answers.answer import Answer

ANSWERS: Final[dict[str, Answer]] = {
    "invalid_fields": Answer(
        "Some answers need another look",
        "Nothing was sent yet and no attempt was counted.",
        ("Correct the marked fields and send the form again.",),
    ),
    "not_found": Answer(
        "We can't find that",
        "It doesn't exist, or it isn't yours to see.",
        ("Check the address.", "Sign in again.", "Ask for a link to go on with your registration."),
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
        "A part of our system is away for a moment. Nothing was lost and nothing is half done; what you sent may still be done when it's back.",
        ("Look again in a few seconds whether it was done. If not, try again; sending the same form again is safe.",),
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
}
