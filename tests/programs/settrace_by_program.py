import sys
seen = []
def tracer(frame, event, arg):
    if frame.f_code.co_name == "target":
        seen.append(event)
    return tracer
def target():
    return 1
sys.settrace(tracer)
target()
sys.settrace(None)
print(seen)
