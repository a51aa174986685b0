from string import Template
class T(Template):
    delimiter = "%"
    def render(self, **kw):
        return self.substitute(**kw)
print(T("hi %name").render(name="you"))
