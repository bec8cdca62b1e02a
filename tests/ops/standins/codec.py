"""A stand-in for the codec server: answers every request with 200."""

import asyncio
import os
import signal


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
    await writer.drain()
    writer.close()


async def main() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with await asyncio.start_server(answer, "127.0.0.1", int(os.environ["GATEHOUSE_CODEC_SERVER_PORT"])):
        await stopping.wait()


asyncio.run(main())
