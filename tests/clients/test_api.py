"""A billing service's clients over the API: codes, standing requests, lists as files, and nobody else's rows."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.api.visitor import V1, Visitor, assert_problem
from tests.clients.biller import Desk, new_contact
from tests.house import key

AUTHORIZATIONS, LISTS = f"{V1}/authorizations", f"{V1}/authorization-lists"


def at(visitor: Visitor, desk: Desk) -> Visitor:
    visitor.token = desk.token
    return visitor


async def body_for(desk: Desk, **changes: str) -> dict[str, Any]:
    clinic = await desk.house.new_clinic()
    return {"tin": clinic.tin, "provider_name": clinic.name, "contact": new_contact(), **changes}


async def send_csv(visitor: Visitor, text: str | bytes, **headers: str) -> httpx2.Response:
    sent = {
        "Authorization": f"Bearer {visitor.token}", "Idempotency-Key": key(), "Content-Type": "text/csv",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }  # fmt: skip
    return await visitor.client.post(LISTS, content=text, headers=sent)


async def test_T1_the_whole_way_over_the_api(desk: Desk, visitor: Visitor):
    at(visitor, desk)
    made = await visitor.post(AUTHORIZATIONS, await body_for(desk, provider_name="Maple Street Clinic"))
    assert made.status_code == 201, made.text
    answer = made.json()
    assert (answer["state"], answer["reference"][:2]) == ("sent", "A-")
    shown = (await visitor.get(made.headers["location"])).json()
    assert (shown["client"]["status"], shown["client"]["status_words"]) == ("sent", "Waiting for the contact")
    assert shown["client"]["contact_masked"].startswith("o•••@")
    assert shown["timeline"][0]["words"] == "Access was asked for."
    listed = (await visitor.get(f"{AUTHORIZATIONS}?search=maple&status=sent&sort=provider")).json()
    assert ([one["id"] for one in listed["clients"]], listed["total"]) == ([answer["id"]], 1)
    assert listed["counts"] == {"sent": 1}
    here = f"{AUTHORIZATIONS}/{answer['id']}"
    early = assert_problem(await visitor.post(f"{here}/resend"), 429, "authorization_resend_pause")
    assert early["retry_at"]
    corrected = await visitor.post(f"{here}/contact", {"contact": new_contact()})
    assert (corrected.status_code, corrected.json()["state"]) == (200, "sent"), corrected.text
    cancelled = await visitor.post(f"{here}/cancel")
    assert cancelled.json()["state"] == "cancelled"
    assert_problem(await visitor.post(f"{here}/cancel"), 410, "authorization_cancelled")
    again = await visitor.post(f"{here}/again", {})
    assert again.status_code == 201, again.text
    shown = (await visitor.get(again.headers["location"])).json()
    assert shown["client"]["previous_id"] == answer["id"]
    assert [one["id"] for one in shown["others"]] == [answer["id"]]


async def test_T7_after_a_decision_a_resend_is_a_conflict(desk: Desk, visitor: Visitor):
    asked = await desk.asked()
    await desk.decided(asked)
    for step, body in (("resend", None), ("cancel", None), ("contact", {"contact": new_contact()})):
        answer = await at(visitor, desk).post(f"{AUTHORIZATIONS}/{asked}/{step}", body)
        assert_problem(answer, 409, "authorization_decided")


async def test_T5_the_second_asker_is_told_which_request_stands(desk: Desk, visitor: Visitor):
    body = await body_for(desk)
    first = await at(visitor, desk).post(AUTHORIZATIONS, body)
    second = await at(visitor, desk.colleague()).post(AUTHORIZATIONS, body)
    assert assert_problem(second, 409, "authorization_open")["standing_id"] == first.json()["id"]
    assert (await visitor.get(f"{AUTHORIZATIONS}/{first.json()['id']}")).json()["client"]["requester"] == "Bo Biller"


async def test_I2_the_same_key_and_body_ask_once(desk: Desk, visitor: Visitor):
    body, again = await body_for(desk), key()
    answers = [await at(visitor, desk).post(AUTHORIZATIONS, body, idempotency_key=again) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    other = await visitor.post(AUTHORIZATIONS, await body_for(desk), idempotency_key=again)
    assert_problem(other, 422, "key_reused")


async def test_I16_known_and_unknown_providers_are_answered_alike(desk: Desk, visitor: Visitor):
    at(visitor, desk)
    clinic = await desk.house.new_clinic()
    known = {"tin": clinic.tin, "npi": clinic.npi}
    unknown = {"tin": "001250001", "npi": "1234567893"}
    for who in (known, unknown):
        body = {**who, "provider_name": "Some Clinic", "contact": new_contact()}
        answer = await visitor.post(AUTHORIZATIONS, body)
        assert (answer.status_code, answer.json()["state"], set(answer.json())) == (
            201, "sent", {"id", "reference", "state"},
        )  # fmt: skip
    await asyncio.gather(*(desk.quiet(row.id) for row in (await desk.page()).rows))
    one, other = (await visitor.get(AUTHORIZATIONS)).json()["clients"]
    differing = {name for name in one if one[name] != other[name]}
    assert differing <= {
        "id", "reference", "tin_masked", "npi", "requested_at", "deadline", "link_sent_at", "delivery_at", "resend_at",
    }  # fmt: skip


async def test_I15_foreign_ids_look_unknown(desk: Desk, visitor: Visitor):
    asked = await desk.asked()
    stranger = await Desk.open(desk.house)
    at(visitor, stranger)
    for wanted in (asked, "6f1c9a0d-4f5a-4e3c-8b4c-869f0e0f6f4f"):
        here = f"{AUTHORIZATIONS}/{wanted}"
        assert_problem(await visitor.get(here), 404, "not_found")
        for step, body in (("resend", None), ("cancel", None), ("contact", {"contact": new_contact()}), ("again", {})):
            assert_problem(await visitor.post(f"{here}/{step}", body), 404, "not_found")


async def test_T5_a_file_over_the_api(desk: Desk, visitor: Visitor):
    at(visitor, desk)
    text = (
        "Provider;Tax ID;E-mail;Contact e-mail\r\n"
        + "".join(f"Clinic {n};00126{n:04};x;{new_contact()}\r\n" for n in range(3))
        + f'"=HYPERLINK(""x"")";001260009;x;{new_contact()}\r\n'
    )
    sent = await send_csv(visitor, text)
    assert sent.status_code == 202, sent.text
    here = sent.headers["location"]
    async with asyncio.timeout(30):
        while (shown := (await visitor.get(here)).json())["finished_at"] is None:
            await asyncio.sleep(0.05)
    assert (shown["lines"], shown["made"], shown["rejected"], shown["waiting"]) == (4, 3, 1, 0)
    assert [row["code"] for row in shown["rows"]][:3] == ["ok"] * 3
    only = (await visitor.get(f"{here}?rejected=true")).json()
    assert [row["number"] for row in only["rows"]] == [5]
    rejected = await visitor.get(f"{here}/rejected")
    assert rejected.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in rejected.headers["content-disposition"]
    assert rejected.content.startswith(b"\xef\xbb\xbf")  # what Excel needs
    assert "\"'=HYPERLINK" in rejected.text  # and nothing that it calculates
    assert (await visitor.post(f"{here}/continuation")).status_code == 204
    stranger = at(visitor, await Desk.open(desk.house))
    for path in (here, f"{here}/rejected"):
        assert_problem(await stranger.get(path), 404, "not_found")
    assert_problem(await stranger.post(f"{here}/continuation"), 404, "not_found")


async def test_T5_only_this_route_takes_more_than_32_kb(desk: Desk, visitor: Visitor):
    at(visitor, desk)
    header = "Tax ID,Provider name,Contact e-mail\r\n"
    much = header + f"x,{'y' * 1000},z\r\n" * 100
    assert len(much) > 64 * 1024
    assert (await send_csv(visitor, much)).status_code == 202
    assert_problem(await send_csv(visitor, header + "x" * 257 * 1024), 413, "body_too_large")
    elsewhere = await visitor.post(AUTHORIZATIONS, {"tin": "x" * 33 * 1024})
    assert_problem(elsewhere, 413, "body_too_large")
    assert_problem(await send_csv(visitor, header, Content_Type="application/json"), 415, "unsupported_media_type")
    empty = assert_problem(await send_csv(visitor, ""), 422, "invalid_fields")
    assert [(one["field"], one["code"]) for one in empty["fields"]] == [("file", "empty_file")]


@pytest.mark.parametrize(("contact", "code"), [("own", "contact_own_person"), ("domain", "contact_own_domain")])
async def test_T2_a_contact_of_the_service_is_refused_with_what_to_do(
    desk: Desk, visitor: Visitor, contact: str, code: str
):
    person = desk.service.people[1].email
    named = person if contact == "own" else f"somebody@{person.partition('@')[2]}"
    refused = await at(visitor, desk).post(AUTHORIZATIONS, await body_for(desk, contact=named))
    problem = assert_problem(refused, 422, code)
    assert "provider's office" in problem["next"][0]


async def test_T7_a_decline_says_when_to_ask_again(desk: Desk, visitor: Visitor):
    asked = await desk.asked()
    ended = (await desk.decided(asked, choice="decline")).ended_at
    refused = await at(visitor, desk).post(f"{AUTHORIZATIONS}/{asked}/again", {})
    problem = assert_problem(refused, 429, "authorization_cool_down")
    assert ended is not None
    assert problem["retry_at"] == (ended + timedelta(days=7)).isoformat().replace("+00:00", "Z")


async def test_T3_who_isnt_of_a_billing_service_reads_what_to_do(desk: Desk, visitor: Visitor):
    await visitor.signed_in(desk.house)
    assert_problem(await visitor.get(AUTHORIZATIONS), 403, "not_billing_service")
    assert_problem(await visitor.post(AUTHORIZATIONS, await body_for(desk)), 403, "not_billing_service")
