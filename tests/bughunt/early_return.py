# A return belongs after the loop, and is inside.
# From a fix of django-scalar.


def describe(name, kind):
    return {"name": name, "schema": {"type": kind}}


def filter_parameters(fields):
    parameters = []
    for name, kind in fields.items():
        parameters.append(describe(name, kind))
        return parameters


def page(fields):
    return ", ".join(one["name"] for one in filter_parameters(fields))


print("filters:", page({"author": "text", "year": "int", "price": "float"}))

# question: page() lists one filter of three. Why?
# record: --level lines
# $ relive tree --calls --func page
#   filter_parameters(fields=...) -> [{'name': 'author', 'schema': {'type': 'text'}}]
# $ relive frame filter_parameters#1
#   11    x1      for name, kind in fields.items():
#   13    x1          return parameters
