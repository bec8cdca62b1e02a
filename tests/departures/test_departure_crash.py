"""A worker that dies between the completion and the start of the review loses nothing; histories replay (I18, I19)."""

import asyncio
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client
from temporalio.worker import Replayer

from db.departures import DepartureClaim, NewcomerNotice, NoticeLetterRow
from db.registrations import MailRow
from domain.departure import State
from ops.dev_server import DevServer
from ops.keys import Keyring
from ops.mailbox import MailSink
from portal.departures import ColleagueWord
from tests.departures.conftest import Practice
from tests.house import open_house, patient_worker
from tests.worker_that_dies import DyingWorker
from worker import WORKFLOWS


async def test_I18_a_worker_killed_after_the_completion_starts_no_second_and_loses_no_review(
    temporal: Client, keyring: Keyring, keyring_text: str, tmp_path: Path, dev_server: DevServer
):
    async with MailSink(tmp_path / "mailbox") as sink:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gatehouse.db'}"
        async with open_house(
            client=temporal, keyring=keyring, keyring_text=keyring_text, url=url, sink=sink, folder=tmp_path
        ) as house:
            practice = Practice(house)
            clinic = await house.new_clinic()
            departed = await practice.administrator(clinic)
            started = await practice.arriving(clinic, words=[ColleagueWord(reason="left")], notice=True)
            await house.quiet(started.registration_id)
        # That worker has left. The next one dies with the completion committed and its answer lost.
        settings = house.settings
        dying = DyingWorker("registration completed", settings=settings, server=dev_server)
        securing = asyncio.create_task(house.secured(started))
        await dying.died()
        async with house.database.read() as session:
            claims = await session.scalars(select(DepartureClaim))
            assert len(claims.all()) == 1  # committed
        assert (await practice.reviews(departed))[0].revision == 0  # and not started
        async with patient_worker(settings, client=temporal, database=house.database, vault=house.vault):
            await asyncio.wait_for(securing, 40)
            review = await practice.review(departed)
            assert review.state == State.OPEN
            await practice.skip_to(review.id)
            await practice.stands(review.id, State.CONFIRMED)
            await practice.review_over(review.id)
            await asyncio.wait_for(house.handle(started.registration_id).result(), 20)
        async with house.database.read() as session:
            for table in (DepartureClaim, NewcomerNotice, NoticeLetterRow):
                assert len((await session.scalars(select(table))).all()) == 1
            told = await session.scalars(select(MailRow).where(col(MailRow.purpose) == "departure_claimed"))
            assert len(told.all()) == 1
        await house.database.close()


async def test_I19_histories_of_reviews_replay(practice: Practice, temporal: Client):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    successor = await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.skip_to(review.id)
    await practice.stands(review.id, State.CONFIRMED)
    await practice.review_over(review.id)
    replayer = Replayer(workflows=WORKFLOWS, data_converter=temporal.data_converter)
    for handle in (practice.review_handle(review.id), practice.house.handle(successor.started.registration_id)):
        await replayer.replay_workflow(await handle.fetch_history())


async def test_I12_nothing_of_a_person_is_readable_in_a_reviews_history(practice: Practice):
    clinic = await practice.house.new_clinic()
    departed = await practice.administrator(clinic)
    await practice.successor(clinic)
    review = await practice.review(departed)
    await practice.says(departed, "object")
    await practice.stands(review.id, State.CONTESTED)
    history = (await practice.review_handle(review.id).fetch_history()).to_json()
    for marker in (departed.email, clinic.name, clinic.tin, "Jo Example"):
        assert marker not in history
