"""A crawler of aiohttp and the server that it crawls, on one loop."""

import asyncio
import re

import aiohttp
from aiohttp import web

LINK = re.compile(r'href="(/\d+)"')


async def page(request):
    number = int(request.match_info["number"])
    if number % 7 == 6:
        raise web.HTTPNotFound(text="lost")
    await asyncio.sleep(0)
    links = "".join(f'<a href="/{number * 2 + n}">x</a>' for n in (1, 2) if number < 10)
    return web.Response(text=f"<h1>{number}</h1>{links}", content_type="text/html")


class Crawler:
    def __init__(self, session, base):
        self.session = session
        self.base = base
        self.seen = {}

    async def fetch(self, path):
        async with self.session.get(self.base + path) as response:
            response.raise_for_status()
            return await response.text()

    async def visit(self, path):
        if path in self.seen:
            return
        self.seen[path] = None
        try:
            text = await self.fetch(path)
        except aiohttp.ClientResponseError as error:
            self.seen[path] = error.status
            return
        self.seen[path] = len(text)
        await asyncio.gather(*(self.visit(link) for link in LINK.findall(text)))


async def main():
    app = web.Application()
    app.add_routes([web.get(r"/{number:\d+}", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        crawler = Crawler(session, f"http://127.0.0.1:{port}")
        await asyncio.wait_for(crawler.visit("/0"), 60)
    await runner.cleanup()
    for path, found in sorted(crawler.seen.items()):
        print(path, found)


asyncio.run(main())
