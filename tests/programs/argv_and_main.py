import sys, os
print(len(sys.argv), __name__, os.path.basename(__file__), os.path.basename(sys.argv[0]))
print(sys.modules["__main__"].__dict__ is globals())
print(os.path.basename(sys.path[0]))
print("__cached__" in globals(), __builtins__ is not None)
