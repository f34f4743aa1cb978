/* Makes system calls on chosen files fail, for tests: cc -shared -fPIC -o faults.so faults.c -ldl, then LD_PRELOAD.

   faults_arm(path, calls, error, at, once): from the at-th call on (or only then) each of the named calls on a file
   whose path contains `path` fails with `error`. faults_lift() ends it; faults_fired() says how many calls failed. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char wanted_path[512], wanted_calls[256];
static int error_number, first_call, only_once;
static atomic_int armed, counted, fired;

void faults_arm(const char *path, const char *calls, int error, int at, int once)
{
    snprintf(wanted_path, sizeof wanted_path, "%s", path);
    snprintf(wanted_calls, sizeof wanted_calls, " %s ", calls);
    error_number = error, first_call = at, only_once = once;
    counted = fired = 0;
    armed = 1;
}

void faults_lift(void) { armed = 0; }

int faults_fired(void) { return fired; }

static int fails(const char *call, int fd)
{
    char link[64], path[4096], name[64];
    if (!armed)
        return 0;
    snprintf(name, sizeof name, " %s ", call);
    if (!strstr(wanted_calls, name))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    if (!strstr(path, wanted_path))
        return 0;
    int number = ++counted;
    if (only_once ? number != first_call : number < first_call)
        return 0;
    fired++;
    return 1;
}

/* The 64-bit twins of a call count as the call. */
#define INTERPOSE(symbol, call, result, parameters, arguments)      \
    result symbol parameters                                        \
    {                                                               \
        static result(*real) parameters;                            \
        if (!real)                                                  \
            real = (result(*) parameters)dlsym(RTLD_NEXT, #symbol); \
        if (fails(call, fd)) {                                      \
            errno = error_number;                                   \
            return -1;                                              \
        }                                                           \
        return real arguments;                                      \
    }

INTERPOSE(write, "write", ssize_t, (int fd, const void *data, size_t size), (fd, data, size))
INTERPOSE(pwrite, "write", ssize_t, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
INTERPOSE(pwrite64, "write", ssize_t, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
INTERPOSE(fsync, "sync", int, (int fd), (fd))
INTERPOSE(fdatasync, "sync", int, (int fd), (fd))
INTERPOSE(ftruncate, "truncate", int, (int fd, off_t size), (fd, size))
INTERPOSE(ftruncate64, "truncate", int, (int fd, off64_t size), (fd, size))
INTERPOSE(fallocate, "allocate", int, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
INTERPOSE(fallocate64, "allocate", int, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size))

/* These return the error instead of setting errno. */
#define INTERPOSE_POSIX(symbol, type)                                             \
    int symbol(int fd, type at, type size)                                        \
    {                                                                             \
        static int (*real)(int, type, type);                                      \
        if (!real)                                                                \
            real = (int (*)(int, type, type))dlsym(RTLD_NEXT, #symbol);           \
        return fails("allocate", fd) ? error_number : real(fd, at, size);         \
    }

INTERPOSE_POSIX(posix_fallocate, off_t)
INTERPOSE_POSIX(posix_fallocate64, off64_t)
