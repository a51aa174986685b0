# A task awaits between its reading and its writing, so another one takes the same seat.
# Our own.
import asyncio


class Hall:
    def __init__(self, seats):
        self.free = seats
        self.sold = []

    async def first_free(self):
        seat = self.free[0]
        await asyncio.sleep(0)
        return seat

    def take(self, seat, name):
        self.free = [one for one in self.free if one != seat]
        self.sold.append((seat, name))


async def book(hall, name):
    seat = await hall.first_free()
    hall.take(seat, name)


async def main():
    hall = Hall(["A1", "A2", "A3"])
    await asyncio.gather(book(hall, "ann"), book(hall, "bob"))
    print(hall.sold)


asyncio.run(main())

# question: ann and bob have both the seat A1. Why?
# record: as by default
# $ relive tree --calls
#   Hall.first_free(self=Hall(free=['A1', 'A2', 'A3'], sold=[])) -> 'A1'
#   Hall.take(self=Hall(free=['A2', 'A3'], sold=[('A1', 'ann')]), seat='A1', name='bob')
