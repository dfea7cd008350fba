"""The system calls that sandboxed code may make, as a program for the kernel. Rule: what is not named here fails.

Left out on purpose: new processes and programs, sockets, tracing, other processes' memory, mounts, namespaces, keys,
memory that no limit counts (memfd, System V), io_uring, bpf, userfaultfd, and all that sets the machine up.
"""

from __future__ import annotations

import errno
from functools import cache

_FILES = """read write open close stat fstat lstat newfstatat statx lseek pread64 pwrite64 readv writev preadv
pwritev preadv2 pwritev2 access faccessat faccessat2 openat openat2 creat pipe pipe2 select pselect6
poll ppoll dup dup2 dup3 fcntl flock fsync fdatasync truncate ftruncate fallocate fadvise64
readahead getdents getdents64 getcwd chdir fchdir rename renameat renameat2 mkdir mkdirat rmdir link
linkat unlink unlinkat symlink symlinkat readlink readlinkat chmod fchmod fchmodat fchmodat2 chown
fchown lchown fchownat umask utime utimes utimensat futimesat statfs fstatfs sendfile
copy_file_range splice tee sync_file_range ioctl close_range getxattr lgetxattr fgetxattr listxattr
llistxattr flistxattr cachestat"""
_MEMORY = """mmap mprotect munmap mremap brk madvise msync mincore mlock munlock mseal membarrier get_mempolicy
pkey_alloc pkey_free pkey_mprotect map_shadow_stack"""
_THREADS = """futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list get_robust_list
set_tid_address rseq gettid getpid getppid getpgrp getpgid getsid getuid geteuid getgid getegid
getgroups getresuid getresgid sched_yield sched_getaffinity sched_setaffinity sched_getparam
sched_getscheduler sched_get_priority_max sched_get_priority_min getcpu exit exit_group
restart_syscall arch_prctl"""
_SIGNALS = """rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack
kill tkill tgkill alarm pause getitimer setitimer timer_create timer_settime timer_gettime
timer_getoverrun timer_delete signalfd signalfd4 wait4 waitid"""
_TIME = """gettimeofday time times clock_gettime clock_getres clock_nanosleep nanosleep timerfd_create
timerfd_settime timerfd_gettime getrlimit getrusage sysinfo uname capget getrandom"""
_WAITING = """epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2 socketpair
recvfrom recvmsg sendto sendmsg shutdown getsockopt setsockopt getsockname getpeername"""
_FORBIDDEN = """socket connect bind listen accept accept4 fork vfork execve execveat ptrace process_vm_readv
process_vm_writev mount umount2 pivot_root chroot setns unshare memfd_create memfd_secret shmget
msgget semget keyctl add_key request_key bpf perf_event_open userfaultfd io_uring_setup kexec_load
init_module finit_module delete_module reboot swapon swapoff sethostname setdomainname settimeofday
clock_settime setuid setgid setresuid setresgid capset personality syslog open_by_handle_at
fanotify_init pidfd_open pidfd_getfd open_tree move_mount fsopen mknod mknodat"""
_THREAD_FLAG = 0x00010000  # CLONE_THREAD
_NAMESPACE_FLAGS = 0x7E020080  # CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_OWN_LIMITS_READ = 0  # prlimit64 of the process itself, without new limits


@cache
def program() -> bytes:
    """The filter as the kernel takes it (an array of struct sock_filter), for this machine.

    Raises:
        OSError: it can't be made for this kind of machine.
    """
    try:
        from seccompy import Action, ArgCmp, CmpOp, Filter, UnsupportedError, syscall_nr
    except ImportError as error:
        raise OSError(f"the package seccompy is missing: {error}") from error

    made = Filter(default=Action.ERRNO | errno.ENOSYS)
    known = []
    try:
        for name in " ".join((_FILES, _MEMORY, _THREADS, _SIGNALS, _TIME, _WAITING)).split():
            if _is_known(syscall_nr, name):
                made.allow(name)
                known.append(name)
        for name in _FORBIDDEN.split():
            if _is_known(syscall_nr, name):
                made.errno(name, errno.EPERM)
        made.errno("clone", errno.EPERM, args=[ArgCmp(0, CmpOp.MASKED_EQ, 0, _THREAD_FLAG)])
        made.allow("clone", args=[ArgCmp(0, CmpOp.MASKED_EQ, _THREAD_FLAG, _THREAD_FLAG | _NAMESPACE_FLAGS)])
        made.allow("prlimit64", args=[ArgCmp(2, CmpOp.EQ, _OWN_LIMITS_READ)])
        for option in (15, 16, 0x53564D41):  # a thread's name, set and read; names of memory areas
            made.allow("prctl", args=[ArgCmp(0, CmpOp.EQ, option)])
        return made.program
    except UnsupportedError as error:
        raise OSError(str(error)) from error


def _is_known(number: object, name: str) -> bool:
    """Whether this architecture has the call."""
    try:
        number(name)  # type: ignore[operator]
    except ValueError:
        return False
    return True
