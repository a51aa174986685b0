"""A FastAPI application with a session for each request.

uvicorn --app-dir examples/web fastapi_app:app
"""

from fastapi import FastAPI, HTTPException

import relive.instrument
from relive import sessions

api = FastAPI()
PRICES = {"tea": 3, "cake": 5}


def price(item):
    if item not in PRICES:
        raise HTTPException(status_code=404, detail="no such item")
    return PRICES[item]


@api.get("/items/{item}")
async def show(item: str):
    sessions.mark("asked", item=item)
    return {"item": item, "price": price(item)}


@api.get("/slow/{item}")
def show_in_a_thread(item: str):
    return {"item": item, "price": price(item)}


app = relive.instrument.asgi(api)
