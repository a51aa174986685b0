class Gone:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        say(self.name)
def say(name):
    print("gone", name)
def scope():
    x = Gone("local")
scope()
y = Gone("deleted")
del y
z = Gone("replaced")
z = None
