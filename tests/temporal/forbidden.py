"""Workflows that do what a workflow mustn't: the sandbox stops each."""

import random
import time
from datetime import datetime
from pathlib import Path

from temporalio import workflow


@workflow.defn(name="ReadsTheClock", failure_exception_types=[Exception])
class ReadsTheClock:
    @workflow.run
    async def run(self) -> str:
        return str(time.time())


@workflow.defn(name="AsksForToday", failure_exception_types=[Exception])
class AsksForToday:
    @workflow.run
    async def run(self) -> str:
        return str(datetime.now())  # noqa: DTZ005 - that is the point


@workflow.defn(name="RollsDice", failure_exception_types=[Exception])
class RollsDice:
    @workflow.run
    async def run(self) -> str:
        return str(random.random())


@workflow.defn(name="ReadsAFile", failure_exception_types=[Exception])
class ReadsAFile:
    @workflow.run
    async def run(self) -> str:
        return Path("/etc/hostname").read_text()  # noqa: ASYNC240 - that is the point


FORBIDDEN = [ReadsTheClock, AsksForToday, RollsDice, ReadsAFile]
