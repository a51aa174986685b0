/* Part of os.h. Why: a thread with its own descriptor table must be able to end without closing its
 * files.
 *
 *    writer thread (own table)                 any thread (process table)
 *    os_door_pass(fd) --- SCM_RIGHTS --->      os_door_take() -> fd
 *                     datagram socket
 *
 * The socket has an abstract address that the system chooses, so the file system never shows it. A
 * message that nobody has received keeps its file open. */
#define _GNU_SOURCE
#include "os.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Binds the socket to an abstract address of the system's choice and remembers it. */
static int find_address(struct os_door *door)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address.sun_family; /* so short that the system chooses the rest */
    if (bind(door->fd, (struct sockaddr *)&address, len) != 0) {
        return -1;
    }
    len = sizeof address;
    if (getsockname(door->fd, (struct sockaddr *)&address, &len) != 0 ||
        len - offsetof(struct sockaddr_un, sun_path) > sizeof door->address) {
        return -1;
    }
    door->address_len = len - (unsigned)offsetof(struct sockaddr_un, sun_path);
    memcpy(door->address, address.sun_path, door->address_len);
    return 0;
}

int os_door_open(struct os_door *door)
{
    door->fd = new_socket();
    if (door->fd < 0) {
        return -1;
    }
    door->fd = os_move_high(door->fd);
    if (find_address(door) != 0 || os_file_identity(door->fd, door->identity) != 0) {
        os_close(door->fd);
        return -1;
    }
    return 0;
}

/* Returns whether the descriptor is still the door. The program may have closed and reused it. */
static int is_door(const struct os_door *door)
{
    uint64_t identity[2];
    return os_file_identity(door->fd, identity) == 0 && identity[0] == door->identity[0] &&
           identity[1] == door->identity[1];
}

void os_door_close(const struct os_door *door)
{
    if (is_door(door)) {
        os_close(door->fd);
    }
}

/* Room for the one descriptor of a message, aligned as the macros need it. */
union passed {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int os_door_pass(const struct os_door *door, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    union passed passed = {.bytes = {0}};
    char byte = 0;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + door->address_len),
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = passed.bytes,
        .msg_controllen = sizeof passed.bytes,
    };
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    memcpy(address.sun_path, door->address, door->address_len);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(part), &fd, sizeof fd);
    int out = new_socket();
    int failed = out < 0 || sendmsg(out, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != 1;
    os_close(out);
    return failed ? -1 : 0;
}

int os_door_take(const struct os_door *door)
{
    union passed passed;
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = passed.bytes,
        .msg_controllen = sizeof passed.bytes,
    };
    int fd = -1;
    if (is_door(door) && recvmsg(door->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) == 1) {
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        if (part != NULL && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS &&
            part->cmsg_len == CMSG_LEN(sizeof fd)) {
            memcpy(&fd, CMSG_DATA(part), sizeof fd);
        }
    }
    return fd;
}
