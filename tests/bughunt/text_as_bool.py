# bool() of a text is true for "False" as well.
# From a fix of seldon-core.

READERS = {"INT": int, "FLOAT": float, "BOOL": bool}


def read_parameter(kind, text):
    return READERS[kind](text)


def read_parameters(rows):
    return {name: read_parameter(kind, text) for name, kind, text in rows}


def start(parameters):
    return "training" if parameters["train"] else "serving"


print(start(read_parameters([("port", "INT", "80"), ("train", "BOOL", "False")])))

# question: It prints "training", and the parameter train is False. Why?
# record: as by default
# $ relive tree --calls
#   read_parameter(kind='BOOL', text='False') -> True
