import asyncio
async def forever():
    try:
        while True:
            await asyncio.sleep(0)
    finally:
        await cleanup()
async def cleanup():
    await asyncio.sleep(0)
async def main():
    task = asyncio.ensure_future(forever())
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
asyncio.run(main())
