"""A small web application of Flask, as gunicorn serves it."""

from flask import Flask, jsonify, request

app = Flask(__name__)
STOCK = {"tea": 3, "cup": 10}


class OutOfStock(Exception):
    pass


def take(item, count):
    left = STOCK[item] - count
    if left < 0:
        raise OutOfStock(item)
    return left


@app.errorhandler(OutOfStock)
def out_of_stock(error):
    return jsonify(lack=str(error)), 409


@app.get("/items/<item>")
def item(item):
    return jsonify(item=item, left=take(item, request.args.get("count", 1, type=int)))


@app.get("/all")
def everything():
    return jsonify({name: take(name, 0) for name in sorted(STOCK)})
