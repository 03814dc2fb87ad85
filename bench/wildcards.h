/* Wildcard filters and topics that match them: each topic exactly one filter, of the subscriber that
 * its publisher is paired with, and hardly any topic comes twice. Half of the filters have `+` in the
 * middle, half `#` at the end, as fleets subscribe by device and by site. */
#ifndef BENCH_WILDCARDS_H
#define BENCH_WILDCARDS_H

#include <stdint.h>
#include <stdio.h>

#define TOPIC_ROOM 64
#define SITES 1000u /* times the number of filters: how many topics there are */

static inline void wildcard_filter(char *out, uint32_t subscriber, uint32_t filter)
{
    const char *form = filter % 2 ? "bench/device/%u-%u/#" : "bench/site/+/%u-%u/state";
    snprintf(out, TOPIC_ROOM, form, subscriber, filter);
}

/* Mixes a number so that its successors are scattered (the finalizer of splitmix64). */
static inline uint64_t scattered(uint64_t number)
{
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9ull;
    number = (number ^ number >> 27) * 0x94d049bb133111ebull;
    return number ^ number >> 31;
}

static inline void wildcard_topic(char *out, uint32_t publisher, uint64_t sequence, uint32_t filters)
{
    uint64_t chance = scattered(sequence * 0x9e3779b97f4a7c15ull + publisher);
    uint32_t filter = (uint32_t)(chance % filters), site = (uint32_t)(chance >> 32) % SITES;
    if (filter % 2)
        snprintf(out, TOPIC_ROOM, "bench/device/%u-%u/site/%u", publisher, filter, site);
    else
        snprintf(out, TOPIC_ROOM, "bench/site/%u/%u-%u/state", site, publisher, filter);
}

#endif
