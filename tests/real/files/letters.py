"""Renders letters with jinja2: a loop, a filter, a macro and a mistake in one of them."""

import jinja2

PAGES = {
    "base": "<h1>{% block title %}{% endblock %}</h1>{% block body %}{% endblock %}",
    "letter": "{% extends 'base' %}{% macro line(n, word) %}{{ n }}: {{ word|upper }}{% endmacro %}"
    "{% block title %}{{ name }}{% endblock %}"
    "{% block body %}{% for word in words %}{{ line(loop.index, word) }};{% endfor %}{% endblock %}",
}


def main():
    pages = jinja2.Environment(loader=jinja2.DictLoader(PAGES), undefined=jinja2.StrictUndefined)
    letter = pages.get_template("letter")
    print(letter.render(name="tea", words=["hot", "green"]))
    print(letter.render(words=[]))


main()
