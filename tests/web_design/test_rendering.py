"""What rendering promises without a browser: escaping, missing variables, theme colours, asset versions, times."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from tests.web_design.catalogue import CATALOGUE
from tests.web_design.made_up import PAYER
from web.rendering import CSP_PAGE, STATIC, Payer, TimeFilters, contrast, theme_css, zone_named


def test_a_forgotten_variable_raises(renderer) -> None:
    with pytest.raises(UndefinedError):
        renderer.page("organization.html", {"action": "/sent"})


def test_what_people_typed_is_escaped(renderer) -> None:
    context = {"email": '"><script>alert(1)</script>', "link_hours": 24}
    assert "<script>alert" not in renderer.page("resume_sent.html", context)


@pytest.mark.parametrize("person", [None, {"name": "Jordan Ellis", "unread": 0}])
def test_the_mailbox_of_development_is_linked_signed_in_and_out(renderer, person: object) -> None:
    context = {"person": person, "idempotency_key": "k" * 32, "problem": {"status": 404}, "incident": "x"}
    assert 'href="/mailbox"' in renderer.page("problem.html", {**context, "development": True})
    assert 'href="/mailbox"' not in renderer.page("problem.html", context)


def test_T6_a_mistake_is_spoken_of_only_where_an_answer_counted(renderer) -> None:
    words = {
        name: renderer.page(state.template, state.context)
        for name in ("answer-approved", "answer-late")
        for state in CATALOGUE
        if state.name == name
    }
    assert "To end access that you approved" in words["answer-approved"]
    assert "To approve what you declined" not in words["answer-approved"]
    assert "Was it a mistake?" not in words["answer-late"]


def _words(renderer, name: str) -> str:
    state = next(state for state in CATALOGUE if state.name == name)
    return " ".join(renderer.page(state.template, state.context).split())


@pytest.mark.parametrize("name", ["answer-expired-first", "answer-cancelled-first"])
def test_B6_an_answer_that_came_too_late_says_who_can_ask_again(renderer, name: str) -> None:
    assert "the billing service can ask again." in _words(renderer, name).replace("The billing", "the billing")


@pytest.mark.parametrize("name", ["clients-page-corrected-out", "clients-page-sent-corrected-out"])
def test_B5_where_no_correction_is_left_the_page_says_who_can_make_one(renderer, name: str) -> None:
    words = _words(renderer, name)
    assert "The contact was corrected as often as you can. Call provider support" in words
    assert "Correct the contact" not in words


def test_T7_the_contact_is_told_the_reference_only_while_an_answer_is_awaited(renderer) -> None:
    pages = {state.name for state in CATALOGUE if state.template == "clients_page.html"}
    told = {name for name in pages if "it stands in our e-mail" in _words(renderer, name)}
    assert told == {"clients-page-sent", "clients-page-fresh", "clients-page-sent-corrected-out"}


@pytest.mark.parametrize("name", ["payment", "payment-errors", "payment-mismatch"])
def test_P3_the_np_hint_stands_at_the_field_whatever_went_wrong(renderer, name: str) -> None:
    state = next(state for state in CATALOGUE if state.name == name)
    html = renderer.page(state.template, {**state.context, "problem": None})
    assert "Non-payment notices start with NP" in html


def test_B3_no_letter_is_offered_where_none_can_work_any_more(renderer) -> None:
    assert "Use US Mail instead" in _words(renderer, "organization")
    without = _words(renderer, "organization-no-letters")
    assert "US Mail" not in without
    assert "with a letter" not in without


def test_P1_a_mismatch_marks_no_field(renderer) -> None:
    state = next(state for state in CATALOGUE if state.name == "payment-mismatch")
    assert 'aria-invalid="true"' not in renderer.page(state.template, state.context)


def test_T6_the_status_is_the_right_column(renderer) -> None:
    state = next(state for state in CATALOGUE if state.name == "access")
    head = renderer.page(state.template, state.context).split("</thead>")[0]
    assert "Status" in head.rsplit("<th", 1)[1]


@pytest.mark.parametrize(
    ("colour", "accent"),
    [("#0b4f6c", "#8a3b12"), ("#ffd400", "#ffffff"), ("#00a3e0", "#000000"), ("#777777", "#777777")],
)
def test_any_colour_of_a_payer_stays_readable(colour: str, accent: str) -> None:
    payer = Payer(
        name="P",
        short_name="P",
        phone="1",
        hours="",
        email="h@example.org",
        address_lines=(),
        colour=colour,
        accent=accent,
    )
    theme = dict(line.strip(" ;").split(": ") for line in theme_css(payer).splitlines()[1:-1])
    assert contrast(theme["--brand"], "#ffffff") >= 4.5
    assert contrast(theme["--brand"], theme["--brand-tint"]) >= 4.5
    assert contrast(theme["--accent-light"], theme["--brand"]) >= 3


def test_a_colour_that_is_css_is_refused() -> None:
    with pytest.raises(ValueError, match="theme colour"):
        Payer(name="P", short_name="P", phone="", hours="", email="", address_lines=(), colour="red;}*{x:url(//e)")


def test_assets_carry_the_hash_of_their_content(renderer, tmp_path: Path) -> None:
    assert renderer.static.url("css/base.css") == f"/static/{renderer.static.version}/css/base.css"
    (tmp_path / "a.css").write_text("a{}")
    before = type(renderer.static)(tmp_path).version
    (tmp_path / "a.css").write_text("b{}")
    assert type(renderer.static)(tmp_path).version != before


def test_modules_are_small_and_the_policy_allows_nothing_inline() -> None:
    for path in STATIC.glob("js/*.js"):
        assert len(path.read_text().splitlines()) < 40, path.name
    assert "unsafe" not in CSP_PAGE


def test_times_are_written_the_american_way_in_the_payers_zone() -> None:
    times = TimeFilters(zone_named(PAYER.time_zone))
    moment = datetime(2026, 7, 4, 5, 5, tzinfo=UTC)
    assert (
        times.moment(moment)
        == '<time datetime="2026-07-04T05:05:00Z" data-local="moment">July 4, 2026, 12:05 AM CDT</time>'
    )
    assert times.day(moment.replace(hour=1)) == '<time datetime="2026-07-03">Jul 3, 2026</time>'
    assert times.day(date(2026, 7, 4)) == '<time datetime="2026-07-04">Jul 4, 2026</time>'
