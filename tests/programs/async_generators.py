import asyncio
async def ticks(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
async def main():
    print([x async for x in ticks(3)])
    async for x in ticks(5):
        if x == 2:
            break
asyncio.run(main())
