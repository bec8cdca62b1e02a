"""Whose a mail domain is, told without the network: its readable form, the part somebody registered, and free mail.

The list of public suffixes is a short one of our own, made for health care in the United States. Where it knows less
than the world, two strangers look like one owner, and a contact is refused who could have been asked after a review.
"""

import re
import unicodedata
from typing import Final

# Providers that give a mailbox to anyone, internet providers among them, and ones that give it for ten minutes: the
# domain says nothing about who reads the mail.
FREE_MAIL_DOMAINS: Final = frozenset(
    """
    126.com 163.com 1und1.de aim.com aol.co.uk aol.com aol.de aol.fr att.net bellsouth.net bigpond.com bluewin.ch btinternet.com
    centurylink.net charter.net comcast.net cox.net daum.net duck.com earthlink.net email.com embarqmail.com excite.com fastmail.com
    fastmail.fm foxmail.com free.fr freemail.hu freenet.de frontier.com frontiernet.net gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net
    gmx.us googlemail.com hanmail.net hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com
    icloud.com inbox.com inbox.ru juno.com laposte.net libero.it list.ru live.ca live.co.uk live.com live.de live.fr live.nl lycos.com
    mac.com mail.com mail.ru mailbox.org mailfence.com me.com mindspring.com msn.com mynet.com myyahoo.com naver.com netscape.net
    netzero.com netzero.net ntlworld.com optimum.net optonline.net orange.fr outlook.com outlook.de outlook.es outlook.fr pacbell.net
    passmail.net passmail.com pm.me posteo.de prodigy.net proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com
    relay.firefox.com mozmail.com roadrunner.com rocketmail.com rogers.com rr.com runbox.com sbcglobal.net seznam.cz shaw.ca sina.com
    sky.com snet.net startmail.com suddenlink.net sympatico.ca t-online.de talktalk.net tds.net telus.net tiscali.it tuta.com tuta.io
    tutamail.com tutanota.com tutanota.de uol.com.br usa.com usa.net verizon.net videotron.ca virgilio.it virgin.net virginmedia.com
    wanadoo.fr web.de windowslive.com windstream.net wp.pl wowway.com yahoo.ca yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com
    yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.mx yahoo.com.ph yahoo.com.sg yahoo.de yahoo.es yahoo.fr yahoo.in yahoo.it ya.ru
    yandex.com yandex.ru yeah.net ymail.com zoho.com zohomail.com
    10minutemail.com anonaddy.com anonaddy.me burnermail.io discard.email dispostable.com dropmail.me emailondeck.com fakeinbox.com
    getairmail.com getnada.com grr.la guerrillamail.biz guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net
    guerrillamail.org guerrillamailblock.com harakirimail.com inboxkitten.com mail-temp.com mailcatch.com maildrop.cc mailinator.com
    mailinator.net mailnesia.com mailsac.com mintemail.com moakt.com mohmal.com mytemp.email nada.email sharklasers.com
    simplelogin.com simplelogin.io slmail.me spam4.me spamgourmet.com temp-mail.io temp-mail.org tempail.com tempmail.com
    tempmail.dev tempmailo.com throwawaymail.com trashmail.com trashmail.de yopmail.com yopmail.fr yopmail.net
    """.split()  # noqa: SIM905 - a table of names reads best as lines
)

# Names under which anyone, or any tenant, gets one of their own. The three reserved ones (RFC 2606 section 3) receive
# no mail; in examples each name under them stands for somebody else.
_SUFFIXES: Final = frozenset(
    """
    example.com example.net example.org onmicrosoft.com br.com cn.com co.com de.com eu.com gb.net jpn.com in.net
    mex.com ru.com sa.com se.net uk.com uk.net us.com us.org za.com eu.org fed.us dni.us isa.us kids.us nsn.us
    """.split()  # noqa: SIM905 - a table of names reads best as lines
)
# What countries keep below their own (`co.uk`, `com.au`), and what some of Asia and Africa do (`or.jp`).
_SECOND_LEVEL: Final = frozenset(
    ["ac", "co", "com", "edu", "gob", "gov", "ltd", "mil", "net", "nhs", "org", "plc", "sch"]
)
_MORE_SECOND_LEVEL: Final = frozenset(["go", "ne", "or"])
_COUNTRIES_WITH_MORE: Final = frozenset(["id", "jp", "ke", "kr", "th", "tz", "ug"])
# The states and territories of the United States, and what has a level of its own below one (RFC 1480): `k12.tx.us`.
_STATES: Final = frozenset(
    """
    ak al ar as az ca co ct dc de fl ga gu hi ia id il in ks ky la ma md me mi mn mo mp ms mt nc nd ne nh nj nm nv ny oh
    ok or pa pr ri sc sd tn tx ut va vi vt wa wi wv wy
    """.split()  # noqa: SIM905 - a table of names reads best as lines
)
_BELOW_A_STATE: Final = frozenset(["cc", "ci", "co", "cog", "dst", "gen", "k12", "lib", "mus", "pvt", "state", "tec"])

_ENCODED: Final = "xn--"
_OUTER: Final = re.compile(r"^[\s.]+|[\s.]+$")


def folded(text: str) -> str:
    """The text in one width and case (NFKC, lower case), without characters that draw nothing."""
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    for _ in range(2):  # a lower-case letter may compose anew
        visible = unicodedata.normalize("NFKC", visible).lower()
    return visible


def domain_of(address: str) -> str:
    """The domain of an address (or a domain itself) as people read it: lower case, `xn--` decoded, NFC; `""` if there is none.

    A label that claims to be encoded and isn't stays as it is.
    """
    written = _OUTER.sub("", folded(address).rpartition("@")[2].replace("。", "."))
    return ".".join(_decoded(label) for label in written.split("."))


def _decoded(label: str) -> str:
    if not label.startswith(_ENCODED):
        return label
    try:
        read = label.removeprefix(_ENCODED).encode("ascii").decode("punycode")
        genuine = read.encode("punycode").decode("ascii") == label.removeprefix(_ENCODED)
    except ValueError:
        return label
    is_a_label = not read.isascii() and all(c == "-" or unicodedata.category(c)[0] in "LMN" for c in read)
    return read if genuine and is_a_label and folded(read) == read else label


def spelled_out(address: str) -> str:
    """An address (or a domain) for somebody who has to see that its domain isn't the one it's drawn like.

    With the `xn--` form beside it where the domain has other letters than ASCII's; unchanged where it has none.
    """
    domain = domain_of(address)
    if domain.isascii():
        return address
    written = ".".join(
        label if label.isascii() else f"{_ENCODED}{label.encode('punycode').decode('ascii')}"
        for label in domain.split(".")
    )
    return f"{address} (written {written}: it has letters from outside the English alphabet)"


def registrable_domain(domain: str) -> str:
    """The part of a domain that somebody registered: `example.co.uk` of `mail.example.co.uk`. Takes what `domain_of` gives.

    A public suffix alone is given back as it is.
    """
    labels = domain.split(".")
    return ".".join(labels[-(_suffix_length(labels) + 1) :])


def _suffix_length(labels: list[str]) -> int:
    match labels:
        case [*_, below, state, "us"] if state in _STATES and below in _BELOW_A_STATE:
            return 3
        case [*_, state, "us"] if state in _STATES:
            return 2
        case [*_, second, top] if f"{second}.{top}" in _SUFFIXES:
            return 2
        case [*_, second, country] if re.fullmatch("[a-z]{2}", country) and (
            second in _SECOND_LEVEL or (second in _MORE_SECOND_LEVEL and country in _COUNTRIES_WITH_MORE)
        ):
            return 2
        case _:
            return 1


def is_free_mail(domain: str) -> bool:
    """Whether anyone can have a mailbox there, a name below it included. Takes what `domain_of` gives."""
    return not FREE_MAIL_DOMAINS.isdisjoint((domain, registrable_domain(domain)))
