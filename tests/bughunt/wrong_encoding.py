# A text is written as UTF-8 and read as Latin-1.
# Our own.


def pack(name):
    return name.encode("utf-8")


def unpack(data, encoding="latin-1"):
    return data.decode(encoding)


def width(name):
    return len(name)


def label(data):
    name = unpack(data)
    return name + "." * (8 - width(name))


print(len(label(pack("Zoe"))), ascii(label(pack("Zo\xeb"))))

# question: The label of Zo\xeb is 'Zo\xc3\xab....'. Which call makes it so?
# record: as by default
# $ relive tree --calls
#   unpack(data=b'Zo\xc3\xab', encoding='latin-1') -> 'Zo
