# Multiplying a list of lists repeats one list.
# Our own.


def make_board(size):
    return [["."] * size] * size


def place(board, row, column, mark):
    board[row][column] = mark
    return board


def draw(board):
    return "\n".join("".join(row) for row in board)


board = make_board(3)
place(board, 0, 0, "x")
place(board, 1, 2, "o")
print(draw(board))

# question: One x was placed, and the board has three. What does place() change?
# record: as by default
# $ relive tree --calls --func place
#   row=0, column=0, mark='x') -> [['x', '.', '.'], ['x', '.', '.'], ['x', '.', '.']]
