# A greedy pattern takes two images of one line for one.
# From a fix of m2r.
import re

IMAGE = re.compile(r"!\[(.*)\]\((.*)\)")


def convert_image(title, address):
    return f".. image:: {address} ({title})"


def convert_line(line):
    return IMAGE.sub(lambda found: convert_image(found.group(1), found.group(2)), line)


def convert(text):
    return [convert_line(line) for line in text.splitlines()]


for line in convert("# Tools\n![a hammer](a.png) and ![a saw](b.png)"):
    print(line)

# question: The line with a.png and b.png becomes one image. Why?
# record: as by default
# $ relive tree --calls
#   convert_image(title='a hammer](a.png) and ![a saw', address='b.png')
