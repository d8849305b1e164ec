// Many clients in one epoll loop: each sends the same request again as soon as its answer is whole.
//
//   load http HOST:PORT REQUEST CLIENTS SECONDS REQUESTS EVENTS
//   load rpc  SOCKET    REQUEST CLIENTS SECONDS REQUESTS EVENTS
//
// REQUEST is a file with the bytes of one request: HTTP/1.1 with keep-alive over TCP, or a MessagePack-RPC frame
// over a Unix socket. Runs for SECONDS, or until REQUESTS are answered if that is not 0. Every answer must be
// good and have at least EVENTS events. After each client was answered once, prints "warm" and waits for a line
// on standard input, so that the CPU time of others can be read; then measures and prints one line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define READ 262144

struct client {
    int fd, asked;
    double since;
    char *in;
    size_t size, room;
    // of the HTTP answer that is being read
    int in_body, chunked, in_chunk, matched, line;
    long long left;
    long events;
};

enum outcome { MORE, WHOLE, BAD };

static int rpc, loop;
static const char *where;
static long expected;
static char *request;
static size_t request_size;
static double *times;
static long answered, most, all_events;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

// --- MessagePack: where a value ends, NULL if it is not all there. No recursion: `left` values are to come.

static uint64_t number(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    while (bytes--) value = value << 8 | *at++;
    return value;
}

static const unsigned char *skip(const unsigned char *at, const unsigned char *end, uint64_t left) {
    while (left--) {
        if (at >= end) return NULL;
        unsigned tag = *at++;
        int width = 0, fixed = 0;
        uint64_t bytes = 0;
        if (tag <= 0x7f || tag >= 0xe0 || tag == 0xc0 || tag == 0xc2 || tag == 0xc3) continue;
        if (tag <= 0x8f) left += 2 * (tag & 15);
        else if (tag <= 0x9f) left += tag & 15;
        else if (tag <= 0xbf) bytes = tag & 31;
        else if (tag >= 0xc4 && tag <= 0xc6) width = 1 << (tag - 0xc4);
        else if (tag >= 0xd9 && tag <= 0xdb) width = 1 << (tag - 0xd9);
        else if (tag == 0xca) fixed = 4;
        else if (tag == 0xcb) fixed = 8;
        else if (tag >= 0xcc && tag <= 0xcf) fixed = 1 << (tag - 0xcc);
        else if (tag >= 0xd0 && tag <= 0xd3) fixed = 1 << (tag - 0xd0);
        else if (tag >= 0xdc && tag <= 0xdf) {
            int size = tag & 1 ? 4 : 2;
            if (end - at < size) return NULL;
            left += number(at, size) * (tag >= 0xde ? 2 : 1);
            at += size;
        } else fail("MessagePack that this does not read");
        if (width) {
            if (end - at < width) return NULL;
            bytes = number(at, width);
            at += width;
        }
        bytes += fixed;
        if ((uint64_t)(end - at) < bytes) return NULL;
        at += bytes;
    }
    return at;
}

static enum outcome read_rpc(struct client *c) {
    const unsigned char *at = (unsigned char *)c->in, *end = at + c->size, *next;
    enum outcome outcome = MORE;
    while (at < end && (next = skip(at, end, 1))) {
        if (*at == 0x94 && at[1] == 1) { // [1, msgid, error, result]
            const unsigned char *error = skip(at + 1, end, 2);
            outcome = error && *error == 0xc0 ? WHOLE : BAD;
            if (outcome == BAD) fprintf(stderr, "load: answered %.*s\n", (int)(next - at), at);
        } else {
            c->events++;
        }
        at = next;
    }
    c->size = end - at;
    memmove(c->in, at, c->size);
    return outcome;
}

// --- HTTP: events are lines that begin with "data:", whatever pieces they come in.

static void look(struct client *c, const char *at, size_t size) {
    static const char wanted[] = "data:";
    for (const char *end = at + size; at < end; at++) {
        if (*at == '\n') {
            c->line = 1, c->matched = 0;
        } else if (c->line) {
            if (*at != wanted[c->matched]) c->line = 0;
            else if (!wanted[++c->matched]) c->events++, c->line = 0;
            else continue;
        } else { // on to the next line
            const char *next = memchr(at, '\n', end - at);
            if (!next) return;
            at = next - 1;
        }
    }
}

static enum outcome read_http(struct client *c) {
    char *at = c->in, *end = at + c->size;
    enum outcome outcome = MORE;
    while (at < end && outcome == MORE) {
        if (!c->in_body) {
            char *stop = memmem(at, end - at, "\r\n\r\n", 4);
            if (!stop) break;
            *stop = 0;
            if (strncmp(at, "HTTP/1.1 200", 12)) {
                fprintf(stderr, "load: %.*s\n", (int)(end - at), at);
                return BAD;
            }
            char *length = strcasestr(at, "\r\ncontent-length:");
            c->chunked = strcasestr(at, "\r\ntransfer-encoding: chunked") != NULL;
            if (!length && !c->chunked) fail("an answer without a length");
            c->left = c->chunked ? 0 : atoll(length + 17);
            c->in_body = c->line = 1, c->in_chunk = 0, c->matched = 0;
            at = stop + 4;
        } else if (c->left) {
            size_t size = c->left < end - at ? c->left : end - at;
            look(c, at, size);
            at += size, c->left -= size;
        } else if (c->chunked) {
            char *from = at;
            if (c->in_chunk) { // the CR LF behind a chunk
                if (end - at < 2) break;
                from += 2;
            }
            char *stop = memmem(from, end - from, "\r\n", 2);
            if (!stop) break;
            c->left = strtoll(from, NULL, 16);
            c->in_chunk = 1;
            if (!c->left) { // no trailers are sent
                if (end - stop < 4) break;
                stop += 2, outcome = WHOLE;
            }
            at = stop + 2;
        }
        if (c->in_body && !c->chunked && !c->left) outcome = WHOLE;
    }
    if (outcome == WHOLE) c->in_body = 0;
    c->size = end - at;
    memmove(c->in, at, c->size);
    return outcome;
}

// --- the loop

static int dial(void) {
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in remote = {.sin_family = AF_INET};
    char host[64] = "";
    int port = 0, one = 1, fd = socket(rpc ? AF_UNIX : AF_INET, SOCK_STREAM, 0), failed;
    if (rpc) {
        strncpy(local.sun_path, where, sizeof local.sun_path - 1);
        failed = connect(fd, (struct sockaddr *)&local, sizeof local);
    } else {
        sscanf(where, "%63[^:]:%d", host, &port);
        inet_pton(AF_INET, host, &remote.sin_addr);
        remote.sin_port = htons(port);
        failed = connect(fd, (struct sockaddr *)&remote, sizeof remote);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    if (failed) fail(strerror(errno));
    return fd;
}

static void open_connection(struct client *c) {
    struct epoll_event wish = {EPOLLIN, {.ptr = c}};
    c->fd = dial();
    epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &wish);
}

static void ask(struct client *c) {
    if (c->fd < 0) open_connection(c);
    c->since = now();
    c->asked = 1;
    c->events = 0;
    if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) fail("a request was not taken");
}

static int receive(struct client *c) {
    for (;;) {
        if (c->room - c->size < READ) {
            c->room = c->size + 2 * READ;
            if (!(c->in = realloc(c->in, c->room))) abort();
        }
        ssize_t got = recv(c->fd, c->in + c->size, READ, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return 0;
        if (got <= 0 && !c->asked) { // some close one that was idle for 5 s
            close(c->fd);
            c->fd = -1;
            return 0;
        }
        if (got <= 0) fail("the connection ended in the middle of an answer");
        c->size += got;
        enum outcome outcome = rpc ? read_rpc(c) : read_http(c);
        if (outcome == BAD) fail("an answer was not good");
        if (outcome == WHOLE) break;
        if (got < READ) return 0;
    }
    if (c->events < expected) {
        fprintf(stderr, "load: %ld events instead of %ld\n", c->events, expected);
        exit(1);
    }
    c->asked = 0;
    if (answered == most) {
        most = most ? most * 2 : 65536;
        if (!(times = realloc(times, most * sizeof *times))) abort();
    }
    all_events += c->events;
    times[answered++] = now() - c->since;
    return 1;
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void run(struct client *clients, int count, double seconds, long requests) {
    struct epoll_event events[256];
    double until = now() + seconds;
    long asked = 0, open = 0;
    for (int at = 0; at < count && (!requests || asked < requests); at++) ask(&clients[at]), asked++, open++;
    while (open) {
        int ready = epoll_wait(loop, events, 256, 60000);
        if (ready <= 0) fail("nothing came for a minute");
        for (int at = 0; at < ready; at++) {
            struct client *c = events[at].data.ptr;
            if (!receive(c)) continue;
            open--;
            if (requests ? asked < requests : now() < until) ask(c), asked++, open++;
        }
    }
}

int main(int count, char **arguments) {
    if (count != 8) fail("http|rpc WHERE REQUEST CLIENTS SECONDS REQUESTS EVENTS");
    rpc = !strcmp(arguments[1], "rpc");
    where = arguments[2];
    loop = epoll_create1(0);
    FILE *file = fopen(arguments[3], "r");
    if (!file) fail("no file with the request");
    request = malloc(1 << 20);
    request_size = fread(request, 1, 1 << 20, file);
    int clients_count = atoi(arguments[4]);
    double seconds = atof(arguments[5]);
    long requests = atol(arguments[6]);
    expected = atol(arguments[7]);
    struct client *clients = calloc(clients_count, sizeof *clients);
    for (int at = 0; at < clients_count; at++) open_connection(&clients[at]);
    run(clients, clients_count, 0, clients_count);
    printf("warm\n");
    fflush(stdout);
    if (getchar() == EOF) return 1;
    answered = all_events = 0;
    double begun = now();
    run(clients, clients_count, seconds, requests);
    double took = now() - begun;
    qsort(times, answered, sizeof *times, by_size);
    printf("{\"requests\": %ld, \"events\": %ld, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", answered,
           all_events, took, times[answered / 2] * 1e6, times[answered * 99 / 100] * 1e6);
    return 0;
}
