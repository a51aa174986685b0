import asyncio
class Door:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self
    async def __aexit__(self, *exc):
        await asyncio.sleep(0)
        return exc[0] is KeyError
async def main():
    async with Door():
        pass
    async with Door():
        raise KeyError
    print("done")
asyncio.run(main())
