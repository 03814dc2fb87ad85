/* What a subscriber has heard of one publisher: tells a loss, a duplicate and a swap apart. */
#ifndef BENCH_HEARING_H
#define BENCH_HEARING_H

#include <stdbool.h>
#include <stdint.h>

#define REMEMBERED 256u

/* The next sequence number, and which of the last REMEMBERED came. */
typedef struct {
    uint64_t expected;
    uint64_t seen[REMEMBERED / 64];
} hearing;

enum heard { IN_ORDER, AFTER_A_GAP, LATE, AGAIN };

static inline bool was_seen(const hearing *h, uint64_t sequence)
{
    unsigned place = (unsigned)(sequence % REMEMBERED);
    return h->seen[place / 64] >> (place % 64) & 1;
}

static inline void set_seen(hearing *h, uint64_t sequence, bool seen)
{
    unsigned place = (unsigned)(sequence % REMEMBERED);
    uint64_t bit = (uint64_t)1 << (place % 64);
    h->seen[place / 64] = seen ? h->seen[place / 64] | bit : h->seen[place / 64] & ~bit;
}

/* Takes note of a message, and says how it stands to those before it. */
static inline enum heard hear(hearing *h, uint64_t sequence)
{
    enum heard how = IN_ORDER;
    if (sequence < h->expected) {
        /* Too old to be told from a duplicate counts as one, so that it can never hide a loss. */
        if (h->expected - sequence > REMEMBERED || was_seen(h, sequence))
            return AGAIN;
        how = LATE;
    } else {
        if (sequence > h->expected)
            how = AFTER_A_GAP;
        for (uint64_t s = h->expected; s < sequence; s++)
            set_seen(h, s, false);
        h->expected = sequence + 1;
    }
    set_seen(h, sequence, true);
    return how;
}

#endif
