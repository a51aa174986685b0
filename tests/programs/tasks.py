import asyncio
async def worker(name, n, out):
    for i in range(n):
        await asyncio.sleep(0)
        out.append((name, i))
async def main():
    out = []
    await asyncio.gather(worker("a", 3, out), worker("b", 2, out))
    print(out)
asyncio.run(main())
