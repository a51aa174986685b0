def walk(tree):
    if isinstance(tree, list):
        for part in tree:
            yield from walk(part)
    else:
        yield tree
print(list(walk([1, [2, [3, [4]], 5], [], [[6]]])))
