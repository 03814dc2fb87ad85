/* Load generator for MQTT brokers: one thread, epoll, no dependencies; see usage() for its modes.
 *
 * Every payload begins with its send time, its publisher and a sequence number, so that loss,
 * duplicates, order and latency are known for each publisher and subscriber apart. With a window the
 * loop is closed: a publisher has at most that many messages that are not yet delivered to all their
 * subscribers and (QoS 1, 2) acknowledged. With a rate it is open: messages fall due evenly spaced
 * and are stamped with the time they were DUE, so a broker that stalls the generator cannot hide it.
 * Subscribers can be kept (clean session 0), and away: these subscribe and go before the load begins, and what is
 * acknowledged to its publisher counts as received. With -a only acknowledgements bound the window, not deliveries.
 * With neither publishers nor subscribers it measures what connecting and staying connected costs. SIGTERM ends the
 * measured time early.
 * Prints one line of JSON. */
#include "hearing.h"
#include "histogram.h"
#include "mqtt_wire.h"
#include "wildcards.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define STAMP_SIZE 20 /* 8 bytes time, 4 publisher, 8 sequence */
#define JSON_HEAD "{\"temp\":21.5,\"mark\":\""
#define JSON_PAD "\",\"pad\":\""
#define JSON_END "\"}"
#define JSON_SIZE (sizeof(JSON_HEAD JSON_PAD JSON_END) - 1 + 2 * STAMP_SIZE)
#define READ_ROOM (1u << 20)
#define OUT_LIMIT (4u << 20) /* a paced publisher this far behind has its messages refused */
#define CLIENTS_PER_ADDRESS 8000 /* far below the ports that one address has for one destination */
#define CONNECT_LIMIT_S 120
#define DRAIN_LIMIT_S 60

enum scheme { PAIR, FAN_OUT, FAN_IN, WILDCARDS };
enum role { PUBLISHER, SUBSCRIBER, IDLE };
enum state { FRESH, CONNECTING, WAIT_CONNACK, WAIT_SUBACK, READY, CLOSED };

/* A message on its way: how many deliveries and acknowledgements are still to come. */
typedef struct {
    uint64_t sequence, stamp;
    uint32_t pending;
} slot;

typedef struct {
    int fd;
    enum role role;
    enum state state;
    bool dirty, wants_write;
    uint32_t index;
    uint64_t connect_started;
    buffer out, rest;
    size_t out_sent;
    /* publisher */
    uint64_t next_sequence;
    uint32_t inflight;
    slot *ring;
    char topic[TOPIC_ROOM];
    /* subscriber: for each publisher it hears */
    hearing *heard;
    uint32_t unconfirmed; /* subscriptions without SUBACK */
} client;

static struct {
    const char *host, *username, *password, *name;
    int port, publishers, subscribers, idle, qos, version, connect_window, keepalive_s, watch;
    enum scheme scheme;
    uint32_t window, filters;
    size_t payload;
    bool json, kept, away, acks_only;
    double rate, seconds, warmup_s, drain_s;
} opt = {
    .host = "127.0.0.1", .port = 1883, .publishers = 1, .subscribers = 1, .version = 4, .password = "", .name = "bench",
    .connect_window = 64, .window = 1, .payload = 64, .seconds = 3, .warmup_s = 0.5, .drain_s = 5,
};

static struct {
    uint64_t sent, received, duplicated, reordered, refused, closed, owed;
    uint64_t measured_sent, measured_received, late_max;
} total;

static client *clients;
static int client_count, ready_count, pending_connects, next_to_connect, epoll_fd;
static client **dirty;
static int dirty_count;
static uint32_t ring_size;
static uint8_t *read_buffer;
static histogram latency, connect_time;
static bool sending;
static uint64_t read_at; /* when the bytes at hand arrived: a clock call each message would cost as much as the rest */
static uint64_t measure_from = UINT64_MAX, measure_until = UINT64_MAX;
static volatile sig_atomic_t told_to_end;

static void mark_dirty(client *c)
{
    if (!c->dirty) {
        c->dirty = true;
        dirty[dirty_count++] = c;
    }
}

static void watch_fd(client *c, bool writable)
{
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    c->wants_write = writable;
}

static void close_client(client *c, const char *why)
{
    if (c->state < READY)
        die("client %u of role %d was refused: %s", c->index, (int)c->role, why);
    close(c->fd);
    c->state = CLOSED;
    total.closed++;
}

static void flush(client *c)
{
    while (c->out_sent < c->out.length) {
        ssize_t n = send(c->fd, c->out.data + c->out_sent, c->out.length - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            if (!c->wants_write)
                watch_fd(c, true);
            return;
        }
        if (n < 0) {
            close_client(c, strerror(errno));
            return;
        }
        c->out_sent += (size_t)n;
    }
    c->out_sent = c->out.length = 0;
    if (c->wants_write)
        watch_fd(c, false);
}

static void flush_dirty(void)
{
    for (int i = 0; i < dirty_count; i++) {
        client *c = dirty[i];
        c->dirty = false;
        if (c->state != CLOSED && c->state != CONNECTING && !c->wants_write)
            flush(c);
    }
    dirty_count = 0;
}

/* Whether publisher i is heard by subscriber i alone. */
static bool in_pairs(void) { return opt.scheme == PAIR || opt.scheme == WILDCARDS; }

/* How many subscribers get what publisher `index` sends. */
static uint32_t deliveries_of(uint32_t index)
{
    if (in_pairs())
        return index < (uint32_t)opt.subscribers;
    return (uint32_t)opt.subscribers;
}

/* What every payload says: when it was sent, as which of its publisher's messages, and by whom. */
typedef struct {
    uint64_t stamp, sequence;
    uint32_t from;
} mark;

static void put_payload(uint8_t *at, const mark *m)
{
    uint8_t bytes[STAMP_SIZE];
    uint8_t *to = opt.json ? bytes : at;
    memcpy(to, &m->stamp, 8);
    memcpy(to + 8, &m->from, 4);
    memcpy(to + 12, &m->sequence, 8);
    if (!opt.json) {
        memset(at + STAMP_SIZE, 'x', opt.payload - STAMP_SIZE);
        return;
    }
    static const char digits[] = "0123456789abcdef";
    uint8_t *end = at + opt.payload;
    at = (uint8_t *)memcpy(at, JSON_HEAD, strlen(JSON_HEAD)) + strlen(JSON_HEAD);
    for (int i = 0; i < STAMP_SIZE; i++) {
        *at++ = (uint8_t)digits[bytes[i] >> 4];
        *at++ = (uint8_t)digits[bytes[i] & 15];
    }
    at = (uint8_t *)memcpy(at, JSON_PAD, strlen(JSON_PAD)) + strlen(JSON_PAD);
    memset(at, 'x', (size_t)(end - at));
    memcpy(end - strlen(JSON_END), JSON_END, strlen(JSON_END));
}

static unsigned digit(uint8_t c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static mark read_payload(const uint8_t *at)
{
    uint8_t bytes[STAMP_SIZE];
    if (opt.json) {
        at += strlen(JSON_HEAD);
        for (int i = 0; i < STAMP_SIZE; i++)
            bytes[i] = (uint8_t)(digit(at[2 * i]) << 4 | digit(at[2 * i + 1]));
        at = bytes;
    }
    mark m;
    memcpy(&m.stamp, at, 8);
    memcpy(&m.from, at + 8, 4);
    memcpy(&m.sequence, at + 12, 8);
    return m;
}

/* Whether a message holds its place in the window until it is delivered. */
static bool awaits_deliveries(void) { return opt.rate == 0 && !opt.away && !opt.acks_only; }

static void publish(client *p, uint64_t stamp)
{
    uint64_t sequence = p->next_sequence++;
    uint32_t mask = ring_size - 1;
    uint32_t awaited = (awaits_deliveries() ? deliveries_of(p->index) : 0) + (opt.qos > 0);
    if (awaited) {
        p->ring[sequence & mask] = (slot){.sequence = sequence, .stamp = stamp, .pending = awaited};
        p->inflight++;
    }
    if (opt.scheme == WILDCARDS)
        wildcard_topic(p->topic, p->index, sequence, opt.filters);
    /* The packet id is the place in the ring plus one, so an acknowledgement finds its message. */
    uint8_t *at = add_publish(&p->out, opt.version, p->topic, opt.qos, (unsigned)(sequence & mask) + 1,
                              opt.payload);
    put_payload(at, &(mark){stamp, sequence, p->index});
    mark_dirty(p);
    total.sent++;
    total.owed += deliveries_of(p->index);
    if (stamp >= measure_from && stamp < measure_until)
        total.measured_sent++;
}

static bool next_slot_free(const client *p) { return p->ring[p->next_sequence & (ring_size - 1)].pending == 0; }

/* Sends what the window of a closed loop allows. */
static void pump(client *p)
{
    if (!sending || opt.rate > 0 || p->state != READY)
        return;
    while (p->inflight < opt.window && next_slot_free(p))
        publish(p, now_ns());
}

static void complete(client *p, uint64_t sequence)
{
    slot *s = &p->ring[sequence & (ring_size - 1)];
    if (s->sequence != sequence || s->pending == 0 || --s->pending > 0)
        return;
    p->inflight--;
    pump(p);
}

static void count_received(uint64_t stamp)
{
    total.received++;
    if (read_at >= measure_from && read_at < measure_until)
        total.measured_received++;
    if (stamp >= measure_from && stamp < measure_until)
        histogram_add(&latency, read_at > stamp ? read_at - stamp : 0);
}

static void complete_packet_id(client *p, unsigned packet_id)
{
    if (packet_id < 1 || packet_id > ring_size)
        return;
    slot *s = &p->ring[packet_id - 1];
    for (uint32_t i = 0; opt.away && s->pending && i < deliveries_of(p->index); i++)
        count_received(s->stamp);
    complete(p, s->sequence);
}

static void receive(client *c, const uint8_t *payload, size_t size)
{
    if (size != opt.payload)
        die("a payload of %zu bytes arrived, %zu were sent", size, opt.payload);
    mark m = read_payload(payload);
    uint64_t stamp = m.stamp, sequence = m.sequence;
    uint32_t from = m.from;
    if (from >= (uint32_t)opt.publishers || (in_pairs() && from != c->index))
        die("subscriber %u got a message of publisher %u", c->index, from);
    hearing *h = &c->heard[in_pairs() ? 0 : from];
    uint64_t expected = h->expected;
    switch (hear(h, sequence)) {
    case AGAIN:
        total.duplicated++;
        return;
    case LATE:
        total.reordered++;
        break;
    case IN_ORDER:
        break;
    case AFTER_A_GAP:
        /* What was skipped is taken as dropped, else a closed loop would wait for it for ever. */
        for (uint64_t s = expected; awaits_deliveries() && s < sequence; s++)
            complete(&clients[from], s);
    }
    count_received(stamp);
    if (awaits_deliveries())
        complete(&clients[from], sequence);
}

static void handle_publish(client *c, uint8_t flags, const uint8_t *body, size_t length)
{
    int qos = flags >> 1 & 3;
    size_t at = 2 + (size_t)get_u16(body), properties;
    unsigned packet_id = 0;
    if (qos) {
        packet_id = get_u16(body + at);
        at += 2;
    }
    if (opt.version == 5) {
        int took = get_length(body + at, length - at, &properties);
        at += (size_t)took + properties;
    }
    if (qos) {
        add_ack(&c->out, qos == 1 ? PUBACK : PUBREC, packet_id);
        mark_dirty(c);
    }
    receive(c, body + at, length - at);
}

static void set_ready(client *c)
{
    c->state = READY;
    ready_count++;
    pending_connects--;
    histogram_add(&connect_time, now_ns() - c->connect_started);
}

static void subscribe(client *c, const char *filter)
{
    c->unconfirmed++;
    add_subscribe(&c->out, opt.version, c->unconfirmed, filter, opt.qos);
}

static void handle_connack(client *c, const uint8_t *body)
{
    char filter[TOPIC_ROOM];
    if (body[1] != 0)
        die("CONNACK refused client %u of role %d with 0x%02x", c->index, (int)c->role, body[1]);
    if (c->role != SUBSCRIBER) {
        set_ready(c);
        return;
    }
    if (opt.scheme == PAIR) {
        snprintf(filter, sizeof filter, "bench/%u", c->index);
        subscribe(c, filter);
    } else if (opt.scheme == WILDCARDS) {
        for (uint32_t i = 0; i < opt.filters; i++) {
            wildcard_filter(filter, c->index, i);
            subscribe(c, filter);
        }
    } else {
        subscribe(c, opt.scheme == FAN_IN ? "bench/+" : "bench/0");
    }
    mark_dirty(c);
    c->state = WAIT_SUBACK;
}

static void handle_suback(client *c, uint8_t reason)
{
    if (reason & 0x80)
        die("SUBACK refused subscriber %u with 0x%02x", c->index, reason);
    if (--c->unconfirmed)
        return;
    set_ready(c);
    if (opt.away) {
        add_disconnect(&c->out);
        flush(c);
        close(c->fd);
        c->state = CLOSED;
    }
}

static void handle_packet(client *c, uint8_t first, const uint8_t *body, size_t length)
{
    switch (first >> 4) {
    case CONNACK:
        handle_connack(c, body);
        return;
    case SUBACK:
        handle_suback(c, body[length - 1]);
        return;
    case PUBLISH:
        handle_publish(c, first & 15, body, length);
        return;
    case PUBREC:
        add_ack(&c->out, PUBREL, get_u16(body));
        mark_dirty(c);
        return;
    case PUBREL:
        add_ack(&c->out, PUBCOMP, get_u16(body));
        mark_dirty(c);
        return;
    case PUBACK:
    case PUBCOMP:
        complete_packet_id(c, get_u16(body));
        return;
    case PINGRESP:
    case DISCONNECT: /* the close that follows is counted */
        return;
    default:
        die("unexpected packet type %d", first >> 4);
    }
}

/* Handles all whole packets; returns how many bytes they were. */
static size_t handle_bytes(client *c, const uint8_t *data, size_t length)
{
    size_t at = 0, body;
    while (length - at >= 2) {
        int took = get_length(data + at + 1, length - at - 1, &body);
        if (took < 0)
            die("a packet length is malformed");
        if (took == 0 || length - at - 1 - (size_t)took < body)
            break;
        handle_packet(c, data[at], data + at + 1 + took, body);
        at += 1 + (size_t)took + body;
    }
    return at;
}

static void on_readable(client *c)
{
    /* All clients share one read buffer; only the tail of a cut packet is kept with its client. */
    size_t kept = c->rest.length;
    if (kept + READ_ROOM / 2 > READ_ROOM)
        die("a packet is larger than the read buffer");
    memcpy(read_buffer, c->rest.data ? c->rest.data : read_buffer, kept);
    ssize_t n = recv(c->fd, read_buffer + kept, READ_ROOM - kept, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_client(c, n == 0 ? "closed by the broker" : strerror(errno));
        return;
    }
    read_at = now_ns();
    size_t length = kept + (size_t)n, used = handle_bytes(c, read_buffer, length);
    c->rest.length = 0;
    if (used < length)
        buffer_add(&c->rest, read_buffer + used, length - used);
}

/* Thousands of clients on loopback come from several addresses: one has too few ports. */
static void choose_source(client *c)
{
    uint32_t place = (uint32_t)(c - clients) / CLIENTS_PER_ADDRESS;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + place)};
    int on = 1;
    if (place == 0 || strncmp(opt.host, "127.", 4) != 0)
        return;
    /* The port is chosen at connect(), when the destination is known, not reserved now. */
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind to loopback address %u: %s", place + 1, strerror(errno));
}

static void start_connect(client *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    if (inet_pton(AF_INET, opt.host, &address.sin_addr) != 1)
        die("the host must be an IPv4 address, not %s", opt.host);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket: %s", strerror(errno));
    choose_source(c);
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->connect_started = now_ns();
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    c->wants_write = true;
    c->state = CONNECTING;
    pending_connects++;
}

static void on_connected(client *c)
{
    static const char letters[] = "psi";
    int error = 0;
    socklen_t size = sizeof error;
    char clientid[40];
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        die("connect: %s", strerror(error));
    snprintf(clientid, sizeof clientid, "%.16s-%c-%u", opt.name, letters[c->role], c->index);
    uint8_t flags = c->role == SUBSCRIBER && (opt.kept || opt.away) ? 0 : CLEAN_SESSION;
    add_connect(&c->out, opt.version, flags, (unsigned)opt.keepalive_s, clientid, opt.username, opt.password);
    c->state = WAIT_CONNACK;
    flush(c);
}

/* Waits for events until `deadline` at most, and handles them. */
static void turn(uint64_t deadline)
{
    struct epoll_event events[512];
    uint64_t now = now_ns(), left = deadline > now ? deadline - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / SECOND), .tv_nsec = (long)(left % SECOND)};
    int n = epoll_pwait2(epoll_fd, events, 512, &timeout, NULL);
    if (n < 0 && errno != EINTR)
        die("epoll_pwait2: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        client *c = events[i].data.ptr;
        if (c->state == CONNECTING)
            on_connected(c);
        else if (events[i].events & EPOLLOUT)
            flush(c);
        if (c->state != CLOSED && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            on_readable(c);
    }
    flush_dirty();
}

/* Sends every message that has fallen due; returns when the next one will. */
static uint64_t pace(uint64_t started, uint64_t *count)
{
    double interval = (double)SECOND / opt.rate;
    for (;;) {
        uint64_t due = started + (uint64_t)((double)*count * interval), now = now_ns();
        if (due > now)
            return due;
        if (due >= measure_from && now - due > total.late_max)
            total.late_max = now - due;
        client *p = &clients[*count % (uint64_t)opt.publishers];
        (*count)++;
        bool blocked = p->state != READY || p->out.length - p->out_sent > OUT_LIMIT;
        if (blocked || (opt.qos && !next_slot_free(p)))
            total.refused++;
        else
            publish(p, due);
    }
}

static void connect_all(uint64_t deadline)
{
    while (ready_count < client_count) {
        while (pending_connects < opt.connect_window && next_to_connect < client_count)
            start_connect(&clients[next_to_connect++]);
        if (now_ns() > deadline)
            die("only %d of %d clients were connected in time", ready_count, client_count);
        turn(now_ns() + SECOND);
    }
}

/* Whoever started us knows when what is to be measured is over. */
static void end_measuring(int signal)
{
    (void)signal;
    told_to_end = 1;
}

static void run_until(uint64_t until, uint64_t started, uint64_t *count)
{
    while (now_ns() < until && !told_to_end) {
        uint64_t next = until;
        if (opt.rate > 0) {
            next = pace(started, count);
            flush_dirty();
        }
        turn(next < until ? next : until);
    }
}

static void prepare(void)
{
    uint32_t heard = in_pairs() ? 1 : (uint32_t)opt.publishers;
    ring_size = 64;
    while (ring_size < opt.window * 2 || (opt.rate > 0 && ring_size < 4096))
        ring_size *= 2;
    if (ring_size > 32768)
        die("the window is too large");
    client_count = opt.publishers + opt.subscribers + opt.idle;
    clients = must(calloc((size_t)client_count, sizeof *clients));
    dirty = must(calloc((size_t)client_count, sizeof *dirty));
    read_buffer = must(malloc(READ_ROOM));
    for (int i = 0; i < client_count; i++) {
        client *c = &clients[i];
        c->role = i < opt.publishers ? PUBLISHER : i < opt.publishers + opt.subscribers ? SUBSCRIBER : IDLE;
        c->index = (uint32_t)(c->role == PUBLISHER    ? i
                              : c->role == SUBSCRIBER ? i - opt.publishers
                                                      : i - opt.publishers - opt.subscribers);
        if (c->role == PUBLISHER) {
            c->ring = must(calloc(ring_size, sizeof *c->ring));
            snprintf(c->topic, sizeof c->topic, "bench/%u", opt.scheme == FAN_OUT ? 0 : c->index);
        } else if (c->role == SUBSCRIBER) {
            c->heard = must(calloc(heard, sizeof *c->heard));
        }
    }
    if ((epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
        die("epoll_create1: %s", strerror(errno));
}

static void usage(void)
{
    fputs("usage: load [options]\n"
          "  -h HOST  -p PORT        the broker (127.0.0.1, 1883)      -V 4|5  protocol version (4)\n"
          "  -P N  -S N  -I N        publishers, subscribers (1, 1), clients that only stay connected (0)\n"
          "  -t pair|fan-out|fan-in  publisher i to subscriber i by bench/i; all to bench/0; bench/i to bench/+\n"
          "  -t wildcards -F N       pairs too: N wildcard filters each subscriber, a new topic each message\n"
          "  -q QOS  -l BYTES        QoS of publishes and subscriptions (0), payload size (64, at least 20)\n"
          "  -C  -O                  subscribers are kept (clean session 0; version 4) | and away while messages come\n"
          "  -a                      the window is of messages unacknowledged, whether they are delivered or not\n"
          "  -i NAME                 what client ids begin with (bench)\n"
          "  -j                      payloads are JSON objects, of at least 72 bytes\n"
          "  -w N | -r RATE          messages in flight for each publisher (1) | messages/s of all together\n"
          "  -d S  -u S  -D S        measured time (3), warm-up (0.5), longest silence while owed messages are awaited (5)\n"
          "  -c N  -k S  -W PID      connects at once (64), keepalive (0), process whose CPU time to report\n"
          "  -n NAME  -x PASSWORD    the login of all clients (none)\n",
          stderr);
    exit(2);
}

static enum scheme scheme_named(const char *name)
{
    if (!strcmp(name, "pair"))
        return PAIR;
    if (!strcmp(name, "fan-out"))
        return FAN_OUT;
    if (!strcmp(name, "fan-in"))
        return FAN_IN;
    if (!strcmp(name, "wildcards"))
        return WILDCARDS;
    usage();
    return PAIR;
}

static void read_options(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "h:p:V:P:S:I:t:F:q:l:jCOai:w:r:d:u:D:c:k:W:n:x:")) != -1;) {
        switch (o) {
        case 'h': opt.host = optarg; break;
        case 'p': opt.port = atoi(optarg); break;
        case 'V': opt.version = atoi(optarg); break;
        case 'P': opt.publishers = atoi(optarg); break;
        case 'S': opt.subscribers = atoi(optarg); break;
        case 'I': opt.idle = atoi(optarg); break;
        case 't': opt.scheme = scheme_named(optarg); break;
        case 'F': opt.filters = (uint32_t)atol(optarg); break;
        case 'q': opt.qos = atoi(optarg); break;
        case 'l': opt.payload = (size_t)atol(optarg); break;
        case 'j': opt.json = true; break;
        case 'i': opt.name = optarg; break;
        case 'C': opt.kept = true; break;
        case 'O': opt.away = true; break;
        case 'a': opt.acks_only = true; break;
        case 'w': opt.window = (uint32_t)atol(optarg); break;
        case 'r': opt.rate = atof(optarg); break;
        case 'd': opt.seconds = atof(optarg); break;
        case 'u': opt.warmup_s = atof(optarg); break;
        case 'D': opt.drain_s = atof(optarg); break;
        case 'c': opt.connect_window = atoi(optarg); break;
        case 'k': opt.keepalive_s = atoi(optarg); break;
        case 'W': opt.watch = atoi(optarg); break;
        case 'n': opt.username = optarg; break;
        case 'x': opt.password = optarg; break;
        default: usage();
        }
    }
    if (opt.payload < (opt.json ? JSON_SIZE : STAMP_SIZE) || opt.payload > READ_ROOM / 4 || opt.qos < 0 || opt.qos > 2 || opt.window < 1)
        usage();
    if ((opt.kept || opt.away) && opt.version != 4)
        usage();
    if ((opt.away || opt.acks_only) && opt.qos == 0)
        usage();
    /* A subscription is known by its packet id until SUBACK. */
    if (opt.scheme == WILDCARDS && (opt.filters < 1 || opt.filters > UINT16_MAX))
        usage();
}

static double us(uint64_t ns) { return (double)ns / 1000; }

/* What a stretch of the run cost: us, and the process that is watched. */
typedef struct {
    double seconds, own_cpu_s, watched_cpu_s;
} cost;

static cost cost_now(void)
{
    return (cost){
        .seconds = (double)now_ns() / SECOND,
        .own_cpu_s = own_cpu_s(),
        .watched_cpu_s = opt.watch ? process_cpu_s(opt.watch) : 0,
    };
}

static cost cost_since(cost before)
{
    cost now = cost_now();
    now.seconds -= before.seconds;
    now.own_cpu_s -= before.own_cpu_s;
    now.watched_cpu_s -= before.watched_cpu_s;
    return now;
}

static void report(cost connecting, cost measured, long rss_before_kb, long rss_kb)
{
    uint64_t lost = total.owed - total.received;
    printf("{\"sent\": %lu, \"received\": %lu, \"owed\": %lu, \"lost\": %lu, \"duplicated\": %lu, "
           "\"reordered\": %lu, \"refused\": %lu, \"closed\": %lu, ",
           total.sent, total.received, total.owed, lost, total.duplicated, total.reordered, total.refused,
           total.closed);
    printf("\"msgs_per_s\": %.1f, \"published_per_s\": %.1f, \"measured_messages\": %lu, \"elapsed_s\": %.3f, ",
           (double)total.measured_received / opt.seconds, (double)total.measured_sent / opt.seconds,
           total.measured_received, measured.seconds);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"late_max_us\": %.1f, ",
           us(histogram_quantile(&latency, 0.5)), us(histogram_quantile(&latency, 0.99)),
           us(histogram_quantile(&latency, 0.999)), us(latency.max), us(total.late_max));
    printf("\"clients\": %d, \"connect_s\": %.3f, \"connect_own_cpu_s\": %.3f, \"connect_cpu_s\": %.3f, "
           "\"connect_p50_us\": %.1f, \"connect_p99_us\": %.1f, ",
           client_count, connecting.seconds, connecting.own_cpu_s, connecting.watched_cpu_s,
           us(histogram_quantile(&connect_time, 0.5)), us(histogram_quantile(&connect_time, 0.99)));
    printf("\"own_cpu_share\": %.3f, \"watched_cpu_s\": %.3f, \"rss_before_kb\": %ld, \"watched_rss_kb\": %ld}\n",
           measured.own_cpu_s / measured.seconds, measured.watched_cpu_s, rss_before_kb, rss_kb);
}

/* Waits for what is owed, as long as some of it still comes. */
static void drain(void)
{
    uint64_t patience = (uint64_t)(opt.drain_s * SECOND), seen = total.received;
    uint64_t end = now_ns() + DRAIN_LIMIT_S * SECOND, until = now_ns() + patience;
    while (total.received < total.owed && now_ns() < until) {
        turn(until);
        if (total.received == seen)
            continue;
        seen = total.received;
        until = now_ns() + patience < end ? now_ns() + patience : end;
    }
}

int main(int argc, char **argv)
{
    uint64_t count = 0;
    read_options(argc, argv);
    raise_file_limit((unsigned long)(opt.publishers + opt.subscribers + opt.idle) + FILES_BESIDES);
    prepare();
    long rss_before_kb = opt.watch ? process_rss_kb(opt.watch) : -1;
    cost before = cost_now();
    connect_all(now_ns() + CONNECT_LIMIT_S * SECOND);
    cost connecting = cost_since(before);

    /* Whoever started us may begin another load now: everybody is connected. */
    fputs("ready\n", stderr);
    uint64_t started = now_ns();
    measure_from = started + (uint64_t)(opt.warmup_s * SECOND);
    measure_until = measure_from + (uint64_t)(opt.seconds * SECOND);
    sending = true;
    for (int i = 0; i < opt.publishers; i++)
        pump(&clients[i]);
    flush_dirty();
    run_until(measure_from, started, &count);
    before = cost_now();
    signal(SIGTERM, end_measuring);
    run_until(measure_until, started, &count);
    if (told_to_end)
        measure_until = now_ns();
    cost measured = cost_since(before);
    long rss_kb = opt.watch ? process_rss_kb(opt.watch) : -1;

    sending = false;
    drain();
    report(connecting, measured, rss_before_kb, rss_kb);
    return 0;
}
