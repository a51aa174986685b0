import cProfile, pstats, io
def work():
    return [part(i) for i in range(3)]
def part(i):
    return i
profile = cProfile.Profile()
profile.enable()
work()
profile.disable()
print(sorted(f[2] for f in pstats.Stats(profile, stream=io.StringIO()).stats if f[2] in ("work", "part")))
