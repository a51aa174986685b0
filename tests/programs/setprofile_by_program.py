import sys
seen = []
def profiler(frame, event, arg):
    if frame.f_code.co_name == "target":
        seen.append(event)
def target():
    return 1
sys.setprofile(profiler)
target()
sys.setprofile(None)
print(seen)
