# Sizes are sorted as texts.
# Our own.


def size_of(row):
    return row["size"]


def largest(rows, count):
    return sorted(rows, key=size_of, reverse=True)[:count]


def read(text):
    rows = []
    for line in text.splitlines():
        name, size = line.split()
        rows.append({"name": name, "size": size})
    return rows


for row in largest(read("log 900\nimage 12000\nnotes 80\nmovie 700000"), 2):
    print(row["name"], row["size"])

# question: The largest two are log and notes, and a movie of 700000 is not among them. Why?
# record: as by default
# $ relive tree --calls
#   size_of(row={'name': 'movie', 'size': '700000'}) -> '700000'
