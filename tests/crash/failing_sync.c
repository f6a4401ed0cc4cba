/*
 * Lets syncs fail, as those of a dying disk do.
 *
 * Loaded with LD_PRELOAD by tests/tests/operators/failing_sync.rs. As long as the file named by EXCHEQUER_SYNC_FAILS is
 * there, every sync of a file answers EIO whose path contains what that file says. Writes go on: it is the page cache
 * that takes them, and only a sync could tell that they did not arrive.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int fd)
{
    char part[256], link[64], path[PATH_MAX];
    const char *wish = getenv("EXCHEQUER_SYNC_FAILS");
    int file = wish ? open(wish, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t length = read(file, part, sizeof part - 1);
    close(file);
    if (length <= 0)
        return 0;
    part[length] = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strstr(path, part) != NULL;
}

static int sync_file(int fd, long call)
{
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    return syscall(call, fd);
}

int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}
