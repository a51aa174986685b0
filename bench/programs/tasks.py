"""Tasks of asyncio that pass items through a queue."""

import asyncio


class Item:
    def __init__(self, number):
        self.number, self.text = number, "item"


async def handle(item):
    await asyncio.sleep(0)
    return item.number


async def serve(queue):
    total = 0
    while True:
        item = await queue.get()
        if item is None:
            return total
        total += await handle(item)


async def produce(n, workers):
    queue = asyncio.Queue(10)
    servers = [asyncio.ensure_future(serve(queue)) for _ in range(workers)]
    for number in range(n):
        await queue.put(Item(number))
    for _ in servers:
        await queue.put(None)
    return sum(await asyncio.gather(*servers))


def work(n):
    asyncio.run(produce(n, 4))
