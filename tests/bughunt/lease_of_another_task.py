# The lease of a lock is kept per thread, and two tasks share a thread.
# From a fix of aredis.
import asyncio
import threading


class Lock:
    def __init__(self):
        self.local = threading.local()
        self.holder = None

    async def acquire(self, lease):
        while self.holder is not None:
            await asyncio.sleep(0)
        self.holder = lease
        self.local.lease = lease

    def expire(self):
        self.holder = None

    def release(self):
        if self.holder != self.local.lease:
            raise RuntimeError("not the holder")
        self.holder = None
        return self.local.lease


async def work(lock, lease, seconds):
    await lock.acquire(lease)
    await asyncio.sleep(seconds)
    if lease == "a":
        lock.expire()
        await asyncio.sleep(seconds)
    return lock.release()


async def main():
    lock = Lock()
    print(await asyncio.gather(work(lock, "a", 0.02), work(lock, "b", 0.1), return_exceptions=True))


asyncio.run(main())

# question: Two tasks work with the leases "a" and "b". Task "a" releases "b". Why?
# record: --level lines
# $ relive tree --calls
#   Lock.release(self=Lock(local=<_thread._local object>, holder='b')) -> 'b'
#   Lock.acquire(self=Lock(local=<_thread._local object>, holder='a'), lease='b')
