"""Whether a business contact is independent of the billing service that names it (rule T2).

The FAQ: "your manager or co-worker can't be the authorized representative". The rules below and their order are in
docs/authorizations.md. They tell from addresses alone, so they refuse only what is certain; doubt goes to staff before
any mail is sent, and the one who decides attests name, role and authority all the same.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.look_alikes import is_doubtful_international, looks_like, skeleton
from domain.mail_domains import FREE_MAIL_DOMAINS, domain_of, folded, is_free_mail, registrable_domain

__all__ = ["FREE_MAIL_DOMAINS", "Judgement", "Verdict", "domain_of", "judge", "same_mailbox_key"]

# Domains of one provider where the same name is the same mailbox.
_SAME_PROVIDER: Final = {
    "googlemail.com": "gmail.com",
    "mac.com": "icloud.com",
    "me.com": "icloud.com",
    "pm.me": "proton.me",
    "protonmail.ch": "proton.me",
    "protonmail.com": "proton.me",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
}
_FREE_MAIL_SKELETONS: Final = frozenset(skeleton(domain) for domain in FREE_MAIL_DOMAINS)


class Verdict(StrEnum):
    """May the contact be asked? REVIEW: staff decide before anything is sent."""

    INDEPENDENT = "independent"
    REVIEW = "review"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict and the stable id of the rule that decided, for the audit (at most 40 characters)."""

    verdict: Verdict
    rule: str


def judge(contact: str, *, people: Collection[str], review_wanted: bool = False) -> Judgement:
    """Judge a contact's address against the addresses of the billing service's people; the first rule that fits decides (T2).

    `review_wanted` is the requester's wish, with a reason, that staff look at a contact of the service's own domain: a
    health system that bills for its own clinics. It never helps a person of the service. More people never make a
    judgement more lenient.
    """
    domain = domain_of(contact)
    own_domains = {domain_of(person) for person in people} - {""}
    if same_mailbox_key(contact) in {same_mailbox_key(person) for person in people}:
        return Judgement(Verdict.REFUSED, "T2.own_person")
    if any(_have_one_owner(domain, own) for own in own_domains if not is_free_mail(own)):
        return Judgement(Verdict.REVIEW if review_wanted else Verdict.REFUSED, "T2.own_domain")
    # Two free-mail providers with similar names are just that: `ymail.com` doesn't pose as `gmail.com`.
    compared = {own for own in own_domains if not (is_free_mail(own) and is_free_mail(domain))}
    if any(looks_like(domain, own) for own in compared):
        return Judgement(Verdict.REVIEW, "T2.look_alike")
    if is_doubtful_international(domain):
        return Judgement(Verdict.REVIEW, "T2.international")
    if is_free_mail(domain) or skeleton(registrable_domain(domain)) in _FREE_MAIL_SKELETONS:
        return Judgement(Verdict.REVIEW, "T2.free_mail")
    if not _is_host_name(domain):
        return Judgement(Verdict.REVIEW, "T2.unreadable")
    return Judgement(Verdict.INDEPENDENT, "T2.independent")


def same_mailbox_key(address: str) -> str:
    """Equal for addresses that may be one mailbox: without case, width, dots and `+tag`; one provider's domains are one.

    Stricter than `domain.people.mailbox_key`: where dots do tell people apart, two of them are taken for one (T2).
    """
    local = folded(folded(address).rpartition("@")[0].casefold())
    untagged = local.partition("+")[0].replace(".", "")
    domain = domain_of(address)
    return f"{untagged or local}@{_SAME_PROVIDER.get(domain, domain)}"


def _have_one_owner(domain: str, own: str) -> bool:
    return (
        registrable_domain(domain) == registrable_domain(own)
        or domain.endswith(f".{own}")
        or own.endswith(f".{domain}")
    )


def _is_host_name(domain: str) -> bool:
    labels = domain.split(".")
    return len(labels) > 1 and all(labels) and not labels[-1].isdecimal() and "]" not in domain
