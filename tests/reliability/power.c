/* What a process does to the files of one folder, in order, for the simulator of power cuts in disk.py.
 *
 * Loaded with LD_PRELOAD. $POWER_FOLDER names the folder (absolute), $POWER_LOG the log. A record is the header below,
 * then the path, then the data (of a rename: the new path). Each call is made and logged under one lock, which holds
 * between threads and processes, so the order of the log is the order of what happened. The shared-memory file of
 * SQLite is left out: it means nothing after a restart. Mapped writes are not seen.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, SYNC_FOLDER, RENAME, UNLINK, MKDIR, RMDIR };

struct header {
    uint32_t kind, path_length;
    uint64_t time_ns, file, offset, data_length; /* file: its inode; offset of a truncation: the new size */
};

#define FILES 4096
static char *paths[FILES]; /* by descriptor, of what was opened below the folder */
static const char *folder;
static int log_fd = -1;
static pid_t log_owner;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static void before_fork(void) { pthread_mutex_lock(&mutex); }
static void after_fork(void) { pthread_mutex_unlock(&mutex); }

__attribute__((constructor)) static void begin(void) {
    folder = getenv("POWER_FOLDER");
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* Of the log each process has an open file of its own: a lock that a fork inherits would hold off nobody. */
static void lock(void) {
    pthread_mutex_lock(&mutex);
    if (log_owner != getpid()) {
        if (log_fd >= 0) syscall(SYS_close, log_fd);
        int fd = syscall(SYS_openat, AT_FDCWD, getenv("POWER_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        log_fd = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900); /* out of the way of programs that count theirs */
        syscall(SYS_close, fd);
        log_owner = getpid();
    }
    while (syscall(SYS_flock, log_fd, LOCK_EX) != 0 && errno == EINTR) {}
}

static void unlock(void) {
    int before = errno;
    syscall(SYS_flock, log_fd, LOCK_UN);
    pthread_mutex_unlock(&mutex);
    errno = before;
}

static void note(uint32_t kind, const char *path, uint64_t file, uint64_t offset, const void *data, size_t length) {
    int before = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct header header = {kind, strlen(path), now.tv_sec * 1000000000ull + now.tv_nsec, file, offset, length};
    struct iovec parts[3] = {{&header, sizeof header}, {(void *)path, strlen(path)}, {(void *)data, length}};
    syscall(SYS_writev, log_fd, parts, 3);
    errno = before;
}

static uint64_t inode(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 ? found.st_ino : 0;
}

/* The absolute path when it is one that counts, else NULL; to be freed. */
static char *counts(int at, const char *path) {
    char base[PATH_MAX], *full;
    if (!folder || !path) return NULL;
    if (path[0] == '/') {
        full = strdup(path);
    } else {
        if (at != AT_FDCWD) {
            if (at < 0 || at >= FILES || !paths[at]) return NULL;
            strcpy(base, paths[at]);
        } else if (!getcwd(base, sizeof base)) {
            return NULL;
        }
        full = malloc(strlen(base) + strlen(path) + 2);
        strcat(strcat(strcpy(full, base), "/"), path);
    }
    size_t length = strlen(folder), end = strlen(full);
    int inside = strncmp(full, folder, length) == 0 && (full[length] == '/' || !full[length]);
    if (inside && !(end > 4 && strcmp(full + end - 4, "-shm") == 0)) return full;
    free(full);
    return NULL;
}

static int open_at(int at, const char *path, int flags, mode_t mode) {
    char *full = counts(at, path);
    if (!full) return syscall(SYS_openat, at, path, flags, mode);
    lock();
    int is_new = (flags & O_CREAT) && faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    int fd = syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < FILES) {
        free(paths[fd]);
        paths[fd] = full;
        if (is_new) note(CREATE, full, inode(fd), 0, "", 0);
        else if ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY) note(TRUNCATE, full, inode(fd), 0, "", 0);
    } else {
        free(full);
    }
    unlock();
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_at(at, path, flags | O_LARGEFILE, mode); }

static int is_ours(int fd) { return fd >= 0 && fd < FILES && paths[fd] != NULL; }

int close(int fd) {
    if (!is_ours(fd)) return syscall(SYS_close, fd);
    lock();
    free(paths[fd]);
    paths[fd] = NULL;
    int result = syscall(SYS_close, fd);
    unlock();
    return result;
}

static ssize_t written(int fd, off64_t offset, const void *data, ssize_t length) {
    if (length > 0) note(WRITE, paths[fd], inode(fd), offset, data, length);
    return length;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (!is_ours(fd)) return syscall(SYS_write, fd, data, length);
    lock();
    off64_t offset = (fcntl(fd, F_GETFL) & O_APPEND) ? lseek64(fd, 0, SEEK_END) : lseek64(fd, 0, SEEK_CUR);
    ssize_t result = written(fd, offset, data, syscall(SYS_write, fd, data, length));
    unlock();
    return result;
}

static ssize_t write_at(int fd, const void *data, size_t length, off64_t offset) {
    if (!is_ours(fd)) return syscall(SYS_pwrite64, fd, data, length, offset);
    lock();
    ssize_t result = written(fd, offset, data, syscall(SYS_pwrite64, fd, data, length, offset));
    unlock();
    return result;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return write_at(fd, data, length, offset); }

static int truncate_to(int fd, off64_t size) {
    if (!is_ours(fd)) return syscall(SYS_ftruncate, fd, size);
    lock();
    int result = syscall(SYS_ftruncate, fd, size);
    if (result == 0) note(TRUNCATE, paths[fd], inode(fd), size, "", 0);
    unlock();
    return result;
}

int ftruncate(int fd, off_t size) { return truncate_to(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncate_to(fd, size); }

static int sync_by(long call, int fd) {
    if (!is_ours(fd)) return syscall(call, fd);
    lock();
    int result = syscall(call, fd);
    struct stat found;
    if (result == 0 && fstat(fd, &found) == 0)
        note(S_ISDIR(found.st_mode) ? SYNC_FOLDER : SYNC, paths[fd], found.st_ino, 0, "", 0);
    unlock();
    return result;
}

int fsync(int fd) { return sync_by(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    char *source = counts(AT_FDCWD, from), *target = counts(AT_FDCWD, to);
    if (!source || !target) {
        free(source);
        free(target);
        return real(from, to);
    }
    lock();
    int result = real(from, to);
    if (result == 0) note(RENAME, source, 0, 0, target, strlen(target));
    unlock();
    free(source);
    free(target);
    return result;
}

static int without_file(uint32_t kind, int at, const char *path, long call, long more) {
    char *full = counts(at, path);
    if (!full) return syscall(call, at, path, more);
    lock();
    int result = syscall(call, at, path, more);
    if (result == 0) note(kind, full, 0, 0, "", 0);
    unlock();
    free(full);
    return result;
}

int unlink(const char *path) { return without_file(UNLINK, AT_FDCWD, path, SYS_unlinkat, 0); }
int unlinkat(int at, const char *path, int flags) {
    return without_file(flags & AT_REMOVEDIR ? RMDIR : UNLINK, at, path, SYS_unlinkat, flags);
}
int rmdir(const char *path) { return without_file(RMDIR, AT_FDCWD, path, SYS_unlinkat, AT_REMOVEDIR); }
int mkdir(const char *path, mode_t mode) { return without_file(MKDIR, AT_FDCWD, path, SYS_mkdirat, mode); }
int mkdirat(int at, const char *path, mode_t mode) { return without_file(MKDIR, at, path, SYS_mkdirat, mode); }
