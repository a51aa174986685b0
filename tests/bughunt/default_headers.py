# A dict as default argument is made once: what one request adds goes with the next ones.
# From a fix of drest.


class Client:
    def __init__(self, user):
        self.user = user

    def request(self, path, headers={}):
        if path.startswith("/private"):
            headers["X-User"] = self.user
        return self.send(path, headers)

    def send(self, path, headers):
        return f"GET {path} " + ", ".join(f"{key}={headers[key]}" for key in sorted(headers))


def main():
    client = Client("ann")
    for path in ("/start", "/private/mail", "/start"):
        print(client.request(path))


main()

# question: The second request of /start sends X-User=ann, and the first one does not. Why?
# record: --level lines
# $ relive tree --calls
#   request(self=Client(user='ann'), path='/start', headers={'X-User': 'ann'})
# $ relive history Client.request headers
#   {'X-User': 'ann'}  ['X-User'] new  default_headers.py:11 > headers["X-User"] = self.user
#   {'X-User': 'ann'}  at the call
