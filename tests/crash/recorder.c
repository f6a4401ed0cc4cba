/*
 * Records every change a process makes to files below one folder, in order, into one trace.
 *
 * Loaded with LD_PRELOAD by tests/tests/crash_points. Two modes, by environment:
 *   EXCHEQUER_CRASH_ROOT=<folder> EXCHEQUER_CRASH_TRACE=<file>   record
 *   EXCHEQUER_CRASH_FORGET=1                                     syncs do nothing (for the opening of many images)
 *
 * A change and its record are made under one lock, so the trace has the order in which the kernel saw them. A sync has
 * two records, before and after, and holds no lock in between: other threads go on writing while it runs, as they do
 * in life. The trace is opened for appending and each record is one write, so the test can append its own records
 * ("sent", "acknowledged") from another process and their place in the trace is their place in time.
 *
 * What is made without the C library's wrappers is not seen: RocksDB's info log (fopen) and the reserve's fallocate.
 * The test compares what the trace adds up to with the real folder, so nothing else can be missed unnoticed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    CREATE = 1, /* path: a new empty file */
    LENGTH,     /* path, offset: cut or extended to offset */
    WRITE,      /* path, offset, data */
    SYNC_BEGIN, /* path, offset: a number that its end repeats */
    SYNC_END,   /* path, offset */
    RENAME,     /* path -> other */
    UNLINK,     /* path */
    LINK,       /* path -> other */
    MKDIR,      /* path */
    RMDIR,      /* path */
    ZERO,       /* path, offset, size: a hole is punched */
    UNSEEN,     /* path, other: an operation whose data the recorder cannot see */
    UNLINKING,  /* path: about to be removed; a killed process may not come to say that it was */
};

struct head {
    uint32_t magic, kind;
    uint64_t offset, size;
    uint32_t path, other, data, process;
};

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int trace = -1;
static int forget;
static uint64_t syncs;

static void die(const char *what)
{
    fprintf(stderr, "crash recorder: %s: %s\n", what, strerror(errno));
    abort();
}

__attribute__((constructor)) static void start(void)
{
    const char *folder = getenv("EXCHEQUER_CRASH_ROOT"), *file = getenv("EXCHEQUER_CRASH_TRACE");
    forget = getenv("EXCHEQUER_CRASH_FORGET") != NULL;
    if (!folder || !file)
        return;
    if (strlen(folder) >= sizeof root)
        die("the folder's name is too long");
    strcpy(root, folder);
    root_length = strlen(root);
    trace = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (trace < 0)
        die(file);
}

static void emit(enum kind kind, const char *path, const char *other, uint64_t offset, uint64_t size,
         const struct iovec *data, int pieces, size_t length)
{
    struct head head = {0x48535243, kind, offset, size, (uint32_t)strlen(path), (uint32_t)strlen(other),
                (uint32_t)length, (uint32_t)getpid()};
    struct iovec out[3 + 64];
    size_t total = sizeof head + head.path + head.other, left = length;
    int count = 3, kept = errno;
    out[0] = (struct iovec){&head, sizeof head};
    out[1] = (struct iovec){(void *)path, head.path};
    out[2] = (struct iovec){(void *)other, head.other};
    for (int i = 0; i < pieces && left > 0; i++) {
        if (count == 67)
            die("too many pieces in one write");
        size_t piece = data[i].iov_len < left ? data[i].iov_len : left;
        out[count++] = (struct iovec){data[i].iov_base, piece};
        left -= piece;
        total += piece;
    }
    if (syscall(SYS_writev, trace, out, count) != (ssize_t)total)
        die("the trace cannot be written");
    errno = kept;
}

static void note(enum kind kind, const char *path, const char *other, uint64_t offset, uint64_t size)
{
    emit(kind, path, other, offset, size, NULL, 0, 0);
}

/* The part of an absolute path behind the root, without doubled slashes; NULL outside of it. */
static const char *below(const char *path, char *buffer)
{
    char clean[PATH_MAX];
    size_t at = 0;
    for (size_t i = 0; path[i] && at < sizeof clean - 1; i++)
        if (!(path[i] == '/' && at > 0 && clean[at - 1] == '/'))
            clean[at++] = path[i];
    if (at > 1 && clean[at - 1] == '/')
        at--;
    clean[at] = 0;
    if (strncmp(clean, root, root_length) || (clean[root_length] != '/' && clean[root_length] != 0))
        return NULL;
    strcpy(buffer, clean[root_length] ? clean + root_length + 1 : "");
    return buffer;
}

/* The path of an open file below the root; NULL for others and for files that have no name any more. */
static const char *path_of(int fd, char *buffer)
{
    char link[64], target[PATH_MAX];
    struct stat stat;
    if (trace < 0 || fstat(fd, &stat) || !(S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode)))
        return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, target, sizeof target - 1);
    if (length < 0)
        return NULL;
    target[length] = 0;
    if (length > 10 && !strcmp(target + length - 10, " (deleted)"))
        return NULL;
    return below(target, buffer);
}

/* The path that a folder's descriptor and a name mean. */
static const char *path_at(int folder, const char *name, char *buffer)
{
    char whole[PATH_MAX], link[64], base[PATH_MAX];
    if (trace < 0 || !name)
        return NULL;
    if (name[0] == '/')
        return below(name, buffer);
    if (folder == AT_FDCWD)
        strcpy(link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, base, sizeof base - 1);
    if (length < 0)
        return NULL;
    base[length] = 0;
    if (snprintf(whole, sizeof whole, "%s/%s", base, name) >= (int)sizeof whole)
        return NULL;
    return below(whole, buffer);
}

/* ---- opening ---- */

static int open_file(int folder, const char *name, int flags, mode_t mode)
{
    char buffer[PATH_MAX];
    const char *path = (flags & (O_CREAT | O_TRUNC)) ? path_at(folder, name, buffer) : NULL;
    if (!path)
        return syscall(SYS_openat, folder, name, flags, mode);
    pthread_mutex_lock(&order);
    int existed = syscall(SYS_faccessat, folder, name, F_OK) == 0;
    int fd = syscall(SYS_openat, folder, name, flags, mode);
    if (fd >= 0 && !existed)
        note(CREATE, path, "", 0, 0);
    else if (fd >= 0 && (flags & O_TRUNC))
        note(LENGTH, path, "", 0, 0);
    pthread_mutex_unlock(&order);
    return fd;
}

static mode_t mode_of(int flags, va_list rest)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...)                                                                     \
    {                                                                                                              \
        va_list rest;                                                                                          \
        va_start(rest, flags);                                                                                 \
        mode_t mode = mode_of(flags, rest);                                                                    \
        va_end(rest);                                                                                          \
        return open_file(AT_FDCWD, path, flags, mode);                                                         \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int folder, const char *path, int flags, ...)                                                         \
    {                                                                                                              \
        va_list rest;                                                                                          \
        va_start(rest, flags);                                                                                 \
        mode_t mode = mode_of(flags, rest);                                                                    \
        va_end(rest);                                                                                          \
        return open_file(folder, path, flags, mode);                                                           \
    }
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode)
{
    return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char *path, mode_t mode)
{
    return creat(path, mode);
}

/* ---- writing ---- */

static ssize_t write_file(int fd, const struct iovec *pieces, int count, off_t at, int flags)
{
    char buffer[PATH_MAX];
    int placed = at >= 0;
    if (!path_of(fd, buffer))
        return placed ? syscall(SYS_pwritev2, fd, pieces, count, at, 0, flags)
                  : syscall(SYS_writev, fd, pieces, count);
    pthread_mutex_lock(&order);
    const char *path = path_of(fd, buffer);
    ssize_t done = placed ? syscall(SYS_pwritev2, fd, pieces, count, at, 0, flags)
                  : syscall(SYS_writev, fd, pieces, count);
    if (done > 0 && path) {
        int kept = errno;
        uint64_t offset = placed ? (uint64_t)at : (uint64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) - done;
        emit(WRITE, path, "", offset, done, pieces, count, done);
        errno = kept;
    }
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    struct iovec piece = {(void *)bytes, length};
    if (trace < 0)
        return syscall(SYS_write, fd, bytes, length);
    return write_file(fd, &piece, 1, -1, 0);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    return write_file(fd, pieces, count, -1, 0);
}

#define PWRITE(name)                                                                                                   \
    ssize_t name(int fd, const void *bytes, size_t length, off_t at)                                               \
    {                                                                                                              \
        struct iovec piece = {(void *)bytes, length};                                                          \
        return write_file(fd, &piece, 1, at, 0);                                                               \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                                                  \
    ssize_t name(int fd, const struct iovec *pieces, int count, off_t at)                                          \
    {                                                                                                              \
        return write_file(fd, pieces, count, at, 0);                                                           \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define PWRITEV2(name)                                                                                                 \
    ssize_t name(int fd, const struct iovec *pieces, int count, off_t at, int flags)                               \
    {                                                                                                              \
        return write_file(fd, pieces, count, at, flags);                                                       \
    }
PWRITEV2(pwritev2)
PWRITEV2(pwritev64v2)

/* ---- lengths ---- */

static int cut_file(int fd, off_t length)
{
    char buffer[PATH_MAX];
    pthread_mutex_lock(&order);
    const char *path = path_of(fd, buffer);
    int result = syscall(SYS_ftruncate, fd, length);
    if (result == 0 && path)
        note(LENGTH, path, "", length, 0);
    pthread_mutex_unlock(&order);
    return result;
}

int ftruncate(int fd, off_t length)
{
    return cut_file(fd, length);
}

int ftruncate64(int fd, off_t length)
{
    return cut_file(fd, length);
}

#define TRUNCATE(name)                                                                                                 \
    int name(const char *file, off_t length)                                                                       \
    {                                                                                                              \
        char buffer[PATH_MAX];                                                                                 \
        pthread_mutex_lock(&order);                                                                            \
        const char *path = path_at(AT_FDCWD, file, buffer);                                                    \
        int result = syscall(SYS_truncate, file, length);                                                      \
        if (result == 0 && path)                                                                               \
            note(LENGTH, path, "", length, 0);                                                             \
        pthread_mutex_unlock(&order);                                                                          \
        return result;                                                                                         \
    }
TRUNCATE(truncate)
TRUNCATE(truncate64)

static int allocate(int fd, int mode, off_t at, off_t length)
{
    char buffer[PATH_MAX];
    struct stat stat;
    if (forget && (mode & FALLOC_FL_KEEP_SIZE))
        return 0;
    pthread_mutex_lock(&order);
    const char *path = path_of(fd, buffer);
    int result = syscall(SYS_fallocate, fd, mode, at, length);
    if (result == 0 && path) {
        if (mode & FALLOC_FL_PUNCH_HOLE)
            note(ZERO, path, "", at, length);
        else if (mode & ~FALLOC_FL_KEEP_SIZE)
            note(UNSEEN, path, "fallocate", at, length);
        else if (!(mode & FALLOC_FL_KEEP_SIZE) && fstat(fd, &stat) == 0)
            note(LENGTH, path, "", stat.st_size, 0);
    }
    pthread_mutex_unlock(&order);
    return result;
}

int fallocate(int fd, int mode, off_t at, off_t length)
{
    return allocate(fd, mode, at, length);
}

int fallocate64(int fd, int mode, off_t at, off_t length)
{
    return allocate(fd, mode, at, length);
}

int posix_fallocate(int fd, off_t at, off_t length)
{
    return allocate(fd, 0, at, length) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off_t at, off_t length)
{
    return posix_fallocate(fd, at, length);
}

/* ---- syncs ---- */

static int sync_file(int fd, long call)
{
    char buffer[PATH_MAX];
    if (forget)
        return 0;
    if (trace < 0)
        return syscall(call, fd);
    pthread_mutex_lock(&order);
    const char *path = path_of(fd, buffer);
    uint64_t number = ((uint64_t)getpid() << 32) + ++syncs;
    if (path)
        note(SYNC_BEGIN, path, "", number, 0);
    pthread_mutex_unlock(&order);
    int result = syscall(call, fd);
    if (result == 0 && path) {
        pthread_mutex_lock(&order);
        note(SYNC_END, path, "", number, 0);
        pthread_mutex_unlock(&order);
    }
    return result;
}

int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

/* These promise less than a sync (the first) or more than one file (the others): to the replay they are nothing. */
int sync_file_range(int fd, off_t at, off_t length, unsigned flags)
{
    return forget ? 0 : syscall(SYS_sync_file_range, fd, at, length, flags);
}

int syncfs(int fd)
{
    return forget ? 0 : syscall(SYS_syncfs, fd);
}

/* ---- names ---- */

static int move(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    char first[PATH_MAX], second[PATH_MAX];
    pthread_mutex_lock(&order);
    const char *path = path_at(from_folder, from, first), *other = path_at(to_folder, to, second);
    int result = syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    if (result == 0 && (path || other)) {
        if (path && other && !(flags & RENAME_EXCHANGE))
            note(RENAME, path, other, 0, 0);
        else
            note(UNSEEN, path ? path : other, "rename", 0, 0);
    }
    pthread_mutex_unlock(&order);
    return result;
}

int rename(const char *from, const char *to)
{
    return move(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return move(from_folder, from, to_folder, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    return move(from_folder, from, to_folder, to, flags);
}

static int drop(int folder, const char *name, int flags)
{
    char buffer[PATH_MAX];
    pthread_mutex_lock(&order);
    const char *path = path_at(folder, name, buffer);
    if (path && !(flags & AT_REMOVEDIR))
        note(UNLINKING, path, "", 0, 0);
    int result = syscall(SYS_unlinkat, folder, name, flags);
    if (result == 0 && path)
        note((flags & AT_REMOVEDIR) ? RMDIR : UNLINK, path, "", 0, 0);
    pthread_mutex_unlock(&order);
    return result;
}

int unlink(const char *name)
{
    return drop(AT_FDCWD, name, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
    return drop(folder, name, flags);
}

int rmdir(const char *name)
{
    return drop(AT_FDCWD, name, AT_REMOVEDIR);
}

int remove(const char *name)
{
    int result = drop(AT_FDCWD, name, 0);
    return result < 0 && errno == EISDIR ? drop(AT_FDCWD, name, AT_REMOVEDIR) : result;
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    char first[PATH_MAX], second[PATH_MAX];
    pthread_mutex_lock(&order);
    const char *path = path_at(from_folder, from, first), *other = path_at(to_folder, to, second);
    int result = syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
    if (result == 0 && other)
        note(path ? LINK : UNSEEN, path ? path : other, other, 0, 0);
    pthread_mutex_unlock(&order);
    return result;
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int symlink(const char *target, const char *to)
{
    char buffer[PATH_MAX];
    const char *path = path_at(AT_FDCWD, to, buffer);
    int result = syscall(SYS_symlinkat, target, AT_FDCWD, to);
    if (result == 0 && path)
        note(UNSEEN, path, "symlink", 0, 0);
    return result;
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    char buffer[PATH_MAX];
    pthread_mutex_lock(&order);
    const char *path = path_at(folder, name, buffer);
    int result = syscall(SYS_mkdirat, folder, name, mode);
    if (result == 0 && path)
        note(MKDIR, path, "", 0, 0);
    pthread_mutex_unlock(&order);
    return result;
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

/* ---- data that takes another way ---- */

static void *map(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    char buffer[PATH_MAX];
    if (trace >= 0 && fd >= 0 && (protection & PROT_WRITE) && (flags & MAP_SHARED)) {
        const char *path = path_of(fd, buffer);
        if (path)
            note(UNSEEN, path, "mmap", offset, length);
    }
    return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    return map(at, length, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    return map(at, length, protection, flags, fd, offset);
}

static void unseen(int fd, const char *what)
{
    char buffer[PATH_MAX];
    const char *path = path_of(fd, buffer);
    if (path)
        note(UNSEEN, path, what, 0, 0);
}

ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t length, unsigned flags)
{
    unseen(out, "copy_file_range");
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, length, flags);
}

#define SENDFILE(name)                                                                                                 \
    ssize_t name(int out, int in, off_t *at, size_t length)                                                        \
    {                                                                                                              \
        unseen(out, "sendfile");                                                                               \
        return syscall(SYS_sendfile, out, in, at, length);                                                     \
    }
SENDFILE(sendfile)
SENDFILE(sendfile64)

ssize_t splice(int in, off_t *in_at, int out, off_t *out_at, size_t length, unsigned flags)
{
    unseen(out, "splice");
    return syscall(SYS_splice, in, in_at, out, out_at, length, flags);
}
