"""A small web application of FastAPI, as uvicorn serves it."""

import asyncio
from typing import Dict, List

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()
ORDERS: Dict[int, "Order"] = {}


class Line(BaseModel):
    item: str
    count: int = 1


class Order(BaseModel):
    number: int
    lines: List[Line]


async def price(line):
    await asyncio.sleep(0)
    return len(line.item) * line.count


@app.post("/orders")
async def order(order: Order):
    ORDERS[order.number] = order
    prices = await asyncio.gather(*(price(line) for line in order.lines))
    return {"number": order.number, "sum": sum(prices)}


@app.get("/orders/{number}")
def one(number: int):
    if number not in ORDERS:
        raise HTTPException(404, "no such order")
    return ORDERS[number]
