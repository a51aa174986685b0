# A list of the class is extended by each instance.
# From a fix of pyocr.


class TextBuilder:
    options = ["-l", "eng"]

    def __init__(self, *more):
        self.options.extend(more)

    def command(self, picture):
        return " ".join(["read", picture, *self.options])


class DigitBuilder(TextBuilder):
    def __init__(self):
        super().__init__("digits")


def main():
    for page in ("letter.png", "bill.png", "note.png"):
        builder = DigitBuilder() if page.startswith("bill") else TextBuilder("--page")
        print(builder.command(page))


main()

# question: Why is note.png read with the option "digits"?
# record: --level lines
# $ relive tree --calls
#   TextBuilder.__init__(self=TextBuilder(), more=('--page',))
#   TextBuilder.__init__(self=DigitBuilder(), more=('digits',))
#   -> 'read bill.png -l eng --page digits'
