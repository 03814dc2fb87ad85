/* Load generator for the HTTP API: asks for its URLs in turn, over K kept-alive connections, each as
 * fast as the last answer arrived, or after a pause. Ends after its time or at SIGTERM and prints one line of JSON. */
#include "histogram.h"
#include "support.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define MAX_PATHS 8
#define READ_ROOM (1u << 18)

typedef struct {
    int fd;
    uint64_t asked_at, ask_again_at; /* the latter 0 while an answer is waited for */
    buffer in;
    size_t request_at, request_length; /* what is still to be sent of the request */
    char request[2048];
} connection;

static struct {
    const char *host, *header, *paths[MAX_PATHS];
    int port, connections, path_count;
    double seconds, pause;
} opt = {.host = "127.0.0.1", .port = 8081, .connections = 1, .seconds = 3};

static uint64_t answers, bytes, not_200, reconnects, next_path;
static histogram latency;
static int epoll_fd;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void watch_fd(connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void send_rest(connection *c)
{
    ssize_t n = send(c->fd, c->request + c->request_at, c->request_length - c->request_at, MSG_NOSIGNAL);
    if (n > 0)
        c->request_at += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        die("send: %s", strerror(errno));
    watch_fd(c, EPOLL_CTL_MOD, c->request_at < c->request_length ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void ask(connection *c)
{
    const char *path = opt.paths[next_path++ % (uint64_t)opt.path_count];
    int length = snprintf(c->request, sizeof c->request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n%s%s\r\n", path,
                          opt.host, opt.port, opt.header ? opt.header : "", opt.header ? "\r\n" : "");
    if (length < 0 || (size_t)length >= sizeof c->request)
        die("the request is too long");
    c->request_length = (size_t)length;
    c->request_at = 0;
    c->in.length = 0;
    c->ask_again_at = 0;
    c->asked_at = now_ns();
    send_rest(c);
}

static void open_connection(connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    int on = 1;
    if (inet_pton(AF_INET, opt.host, &address.sin_addr) != 1)
        die("the host must be an IPv4 address, not %s", opt.host);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch_fd(c, EPOLL_CTL_ADD, EPOLLIN);
}

/* The value of a header within the head (which ends in a zero byte), or NULL. */
static const char *header_value(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

/* Whether the answer has arrived as a whole; fills its status and whether the server will close. */
static bool answer_complete(connection *c, int *status, bool *closing)
{
    *buffer_reserve(&c->in, 1) = 0;
    char *text = (char *)c->in.data, *end = strstr(text, "\r\n\r\n");
    if (!end)
        return false;
    size_t head = (size_t)(end - text) + 4;
    /* Cutting the text here keeps the body out of the search for headers. */
    end[2] = 0;
    const char *length = header_value(text, "Content-Length"), *keep = header_value(text, "Connection");
    bool chunked = header_value(text, "Transfer-Encoding") != NULL;
    *closing = keep && strncasecmp(keep, "close", 5) == 0;
    *status = atoi(text + 9);
    size_t body = c->in.length - head;
    bool complete = false;
    if (length)
        complete = body >= (size_t)atoll(length);
    else if (chunked) /* JSON holds no bare line breaks, so this can only be the last chunk */
        complete = body >= 5 && memcmp(c->in.data + c->in.length - 5, "0\r\n\r\n", 5) == 0;
    end[2] = '\r';
    return complete;
}

static void on_readable(connection *c)
{
    int status;
    bool closing;
    ssize_t n = recv(c->fd, buffer_reserve(&c->in, READ_ROOM), READ_ROOM, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        /* A kept-alive connection may be closed between two answers; the question is asked again. */
        close(c->fd);
        if (++reconnects > 10 + answers)
            die("the server closes its connections without an answer");
        open_connection(c);
        ask(c);
        return;
    }
    c->in.length += (size_t)n;
    bytes += (uint64_t)n;
    if (!answer_complete(c, &status, &closing))
        return;
    answers++;
    not_200 += status != 200;
    histogram_add(&latency, now_ns() - c->asked_at);
    if (closing) {
        close(c->fd);
        open_connection(c);
    }
    if (opt.pause > 0)
        c->ask_again_at = now_ns() + (uint64_t)(opt.pause * (double)SECOND);
    else
        ask(c);
}

static void usage(void)
{
    fputs("usage: api_load [-h HOST] [-p PORT] [-k CONNECTIONS] [-d SECONDS] [-i PAUSE_SECONDS] [-H 'Header: value'] PATH...\n", stderr);
    exit(2);
}

static void read_options(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "h:p:k:d:i:H:")) != -1;) {
        switch (o) {
        case 'h': opt.host = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 'k': opt.connections = atoi(optarg); break;
        case 'd': opt.seconds = atof(optarg); break;
        case 'i': opt.pause = atof(optarg); break;
        case 'H': opt.header = optarg; break;
        default: usage();
        }
    }
    while (optind < argc && opt.path_count < MAX_PATHS)
        opt.paths[opt.path_count++] = argv[optind++];
    if (!opt.path_count || optind < argc || opt.connections < 1)
        usage();
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    raise_file_limit((unsigned long)opt.connections + FILES_BESIDES);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if ((epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
        die("epoll_create1: %s", strerror(errno));
    connection *all = must(calloc((size_t)opt.connections, sizeof *all));
    for (int i = 0; i < opt.connections; i++) {
        open_connection(&all[i]);
        ask(&all[i]);
    }
    uint64_t started = now_ns(), until = started + (uint64_t)(opt.seconds * (double)SECOND);
    double cpu = own_cpu_s();
    while (!stopped && now_ns() < until) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll_fd, events, 64, 50);
        for (int i = 0; i < n; i++) {
            connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                send_rest(c);
            else
                on_readable(c);
        }
        for (int i = 0; opt.pause > 0 && i < opt.connections; i++)
            if (all[i].ask_again_at && now_ns() >= all[i].ask_again_at)
                ask(&all[i]);
    }
    double elapsed = (double)(now_ns() - started) / (double)SECOND;
    printf("{\"requests\": %lu, \"requests_per_s\": %.2f, \"bytes\": %lu, \"not_200\": %lu, \"reconnects\": %lu, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"elapsed_s\": %.3f, \"own_cpu_share\": %.3f}\n",
           answers, (double)answers / elapsed, bytes, not_200, reconnects,
           (double)histogram_quantile(&latency, 0.5) / 1e6, (double)histogram_quantile(&latency, 0.99) / 1e6,
           (double)latency.max / 1e6, elapsed, (own_cpu_s() - cpu) / elapsed);
    return 0;
}
