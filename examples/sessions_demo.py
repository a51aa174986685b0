"""Sessions from zero: two requests at once, each with its trace, its calls and what it asked for.

python examples/sessions_demo.py [FILE]      then: relive sessions FILE
"""

import asyncio
import sys
import time

import relive
from relive import sessions

INCOMING = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def price(item):
    await asyncio.sleep(0)
    return len(item) * 100


async def ask_stock(session_id, item):
    """Stands for an HTTP client: what it sends on is the header of this session."""
    headers = {
        "traceparent": sessions.traceparent(session_id),
        "Authorization": "Bearer s3cr3t-token-1",
    }
    url = f"https://stock.example/items/{item}?api_key=0123456789abcdef"
    began = time.monotonic_ns()
    sessions.on_http_request(session_id, "GET", url, began, headers, 0)
    await asyncio.sleep(0)
    status = 503 if item == "tea" else 200
    now = time.monotonic_ns()
    sessions.on_http_response(session_id, status, now, now - began, {"Server": "stock"}, 17)
    return status == 200


async def checkout(user, item):
    with sessions.session("checkout", {"user": user}, traceparent=INCOMING) as request:
        there = await ask_stock(request.id, item)
        total = await price(item)
        if not there:
            sessions.mark("sold out", item=item)
        return total if there else None


async def main():
    return await asyncio.gather(checkout("ada", "cup"), checkout("bob", "tea"))


if __name__ == "__main__":
    path = sys.argv[1] if len(sys.argv) > 1 else "sessions.relive"
    with relive.record(path, force=True):
        print(asyncio.run(main()))
    print(f"relive sessions {path}")
