# Looking at a property takes something away.
# Our own.


class Queue:
    def __init__(self, jobs):
        self.jobs = jobs

    @property
    def next(self):
        return self.jobs.pop(0) if self.jobs else None


def work(queue):
    done = []
    while queue.next is not None:
        done.append(queue.next)
    return done


print(work(Queue(["mail", "clean", "backup", "index"])))

# question: work() does only clean and index. Where are mail and backup?
# record: as by default
# $ relive tree --calls --func work
#   Queue.next(self=Queue(jobs=['mail', 'clean', 'backup', 'index'])) -> 'mail'
#   Queue.next(self=Queue(jobs=['clean', 'backup', 'index'])) -> 'clean'
