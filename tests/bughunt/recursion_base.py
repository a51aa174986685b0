# The recursion ends one level too early.
# Our own.


def size(node):
    if not node["children"]:
        return 0
    return node["bytes"] + sum(size(child) for child in node["children"])


def folder(name, count, *children):
    return {"name": name, "bytes": count, "children": children}


root = folder("root", 1, folder("a", 10, folder("deep", 100)), folder("b", 20))
print(size(root))

# question: The sizes 1, 10, 100 and 20 are 131, and size() finds 11. Which are left out?
# record: as by default
# $ relive tree --calls --func size
#   size(node={'name': 'deep', 'bytes': 100, 'children': ()}) -> 0
#   size(node={'name': 'b', 'bytes': 20, 'children': ()}) -> 0
