"""gunicorn: a session for each request, with no change to the application.

    gunicorn -c python:relive.instrument.gunicorn shop:app   # also in GUNICORN_CMD_ARGS

A configuration of one's own takes the hook: `from relive.instrument.gunicorn import
post_worker_init`. gunicorn is not imported here."""

import inspect
from typing import Any

from relive.instrument import web


def post_worker_init(worker: Any) -> None:
    """Puts the middleware around the application that a worker has loaded, unless it is there."""
    for name in ("wsgi", "asgi"):  # the second one is of gunicorn's own worker for ASGI
        app = getattr(worker, name, None)
        if app is not None and getattr(app, "__module__", None) != web.__name__:
            setattr(worker, name, web.asgi(app) if is_asgi(app) else web.wsgi(app))


def is_asgi(app: Any) -> bool:
    """Returns whether an application is one for ASGI: an `async def`, or an object that is called
    as one."""
    is_async = inspect.iscoroutinefunction
    return is_async(app) or is_async(type(app).__call__)
