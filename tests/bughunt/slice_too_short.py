# A limit for display is applied to the data.
# Our own.


def preview(words, limit=3):
    return words[:limit]


def index(pages):
    found = {}
    for name, text in pages.items():
        for word in preview(text.split()):
            found.setdefault(word, []).append(name)
    return found


def search(pages, word):
    return index(pages).get(word, [])


print(search({"one": "the cat sat down", "two": "down the hill we went"}, "down"))

# question: search() finds "down" in page two, and page one has it too. Why not in one?
# record: as by default
# $ relive tree --calls --func search
#   preview(words=['the', 'cat', 'sat', 'down'], limit=3) -> ['the', 'cat', 'sat']
