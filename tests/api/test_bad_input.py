"""Whatever is sent, the answer is a clear problem, and nothing has changed."""

import json

import pytest
from sqlalchemy import func, select

from db.audit import AuditEntry
from db.registrations import Counter, IdempotencyKey, RegistrationRow
from tests.api.visitor import V1, Visitor, assert_problem, claim, new_clinic
from tests.house import House, key

GOOD = {"name": "Jo Example", "email": "jo@clinic.example.org", "attested": True}
JSON = {"Content-Type": "application/json"}


async def rows(house: House) -> list[int]:
    async with house.database.read() as session:
        tables = (RegistrationRow, AuditEntry, IdempotencyKey, Counter)
        return [await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


async def post(visitor: Visitor, content: bytes, **headers: str):
    sent = {"Content-Type": "application/json", "Idempotency-Key": key(), **headers}
    return await visitor.client.post(f"{V1}/registrations", content=content, headers=sent)


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": 5}, "name", "wrong_type"),
        ({"name": None}, "name", "wrong_type"),
        ({"name": ["Jo"]}, "name", "wrong_type"),
        ({"attested": "true"}, "attested", "wrong_type"),
        ({"attested": 1}, "attested", "wrong_type"),
        ({"attested": False}, "attested", "attestation_missing"),
        ({"name": "x" * 201}, "name", "too_long"),
        ({"name": "x" * 150}, "name", "name_length"),
        ({"name": " "}, "name", "name_missing"),
        ({"name": "Jo\u0000Example"}, "name", "name_characters"),
        ({"name": "Jo\u0007 Example"}, "name", "name_characters"),
        ({"name": "Jo\u202eelpmaxE"}, "name", "name_characters"),
        ({"name": "Jo\u2066Example\u2069"}, "name", "name_characters"),
        ({"name": "Jo\u200fExample"}, "name", "name_characters"),
        ({"name": "Jo\r\nBcc: all@example.org"}, "name", "name_characters"),
        ({"name": "=HYPERLINK(1)"}, "name", "name_characters"),
        ({"name": "Jo www.example.org"}, "name", "name_link"),
        ({"name": "Front Desk"}, "name", "name_not_personal"),
        ({"name": "\ud800"}, "name", "characters"),
        ({"email": "jo\udfff@clinic.example.org"}, "email", "characters"),
        ({"email": "jo"}, "email", "email_invalid"),
        ({"email": "jo@clinic.example.org\r\nBcc: all@example.org"}, "email", "email_invalid"),
        ({"email": "jo\u0000@clinic.example.org"}, "email", "email_invalid"),
        ({"email": "billing@clinic.example.org"}, "email", "email_shared"),
        ({"role": "staff"}, "role", "unknown_field"),
        ({"123456789": 1}, "unknown", "unknown_field"),
        ({"\u202e": 1}, "unknown", "unknown_field"),
        ({"\ud800": 1}, "body", "characters"),
    ],
)
async def test_a_field_that_cannot_be_meant_is_named_and_nothing_is_said_back(
    house: House, visitor: Visitor, change: dict[str, object], field: str, code: str
):
    before = await rows(house)
    response = await post(visitor, json.dumps({**GOOD, **change}).encode())
    found = assert_problem(response, 422, "invalid_fields")
    assert [(one["field"], one["code"]) for one in found["fields"]] == [(field, code)]
    assert "clinic.example.org" not in response.text
    assert "Jo" not in response.text
    assert await rows(house) == before


async def test_every_defect_is_told_at_once(visitor: Visitor):
    found = assert_problem(await post(visitor, b'{"name": 1, "extra": 2}'), 422, "invalid_fields")
    assert {(one["field"], one["code"]) for one in found["fields"]} == {
        ("name", "wrong_type"), ("email", "missing"), ("attested", "missing"), ("extra", "unknown_field")
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"", b" ", b"[]", b'"text"', b"null", b"17",
    ],
)  # fmt: skip
async def test_a_body_that_is_not_an_object_is_refused(house: House, visitor: Visitor, content: bytes):
    before = await rows(house)
    response = await post(visitor, content)
    assert response.status_code in {400, 422}
    assert_problem(
        response, response.status_code, "invalid_fields" if response.status_code == 422 else "malformed_body"
    )
    assert await rows(house) == before


@pytest.mark.parametrize(
    "content",
    [
        b"{", b"{'name': 1}", b'{"name": NaN}', b'{"name": "\xff\xfe"}', b'{"name": "Jo", "name": "Ann"}', b"\xef\xbb\xbf{}",
        b"[" * 30_000, json.dumps(GOOD).encode("utf-16"), json.dumps(GOOD).encode("utf-32"), b'{"a": "\x00"}', b"{} {}",
    ],
)  # fmt: skip
async def test_a_body_that_is_not_json_in_utf8_is_refused(house: House, visitor: Visitor, content: bytes):
    before = await rows(house)
    assert_problem(await post(visitor, content), 400, "malformed_body")
    assert await rows(house) == before


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "application/json; charset=latin-1",
     "application/json; charset=utf-16", "garbage", ""],
)  # fmt: skip
async def test_a_body_of_another_type_is_refused(house: House, visitor: Visitor, content_type: str):
    before = await rows(house)
    response = await post(visitor, json.dumps(GOOD).encode(), **{"Content-Type": content_type})
    assert_problem(response, 415, "unsupported_media_type")
    assert await rows(house) == before


@pytest.mark.parametrize("size", [32 * 1024 + 1, 200_000])
async def test_a_body_over_32_kb_is_refused(house: House, visitor: Visitor, size: int):
    before = await rows(house)
    assert_problem(await post(visitor, b" " * size), 413, "body_too_large")
    assert await rows(house) == before


async def test_a_body_of_32_kb_is_read(visitor: Visitor):
    text = json.dumps({**GOOD, "attested": False})
    assert_problem(await post(visitor, text.ljust(32 * 1024).encode()), 422, "invalid_fields")


async def test_an_idempotency_key_is_required(house: House, visitor: Visitor):
    before = await rows(house)
    response = await visitor.client.post(f"{V1}/registrations", json=GOOD)
    assert_problem(response, 400, "idempotency_key_missing")
    assert await rows(house) == before


@pytest.mark.parametrize(
    "value",
    ["", "short", "x" * 65, "with spaces in between", "a" * 16 + "\r\nX-Evil: 1", "k" * 16 + "\u00e4", '"quoted-quoted-quoted"',
     "a" * 16 + ", " + "b" * 16, "a" * 16 + "\n", "\x00" * 20],
)  # fmt: skip
async def test_a_malformed_idempotency_key_is_refused(house: House, visitor: Visitor, value: str):
    before = await rows(house)
    headers = {b"Idempotency-Key": value.encode("latin-1"), b"Content-Type": b"application/json"}
    response = await visitor.client.post(f"{V1}/registrations", content=json.dumps(GOOD), headers=headers)
    assert_problem(response, 400, "idempotency_key_malformed")
    assert "x-evil" not in response.headers
    assert await rows(house) == before


async def test_two_idempotency_keys_are_one_too_many(visitor: Visitor):
    headers = [("Idempotency-Key", key()), ("Idempotency-Key", key())]
    response = await visitor.client.post(f"{V1}/registrations", json=GOOD, headers=headers)
    assert_problem(response, 400, "idempotency_key_malformed")


async def test_P4_every_defect_of_a_proof_is_told_and_none_is_counted(house: House, visitor: Visitor):
    clinic = await new_clinic(house)
    await visitor.confirmed(house)
    cases = {
        "tin": claim(clinic, tin="12"),
        "npi": claim(clinic, vendor="", npi="1234567890"),
        "vendor": claim(clinic, npi=clinic.npi),
        "document": claim(clinic, document="?"),
        "amount": claim(clinic, amount="much"),
    }
    for field, body in cases.items():
        found = assert_problem(await visitor.post("payment-proof", body), 422, "invalid_fields")
        assert [one["field"] for one in found["fields"]] == [field]
    found = assert_problem(await visitor.post("payment-proof", claim(clinic, amount="1")), 422, "payment_no_match")
    assert found["tries_left"] == 4


async def test_a_request_without_fields_takes_none(house: House, visitor: Visitor):
    await visitor.start()
    found = assert_problem(await visitor.post("withdrawal", {"reason": "none"}), 422, "invalid_fields")
    assert found["fields"][0]["code"] == "unknown_field"
    assert (await visitor.get("")).json()["state"] == "confirming_email"
    assert (await visitor.post("withdrawal", {})).status_code == 200


async def test_passwords_may_hold_anything_that_is_text(house: House, visitor: Visitor):
    await visitor.proved(house, await new_clinic(house))
    for password in ("tiny7", "x" * 129, "password1"):
        found = assert_problem(
            await visitor.post("account", {"name": "Jo Example", "password": password}), 422, "invalid_fields"
        )
        assert [one["field"] for one in found["fields"]] == ["password"]
        assert password not in json.dumps(found)
    strange = "harbour \u0000 lantern \u202e quiet \U0001f511 seven"
    response = await visitor.post("account", {"name": "Jo Example", "password": strange})
    assert response.status_code in {200, 422}


async def test_an_unknown_address_and_method_are_problems(visitor: Visitor):
    assert_problem(await visitor.get(f"{V1}/nothing"), 404, "not_found")
    assert_problem(await visitor.get("/api"), 404, "not_found")
    assert_problem(await visitor.get(f"{V1}/account/"), 404, "not_found")
    response = await visitor.send("PUT", f"{V1}/registrations")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "registration_id", ["1", "not-an-id", "%00", "%ff%fe", "00000000-0000-0000-0000-000000000000", "x" * 3000]
)
async def test_I15_an_id_of_any_form_looks_unknown(visitor: Visitor, registration_id: str):
    await visitor.start()
    assert_problem(await visitor.get(f"{V1}/registrations/{registration_id}"), 404, "not_found")
