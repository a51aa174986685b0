"""A Django application, in one file, with a session for each request.

python examples/web/django_app.py     # serves on 127.0.0.1:8000
"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

import relive.instrument
from relive import sessions

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="for an example")


def price(item):
    return {"tea": 3, "cake": 5}[item]


def show(request, item):
    sessions.mark("asked", item=item)
    return JsonResponse({"item": item, "price": price(item)})


urlpatterns = [path("items/<item>", show)]
app = relive.instrument.wsgi(get_wsgi_application())

if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    make_server("127.0.0.1", 8000, app).serve_forever()
