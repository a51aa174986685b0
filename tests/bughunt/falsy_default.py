# A default that is false counts as no default.
# From a fix of iubeo.


def cast(text, kind):
    return kind(text)


def read(environ, name, kind, default=None):
    if name in environ:
        return cast(environ[name], kind)
    if default:
        return default
    return "missing"


def settings(environ):
    return {
        "retries": read(environ, "RETRIES", int, default=0),
        "workers": read(environ, "WORKERS", int, default=2),
        "port": read(environ, "PORT", int),
    }


print(settings({"PORT": "80"}))

# question: retries is "missing", and it has a default. Why?
# record: as by default
# $ relive tree --calls
#   read(environ={'PORT': '80'}, name='RETRIES', kind=<class 'int'>, default=0) -> 'missing'
