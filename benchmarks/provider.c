// A provider that is no bottleneck: canned answers of the OpenAI kind over HTTP/1.1 keep-alive, one epoll
// loop. Prints its port. The model named in a request says what it gets:
//
//   short              one word
//   words-N            N events, as fast as they are read
//   paced-N-MS         N events, one every MS milliseconds
//
// and with "stream": true it gets them as events, else as one answer. /messages streams as Anthropic does. On
// /embeddings every text of the input gets a vector of 8 numbers. Trusts its clients: requests are well-formed and under 16 MiB.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ 65536
#define BODIES 64 // different answers that are kept

struct text {
    char *at;
    size_t size, room;
};

struct connection {
    int fd;
    struct text in;
    const char *out; // what is still to be written, within an answer that is kept
    size_t left;
    char *owned; // an answer made for this request alone
    int events, every_ms, usage; // of a paced answer, still to come
    long long due_ms;
    struct connection *next; // of those that are paced
};

static int loop;
static struct connection *paced;

static void put(struct text *text, const char *from, size_t size) {
    if (text->size + size + 1 > text->room) {
        text->room = (text->size + size + 1) * 2;
        text->at = realloc(text->at, text->room);
        if (!text->at) abort();
    }
    memcpy(text->at + text->size, from, size);
    text->size += size;
    text->at[text->size] = 0;
}

static void say(struct text *text, const char *words) { put(text, words, strlen(words)); }

static long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// One event of the size that OpenAI's have, in a chunk of its own.
static void event(struct text *text, const char *choices, const char *usage) {
    char line[640], size[16];
    int length = snprintf(line, sizeof line,
                          "data: {\"id\":\"chatcmpl-BenchmarkBenchmarkBenchmark00\",\"object\":\"chat.completion.chunk\","
                          "\"created\":1764288000,\"model\":\"fake\",\"service_tier\":\"default\","
                          "\"system_fingerprint\":\"fp_0123456789\",\"choices\":[%s]%s}\n\n",
                          choices, usage);
    put(text, size, snprintf(size, sizeof size, "%x\r\n", length));
    put(text, line, length);
    say(text, "\r\n");
}

static void word(struct text *text, int number) {
    char choices[160];
    snprintf(choices, sizeof choices,
             "{\"index\":0,\"delta\":{%s\"content\":\"%sw%d\"},\"logprobs\":null,\"finish_reason\":null}",
             number ? "" : "\"role\":\"assistant\",", number ? " " : "", number % 100);
    event(text, choices, "");
}

static void finish(struct text *text, int events, int usage) {
    char counts[160];
    event(text, "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}", "");
    if (usage) {
        snprintf(counts, sizeof counts, ",\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":%d,\"total_tokens\":%d}",
                 events, events + 8);
        event(text, "", counts);
    }
    say(text, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
}

#define STREAM_HEAD "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

static const struct text *stream(int events, int usage) {
    static struct {
        int events, usage;
        struct text text;
    } kept[BODIES];
    int at = 0;
    while (at < BODIES - 1 && kept[at].text.size && !(kept[at].events == events && kept[at].usage == usage)) at++;
    if (!kept[at].text.size || kept[at].events != events || kept[at].usage != usage) {
        struct text fresh = {0};
        say(&fresh, STREAM_HEAD);
        for (int number = 0; number < events; number++) word(&fresh, number);
        finish(&fresh, events, usage);
        kept[at].events = events, kept[at].usage = usage, kept[at].text = fresh;
    }
    return &kept[at].text;
}

static void chunk(struct text *text, const char *words) {
    char size[16];
    put(text, size, snprintf(size, sizeof size, "%zx\r\n", strlen(words)));
    say(text, words);
    say(text, "\r\n");
}

static const struct text *messages(int events) {
    static struct text text;
    char line[256];
    text.size = 0;
    say(&text, STREAM_HEAD);
    chunk(&text, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","
                 "\"role\":\"assistant\",\"content\":[],\"model\":\"fake\",\"stop_reason\":null,\"stop_sequence\":null,"
                 "\"usage\":{\"input_tokens\":8,\"output_tokens\":1}}}\n\n");
    chunk(&text, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
                 "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
    for (int at = 0; at < events; at++) {
        snprintf(line, sizeof line,
                 "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                 "\"delta\":{\"type\":\"text_delta\",\"text\":\"%sw%d\"}}\n\n", at ? " " : "", at % 100);
        chunk(&text, line);
    }
    chunk(&text, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
    chunk(&text, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                 "\"stop_sequence\":null},\"usage\":{\"output_tokens\":20}}\n\n");
    chunk(&text, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    say(&text, "0\r\n\r\n");
    return &text;
}

static const struct text *answer(const char *type, const char *body, struct text *into) {
    char head[128];
    into->size = 0;
    put(into, head, snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n",
                             type, strlen(body)));
    say(into, body);
    return into;
}

static const struct text *whole(int events) {
    static struct text body, text;
    char number[200];
    body.size = 0;
    say(&body, "{\"id\":\"chatcmpl-Benchmark\",\"object\":\"chat.completion\",\"created\":1764288000,\"model\":\"fake\","
               "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
    for (int at = 0; at < events; at++) put(&body, number, snprintf(number, sizeof number, "%sw%d", at ? " " : "", at % 100));
    put(&body, number,
        snprintf(number, sizeof number,
                 "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":8,"
                 "\"completion_tokens\":%d,\"total_tokens\":%d}}", events, events + 8));
    return answer("application/json", body.at, &text);
}

// How many texts "input" holds: one, or the strings of its list.
static int texts(const char *body) {
    const char *at = strstr(body, "\"input\"");
    int count = 0;
    if (!at || !(at = strchr(at, ':'))) return 1;
    for (at++; *at == ' ';) at++;
    if (*at != '[') return 1;
    for (; *at && *at != ']'; at++)
        if (*at == '"') {
            for (count++, at++; *at && *at != '"'; at++)
                if (*at == '\\') at++;
        }
    return count;
}

static const struct text *vectors(const char *body) {
    static struct text data, text;
    int count = texts(body), base64 = strstr(body, "base64") != NULL;
    char line[200];
    data.size = 0;
    say(&data, "{\"object\":\"list\",\"data\":[");
    for (int at = 0; at < count; at++)
        put(&data, line,
            snprintf(line, sizeof line, "%s{\"object\":\"embedding\",\"index\":%d,\"embedding\":%s}", at ? "," : "", at,
                     base64 ? "\"AAAAPwAAAD8AAAA/AAAAPwAAAD8AAAA/AAAAPwAAAD8=\""
                            : "[0.5,-0.5,0.5,-0.5,0.5,-0.5,0.5,-0.5]"));
    put(&data, line, snprintf(line, sizeof line, "],\"model\":\"embed\",\"usage\":{\"prompt_tokens\":%d,\"total_tokens\":%d}}",
                              count, count));
    return answer("application/json", data.at, &text);
}

static void unpace(struct connection *c) {
    for (struct connection **at = &paced; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            return;
        }
}

static void end(struct connection *c) {
    unpace(c);
    close(c->fd);
    free(c->in.at);
    free(c->owned);
    free(c);
}

static void watch(struct connection *c, int writing) {
    struct epoll_event wish = {EPOLLIN | (writing ? EPOLLOUT : 0), {.ptr = c}};
    epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &wish);
}

// 0 if the connection is gone.
static int flush(struct connection *c) {
    while (c->left) {
        ssize_t sent = send(c->fd, c->out, c->left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            watch(c, 1);
            return 1;
        }
        if (sent < 0) return 0;
        c->out += sent, c->left -= sent;
    }
    return 1;
}

static int pace(struct connection *c, long long now) {
    static struct text text;
    text.size = 0;
    while (c->events && c->due_ms <= now) {
        word(&text, 1);
        c->due_ms += c->every_ms;
        if (!--c->events) {
            finish(&text, 1, c->usage);
            unpace(c);
        }
    }
    // A few hundred bytes: a reader so slow that they do not fit is ended.
    return !text.size || send(c->fd, text.at, text.size, MSG_NOSIGNAL) == (ssize_t)text.size;
}

static int reply(struct connection *c, char *head, const char *body) {
    const struct text *made;
    char model[64] = "";
    int events = 1, every = 0, streams = strstr(body, "\"stream\":true") || strstr(body, "\"stream\": true");
    int usage = strstr(body, "include_usage") != NULL;
    const char *at = strstr(body, "\"model\"");
    if (at && (at = strchr(at + 7, '"'))) sscanf(at + 1, "%63[^\"]", model);
    sscanf(model, "words-%d", &events);
    if (sscanf(model, "paced-%d-%d", &events, &every) == 2 && streams) {
        c->events = events, c->every_ms = every, c->usage = usage;
        c->due_ms = now_ms() + 1 + c->fd * 7 % every; // the streams do not march in step
        c->next = paced, paced = c;
        return send(c->fd, STREAM_HEAD, strlen(STREAM_HEAD), MSG_NOSIGNAL) > 0;
    }
    char *line = strchr(head, '\r');
    *line = 0; // the first line of the head
    int embeds = strstr(head, "/embeddings") != NULL, anthropic = strstr(head, "/messages") != NULL;
    *line = '\r';
    made = embeds ? vectors(body) : anthropic ? messages(events) : streams ? stream(events, usage) : whole(events);
    c->out = made->at, c->left = made->size;
    if (!streams || embeds || anthropic) { // the next request overwrites it
        free(c->owned);
        c->out = c->owned = malloc(made->size);
        memcpy(c->owned, made->at, made->size);
    }
    return flush(c);
}

// 0 if the connection is gone.
static int receive(struct connection *c) {
    char data[READ];
    ssize_t got = recv(c->fd, data, sizeof data, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    put(&c->in, data, got);
    for (;;) {
        char *head_end = c->in.size ? strstr(c->in.at, "\r\n\r\n") : NULL, *body, *stop;
        if (!head_end) return 1;
        body = head_end + 4;
        char *length = strcasestr(c->in.at, "content-length:");
        if (length && length < head_end) {
            stop = body + atol(length + 15);
        } else if (strcasestr(c->in.at, "transfer-encoding: chunked") && strcasestr(c->in.at, "transfer-encoding: chunked") < head_end) {
            if (!(stop = strstr(body, "0\r\n\r\n"))) return 1;
            stop += 5;
        } else {
            stop = body;
        }
        if (stop > c->in.at + c->in.size) return 1;
        char after = *stop;
        *stop = 0;
        if (!reply(c, c->in.at, body)) return 0;
        *stop = after;
        size_t used = stop - c->in.at;
        memmove(c->in.at, stop, c->in.size - used + 1);
        c->in.size -= used;
    }
}

int main(int count, char **arguments) {
    struct rlimit files;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    inet_pton(AF_INET, count > 1 ? arguments[1] : "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(count > 2 ? atoi(arguments[2]) : 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024)) {
        perror("listen");
        return 1;
    }
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    loop = epoll_create1(0);
    struct epoll_event wish = {EPOLLIN, {.ptr = NULL}}, events[256];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &wish);
    for (;;) {
        long long now = now_ms(), first = -1;
        for (struct connection *c = paced; c; c = c->next)
            if (first < 0 || c->due_ms < first) first = c->due_ms;
        int ready = epoll_wait(loop, events, 256, first < 0 ? -1 : first > now ? (int)(first - now) : 0);
        for (int at = 0; at < ready; at++) {
            struct connection *c = events[at].data.ptr;
            if (!c) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (fd < 0) continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->fd = fd;
                struct epoll_event new = {EPOLLIN, {.ptr = c}};
                epoll_ctl(loop, EPOLL_CTL_ADD, fd, &new);
                continue;
            }
            int alive = 1;
            if (events[at].events & EPOLLOUT) {
                alive = flush(c);
                if (alive && !c->left) watch(c, 0);
            }
            if (alive && events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) alive = receive(c);
            if (!alive) end(c);
        }
        now = now_ms();
        for (struct connection *c = paced, *next; c; c = next) {
            next = c->next;
            if (!pace(c, now)) end(c);
        }
    }
}
