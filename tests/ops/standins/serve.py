"""A stand-in for the site: answers `/readyz` on the configured port; ends on SIGTERM, noting when."""

import asyncio
import os
import signal
from pathlib import Path

NOTES = Path(os.environ["GATEHOUSE_DATA_DIR"]) / "notes.txt"


def note(text: str) -> None:
    with NOTES.open("a") as file:
        file.write(f"{text}\n")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
    await writer.drain()
    writer.close()


async def main() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ["GATEHOUSE_LISTEN_PORT"]))
    note(f"site started {os.getpid()}")
    async with server:
        await stopping.wait()
    note("site stopped")


asyncio.run(main())
