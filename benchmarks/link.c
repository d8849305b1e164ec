// A line with a delay between two network namespaces, in user space: not every kernel has netem.
//
// link NEAR FAR MICROSECONDS, as root; NEAR and FAR are paths of namespaces (/proc/PID/ns/net), the delay is one way.
// 10.77.0.1 is then in NEAR, 10.77.0.2 in FAR. Prints "up". Ends with its standard input.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PACKETS 65536 // of 1,500 bytes: more than TCP has on its way here
#define MTU 1500

static struct packet {
    long long due;
    int to, size;
    char data[MTU];
} *queue;
static unsigned first, last; // the delay is the same for all, so the order is, too

static long long now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void need(int good, const char *what) {
    if (good) return;
    perror(what);
    exit(1);
}

// The descriptor of a new device "line" in the namespace.
static int end_of_line(const char *namespace, const char *address, const char *peer) {
    char command[256];
    struct ifreq wish = {0};
    int space = open(namespace, O_RDONLY), device;
    need(space >= 0 && !setns(space, CLONE_NEWNET), "the namespace");
    need((device = open("/dev/net/tun", O_RDWR | O_NONBLOCK)) >= 0, "/dev/net/tun");
    strcpy(wish.ifr_name, "line");
    wish.ifr_flags = IFF_TUN | IFF_NO_PI;
    need(!ioctl(device, TUNSETIFF, &wish), "TUNSETIFF");
    snprintf(command, sizeof command,
             "ip addr add %s peer %s dev line && ip link set line up txqueuelen 5000 mtu %d && ip link set lo up",
             address, peer, MTU);
    need(!system(command), "ip");
    return device;
}

int main(int count, char **arguments) {
    need(count == 4 && (queue = calloc(PACKETS, sizeof *queue)), "NEAR FAR MICROSECONDS");
    long long delay = atoll(arguments[3]) * 1000;
    int near = end_of_line(arguments[1], "10.77.0.1", "10.77.0.2");
    int far = end_of_line(arguments[2], "10.77.0.2", "10.77.0.1");
    struct pollfd ends[] = {{near, POLLIN, 0}, {far, POLLIN, 0}, {0, POLLIN, 0}};
    printf("up\n");
    fflush(stdout);
    for (;;) {
        long long wait = first == last ? -1 : queue[first % PACKETS].due - now_ns();
        struct timespec limit = {wait > 0 ? wait / 1000000000 : 0, wait > 0 ? wait % 1000000000 : 0};
        ppoll(ends, 3, first == last ? NULL : &limit, NULL);
        if (ends[2].revents) return 0;
        for (int at = 0; at < 2; at++)
            while (last - first < PACKETS) {
                struct packet *packet = &queue[last % PACKETS];
                packet->size = read(ends[at].fd, packet->data, MTU);
                if (packet->size <= 0) break;
                packet->to = ends[!at].fd;
                packet->due = now_ns() + delay;
                last++;
            }
        while (first != last && queue[first % PACKETS].due <= now_ns()) {
            struct packet *packet = &queue[first++ % PACKETS];
            if (write(packet->to, packet->data, packet->size) < 0) continue; // lost, as on any line
        }
    }
}
