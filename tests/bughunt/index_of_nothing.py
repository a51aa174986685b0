# find() returns -1 where there is nothing, and -1 is an index.
# Our own.


def split_at(text, mark):
    place = text.find(mark)
    return text[:place], text[place + 1 :]


def parse(lines):
    return dict(split_at(line, ":") for line in lines)


headers = parse(["Host: example", "Accept: text", "Connection close"])
print(sorted(headers))

# question: There is a header named "Connection clos". Why?
# record: --level lines
# $ relive tree --calls
#   split_at(text='Connection close', mark=':') -> ('Connection clos', ...  {call}
# $ relive frame {call}
#   6    x1      place = text.find(mark)...place = -1
