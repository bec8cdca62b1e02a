"""One contract for all print shops: a letter id is one letter, whatever is repeated, lost or concurrent (I11)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import httpx2
import pytest

from domain.directory import Address
from domain.print_shop import LetterConflict, LetterRefused, PrintShop, PrintShopUnavailable
from gateways.letters.lob import LobAccount, LobShop
from gateways.letters.pdf import LetterPdf
from gateways.letters.postgrid import PostGridAccount, PostGridShop
from gateways.letters.spool import MANIFEST, Manifest, SpoolFolder
from tests.letters.fake_shops import FakeLob, FakePostGrid, FakeShop
from tests.letters.samples import consignment, letter

TODAY = date(2026, 11, 23)


@dataclass
class Shop:
    """A print shop under test, with a look at what it will mail and a way to lose its next answer."""

    port: PrintShop
    mailed: Callable[[], list[tuple[str, bytes]]]
    lose_next_answer: Callable[[], None]


def spool_shop(root: Path) -> Shop:
    lost: list[str] = []

    def between(step: str) -> None:
        if step == "listed" and lost:
            lost.pop()
            raise OSError

    def mailed() -> list[tuple[str, bytes]]:
        manifests = sorted(root.glob(f"batches/*/{MANIFEST}"))
        return [
            (line.letter_id, (path.parent / line.file).read_bytes())
            for path in manifests
            for line in Manifest.read(path.read_text()).lines
        ]

    return Shop(SpoolFolder(root, between=between), mailed, lambda: lost.append("answer"))


def api_shop(fake: FakeShop, port: PrintShop) -> Shop:
    return Shop(
        port,
        lambda: [(arrived.letter_id, arrived.pdf) for arrived in fake.letters],
        lambda: fake.misbehave.append("drop"),
    )


def lob(fake: FakeShop, client: httpx2.AsyncClient) -> LobShop:
    return LobShop(LobAccount(api_key=fake.api_key), client, today=lambda: TODAY)


def postgrid(fake: FakeShop, client: httpx2.AsyncClient) -> PostGridShop:
    return PostGridShop(PostGridAccount(api_key=fake.api_key), client, today=lambda: TODAY)


def lob_client(fake: FakeShop) -> httpx2.AsyncClient:
    return LobShop.client(LobAccount(api_key=fake.api_key, base_url=fake.base_url))


def postgrid_client(fake: FakeShop) -> httpx2.AsyncClient:
    return PostGridShop.client(PostGridAccount(api_key=fake.api_key, base_url=fake.base_url))


@pytest.fixture(params=["spool", "lob", "postgrid"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    match request.param:
        case "spool":
            yield spool_shop(tmp_path / "spool")
        case "lob":
            with FakeLob() as fake:
                async with lob_client(fake) as client:
                    yield api_shop(fake, lob(fake, client))
        case _:
            with FakePostGrid() as fake:
                async with postgrid_client(fake) as client:
                    yield api_shop(fake, postgrid(fake, client))


@pytest.fixture(params=["lob", "postgrid"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[tuple[FakeShop, PrintShop]]:
    if request.param == "lob":
        with FakeLob() as fake:
            async with lob_client(fake) as client:
                yield fake, lob(fake, client)
    else:
        with FakePostGrid() as fake:
            async with postgrid_client(fake) as client:
                yield fake, postgrid(fake, client)


async def test_I11_a_letter_is_handed_over_as_it_is(shop: Shop):
    pdf = LetterPdf().render(letter())
    receipt = await shop.port.hand_over(consignment(pdf=pdf))
    assert receipt.letter_id == "letter-0001"
    assert receipt.reference
    assert receipt.mailing_on == date(2026, 11, 24)
    assert shop.mailed() == [("letter-0001", pdf)]


async def test_I11_the_same_letter_twice_is_one_letter(shop: Shop):
    first = await shop.port.hand_over(consignment())
    assert await shop.port.hand_over(consignment()) == first
    assert len(shop.mailed()) == 1


async def test_I11_a_lost_answer_is_found_by_the_next_try(shop: Shop):
    shop.lose_next_answer()
    with pytest.raises(PrintShopUnavailable):
        await shop.port.hand_over(consignment())
    assert len(shop.mailed()) == 1
    receipt = await shop.port.hand_over(consignment())
    assert shop.mailed() == [("letter-0001", consignment().pdf)]
    assert await shop.port.find("letter-0001") == receipt


async def test_I11_another_content_under_the_same_id_is_refused_and_the_first_stays(shop: Shop):
    first = await shop.port.hand_over(consignment())
    with pytest.raises(LetterConflict) as refused:
        await shop.port.hand_over(consignment(pdf=b"%PDF-1.4 another pin"))
    assert refused.value.existing == first
    assert shop.mailed() == [("letter-0001", consignment().pdf)]


async def test_I11_ten_tries_at_once_are_one_letter(shop: Shop):
    receipts = await asyncio.gather(*(shop.port.hand_over(consignment()) for _ in range(10)))
    assert len(set(receipts)) == 1
    assert len(shop.mailed()) == 1


async def test_P2_two_ids_are_two_letters(shop: Shop):
    one = await shop.port.hand_over(consignment())
    two = await shop.port.hand_over(consignment(letter_id="letter-0002"))
    assert one.reference != two.reference
    assert [letter_id for letter_id, _ in shop.mailed()] == ["letter-0001", "letter-0002"]


async def test_P2_an_unknown_letter_is_not_found(shop: Shop):
    assert await shop.port.find("letter-0009") is None
    # An id that begins like another one is another one.
    await shop.port.hand_over(consignment(letter_id="letter-00010"))
    assert await shop.port.find("letter-0001") is None


@pytest.mark.parametrize(
    "letter_id", ["", "short", "../../etc/passwd", "letter/0001", "letter 0001", "a" * 65, "-letter-0001"]
)
def test_P2_letter_ids_are_opaque_and_safe_as_names(letter_id):
    with pytest.raises(ValueError, match="letter id"):
        consignment(letter_id=letter_id)


async def test_I11_weeks_later_the_api_is_asked_before_anything_is_sent(api):
    fake, port = api
    first = await port.hand_over(consignment())
    fake.forget_keys()
    assert await port.hand_over(consignment()) == first
    assert len(fake.letters) == 1
    assert sum(call.startswith("POST") for call in fake.calls) == 1


async def test_I11_a_search_that_lags_behind_is_backed_by_the_idempotency_key(api):
    fake, port = api
    first = await port.hand_over(consignment())
    fake.finds = False
    assert await port.hand_over(consignment()) == first
    with pytest.raises(LetterConflict):
        await port.hand_over(consignment(pdf=b"%PDF-1.4 another pin"))
    assert len(fake.letters) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 408, 409, 429, 500, 502, 503])
async def test_P2_trouble_of_the_shops_or_of_our_account_is_tried_again(api, status):
    fake, port = api
    fake.misbehave.append(status)
    with pytest.raises(PrintShopUnavailable) as unavailable:
        await port.hand_over(consignment())
    assert unavailable.value.code.endswith(str(status))
    assert unavailable.value.retry_after == (timedelta(seconds=7) if status == 429 else None)
    assert (await port.hand_over(consignment())).reference
    assert len(fake.letters) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_P2_a_letter_the_shop_will_not_have_is_refused_for_good_without_its_words(api, status):
    fake, port = api
    fake.misbehave.append(status)
    with pytest.raises(LetterRefused) as refused:
        await port.hand_over(consignment())
    assert refused.value.code.endswith(str(status))
    assert "LAKESHORE" not in f"{refused.value!r} {refused.value.__context__!r}"
    assert fake.letters == []


async def test_P2_a_wrong_key_does_not_condemn_the_letter():
    with FakeLob() as fake:
        async with LobShop.client(LobAccount(api_key="other", base_url=fake.base_url)) as client:
            with pytest.raises(PrintShopUnavailable):
                await lob(fake, client).hand_over(consignment())


async def test_I11_a_shop_that_never_answers_is_tried_again():
    with FakeLob(misbehave=["hang"]) as fake:
        auth = httpx2.BasicAuth(fake.api_key, "")
        async with httpx2.AsyncClient(base_url=fake.base_url, auth=auth, timeout=0.5) as client:
            with pytest.raises(PrintShopUnavailable):
                await lob(fake, client).hand_over(consignment())
            await lob(fake, client).hand_over(consignment())
        assert len(fake.letters) == 1


async def test_P2_a_shop_that_is_down_is_tried_again():
    with FakePostGrid() as fake:
        gone = fake.base_url
    async with httpx2.AsyncClient(base_url=gone) as client:
        with pytest.raises(PrintShopUnavailable):
            await postgrid(fake, client).hand_over(consignment())


async def test_B3_lob_is_told_the_date_on_the_letter_and_an_own_page_for_the_address():
    with FakeLob() as fake:
        async with lob_client(fake) as client:
            await lob(fake, client).hand_over(consignment())
            await lob(fake, client).hand_over(consignment(letter_id="letter-0002", mailing_on=TODAY))
    fields = fake.letters[0].fields
    assert fields["send_date"] == "2026-11-24T08:00:00-06:00"
    assert fields["address_placement"] == "insert_blank_page"
    assert (fields["to[address_line2]"], fields["to[address_zip]"]) == ("STE 300", "62704-1200")
    assert fields["use_type"] == "operational"
    # For today there is no date: it would lie in the past when it arrives.
    assert "send_date" not in fake.letters[1].fields


async def test_B3_postgrid_prints_on_the_day_after_its_date():
    with FakePostGrid() as fake:
        async with postgrid_client(fake) as client:
            receipt = await postgrid(fake, client).hand_over(consignment(mailing_on=date(2026, 11, 27)))
    assert fake.letters[0].fields["sendDate"] == "2026-11-26"
    assert receipt.mailing_on == date(2026, 11, 27)
    assert fake.letters[0].fields["addressPlacement"] == "insert_blank_page"


async def test_I12_the_shop_gets_nothing_of_a_person_but_the_address_and_the_letter():
    with FakeLob() as fake:
        async with lob_client(fake) as client:
            await lob(fake, client).hand_over(consignment(address=Address("1 A ST", "", "PEORIA", "IL", "61601")))
    fields = fake.letters[0].fields
    assert {name for name in fields if name.startswith("metadata")} == {"metadata[letter_id]", "metadata[sha256]"}
    assert "description" not in fields
    # Nothing of it is in an address that is logged on the way.
    assert all("PEORIA" not in call and "Nguy" not in call for call in fake.calls)


def test_B10_accounts_never_print_their_keys():
    accounts = (LobAccount(api_key="live-key", webhook_secrets=("hook",)), PostGridAccount(api_key="live-key"))
    assert all(
        "live-key" not in repr(account) and "hook" not in repr(account).replace("webhook", "") for account in accounts
    )
