"""An application of packages from PyPI that does what services do. A turn writes a row of a
database, reads twenty, renders a template, and turns a text into HTML in two ways."""

import io
import json
import sqlite3

import docutils.core
import jinja2
import markdown

PAGE = "{% for row in rows %}{{ row.name|title }}, {% endfor %}"
PAGE = jinja2.Environment().from_string(PAGE)
TEXT = "Title\n=====\n\nSome *text*, ``code`` and `a link <http://example.org>`_.\n"
TEXT += "\n- one\n- two\n"
QUIET = {"warning_stream": io.StringIO()}


def page(db):
    rows = db.execute("select body from notes order by number desc limit 20")
    return PAGE.render(rows=[json.loads(body) for (body,) in rows])


def turn(db, number):
    db.execute("insert into notes values (?, ?)", (number, json.dumps({"name": f"n{number}"})))
    html = docutils.core.publish_string(TEXT, writer_name="html", settings_overrides=QUIET)
    return len(page(db)), len(markdown.markdown(TEXT)), len(html)


def work(n):
    for number in range(n):
        turn(DB, number)


DB = sqlite3.connect(":memory:")
DB.execute("create table notes (number int, body text)")
turn(DB, -1)  # what is made once is made before the timed part
