"""Lets the API server reach pods that are processes on this machine: `relay.py SOCKET ROUTES`, until it is ended.

The API server proxies no loopback address, so pods of tests have others, which nobody can connect to. It asks here
instead, with an HTTP CONNECT over the unix socket SOCKET. The file ROUTES/IP/PORT holds the port on 127.0.0.1 that is
meant. Without it, and without somebody who listens there, the connection is refused. The API server keeps connections
for its next requests; such a one ends with the next data when the file says something else.
"""

import asyncio
import collections.abc
import pathlib
import sys


def route(routes: pathlib.Path, target: str) -> int | None:
    """Find the port on 127.0.0.1 behind `IP:PORT`."""
    try:
        return int((routes / target.replace(":", "/")).read_text())
    except (OSError, ValueError):
        return None


async def copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: collections.abc.Callable[[], bool]
) -> None:
    """Pass on what comes until it ends, and that it ended."""
    try:
        while data := await reader.read(65536):
            if not is_open():
                writer.close()
                return
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        # The other direction must not wait for a side that is gone.
        writer.close()


async def serve(routes: pathlib.Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass one connection on, or refuse it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        target = head.split()[1].decode()
        port = route(routes, target)
        if port is None:
            raise ConnectionRefusedError
        pod_reader, pod_writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, EOFError, IndexError):
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
        writer.close()
        return
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await asyncio.gather(
        copy(reader, pod_writer, lambda: route(routes, target) == port),
        copy(pod_reader, writer, lambda: True),
    )
    pod_writer.close()
    writer.close()


async def main(socket: str, routes: pathlib.Path) -> None:
    """Serve until this process is ended."""
    server = await asyncio.start_unix_server(lambda reader, writer: serve(routes, reader, writer), socket)
    await server.serve_forever()


asyncio.run(main(sys.argv[1], pathlib.Path(sys.argv[2])))
