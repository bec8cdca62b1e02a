"""Is the contact independent of the billing service? What addresses alone can tell, and what goes to staff (T2)."""

import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from domain.independence import FREE_MAIL_DOMAINS, Judgement, Verdict, domain_of, judge, same_mailbox_key
from domain.look_alikes import _DRAWN_ALIKE, looks_like
from domain.mail_domains import folded, registrable_domain, spelled_out

unhurried = settings(deadline=None)  # a busy machine is no defect


PEOPLE = ("bill.biller@acmebilling.com", "b2@mail.acmebilling.com", "freelance.biller@gmail.com")
SEVERITY = [Verdict.INDEPENDENT, Verdict.REVIEW, Verdict.REFUSED]


def rule(contact: str, *people: str, review_wanted: bool = False) -> str:
    return judge(contact, people=people or PEOPLE, review_wanted=review_wanted).rule


def verdict(contact: str, *people: str) -> Verdict:
    return judge(contact, people=people or PEOPLE).verdict


@pytest.mark.parametrize(
    "contact",
    ["office@smithclinic.com", "j.doe@clinic.example.org", "office@hospital.k12.tx.us", "a@xn--fiqs8s.com", "a@клиника.com"],
)  # fmt: skip
def test_T2_a_contact_of_another_house_is_independent(contact: str):
    assert judge(contact, people=PEOPLE) == Judgement(Verdict.INDEPENDENT, "T2.independent")


@pytest.mark.parametrize("review_wanted", [False, True])
@pytest.mark.parametrize(
    "contact",
    [
        "bill.biller@acmebilling.com", "BILL.BILLER@ACMEBILLING.COM", "billbiller@acmebilling.com", "b.i.l.l.biller@acmebilling.com",
        "bill.biller+clinic@acmebilling.com", "billbiller+@acmebilling.com", "ｂｉｌｌ.biller@acmebilling.com", "bill.biller@acmebilling.com.",
        "bill.biller@ａｃｍｅｂｉｌｌｉｎｇ．ｃｏｍ", "bill.biller@acmebilling。com", "bill\u00ad.biller@acmebilling.com",
        "freelancebiller@gmail.com", "free.lance.biller+x@googlemail.com", "Freelance.Biller@GoogleMail.com",
    ],
)  # fmt: skip
def test_T2_a_person_of_the_service_is_refused_however_the_address_is_written(contact: str, review_wanted: bool):
    assert judge(contact, people=PEOPLE, review_wanted=review_wanted) == Judgement(Verdict.REFUSED, "T2.own_person")


def test_T2_one_provider_with_several_domains_is_one_mailbox():
    assert rule("b@pm.me", "b@protonmail.com") == "T2.own_person"
    assert rule("b@me.com", "b@icloud.com") == "T2.own_person"
    assert rule("b@hotmail.com", "b@outlook.com") == "T2.free_mail"


@pytest.mark.parametrize(
    "contact", ["manager@acmebilling.com", "x@ACMEBILLING.com", "x@mail.acmebilling.com", "x@deep.er.acmebilling.com"]
)
def test_T2_a_co_worker_is_refused_by_the_domain(contact: str):
    assert judge(contact, people=PEOPLE) == Judgement(Verdict.REFUSED, "T2.own_domain")


@pytest.mark.parametrize(
    ("contact", "person"),
    [
        ("a@acmebilling.com", "b@eu.acmebilling.com"), ("a@us.acmebilling.com", "b@eu.acmebilling.com"),
        ("a@x.acme.co.uk", "b@acme.co.uk"), ("a@x.acme.k12.tx.us", "b@y.acme.k12.tx.us"), ("a@acme.k12.tx.us", "b@k12.tx.us"), ("a@k12.tx.us", "b@acme.k12.tx.us"),
        ("a@bücher.com", "b@xn--bcher-kva.com"), ("a@xn--bcher-kva.com", "b@mail.bücher.com"), ("a@bu\u0308cher.com", "b@xn--bcher-kva.com"),
    ],
)  # fmt: skip
def test_T2_sub_parent_and_sister_domains_are_the_services_own(contact: str, person: str):
    assert rule(contact, person) == "T2.own_domain"


@pytest.mark.parametrize(
    ("contact", "person"),
    [
        ("a@smith.co.uk", "b@acme.co.uk"), ("a@smith.com.au", "b@acme.com.au"), ("a@smith.k12.tx.us", "b@acme.k12.tx.us"),
        ("a@clinic.example.org", "b@biller.example.org"), ("a@smith.onmicrosoft.com", "b@acme.onmicrosoft.com"), ("a@smith.or.jp", "b@acme.or.jp"),
        ("a@notacmebilling.com", "b@acmebilling.com"),
    ],
)  # fmt: skip
def test_T2_neighbours_under_one_public_suffix_are_strangers(contact: str, person: str):
    assert rule(contact, person) == "T2.independent"


def test_T2_a_health_system_that_shares_one_domain_may_ask_for_a_review():
    wanted = judge("clinic.head@healthsystem.org", people=["b@healthsystem.org"], review_wanted=True)
    assert wanted == Judgement(Verdict.REVIEW, "T2.own_domain")


@pytest.mark.parametrize(
    "contact",
    [
        "a@acmebi11ing.com", "a@acmebllling.com", "a@acmebiliing.com", "a@acrnebilling.com", "a@acme-billing.com", "a@ac-me-billing.com", "a@acmebilling.org",
        "a@acmebilling.co.uk", "a@acmebilling.net", "a@acmebiling.com", "a@acmebillings.com", "a@acmebilling1.com", "a@acmebillign.com", "a@acmebulling.com",
        "a@cmebilling.com", "a@acmebilling.example.org", "a@mail.acrne-biiling.biz", "a@аcmebilling.com", "a@xn--cmebilling-yqi.com", "a@acmebıllıng.com",
    ],
)  # fmt: skip
def test_T2_a_look_alike_of_an_own_domain_goes_to_staff(contact: str):
    assert judge(contact, people=PEOPLE) == Judgement(Verdict.REVIEW, "T2.look_alike")


@pytest.mark.parametrize(
    ("domain", "other", "alike"),
    [
        ("vvest.com", "west.com", True), ("m0del.com", "model.com", True), ("modem.com", "modern.com", True), ("abcd.com", "abce.com", False),
        ("abcd.com", "abcd.org", True), ("abcde.com", "abcdf.com", True), ("abcde.com", "abced.com", True), ("abcde.com", "badce.com", False),
        ("abcde.com", "abdcf.com", False), ("abcdefg.com", "abcde.com", False), ("abcde.com", "xabcde.com", True), ("abcde.com", "fghij.com", False), ("vvva.com", "vwa.com", True), ("abcd.com", "abcde.com", True),
    ],
)  # fmt: skip
def test_T2_what_counts_as_a_look_alike(domain: str, other: str, alike: bool):
    assert looks_like(domain, other) is looks_like(other, domain) is alike


@pytest.mark.parametrize(
    "contact",
    [
        "a@smіth.com", "a@xn--smth-u2d.com", "a@арр.com", "a@xn--80ak6aa92e.com", "a@smithklinik中.com", "a@münchen.com", "a@ⲁⲃ.com", "a@xn--999999999.com",
        "a@ااه.com", "a@clinic.xn--abc.com", "a@mail.smіth.com",
    ],
)  # fmt: skip
def test_T2_doubtful_international_domains_go_to_staff(contact: str):
    assert judge(contact, people=PEOPLE) == Judgement(Verdict.REVIEW, "T2.international")


@pytest.mark.parametrize(
    "domain", ["中国医院.com", "клиника.com", "αθηναϊκή.gr", "東京クリニック.jp", "병원1.kr", "مستشفى.com"]
)
def test_T2_a_domain_in_one_other_script_is_a_strangers(domain: str):
    assert verdict(f"a@{domain}") is verdict(f"a@{domain.encode('idna').decode()}") is Verdict.INDEPENDENT


@pytest.mark.parametrize(
    "contact",
    ["dr.smith@gmail.com", "dr.smith@yahoo.com", "a@austin.rr.com", "a@mailinator.com", "a@x.fastmail.com", "a@gmai1.example.com", "a@ymail.com", "a@outl00k.com"],
)  # fmt: skip
def test_T2_free_mail_goes_to_staff(contact: str):
    expected = "T2.independent" if contact.endswith("example.com") else "T2.free_mail"
    assert rule(contact, "b@acmebilling.com") == expected


def test_T2_free_mail_of_a_freelancer_is_not_an_own_domain():
    assert rule("dr.smith@gmail.com", "b@gmail.com") == "T2.free_mail"
    assert rule("dr.smith@ymail.com", "b@gmail.com") == "T2.free_mail"
    assert rule("dr.smith@gmai1.com", "b@gmail.com") == "T2.look_alike"
    assert rule("office@smithclinic.com", "b@gmail.com") == "T2.independent"


def test_T2_without_people_only_the_address_itself_speaks():
    assert judge("a@smithclinic.com", people=[]) == Judgement(Verdict.INDEPENDENT, "T2.independent")
    assert judge("a@gmail.com", people=[]).rule == "T2.free_mail"
    assert judge("a@smіth.com", people=[]).rule == "T2.international"


@pytest.mark.parametrize("contact", ["", "@", "a", "a@", "a@localhost", "a@[192.0.2.1]", "a@192.0.2.1", "a@b..c"])
def test_T2_what_is_no_mail_domain_goes_to_staff(contact: str):
    assert judge(contact, people=["", "@", "b@acmebilling.com"]).verdict is not Verdict.INDEPENDENT


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@Example.ORG", "example.org"), ("a@xn--bcher-kva.example", "bücher.example"), ("a@XN--BCHER-KVA.example", "bücher.example"), ("a@example.org.", "example.org"),
        ("clinic.example.org", "clinic.example.org"), ("a@xn--abc.com", "xn--abc.com"), ("a@xn--bcher-2pa.com", "xn--bcher-2pa.com"), ("a@straße.de", "straße.de"), ("", ""),
    ],
)  # fmt: skip
def test_T2_a_domain_is_read_as_people_see_it(address: str, domain: str):
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("boss@l\u0435dgerline.com", "xn--ldgerline-g0h.com"), ("a@mail.bücher.example", "mail.xn--bcher-kva.example"),
        ("a@xn--bcher-kva.example", "xn--bcher-kva.example"), ("bücher.example", "xn--bcher-kva.example"), ("a@клиника.рф", "xn--80apagcdp.xn--p1ai"),
    ],
)  # fmt: skip
def test_T2_a_domain_with_other_letters_is_spelled_out_for_staff(address: str, written: str):
    assert spelled_out(address) == f"{address} (written {written}: it has letters from outside the English alphabet)"


def test_T2_a_domain_in_ascii_is_shown_as_it_is():
    for address in ("boss@ledgerline.com", "J.Doe@Example.ORG", "ledgerline.com", "a@xn--abc.com", ""):
        assert spelled_out(address) == address


@pytest.mark.parametrize(
    ("domain", "registered"),
    [
        ("mail.example.co.uk", "example.co.uk"), ("a.b.c.com", "c.com"), ("x.clinic.example.org", "clinic.example.org"), ("x.austinisd.k12.tx.us", "austinisd.k12.tx.us"),
        ("x.city.tx.us", "city.tx.us"), ("x.brand.us", "brand.us"), ("co.uk", "co.uk"), ("com", "com"), ("", ""),
        ("x.id.me", "id.me"),
    ],
)  # fmt: skip
def test_T2_the_registered_part_of_a_domain(domain: str, registered: str):
    assert registrable_domain(domain) == registered


def test_T2_the_free_mail_list_is_in_the_form_it_is_compared_with():
    assert all(domain_of(domain) == domain and "." in domain for domain in FREE_MAIL_DOMAINS)
    assert {"gmail.com", "yahoo.com", "outlook.com", "mailinator.com"} <= FREE_MAIL_DOMAINS


LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,12}[a-z0-9])?", fullmatch=True).filter(lambda label: label[2:4] != "--")
DOMAINS = st.builds("{}.{}".format, LABELS, st.sampled_from(["com", "org", "co.uk", "example.org"])).filter(
    lambda domain: domain not in FREE_MAIL_DOMAINS and registrable_domain(domain) == domain
)
LOCALS = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS | st.sampled_from(sorted(FREE_MAIL_DOMAINS)))
TEXTS = st.text(max_size=30) | st.builds("{}@{}".format, st.text(max_size=10), st.text(max_size=20))


@unhurried
@given(TEXTS)
@example("a@xn--bcher-kva.com")
@example(". \r.example.org. \n")
def test_T2_normalising_again_changes_nothing(text: str):
    assert domain_of(domain_of(text)) == domain_of(text)
    assert same_mailbox_key(same_mailbox_key(text)) == same_mailbox_key(text)
    assert unicodedata.is_normalized("NFC", domain_of(text))


@unhurried
@given(TEXTS, st.lists(TEXTS, max_size=3), st.booleans())
def test_T2_any_text_gets_a_judgement(contact: str, people: list[str], review_wanted: bool):
    judged = judge(contact, people=people, review_wanted=review_wanted)
    assert judged.rule.startswith("T2.")
    assert len(judged.rule) <= 40


@unhurried
@given(ADDRESSES, st.data())
def test_T2_no_spelling_of_an_own_persons_address_escapes(person: str, data: st.DataObject):
    local, _, domain = person.partition("@")
    dotted = "".join(character + data.draw(st.sampled_from(["", "", "."])) for character in local).strip(".")
    cased = "".join(data.draw(st.sampled_from([c, c.upper(), chr(ord(c) + 0xFEE0) if c != "." else c])) for c in dotted)
    tag = data.draw(st.sampled_from(["", "+", "+x", "+clinic.name+2"]))
    written = f"{cased}{tag}@{data.draw(st.sampled_from([domain, domain.upper(), domain.title()]))}"
    for review_wanted in (False, True):
        judged = judge(written, people=["other@example.net", person], review_wanted=review_wanted)
        assert judged == Judgement(Verdict.REFUSED, "T2.own_person")


@unhurried
@given(LOCALS, st.lists(LABELS, min_size=0, max_size=3), DOMAINS)
def test_T2_a_name_below_an_own_domain_is_never_independent(local: str, below: list[str], own: str):
    contact = f"{local}@{'.'.join([*below, own])}"
    assert judge(contact, people=[f"b@{own}"]).verdict is Verdict.REFUSED
    assert judge(contact, people=[f"b@{own}"], review_wanted=True).verdict is not Verdict.INDEPENDENT
    assert judge(f"{local}@{own}", people=[f"b@{'.'.join([*below, own])}"]).verdict is Verdict.REFUSED


@unhurried
@given(ADDRESSES | TEXTS, st.lists(ADDRESSES | TEXTS, max_size=3), ADDRESSES | TEXTS, st.booleans())
def test_T2_one_more_person_never_makes_it_more_lenient(
    contact: str, people: list[str], more: str, review_wanted: bool
):
    before = judge(contact, people=people, review_wanted=review_wanted)
    after = judge(contact, people=[*people, more], review_wanted=review_wanted)
    assert SEVERITY.index(after.verdict) >= SEVERITY.index(before.verdict)


@unhurried
@given(ADDRESSES, st.lists(ADDRESSES, max_size=3))
def test_T2_the_order_of_the_people_does_not_matter(contact: str, people: list[str]):
    assert judge(contact, people=people) == judge(contact, people=people[::-1])


@unhurried
@given(ADDRESSES, st.lists(ADDRESSES, max_size=3))
def test_T2_a_wish_for_review_opens_nothing_but_a_review_of_an_own_domain(contact: str, people: list[str]):
    before = judge(contact, people=people)
    wished = judge(contact, people=people, review_wanted=True)
    assert wished == before or (before.rule, wished.rule, wished.verdict) == (
        "T2.own_domain",
        "T2.own_domain",
        "review",
    )


CONFUSABLE = {word[0]: word[1:] for word in _DRAWN_ALIKE.split()}


@unhurried
@given(DOMAINS, st.data())
def test_T2_no_confusable_swap_in_an_own_domain_is_independent(own: str, data: st.DataObject):
    name, _, suffix = own.partition(".")
    swapped = "".join(data.draw(st.sampled_from([c, *CONFUSABLE.get(c, "")])) for c in name)
    assume(swapped != name)
    assert judge(f"a@{swapped}.{suffix}", people=[f"b@{own}"]).verdict is not Verdict.INDEPENDENT
    # Nor of anybody else's domain, in the encoded form neither.
    assert judge(f"a@{swapped}.{suffix}", people=[]).verdict is not Verdict.INDEPENDENT
    encoded = "xn--" + swapped.encode("punycode").decode()
    assert judge(f"a@{encoded}.{suffix}", people=[]).verdict is not Verdict.INDEPENDENT


@unhurried
@given(DOMAINS, st.characters(min_codepoint=0x80, categories=["Ll", "Lo", "Lm", "Mn", "Nd"]), st.data())
def test_T2_no_foreign_letter_in_an_ascii_name_is_independent(own: str, letter: str, data: st.DataObject):
    name, _, suffix = own.partition(".")
    assume(not folded(letter).isascii())  # "ª" is the letter a, in mail as anywhere
    place = data.draw(st.integers(1, len(name)))
    judged = judge(f"a@{name[:place]}{letter}{name[place:]}.{suffix}", people=[f"b@{own}"])
    assert judged.verdict is not Verdict.INDEPENDENT


ALIKE = [("rn", "m"), ("m", "rn"), ("w", "vv"), ("vv", "w"), ("o", "0"), ("0", "o"), ("l", "1"), ("1", "i"), ("i", "l"), ("", "-")]  # fmt: skip


@unhurried
@given(LABELS, LOCALS, st.sampled_from(ALIKE), st.sampled_from(["com", "org", "co.uk"]))
def test_T2_no_ascii_look_alike_of_an_own_domain_is_independent(
    start: str, end: str, swap: tuple[str, str], suffix: str
):
    written, drawn = (f"{start}{part}{end}.{suffix}" for part in swap)
    assert judge(f"a@{drawn}", people=[f"b@{written}"]).verdict is not Verdict.INDEPENDENT
    assert judge(f"a@{written}", people=[f"b@{drawn}"]).verdict is not Verdict.INDEPENDENT
