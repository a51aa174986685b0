import gc
class Node:
    def __init__(self):
        self.me = self
    def __del__(self):
        print("collected")
gc.disable()
Node()
gc.collect()
