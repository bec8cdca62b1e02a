"""Talking to servers on this machine: which ports are free, and the smallest HTTP request that answers with a status."""

import asyncio
import contextlib
import socket


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on just now; somebody else may take it before you do."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether listening on the port would fail because another program does."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # Servers set this too: connections of an earlier run that linger aren't a reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


async def http_status(port: int, path: str, *, host: str = "127.0.0.1", timeout_s: float = 5.0) -> int | None:
    """The status of a GET, or None when nothing answers within the time."""
    answer = await http_answer(port, path, host=host, timeout_s=timeout_s)
    return None if answer is None else answer[0]


async def http_answer(
    port: int, path: str, *, host: str = "127.0.0.1", post: bytes | None = None, timeout_s: float = 5.0
) -> tuple[int, bytes] | None:
    """Status and body (at most 1 MB) of a GET, or of a POST of JSON; None when nothing answers within the time."""
    method, body = ("GET", b"") if post is None else ("POST", post)
    # HTTP/1.0: the answer then ends with the connection and is never sent in chunks.
    head = (
        f"{method} {path} HTTP/1.0\r\nHost: localhost:{port}\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(head.encode("ascii") + body)
            await writer.drain()
            answer = bytearray()
            while len(answer) < 1_000_000 and (piece := await reader.read(65_536)):
                answer += piece
    except (OSError, TimeoutError):
        return None
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await writer.wait_closed()
    start, _, content = bytes(answer).partition(b"\r\n\r\n")
    words = start.split(b" ", 2)
    return (int(words[1]), content) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else None
