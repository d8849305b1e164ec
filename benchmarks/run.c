// Runs a program and says what it took: run OUTPUT PROGRAM ARGUMENT...
//
// Its standard output goes to the file OUTPUT. Prints one line of JSON: seconds until the first byte of output
// and until the end, CPU seconds, peak memory. Small on purpose: what Linux calls the peak memory of a program
// begins with that of the one that started it.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static double seconds(struct timeval at) { return at.tv_sec + at.tv_usec / 1e6; }

int main(int count, char **arguments) {
    static char data[65536];
    struct rusage used;
    int pipes[2], status, file;
    if (count < 3 || pipe(pipes) || (file = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0) {
        perror("run");
        return 1;
    }
    double begun = now(), first = -1;
    pid_t child = vfork();
    if (!child) {
        dup2(pipes[1], 1);
        close(pipes[0]);
        close(pipes[1]);
        close(file);
        execvp(arguments[2], arguments + 2);
        _exit(127);
    }
    close(pipes[1]);
    for (ssize_t got; (got = read(pipes[0], data, sizeof data)) > 0;) {
        if (first < 0) first = now() - begun;
        if (write(file, data, got) != got) return 1;
    }
    wait4(child, &status, 0, &used);
    double took = now() - begun;
    printf("{\"first_s\": %.6f, \"wall_s\": %.6f, \"cpu_s\": %.6f, \"peak_mib\": %.2f, \"status\": %d}\n",
           first < 0 ? took : first, took, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss / 1024.0,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
