class Outer:
    class Inner:
        def method(self):
            class Local:
                def deep(self):
                    return "deep"
            return Local().deep()
    def use(self):
        return self.Inner().method()
print(Outer().use())
