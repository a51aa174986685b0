from concurrent.futures import ThreadPoolExecutor
def square(x):
    return x * x
with ThreadPoolExecutor(1) as pool:
    print(list(pool.map(square, range(5))))
