import weakref
class Thing:
    pass
def died(ref):
    print("died")
t = Thing()
r = weakref.ref(t, died)
del t
f = Thing()
weakref.finalize(f, print, "finalized")
del f
