# Merging settings changes the nested part of the first ones.
# From a fix of python3-saml.


def merge(settings, more):
    merged = settings.copy()
    for name, part in more.items():
        if name in merged:
            merged[name].update(part)
        else:
            merged[name] = part
    return merged


def connect(settings, host):
    return merge(settings, {"server": {"host": host}})


base = {"server": {"host": "localhost", "port": 80}}
test = connect(base, "test.example")
print("base is", base["server"]["host"])

# question: base should have the host "localhost", and has "test.example". Which call changes it?
# record: --level lines
# $ relive tree --calls
#   merge(settings={'server': {'host': 'localhost', ...more={'server': {'host': 'test.example'}})
# $ relive frame merge#1
#   6    x1      merged = settings.copy()
#   9    x1              merged[name].update(part)
