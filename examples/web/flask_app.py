"""A Flask application with a session for each request.

relive record --output web.relive python examples/web/flask_app.py    # or under any WSGI server
"""

from flask import Flask, jsonify

import relive.instrument
from relive import sessions

app = Flask(__name__)


def price(item):
    return {"tea": 3, "cake": 5}[item]


@app.get("/items/<item>")
def show(item):
    sessions.mark("asked", item=item)
    return jsonify(item=item, price=price(item))


app.wsgi_app = relive.instrument.wsgi(app.wsgi_app)

if __name__ == "__main__":
    app.run(port=8000)
