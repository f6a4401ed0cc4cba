/*
 * Lets syncs and reads fail, as those of a dying disk do.
 *
 * Loaded with LD_PRELOAD by tests/tests/operators/failing_disk.rs. As long as the file named by EXCHEQUER_SYNC_FAILS is
 * there, every sync of a file answers EIO whose path contains what that file says; EXCHEQUER_READ_FAILS does the same to
 * reads at a place in a file. Writes go on: it is the page cache that takes them, and only a sync could tell that they
 * did not arrive.
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

static int fails(const char *variable, int fd)
{
    char part[256], link[64], path[PATH_MAX];
    const char *wish = getenv(variable);
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
    if (fails("EXCHEQUER_SYNC_FAILS", fd)) {
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

static ssize_t read_at(int fd, void *buffer, size_t size, off_t at)
{
    if (fails("EXCHEQUER_READ_FAILS", fd)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, buffer, size, at);
}

ssize_t pread(int fd, void *buffer, size_t size, off_t at)
{
    return read_at(fd, buffer, size, at);
}

ssize_t pread64(int fd, void *buffer, size_t size, off_t at)
{
    return read_at(fd, buffer, size, at);
}
