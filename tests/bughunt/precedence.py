# "and" binds tighter than "or".
# Our own.


def may_edit(user, page):
    return user["is_admin"] or user["name"] == page["author"] and not page["locked"]


def edit(user, page, text):
    if not may_edit(user, page):
        return "refused"
    page["text"] = text
    return "saved"


page = {"author": "ann", "locked": True, "text": "old"}
print(edit({"name": "ann", "is_admin": False}, page, "new"))
print(edit({"name": "eve", "is_admin": True}, page, "new"))

# question: The page is locked, and one of both edits is "saved". Whose, and why?
# record: --level lines
# $ relive tree --calls
#   may_edit(user={'name': 'eve', 'is_admin': True}, page=...'locked': True...) -> True...  {call}
# $ relive frame {call}
#   user["is_admin"] or user["name"] == page["author"] and not page["locked"]
