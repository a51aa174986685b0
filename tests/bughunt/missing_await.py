# A coroutine that is not awaited is true, whatever it would return.
# From a fix of simplisafe-python.
import asyncio
import warnings

warnings.simplefilter("ignore")


async def is_armed(system):
    await asyncio.sleep(0)
    return system["state"] == "armed"


async def report(system):
    if is_armed(system):
        return "armed"
    return "off"


async def main():
    for state in ("armed", "off"):
        print(state, await report({"state": state}))


asyncio.run(main())

# question: report() answers "armed" for a system whose state is "off". Why?
# record: --level lines
# $ relive tree --calls --func report
#   report(system={'state': 'off'}) -> 'armed'...  {call}
# $ relive frame {call}
#   report(system={'state': 'off'}) -> 'armed'
#   15    x1      if is_armed(system):
#   16    x1          return "armed"
