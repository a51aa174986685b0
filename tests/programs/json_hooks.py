import json
def default(o):
    return sorted(o)
def hook(d):
    return list(d.items())
print(json.dumps({"a": {3, 1}}, default=default), json.loads('{"a": 1}', object_hook=hook))
