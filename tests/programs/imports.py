import importlib.util, os, sys, tempfile
folder = tempfile.mkdtemp()
path = os.path.join(folder, "made_module.py")
with open(path, "w") as file:
    file.write("def f():\n    return 'imported'\nVALUE = f()\n")
sys.path.insert(0, folder)
def load():
    import made_module
    return made_module.VALUE
print(load())
os.unlink(path)
